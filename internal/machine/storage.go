package machine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ocne-project/ocne/internal/engine"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// Storage is what is wanted of a machine's disks. Without any of it, the engine does as it always does.
type Storage struct {
	// StorageDomainName is where the boot disk goes; where the template's is when empty.
	StorageDomainName string
	// Clone copies the template's disk; otherwise the boot disk depends on it.
	Clone bool
	// BootDiskSize in bytes; the template's when 0.
	BootDiskSize int64
	// DataDisks in the order in which they are made.
	DataDisks []DataDisk

	// TemplateDisks is what the request for the VM says of the template's disks; FindStorage sets it.
	TemplateDisks []ovirt.AddVMDisk
}

// TooSmallError says that the boot disk shall be smaller than the template's, which engines do not make.
type TooSmallError struct {
	Wanted, Template int64 // bytes
	TemplateName     string
}

func (e *TooSmallError) Error() string {
	return fmt.Sprintf("bootDiskSize is %s, and the disk of template %q has %s already: ask for at least that, or leave bootDiskSize out",
		gibibytes(e.Wanted), e.TemplateName, gibibytes(e.Template))
}

func gibibytes(n int64) string { return fmt.Sprintf("%.4g GiB", float64(n)/(1<<30)) }

// FindStorage looks up in the engine what the machine wants of storage. A *TooSmallError is the spec's fault; an *engine.MissingError names what
// there is instead, as does an error of the kind NotFound for a storage domain without a copy of the template's disk.
func FindStorage(ctx context.Context, e *engine.Engine, d Desired) (Storage, error) {
	s := d.Storage
	if !d.Seen && (s.StorageDomainName != "" || s.BootDiskSize > 0) {
		boot, err := e.BootDisk(ctx, d.Place.TemplateID)
		if err != nil {
			return s, fmt.Errorf("disk of template %q: %w", d.Names.Template, err)
		}
		if s.BootDiskSize > 0 && s.BootDiskSize < boot.ProvisionedSize {
			return s, &TooSmallError{Wanted: s.BootDiskSize, Template: boot.ProvisionedSize, TemplateName: d.Names.Template}
		}
		if s.TemplateDisks, err = placeBootDisk(ctx, e, d, boot); err != nil {
			return s, err
		}
	}
	s.DataDisks = slices.Clone(s.DataDisks)
	for i := range s.DataDisks {
		disk := &s.DataDisks[i]
		disk.QuotaID = d.Shape.QuotaID // that of the VM
		if disk.StorageDomainName == "" {
			continue
		}
		domainID, err := e.StorageDomainID(ctx, d.Place.DataCenterID, disk.StorageDomainName)
		if err != nil {
			return s, fmt.Errorf("data disk %s: %w", disk.Name, err)
		}
		disk.StorageDomainID = domainID
	}
	return s, nil
}

func placeBootDisk(ctx context.Context, e *engine.Engine, d Desired, boot ovirt.Disk) ([]ovirt.AddVMDisk, error) {
	if d.StorageDomainName == "" {
		return nil, nil
	}
	domainID, err := e.StorageDomainID(ctx, d.Place.DataCenterID, d.StorageDomainName)
	if err != nil {
		return nil, err
	}
	if !d.Clone && !slices.Contains(boot.StorageDomainIDs, domainID) {
		domains, err := e.StorageDomains(ctx, d.Names.DataCenter)
		if err != nil {
			return nil, err
		}
		return nil, noCopy(d.StorageDomainName, d.Names.Template, boot, domains)
	}
	return []ovirt.AddVMDisk{{ID: boot.ID, StorageDomainID: domainID}}, nil
}

// noCopy says that a thin disk cannot be in a storage domain, and where it could be.
func noCopy(domain, template string, boot ovirt.Disk, domains []ovirt.StorageDomain) error {
	var have []string
	for _, d := range domains {
		if slices.Contains(boot.StorageDomainIDs, d.ID) {
			have = append(have, d.Name)
		}
	}
	where := cmp.Or(quoted(have), "no storage domain that this account sees")
	return &ovirt.Error{Kind: ovirt.NotFound, Err: fmt.Errorf("storage domain %q has no copy of the disk of template %q, which a thin disk depends on "+
		"(%s has one): copy the template's disk there in the engine, name another storage domain, or set storageAllocation: clone",
		domain, template, where)}
}

func quoted(words []string) string {
	out := make([]string, 0, len(words))
	for _, w := range words {
		out = append(out, fmt.Sprintf("%q", w))
	}
	return strings.Join(out, ", ")
}
