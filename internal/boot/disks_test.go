package boot_test

import (
	"testing"

	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/boot"
)

const byID = "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_0a0b0c0d-1111-5222-8333-444455556666"

func mounted() boot.Disk {
	return boot.Disk{Device: byID, Label: "data", MountPath: "/var/lib/my-data", Filesystem: "xfs"}
}

func TestADataDiskIsMadeOnceAndMountedBeforeTheNodeWrites(t *testing.T) {
	for profile, runtime := range map[string]string{boot.ProfileOCK: "crio.service", boot.ProfilePlain: "containerd.service"} {
		in := input(t, "worker.json")
		in.Profile, in.Disks = profile, []boot.Disk{mounted()}
		config := document(t, in)

		require.Equal(t, []types.Filesystem{{
			Device: byID, Format: new("xfs"), Label: new("data"), WipeFilesystem: new(false),
		}}, config.Storage.Filesystems, "a file system that is there is kept")
		labels, _ := file(t, config, "/etc/tmpfiles.d/ocne-data-disks.conf")
		require.Equal(t, "z /var/lib/my-data\n", labels, "a new file system has no SELinux label")
		mount := unit(t, config, `var-lib-my\x2ddata.mount`)
		require.True(t, *mount.Enabled)
		for _, line := range []string{
			"What=" + byID, "Where=/var/lib/my-data", "Type=xfs", "Before=local-fs.target " + runtime + " kubelet.service kubeadm.service",
			"RequiredBy=" + runtime + " kubelet.service kubeadm.service", "WantedBy=local-fs.target",
		} {
			require.Contains(t, *mount.Contents, line+"\n")
		}
	}
}

func TestAUsersIgnitionWinsOverADataDisk(t *testing.T) {
	in := input(t, "worker.json")
	in.Disks = []boot.Disk{mounted()}
	in.User = []byte(`{"ignition":{"version":"3.4.0"},"storage":{"filesystems":[{"device":"` + byID + `","format":"xfs","wipeFilesystem":true}]}}`)
	config := document(t, in)
	require.Len(t, config.Storage.Filesystems, 1)
	require.True(t, *config.Storage.Filesystems[0].WipeFilesystem)
	require.Equal(t, "data", *config.Storage.Filesystems[0].Label)
}

func TestADiskThatCannotBeMountedIsRefused(t *testing.T) {
	for name, change := range map[string]func(*boot.Disk){
		"relative path":      func(d *boot.Disk) { d.MountPath = "data" },
		"line in a path":     func(d *boot.Disk) { d.MountPath = "/data\nExecStart=/bin/false" },
		"path of the parent": func(d *boot.Disk) { d.MountPath = "/data/../etc" },
		"device":             func(d *boot.Disk) { d.Device = "" },
		"long label":         func(d *boot.Disk) { d.Label = "thirteen-long" },
		"file system":        func(d *boot.Disk) { d.Filesystem = "btrfs" },
	} {
		t.Run(name, func(t *testing.T) {
			in, disk := input(t, "worker.json"), mounted()
			change(&disk)
			in.Disks = []boot.Disk{disk}
			_, err := boot.Document(in)
			layer := (*boot.LayerError)(nil)
			require.ErrorAs(t, err, &layer)
			require.Equal(t, boot.LayerDisks, layer.Layer)
		})
	}
}
