package preflight

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ocne-project/ocne/internal/boot"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

const (
	gib = int64(1) << 30
	// noDiskBelow is the free space of a storage domain below which engines make no disk there: the default of its critical space
	// action blocker.
	noDiskBelow = 5 * gib
	// templateKind is a template that ocne makes where it is missing.
	templateKind = "template"
)

// findTemplate chooses as the controllers do.
func (s *survey) findTemplate(p *place, found inventory) {
	g := p.group
	choice := machine.TemplateChoice{Name: g.Template, Version: g.Shape.TemplateVersion, ID: g.Shape.TemplateID}
	template, err := choice.Choose(found.templates)
	if err == nil {
		p.template = &template
		return
	}
	named := func(t ovirt.Template) bool { return t.Name == g.Template }
	switch ambiguous := (*machine.AmbiguousTemplateError)(nil); {
	case errors.As(err, &ambiguous):
		s.report(Template, g.Path+"vmTemplateVersion", err.Error(), "Name the version, or remove the others from the engine.")
	case g.Shape.TemplateID != "" || slices.ContainsFunc(found.templates, named):
		s.report(Template, g.templateKey(), err.Error(), "Correct it. If it is right, let the account see the template.")
	default:
		kind := templateKind
		if g.Format == boot.FormatCloudConfig {
			kind = "template with cloud-init"
		}
		usable := slices.DeleteFunc(slices.Clone(found.templates), func(t ovirt.Template) bool { return t.ID == ovirt.BlankTemplateID })
		s.missing(Template, g.templateKey(), kind, g.Template, names(usable, func(t ovirt.Template) string { return t.Name }))
	}
}

// checkTemplate looks at the firmware, and for NICs that would be left over.
func (s *survey) checkTemplate(ctx context.Context, p *place, _ inventory) error {
	if p.template == nil {
		return nil
	}
	t, subject := p.template, p.group.templateKey()
	switch t.Status {
	case "", statusOK:
	case "locked":
		s.report(Template, subject, fmt.Sprintf("template %q is locked", t.Name), "Wait until the engine has made it, or name another one.")
	default:
		s.report(Template, subject, fmt.Sprintf("template %q is %s", t.Name, t.Status), "Name another template, or make this one anew.")
	}
	s.checkImage(p)
	nics, err := s.engine.TemplateNICs(ctx, t.ID)
	if err != nil {
		return s.unread(Template, subject, err)
	}
	for _, nic := range nics {
		if nic.Name != p.group.NIC && !slices.ContainsFunc(p.group.AdditionalNICs, func(n NIC) bool { return n.Name == nic.Name }) {
			s.warn(Template, subject, fmt.Sprintf("template %q has a NIC %q, which nodes get beside their own %q", t.Name, nic.Name, p.group.NIC),
				"Remove it from the template, or name it with "+p.group.Path+"olvmNetwork.vnicName to use it.")
		}
	}
	return nil
}

// checkDisks wants the one disk that the nodes boot from. A machine that is deleted keeps every other disk, because it may be a
// persistent volume: one that came with the template would be left behind.
func (s *survey) checkDisks(ctx context.Context, p *place, found inventory) error {
	if p.template == nil || p.template.Status == "locked" {
		return nil
	}
	t, subject := p.template, p.group.templateKey()
	disks, err := s.engine.TemplateDisks(ctx, t.ID)
	if err != nil {
		return s.unread(Template, subject, err)
	}
	const again = "Make a template with the disk of the node image, marked bootable, and no other."
	switch {
	case len(disks) != 1:
		s.report(Template, subject, fmt.Sprintf("template %q has %d disks, and nodes boot from exactly one", t.Name, len(disks)), again)
	case !disks[0].Bootable:
		s.report(Template, subject, fmt.Sprintf("the disk of template %q is not bootable", t.Name), again)
	}
	for _, d := range disks {
		if len(disks) == 1 || d.Bootable {
			return s.checkStorage(ctx, p, d.DiskID, found)
		}
	}
	return nil
}

func isActive(d ovirt.StorageDomain) bool { return d.Status == "" || d.Status == statusActive }

func canTakeDisks(d ovirt.StorageDomain) bool { return isActive(d) && d.Available >= noDiskBelow }

func size(bytes int64) string { return fmt.Sprintf("%.1f GiB", float64(bytes)/float64(gib)) }
