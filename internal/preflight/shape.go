package preflight

import (
	"context"
	"fmt"
	"slices"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// dataDomain is the type of storage domains that hold disks and leases.
const dataDomain = "data"

// Shape is what machines name in the engine beside their surroundings; what is empty is not wanted.
type Shape struct {
	// TemplateID takes the place of the template's name, of which TemplateVersion is a version.
	TemplateID, TemplateVersion string
	Quota, LeaseStorageDomain   string
}

// ShapeOf is the shape of a machine's spec.
func ShapeOf(spec infrav1.OLVMMachineSpec) Shape {
	s := Shape{TemplateID: spec.VMTemplateID, TemplateVersion: spec.VMTemplateVersion, Quota: spec.VirtualMachine.QuotaName}
	if ha := spec.VirtualMachine.HighAvailability; ha != nil {
		s.LeaseStorageDomain = ha.LeaseStorageDomainName
	}
	return s
}

// checkShape looks for the quota and the storage domain of the leases.
func (s *survey) checkShape(ctx context.Context, p *place, found inventory) error {
	s.checkLeases(p.group, found)
	wanted, subject := p.group.Shape.Quota, p.group.Path+"virtualMachine.quotaName"
	if wanted == "" {
		return nil
	}
	quotas, err := s.engine.Quotas(ctx, s.dataCenter.ID)
	if err != nil {
		return s.unread(Quota, subject, err)
	}
	if !slices.ContainsFunc(quotas, func(q ovirt.DataCenterQuota) bool { return q.Name == wanted }) {
		s.missing(Quota, subject, "quota", wanted, names(quotas, func(q ovirt.DataCenterQuota) string { return q.Name }))
	}
	return nil
}

func (s *survey) checkLeases(g Group, found inventory) {
	wanted, subject := g.Shape.LeaseStorageDomain, g.Path+"virtualMachine.highAvailability.leaseStorageDomainName"
	if wanted == "" {
		return
	}
	i := slices.IndexFunc(found.domains, func(d ovirt.StorageDomain) bool { return d.Name == wanted })
	switch {
	case i < 0:
		s.missing(Storage, subject, "storage domain", wanted, names(found.domains, func(d ovirt.StorageDomain) string { return d.Name }))
	case found.domains[i].Type != "" && found.domains[i].Type != dataDomain:
		s.report(Storage, subject, fmt.Sprintf("storage domain %q is of type %s, which holds no leases", wanted, found.domains[i].Type),
			"Name a data domain.")
	case !isActive(found.domains[i]):
		s.report(Storage, subject, fmt.Sprintf("storage domain %q, which shall hold leases, is %s", wanted, found.domains[i].Status),
			"Activate it in the engine.")
	}
}
