package boot

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/coreos/go-systemd/v22/unit"
	"github.com/coreos/ignition/v2/config/v3_4"
	"github.com/coreos/ignition/v2/config/v3_4/types"
)

// Disk is one that the guest gives a file system and mounts.
type Disk struct {
	Device     string // a path that is the same at every boot, such as one below /dev/disk/by-id
	Label      string // of the file system, at most 12 characters, which is what XFS has room for
	MountPath  string // absolute and clean
	Filesystem string // xfs or ext4
}

// labelsPath lets systemd-tmpfiles, which runs when everything is mounted, give a new file system the SELinux label of its path.
const labelsPath = "/etc/tmpfiles.d/ocne-data-disks.conf"

// diskConfig makes each disk's file system at the first boot and mounts it at every one. One that is there already, with the same type and
// label, is kept: a VM that boots anew with the disks of an old one keeps their data.
//
// Ignition is not told the path, so it mounts nothing in the initial RAM disk: OCK binds /var after that, and Ignition could not find its
// mounts below it again. Nothing in the document is written to these paths.
func diskConfig(below types.Config, p profile, disks []Disk) (types.Config, error) {
	if len(disks) == 0 {
		return below, nil
	}
	over := types.Config{Ignition: types.Ignition{Version: types.MaxVersion.String()}}
	labels := ""
	for _, d := range disks {
		if err := d.check(); err != nil {
			return types.Config{}, err
		}
		over.Storage.Filesystems = append(over.Storage.Filesystems, types.Filesystem{
			Device: d.Device, Format: &d.Filesystem, Label: &d.Label, WipeFilesystem: new(false),
		})
		labels += "z " + d.MountPath + "\n"
		text := d.unit(p.MountedFirst)
		over.Systemd.Units = append(over.Systemd.Units, types.Unit{
			Name: unit.UnitNamePathEscape(d.MountPath) + ".mount", Enabled: new(true), Contents: &text,
		})
	}
	setFile(&over, labelsPath, 0o644, labels)
	return v3_4.Merge(below, over), nil
}

// unit mounts the disk before the services that write there. They do not start without it: what they wrote to the boot disk instead would
// be hidden later. The machine itself comes up all the same, so that somebody can look.
func (d Disk) unit(services []string) string {
	names := strings.Join(services, " ")
	return fmt.Sprintf("[Unit]\nDescription=Data disk %s\nBefore=local-fs.target %s\n\n[Mount]\nWhat=%s\nWhere=%s\nType=%s\n\n"+
		"[Install]\nWantedBy=local-fs.target\nRequiredBy=%[2]s\n", d.MountPath, names, d.Device, d.MountPath, d.Filesystem)
}

// check refuses what would break out of a unit's line.
func (d Disk) check() error {
	const longestLabel = 12
	for _, p := range []string{d.Device, d.MountPath} {
		if !strings.HasPrefix(p, "/") || path.Clean(p) != p || strings.ContainsFunc(p, isOdd) {
			return fmt.Errorf("data disk: %q is not a clean absolute path of letters, digits, '.', '_' and '-'", p)
		}
	}
	if len(d.Label) > longestLabel || strings.ContainsFunc(d.Label, isOdd) {
		return fmt.Errorf("data disk %s: the label %q has more than %d characters, or ones that a label cannot have", d.MountPath, d.Label, longestLabel)
	}
	if !slices.Contains([]string{"xfs", "ext4"}, d.Filesystem) {
		return fmt.Errorf("data disk %s: there is no file system %q: use xfs or ext4", d.MountPath, d.Filesystem)
	}
	return nil
}

func isOdd(r rune) bool {
	return !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-", r)
}
