package ovirt

import (
	"context"
	"net/http"
	"net/url"
)

// NIC is a network interface of a VM.
type NIC struct {
	ID            string
	Name          string // unique in the VM
	VNICProfileID string
	Interface     string // the model that the guest sees, for example virtio
	MAC           string // from the engine's pool unless given
}

// DiskAttachment is a disk in a VM.
type DiskAttachment struct {
	ID, DiskID       string // the same
	Interface        string
	Bootable, Active bool
}

// Disk is a virtual disk, attached or not.
type Disk struct {
	ID, Name, Description       string
	Status                      string   // ok, locked or illegal
	ProvisionedSize, ActualSize int64    // bytes
	StorageDomainIDs            []string // several only for a template's disk that was copied
	Format                      string   // one of the Format constants
	Sparse                      bool     // the storage is taken as the guest writes
	QuotaID                     string   // empty where the engine does not say
}

// AttachedDisk is a disk in a VM and what the engine says of the disk itself.
type AttachedDisk struct {
	DiskAttachment
	Disk Disk // nothing but the id where this user may not see the disk
}

// NICs lists the network interfaces of a VM.
func (c *Client) NICs(ctx context.Context, vmID string) ([]NIC, error) {
	return list(ctx, c, request{
		name: "vms.nics.list", operation: "list NICs of VM", object: vmID, method: http.MethodGet, path: []string{"vms", vmID, "nics"},
	}, "nic", nicOf)
}

// AddNIC adds a network interface; Exists when the VM has one of that name.
func (c *Client) AddNIC(ctx context.Context, vmID string, nic NIC) (*NIC, error) {
	return one(ctx, c, request{
		name: "vms.nics.add", operation: "add NIC " + nic.Name + " to VM", object: vmID,
		method: http.MethodPost, path: []string{"vms", vmID, "nics"}, body: nic.wire(),
	}, nicOf)
}

// UpdateNIC changes the interface with nic.ID; what is empty in nic stays as it is.
func (c *Client) UpdateNIC(ctx context.Context, vmID string, nic NIC) (*NIC, error) {
	return one(ctx, c, request{
		name: "vms.nics.update", operation: "update NIC " + nic.Name + " of VM", object: vmID,
		method: http.MethodPut, path: []string{"vms", vmID, "nics", nic.ID}, body: nic.wire(),
	}, nicOf)
}

// DiskAttachments lists the disks of a VM.
func (c *Client) DiskAttachments(ctx context.Context, vmID string) ([]DiskAttachment, error) {
	return list(ctx, c, request{
		name: "vms.diskattachments.list", operation: "list disks of VM", object: vmID,
		method: http.MethodGet, path: []string{"vms", vmID, "diskattachments"},
	}, "disk_attachment", diskAttachmentOf)
}

// DiskAttachmentsWithDisks lists the disks of a VM, each as the engine reports it, with one call.
func (c *Client) DiskAttachmentsWithDisks(ctx context.Context, vmID string) ([]AttachedDisk, error) {
	return list(ctx, c, request{
		name: "vms.diskattachments.list", operation: "list disks of VM", object: vmID,
		method: http.MethodGet, path: []string{"vms", vmID, "diskattachments"}, query: url.Values{"follow": {"disk"}},
	}, "disk_attachment", attachedDiskOf)
}

// TemplateNICs lists the network interfaces that a VM gets from a template.
func (c *Client) TemplateNICs(ctx context.Context, templateID string) ([]NIC, error) {
	return list(ctx, c, request{
		name: "templates.nics.list", operation: "list NICs of template", object: templateID,
		method: http.MethodGet, path: []string{"templates", templateID, "nics"},
	}, "nic", nicOf)
}

// TemplateDisks lists the disks that a VM gets from a template.
func (c *Client) TemplateDisks(ctx context.Context, templateID string) ([]DiskAttachment, error) {
	return list(ctx, c, request{
		name: "templates.diskattachments.list", operation: "list disks of template", object: templateID,
		method: http.MethodGet, path: []string{"templates", templateID, "diskattachments"},
	}, "disk_attachment", diskAttachmentOf)
}

// DetachDisk takes a disk out of a VM and keeps the disk.
func (c *Client) DetachDisk(ctx context.Context, vmID, diskID string) error {
	return c.do(ctx, request{
		name: "vms.diskattachments.detach", operation: "detach disk " + diskID + " from VM", object: vmID,
		method: http.MethodDelete, path: []string{"vms", vmID, "diskattachments", diskID},
		query: url.Values{"detach_only": {"true"}},
	}, nil)
}

// Disk reads one disk.
func (c *Client) Disk(ctx context.Context, id string) (*Disk, error) {
	return one(ctx, c, request{
		name: "disks.get", operation: "get disk", object: id, method: http.MethodGet, path: []string{"disks", id},
	}, diskOf)
}

// Disks lists the disks that match a search (see SearchTerm), all for an empty one. At user level (see UserLevel) the engine
// ignores the search.
func (c *Client) Disks(ctx context.Context, search string) ([]Disk, error) {
	return list(ctx, c, request{
		name: "disks.list", operation: "list disks", method: http.MethodGet, path: []string{"disks"}, query: searchQuery(search),
	}, "disk", diskOf)
}
