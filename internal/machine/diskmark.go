package machine

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/google/uuid"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// DataDiskID is the id of a VM's data disk: the same whenever it is asked for, so that a repeated request makes no second disk.
func DataDiskID(vmID, name string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte(ProviderID(vmID)+"/disks/"+name)).String()
}

// DataDiskName is what the engine calls the disk: its alias.
func DataDiskName(vmName, name string) string { return vmName + "-" + name }

// wireDiskMark says, inside the engine, whose a data disk is: one that no VM has would not tell otherwise.
type wireDiskMark struct {
	Version string `json:"ocne"`
	Cluster string `json:"cluster"`
	Machine string `json:"machine"`
	VM      string `json:"vm"`
	Disk    string `json:"disk"`
}

// DataDiskDescription is the mark of a data disk as the engine keeps it.
func DataDiskDescription(owner Mark, vmID, name string) string {
	b, err := json.Marshal(wireDiskMark{Version: markVersion, Cluster: owner.Cluster, Machine: owner.Machine, VM: vmID, Disk: name})
	if err != nil {
		panic(err) // strings always encode
	}
	return string(b)
}

// isDataDisk says whether a disk was made by us for that VM. A mark that was copied to another disk does not fit its id.
func isDataDisk(disk ovirt.Disk, vmID string) bool {
	var mark wireDiskMark
	text := strings.TrimSpace(disk.Description)
	if !strings.HasPrefix(text, "{") || json.Unmarshal([]byte(text), &mark) != nil || mark.Version != markVersion {
		return false
	}
	return mark.VM == vmID && DataDiskID(vmID, mark.Disk) == disk.ID
}

// DataDiskDevice is where a Linux guest finds a disk of the engine: the disk's id is its serial number (LibvirtVmXmlBuilder in the engine), of
// which virtio has room for 20 characters (VIRTIO_BLK_ID_BYTES in the kernel). oVirt's own CSI driver looks there, too (pkg/service/node.go).
func DataDiskDevice(diskID, model string) string {
	const virtioSerial = 20
	if model == infrav1.InterfaceVirtIO {
		return "/dev/disk/by-id/virtio-" + diskID[:min(len(diskID), virtioSerial)]
	}
	return "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_" + diskID
}

// DataDiskLabel is the label of the disk's file system: its name, shortened to what XFS has room for.
func DataDiskLabel(name string) string {
	const longest, distinct = 12, 4
	if len(name) <= longest {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return strings.TrimRight(name[:longest-distinct-1], "-") + "-" + hex.EncodeToString(sum[:])[:distinct]
}
