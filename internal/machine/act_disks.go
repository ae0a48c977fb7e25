package machine

import (
	"context"

	"github.com/ocne-project/ocne/pkg/ovirt"
)

// actOnDisk makes the changes of disks; ok is false when the plan asks for another one.
func actOnDisk(ctx context.Context, c *ovirt.Client, d Desired, p Plan) (ok bool, err error) {
	switch p.Action {
	case GrowDisk:
		return true, c.ResizeDisk(ctx, d.VMID, p.DiskID, p.DiskSize)
	case MakeDisk: // one that is there already came from an earlier try: its id is ours
		_, err := c.AddDisk(ctx, p.NewDisk, CorrelationID(d.VMID))
		return true, tolerate(err, ovirt.Exists)
	case AttachDisk:
		return true, c.AttachDisk(ctx, d.VMID, ovirt.DiskAttachment{DiskID: p.DiskID, Interface: p.DiskInterface, Active: true})
	case DetachDisk:
		return true, tolerate(c.DetachDisk(ctx, d.VMID, p.DiskID), ovirt.NotFound)
	case RemoveDisk:
		return true, tolerate(c.RemoveDisk(ctx, p.DiskID), ovirt.NotFound)
	}
	return false, nil
}
