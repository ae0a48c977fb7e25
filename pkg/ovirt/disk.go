package ovirt

import (
	"context"
	"net/http"
)

// Statuses of a disk and of a template: DiskStatus and TemplateStatus in the API model.
const (
	StatusOK      = "ok"
	StatusLocked  = "locked"  // something is being done with it
	StatusIllegal = "illegal" // its content cannot be used, for example after an upload that failed
)

// Formats of a disk and of an image transfer: DiskFormat in the API model.
const (
	FormatCOW = "cow" // qcow2
	FormatRaw = "raw"
)

// AddDisk describes a new disk that no VM has. It has no incremental backup.
type AddDisk struct {
	ID                string // chosen by the caller, a UUID; required
	Name, Description string
	StorageDomainID   string
	Format            string // one of the Format constants
	Size              int64  // virtual size, bytes
	// InitialSize is what block storage makes room for at once, in bytes; file storage does not need it.
	InitialSize int64
	// Preallocated makes room for all of it at once, which goes with FormatRaw only; without it the disk is thin.
	Preallocated bool
	QuotaID      string // of the disk's size; the data center's default when empty
}

// AddDisk creates a disk, which is locked until it is there. On Exists, Conflict and Unavailable, Disk(d.ID) tells whether an
// earlier try was carried out. Names of disks need not be unique.
//
// Engines take the id although the API model calls it read-only: BackendDisksResource sets usePassedDiskId.
func (c *Client) AddDisk(ctx context.Context, d AddDisk, correlationID string) (*Disk, error) {
	r := request{
		name: "disks.add", operation: "add disk", object: d.Name, method: http.MethodPost, path: []string{"disks"},
		correlationID: correlationID, body: d.wire(),
	}
	if d.ID == "" {
		return nil, r.invalid("an id is needed: without one a repeated call makes a second disk")
	}
	if !validCorrelationID(correlationID) {
		return nil, r.invalid("the correlation id must be 1 to 36 letters, digits, '_' and '-'")
	}
	return one(ctx, c, r, diskOf)
}

// DescribeDisk changes the description of a disk; Conflict while it is locked.
func (c *Client) DescribeDisk(ctx context.Context, id, description string) error {
	return c.do(ctx, request{
		name: "disks.update", operation: "change description of disk", object: id, method: http.MethodPut, path: []string{"disks", id},
		body: wireDiskDescription{description},
	}, nil)
}

// RemoveDisk removes a disk, also from the VM that has it; Conflict while it is locked. The engine goes on after the reply; the
// disk is gone when Disk says NotFound.
func (c *Client) RemoveDisk(ctx context.Context, id string) error {
	return c.do(ctx, request{
		name: "disks.remove", operation: "remove disk", object: id, method: http.MethodDelete, path: []string{"disks", id},
	}, nil)
}

// AttachDisk puts a disk that is there into a VM.
func (c *Client) AttachDisk(ctx context.Context, vmID string, a DiskAttachment) error {
	return c.do(ctx, request{
		name: "vms.diskattachments.add", operation: "attach disk " + a.DiskID + " to VM", object: vmID,
		method: http.MethodPost, path: []string{"vms", vmID, "diskattachments"},
		body: wireNewAttachment{Disk: reference{a.DiskID}, Interface: a.Interface, Bootable: boolean(a.Bootable), Active: boolean(a.Active)},
	}, nil)
}
