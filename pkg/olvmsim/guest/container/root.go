//go:build linux

package container

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// sysroot is where Ignition sees the root that it works on. The directory is in every root file system.
const sysroot = "/mnt"

// mount is one mount(2).
type mount struct {
	source, target, kind string
	flags                uintptr
	data                 string
}

func mountAll(all ...mount) error {
	for _, m := range all {
		if err := unix.Mount(m.source, m.target, m.kind, m.flags, m.data); err != nil {
			return fmt.Errorf("mount %s on %s: %w", m.source, m.target, err)
		}
	}
	return nil
}

// mountRoot mounts the guest's root with all that systemd finds mounted in a container. This process has a mount namespace of its own.
func (s Specification) mountRoot() error {
	root := s.root()
	options := "lowerdir=" + strings.Join(escaped(s.Layers...), ":") + ",upperdir=" + escaped(s.upper())[0] + ",workdir=" + escaped(s.work())[0]
	err := mountAll(
		mount{"", "/", "", unix.MS_REC | unix.MS_PRIVATE, ""},
		mount{"overlay", root, "overlay", 0, options},
	)
	if errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("%w: a disk's directory must be on a file system that can hold an overlay, such as ext4", err)
	}
	if err != nil {
		return err
	}
	for _, do := range []func(root string) error{s.mountData, mountProc, s.mountSys, s.mountDev} {
		if err := do(root); err != nil {
			return err
		}
	}
	return mountAll(mount{"tmpfs", filepath.Join(root, "run"), "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=755"})
}

