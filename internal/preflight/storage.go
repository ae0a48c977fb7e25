package preflight

import (
	"context"
	"fmt"
	"slices"

	"github.com/ocne-project/ocne/pkg/ovirt"
)

// checkStorage looks at the storage domains of a VM's disks. Its boot disk is made where its template's is, unless another one is named.
func (s *survey) checkStorage(ctx context.Context, p *place, diskID string, found inventory) error {
	disk, err := s.engine.Disk(ctx, diskID)
	if err != nil {
		return s.unread(Storage, p.group.templateKey(), err)
	}
	s.checkBootDiskSize(p, *disk)
	have := slices.DeleteFunc(slices.Clone(found.domains), func(d ovirt.StorageDomain) bool { return !slices.Contains(disk.StorageDomainIDs, d.ID) })
	if p.group.Disks.Domain == "" {
		p.domains = have
		s.checkTemplateDomains(p)
	} else {
		s.checkNamedDomain(p, found.domains, have)
	}
	s.checkDataDisks(p, found.domains)
	return nil
}

func (s *survey) checkBootDiskSize(p *place, disk ovirt.Disk) {
	if wanted := p.group.Disks.BootDiskSize; wanted > 0 && wanted < disk.ProvisionedSize {
		s.report(Storage, p.group.Path+"virtualMachine.bootDiskSize", fmt.Sprintf("the boot disk shall have %s, and the disk of template %q has %s already",
			size(wanted), p.template.Name, size(disk.ProvisionedSize)), "Ask for at least that, or leave it out.")
	}
}

// checkTemplateDomains wants one of the storage domains that hold the template's disk to take disks.
func (s *survey) checkTemplateDomains(p *place) {
	subject := p.group.templateKey()
	if len(p.domains) == 0 {
		s.warn(Storage, subject, fmt.Sprintf("%s sees no storage domain of template %q", s.wanted.Username, p.template.Name),
			"Make sure that it is active and has room, as an administrator.")
		return
	}
	if slices.ContainsFunc(p.domains, canTakeDisks) {
		return
	}
	for _, d := range p.domains {
		s.checkRoom(subject, d, fmt.Sprintf(", which holds the disk of template %q,", p.template.Name), 0)
	}
}

// checkNamedDomain wants the named storage domain to be there, to hold what a thin disk depends on, and to take disks.
func (s *survey) checkNamedDomain(p *place, domains, have []ovirt.StorageDomain) {
	subject, name := p.group.storageDomainKey(), p.group.Disks.Domain
	domain := s.findDomain(subject, name, domains)
	if domain == nil {
		return
	}
	p.domains = []ovirt.StorageDomain{*domain}
	if !p.group.Disks.Clone && !slices.ContainsFunc(have, func(d ovirt.StorageDomain) bool { return d.ID == domain.ID }) {
		where := "no storage domain that " + s.wanted.Username + " sees"
		if len(have) > 0 {
			where = quoted(names(have, func(d ovirt.StorageDomain) string { return d.Name }))
		}
		s.report(Storage, subject,
			fmt.Sprintf("storage domain %q has no copy of the disk of template %q, which a thin disk depends on (%s has one)", name, p.template.Name, where),
			"Copy the template's disk there in the engine, name another storage domain, or set storageAllocation: clone.")
	}
	s.checkRoom(subject, *domain, "", 0)
}

func (s *survey) checkDataDisks(p *place, domains []ovirt.StorageDomain) {
	room := map[string]int64{} // that the preallocated disks of one machine take
	for _, disk := range p.group.Disks.DataDisks {
		if disk.Domain == "" {
			continue
		}
		if domain := s.findDomain(p.group.dataDiskKey(disk.Name), disk.Domain, domains); domain != nil {
			room[domain.ID] += disk.Preallocated
			s.checkRoom(p.group.dataDiskKey(disk.Name), *domain, "", room[domain.ID])
			p.made = append(p.made, madeDisk{p.group.dataDiskKey(disk.Name), *domain})
		}
	}
}

func (s *survey) findDomain(subject, name string, domains []ovirt.StorageDomain) *ovirt.StorageDomain {
	i := slices.IndexFunc(domains, func(d ovirt.StorageDomain) bool { return d.Name == name })
	if i < 0 {
		s.missing(Storage, subject, "storage domain", name, names(domains, func(d ovirt.StorageDomain) string { return d.Name }))
		return nil
	}
	return &domains[i]
}

// checkRoom wants a storage domain to take disks, of which one machine's take room at once.
func (s *survey) checkRoom(subject string, d ovirt.StorageDomain, whose string, room int64) {
	switch {
	case !isActive(d):
		s.report(Storage, subject, fmt.Sprintf("storage domain %q%s is %s", d.Name, whose, d.Status), "Activate it in the engine.")
	case d.Available < noDiskBelow:
		s.report(Storage, subject, fmt.Sprintf("storage domain %q%s has %s free; engines make no disk below %s", d.Name, whose,
			size(d.Available), size(noDiskBelow)), "Free space in it, or extend it.")
	case d.Available < noDiskBelow+room:
		s.report(Storage, subject, fmt.Sprintf("storage domain %q has %s free, and the preallocated disks of one machine take %s; engines keep %s free",
			d.Name, size(d.Available), size(room), size(noDiskBelow)), "Free space in it, extend it, or make the disks thin.")
	}
}
