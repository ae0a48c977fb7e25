package ovirt

import (
	"context"
	"net/http"
)

// Interfaces of a disk: DiskInterface in the API model, those that a Linux guest has drivers for.
const (
	DiskVirtIO     = "virtio"
	DiskVirtIOSCSI = "virtio_scsi"
)

// NewDisk describes a new disk of a VM. It is not shareable and not wiped when it is removed.
type NewDisk struct {
	Name, Description string
	Size              int64 // virtual size, bytes
	StorageDomainID   string
	Format            string // one of the Format constants
	Sparse            bool   // take the storage as the guest writes; block storage does so with FormatCOW only
	Interface         string // one of the Disk constants
	QuotaID           string
}

// AddDiskToVM creates a disk in a VM, which may run; the disk is locked until it is there. Conflict while the VM is locked.
//
// Engines take a disk with an id here for one that is there already (BackendVmDiskAttachmentsResource), so the engine chooses it,
// and a repeated call makes a second disk: on Unavailable look for the name in DiskAttachmentsWithDisks. AddDisk and AttachDisk
// are the way for a disk whose id the caller chooses.
func (c *Client) AddDiskToVM(ctx context.Context, vmID string, d NewDisk) (*DiskAttachment, error) {
	return one(ctx, c, request{
		name: "vms.diskattachments.create", operation: "add disk " + d.Name + " to VM", object: vmID,
		method: http.MethodPost, path: []string{"vms", vmID, "diskattachments"}, body: d.wire(),
	}, diskAttachmentOf)
}

// ResizeDisk makes a disk of a VM larger, to size bytes; the VM may run. Invalid when the disk is larger already, Conflict while
// it is locked, which it is until the engine is done.
func (c *Client) ResizeDisk(ctx context.Context, vmID, diskID string, size int64) error {
	return c.do(ctx, request{
		name: "vms.diskattachments.update", operation: "resize disk " + diskID + " of VM", object: vmID,
		method: http.MethodPut, path: []string{"vms", vmID, "diskattachments", diskID},
		body: wireResize{wireSize{integer(size)}},
	}, nil)
}

type wireNewVMDisk struct {
	Interface string            `json:"interface"`
	Bootable  boolean           `json:"bootable"`
	Active    boolean           `json:"active"`
	Disk      wireNewDiskInside `json:"disk"`
}

type wireNewDiskInside struct {
	Name            string       `json:"name,omitempty"`
	Description     string       `json:"description,omitempty"`
	Format          string       `json:"format"`
	ProvisionedSize integer      `json:"provisioned_size"`
	Sparse          boolean      `json:"sparse"`
	Quota           *reference   `json:"quota,omitempty"`
	StorageDomains  *wireDomains `json:"storage_domains,omitempty"`
}

type wireResize struct {
	Disk wireSize `json:"disk"`
}

type wireSize struct {
	ProvisionedSize integer `json:"provisioned_size"`
}

// wire plugs the disk in, which is not what an engine does by itself, and leaves the boot order as it is.
func (d NewDisk) wire() wireNewVMDisk {
	return wireNewVMDisk{Interface: d.Interface, Active: true, Disk: wireNewDiskInside{
		Name: d.Name, Description: d.Description, Format: d.Format, ProvisionedSize: integer(d.Size), Sparse: boolean(d.Sparse),
		Quota: refer(d.QuotaID), StorageDomains: &wireDomains{[]reference{{d.StorageDomainID}}},
	}}
}