// escaped are paths as the overlay's options want them.
func escaped(paths ...string) (all []string) {
	for _, p := range paths {
		all = append(all, strings.NewReplacer(`\`, `\\`, `:`, `\:`, `,`, `\,`).Replace(p))
	}
	return all
}

func (s Specification) mountData(root string) error {
	for target, source := range s.data() {
		target = filepath.Join(root, target)
		if err := os.MkdirAll(target, 0o755); err != nil { //nolint:gosec // as in any root
			return err
		}
		if err := mountAll(mount{source, target, "", unix.MS_BIND, ""}); err != nil {
			return err
		}
	}
	return nil
}

// privateSettings are what a kubelet and kube-proxy set that counts for the whole machine, and the values that they want. Guests get files
// in their place.
func privateSettings() map[string]string {
	return map[string]string{
		"vm/overcommit_memory": "1", "vm/panic_on_oom": "0", "kernel/panic": "10", "kernel/panic_on_oops": "1",
		"kernel/keys/root_maxkeys": "1000000", "kernel/keys/root_maxbytes": "25000000", "net/netfilter/nf_conntrack_max": "262144",
	}
}

// mountProc leaves only the settings of the guest's own network writable: systemd would write the others for the whole machine.
func mountProc(root string) error {
	proc := filepath.Join(root, "proc")
	sys, network := filepath.Join(proc, "sys"), filepath.Join(proc, "sys/net")
	const flags = unix.MS_NOSUID | unix.MS_NOEXEC | unix.MS_NODEV
	if err := mountAll(
		mount{"proc", proc, "proc", flags, ""},
		mount{sys, sys, "", unix.MS_BIND, ""},
		mount{"", sys, "", unix.MS_REMOUNT | unix.MS_BIND | unix.MS_RDONLY | flags, ""},
		mount{network, network, "", unix.MS_BIND, ""},
		mount{"", network, "", unix.MS_REMOUNT | unix.MS_BIND | flags, ""},
	); err != nil {
		return err
	}
	trigger := filepath.Join(proc, "sysrq-trigger")
	if _, err := os.Stat(trigger); err == nil { // not every kernel has it
		if err := mountAll(
			mount{trigger, trigger, "", unix.MS_BIND, ""},
			mount{"", trigger, "", unix.MS_REMOUNT | unix.MS_BIND | unix.MS_RDONLY | flags, ""},
		); err != nil {
			return err
		}
	}
	settings, err := os.MkdirTemp("", "settings-")
	if err != nil {
		return err
	}
	// The files stay on this mount, which nobody else sees, after the directory is gone.
	if err := mountAll(mount{"tmpfs", settings, "tmpfs", flags, "mode=755"}); err != nil {
		return errors.Join(err, os.Remove(settings))
	}
	for name, value := range privateSettings() {
		if err := coverSetting(filepath.Join(settings, strings.ReplaceAll(name, "/", ".")), filepath.Join(sys, name), value); err != nil {
			return err
		}
	}
	return errors.Join(unix.Unmount(settings, unix.MNT_DETACH), os.Remove(settings))
}

func coverSetting(file, setting, value string) error {
	if _, err := os.Stat(setting); errors.Is(err, fs.ErrNotExist) {
		return nil // this kernel has none
	}
	if err := os.WriteFile(file, []byte(value+"\n"), 0o644); err != nil { //nolint:gosec // as the settings are
		return err
	}
	return mountAll(mount{file, setting, "", unix.MS_BIND, ""})
}

// mountSys is read-only: udev and others leave the machine's devices alone then.
func (s Specification) mountSys(root string) error {
	const flags = unix.MS_NOSUID | unix.MS_NOEXEC | unix.MS_NODEV
	groups := filepath.Join(root, "sys/fs/cgroup")
	if err := mountAll(
		mount{"sysfs", filepath.Join(root, "sys"), "sysfs", flags | unix.MS_RDONLY, ""},
		mount{"tmpfs", groups, "tmpfs", flags, "mode=755"},
	); err != nil {
		return err
	}
	for _, name := range s.Hierarchies {
		if err := mountHierarchy(groups, name); err != nil {
			return err
		}
	}
	return nil
}

// mountHierarchy shows the part of a hierarchy that belongs to the cgroup namespace, where systemd expects it.
func mountHierarchy(groups, name string) error {
	dir, kind, data := name, "cgroup", name
	switch {
	case name == "":
		dir, kind = "unified", "cgroup2"
	case strings.HasPrefix(name, "name="):
		dir, data = strings.TrimPrefix(name, "name="), "none,"+name
	}
	target := filepath.Join(groups, dir)
	if err := os.Mkdir(target, 0o755); err != nil { //nolint:gosec // as on any machine
		return err
	}
	if err := mountAll(mount{"cgroup", target, kind, unix.MS_NOSUID | unix.MS_NOEXEC | unix.MS_NODEV, data}); err != nil {
		return err
	}
	if controllers := strings.Split(dir, ","); len(controllers) > 1 {
		for _, c := range controllers {
			if err := os.Symlink(dir, filepath.Join(groups, c)); err != nil {
				return err
			}
		}
	}
	return nil
}

type device struct {
	path         string
	major, minor uint32
}

func devices() []device {
	return []device{
		{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"kmsg", 1, 11}, {"tty", 5, 0},
		{"fuse", 10, 229}, {"net/tun", 10, 200},
	}
}

func (s Specification) mountDev(root string) error {
	dev := filepath.Join(root, "dev")
	if err := mountAll(mount{"tmpfs", dev, "tmpfs", unix.MS_NOSUID, "mode=755"}); err != nil {
		return err
	}
	for _, dir := range []string{"pts", "shm", "mqueue", "net"} {
		if err := os.Mkdir(filepath.Join(dev, dir), 0o755); err != nil { //nolint:gosec // as on any machine
			return err
		}
	}
	before := unix.Umask(0)
	defer unix.Umask(before)
	for _, d := range devices() {
		if err := unix.Mknod(filepath.Join(dev, d.path), unix.S_IFCHR|0o666, int(unix.Mkdev(d.major, d.minor))); err != nil {
			return fmt.Errorf("make /dev/%s: %w", d.path, err)
		}
	}
	for name, target := range map[string]string{
		"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
	} {
		if err := os.Symlink(target, filepath.Join(dev, name)); err != nil {
			return err
		}
	}
	tty, err := os.Readlink("/proc/self/fd/0")
	if err != nil {
		return err
	}
	console := filepath.Join(dev, "console")
	if err := errors.Join(emptyFile(console), s.coverDiskDevice(dev)); err != nil {
		return err
	}
	return mountAll(
		mount{"devpts", filepath.Join(dev, "pts"), "devpts", unix.MS_NOSUID | unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620,gid=5"},
		mount{"tmpfs", filepath.Join(dev, "shm"), "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=1777"},
		mount{"mqueue", filepath.Join(dev, "mqueue"), "mqueue", unix.MS_NOSUID | unix.MS_NOEXEC | unix.MS_NODEV, ""},
		mount{tty, console, "", unix.MS_BIND, ""},
	)
}

func emptyFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // as on any machine
		return err
	}
	return os.WriteFile(path, nil, 0o600)
}

// coverDiskDevice puts a file where the kubelet looks for the device of the file system that its directory is on: it starts only when there
// is something.
func (s Specification) coverDiskDevice(dev string) error {
	mounts, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	defer func() { _ = mounts.Close() }() // it was read only
	kubelet := filepath.Join(dev, "../var/lib/kubelet")
	for lines := bufio.NewScanner(mounts); lines.Scan(); {
		before, after, _ := strings.Cut(lines.Text(), " - ")
		where, what := strings.Fields(before), strings.Fields(after)
		if len(where) < 5 || len(what) < 2 || where[4] != kubelet {
			continue
		}
		if name, ok := strings.CutPrefix(what[1], "/dev/"); ok {
			return emptyFile(filepath.Join(dev, name))
		}
	}
	return nil
}

// mountInitial makes what is the initial RAM disk on a real machine: the image's own root, with the guest's root on sysroot.
func (s Specification) mountInitial() (string, error) {
	initial := s.initial()
	at := func(path string) string { return filepath.Join(initial, path) }
	return initial, mountAll(
		mount{s.Initial, initial, "", unix.MS_BIND, ""},
		mount{"", initial, "", unix.MS_REMOUNT | unix.MS_BIND | unix.MS_RDONLY, ""},
		mount{s.root(), at(sysroot), "", unix.MS_BIND | unix.MS_REC, ""},
		mount{filepath.Join(s.root(), "proc"), at("proc"), "", unix.MS_BIND, ""},
		mount{filepath.Join(s.root(), "dev"), at("dev"), "", unix.MS_BIND, ""},
		mount{"tmpfs", at("run"), "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=755"},
		mount{"tmpfs", at("tmp"), "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, ""},
	)
}

// bringUp switches the NICs on, as the link of a real one is before an operating system runs. They have no addresses: those come from the
// guest's own configuration.
func (s Specification) bringUp() error {
	for i := range s.NICs {
		link, err := netlink.LinkByName(deviceName(i))
		if err != nil {
			return fmt.Errorf("%s: %w", deviceName(i), err)
		}
		if err := netlink.LinkSetUp(link); err != nil {
			return fmt.Errorf("%s: %w", deviceName(i), err)
		}
	}
	return nil
}

// enterRoot makes the guest's root that of this process, and the machine's mounts invisible.
func (s Specification) enterRoot() error {
	if err := unix.Chdir(s.root()); err != nil {
		return err
	}
	// pivot_root(2) allows both to be one directory: the old root is then stacked upon the new one.
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot_root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount the old root: %w", err)
	}
	if err := unix.Chdir("/"); err != nil {
		return err
	}
	// The kubelet needs shared mounts, and systemd makes none in a container.
	return mountAll(mount{"", "/", "", unix.MS_REC | unix.MS_SHARED, ""})
}
