package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ocne-project/ocne/pkg/ovirt"
)

// StorageDomains are those of a data center, at most PollInterval old.
func (e *Engine) StorageDomains(ctx context.Context, dataCenter string) ([]ovirt.StorageDomain, error) {
	found, err := e.DataCenter(ctx, dataCenter)
	if err != nil {
		return nil, err
	}
	return e.storageDomains(ctx, found.ID, PollInterval)
}

func (e *Engine) storageDomains(ctx context.Context, dataCenterID string, maxAge time.Duration) ([]ovirt.StorageDomain, error) {
	return e.domains.get(dataCenterID, maxAge, func() ([]ovirt.StorageDomain, error) { return e.client.StorageDomains(ctx, dataCenterID) })
}

// BootDisk is the disk of a template that its VMs boot from, at most PollInterval old.
func (e *Engine) BootDisk(ctx context.Context, templateID string) (ovirt.Disk, error) {
	return e.bootDisks.get(templateID, PollInterval, func() (ovirt.Disk, error) {
		disks, err := e.client.TemplateDisks(ctx, templateID)
		if err != nil {
			return ovirt.Disk{}, err
		}
		i := slices.IndexFunc(disks, func(d ovirt.DiskAttachment) bool { return d.Bootable || len(disks) == 1 })
		if i < 0 {
			return ovirt.Disk{}, &ovirt.Error{Kind: ovirt.NotFound, Err: fmt.Errorf("template %s has no bootable disk", templateID)}
		}
		disk, err := e.client.Disk(ctx, disks[i].DiskID)
		if err != nil {
			return ovirt.Disk{}, err
		}
		return *disk, nil
	})
}
