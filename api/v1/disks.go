package v1

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
)

// The engine's formats of disks, its models of them, and the file systems that nodes make (DiskFormat and DiskInterface in the API model).
const (
	FormatCOW = "cow"
	FormatRaw = "raw"

	AllocationThin         = "thin"
	AllocationPreallocated = "preallocated"

	InterfaceVirtIOSCSI = "virtio_scsi"
	InterfaceVirtIO     = "virtio"

	FilesystemXFS  = "xfs"
	FilesystemExt4 = "ext4"
)

// Thin says whether the disk takes space when it is written to, and not before.
func (d DataDisk) Thin() bool { return d.Allocation != AllocationPreallocated }

// ImageFormat is the format of the image, the default included: storage takes a preallocated one as raw only.
func (d DataDisk) ImageFormat() string {
	if d.Format == "" && !d.Thin() {
		return FormatRaw
	}
	return cmp.Or(d.Format, FormatCOW)
}

// Model is the model that the guest sees, the default included.
func (d DataDisk) Model() string { return cmp.Or(d.Interface, InterfaceVirtIOSCSI) }

// FilesystemType is the file system to make, the default included; empty when the guest mounts nothing.
func (d DataDisk) FilesystemType() string {
	if d.MountPath == "" {
		return ""
	}
	return cmp.Or(d.Filesystem, FilesystemXFS)
}

// FieldProblem is what is wrong with a field.
//
// +kubebuilder:object:generate=false
type FieldProblem struct {
	// Field is its path, below that of what was checked.
	Field string
	// Problem goes on after the path.
	Problem string
}

func (p FieldProblem) String() string { return p.Field + " " + p.Problem }

// DiskProblems are what is wrong with the VM's disks, as far as that shows without the engine.
func (m VirtualMachine) DiskProblems() []FieldProblem {
	var problems []FieldProblem
	report := func(field, format string, args ...any) {
		problems = append(problems, FieldProblem{Field: field, Problem: fmt.Sprintf(format, args...)})
	}
	oneOf(report, "storageAllocation", string(m.StorageAllocation), string(ThinAllocation), string(CloneAllocation))
	if m.BootDiskSize != "" {
		if _, err := ParseSize(m.BootDiskSize); err != nil {
			report("bootDiskSize", "cannot be read: %v", err)
		}
	}
	names, mounts := map[string]int{}, map[string]int{}
	for i, d := range m.DataDisks {
		at := fmt.Sprintf("dataDisks[%d].", i)
		d.check(func(field, format string, args ...any) { report(at+field, format, args...) })
		if other, taken := names[d.Name]; taken {
			report(at+"name", "%q is the name of dataDisks[%d], too: write another one", d.Name, other)
		}
		if other, taken := mounts[d.MountPath]; taken && d.MountPath != "" {
			report(at+"mountPath", "%q is that of dataDisks[%d], too: write another one", d.MountPath, other)
		}
		names[d.Name], mounts[d.MountPath] = i, i
	}
	return problems
}

func (d DataDisk) check(report func(field, format string, args ...any)) {
	const most = 40
	if len(d.Name) == 0 || len(d.Name) > most || strings.Trim(d.Name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" ||
		d.Name[0] == '-' || d.Name[len(d.Name)-1] == '-' {
		report("name", "%q cannot be a disk's name: write lower case letters, digits and hyphens, such as data, at most %d", d.Name, most)
	}
	if _, err := ParseSize(d.Size); err != nil {
		report("size", "cannot be read: %v", err)
	}
	oneOf(report, "format", d.Format, FormatCOW, FormatRaw)
	oneOf(report, "allocation", d.Allocation, AllocationThin, AllocationPreallocated)
	oneOf(report, "interface", d.Interface, InterfaceVirtIOSCSI, InterfaceVirtIO)
	oneOf(report, "filesystem", d.Filesystem, FilesystemXFS, FilesystemExt4)
	if d.Format == FormatCOW && !d.Thin() {
		report("format", "cannot be %s when allocation is %s: write raw, or leave it out", FormatCOW, AllocationPreallocated)
	}
	if d.Filesystem != "" && d.MountPath == "" {
		report("filesystem", "needs a mountPath")
	}
	if d.MountPath != "" {
		if problem := mountProblem(d.MountPath); problem != "" {
			report("mountPath", "%q %s", d.MountPath, problem)
		}
	}
}

// mountProblem refuses what would hide the image's own files from the node.
func mountProblem(p string) string {
	plain := strings.Trim(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-") == ""
	if !strings.HasPrefix(p, "/") || path.Clean(p) != p || !plain {
		return "is not an absolute path of letters, digits, '.', '_' and '-', without '.', '..' and a slash at its end"
	}
	top, below, _ := strings.Cut(p[1:], "/")
	whole := []string{"", "boot", "etc", "home", "opt", "root", "sysroot", "tmp", "usr", "var"}
	always := []string{"bin", "dev", "lib", "lib64", "proc", "run", "sbin", "sys", "usr"}
	if slices.Contains(always, top) || below == "" && slices.Contains(whole, top) || p == "/var/lib" {
		return "hides files that the node needs: write a directory of its own, such as /var/lib/data"
	}
	return ""
}

func oneOf(report func(field, format string, args ...any), field, value string, allowed ...string) {
	if value != "" && !slices.Contains(allowed, value) {
		report(field, "is %q: write %s", value, strings.Join(allowed, " or "))
	}
}
