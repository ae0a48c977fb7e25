package bootimage

import (
	"crypto/rand"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/boot"
	"github.com/ocne-project/ocne/internal/machine"
)

const dataDiskID = "1c1b1a10-2222-4333-8444-555566667777"

// A node sees the boot disk that was made larger, and has a file system on its data disk, mounted where its document says. The disk has the
// serial number that an engine gives it, in both places where libvirt writes it.
func TestNodeSeesALargerBootDiskAndMountsItsDataDisk(t *testing.T) {
	image := openImage(t)
	word := rand.Text()
	data := boot.Disk{
		Device: machine.DataDiskDevice(dataDiskID, infrav1.InterfaceVirtIOSCSI), Label: "data", MountPath: "/var/lib/my-data", Filesystem: "xfs",
	}
	drive := configDrive(t, image, document(t, word, []boot.Disk{data},
		`echo "mounted: $(findmnt --noheadings --output FSTYPE,LABEL /var/lib/my-data | tr -s ' ')"`,
		`echo "same disk: $(test "$(findmnt --noheadings --output SOURCE /var/lib/my-data)" = "$(readlink -f `+data.Device+`)" && echo yes)"`,
		`echo kept >/var/lib/my-data/file && echo "written: $(cat /var/lib/my-data/file)"`,
		`echo "boot disk: $(lsblk --nodeps --noheadings --bytes --output SIZE "/dev/$(lsblk --noheadings --output PKNAME "$(findmnt --noheadings --output SOURCE /)")" | tr -d ' ')"`))
	larger := filepath.Join(t.TempDir(), "larger.qcow2")
	image.run(t, "qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", convert(t, image.disk()), larger, "5G")
	empty := filepath.Join(t.TempDir(), "data.qcow2")
	image.run(t, "qemu-img", "create", "-q", "-f", "qcow2", empty, "1G")

	r := start(t, image, larger, drive,
		"-device", "scsi-hd,bus=scsi.0,drive=data,serial="+dataDiskID+",device_id="+dataDiskID, "-drive", "if=none,id=data,file="+empty+",format=qcow2").report(t)

	require.Contains(t, r.lines, unitSays(word), "what the document's unit writes")
	require.Contains(t, r.lines, "mounted: xfs data")
	require.Contains(t, r.lines, "same disk: yes")
	require.Contains(t, r.lines, "written: kept")
	require.Contains(t, r.lines, "boot disk: 5368709120")
}
