package template

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ocne-project/ocne/internal/image/remote"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// Version is a version of a template that we made.
type Version struct {
	Template ovirt.Template
	Mark     machine.ImageMark
	// Newest: machines that name the template get this version.
	Newest bool
	// VMs are the names of the VMs that depend on it, as far as this user sees them.
	VMs []string
}

// List lists our versions of a template, of all templates for an empty name: by name and newest first.
func (m *Maker) List(ctx context.Context, dataCenterID, name string) ([]Version, error) {
	templates, err := m.Engine.Templates(ctx, dataCenterID)
	if err != nil {
		return nil, err
	}
	vms, err := m.Engine.VMs(ctx, "")
	if err != nil {
		return nil, err
	}
	users := map[string][]string{}
	for _, vm := range vms {
		users[vm.TemplateID] = append(users[vm.TemplateID], vm.Name)
	}
	var out []Version
	for n, each := range templates {
		mark, own := machine.ParseImageMark(each.Comment)
		if !own || name != "" && each.Name != name {
			continue
		}
		slices.Sort(users[each.ID])
		out = append(out, Version{
			Template: each, Mark: mark, Newest: n == 0 || templates[n-1].Name != each.Name, VMs: users[each.ID],
		})
	}
	return out, nil
}

// Pruned is what became of one version.
type Pruned struct {
	Version
	// Kept says why it stays; empty for one that was removed.
	Kept string
}

// Prune removes our versions of a template, of all templates for an empty name, that are neither the newest nor used by a VM. The
// engine keeps a first version as long as there are others. A dry run removes nothing, and tells the same.
func (m *Maker) Prune(ctx context.Context, dataCenterID, name string, dryRun bool) ([]Pruned, error) {
	versions, err := m.List(ctx, dataCenterID, name)
	if err != nil {
		return nil, err
	}
	var out []Pruned
	for _, each := range versions {
		kept := ""
		switch {
		case each.Newest:
			kept = "it is the newest"
		case len(each.VMs) > 0:
			kept = fmt.Sprintf("VMs use it: %s", strings.Join(each.VMs, ", "))
		case each.Template.Version == 1:
			kept = "it is the base of the other versions"
		case !dryRun:
			if kept, err = m.remove(ctx, each.Template); err != nil {
				return out, err
			}
		}
		out = append(out, Pruned{Version: each, Kept: kept})
	}
	return out, nil
}

// remove removes a version, or says in the engine's words why it stays.
func (m *Maker) remove(ctx context.Context, t ovirt.Template) (kept string, err error) {
	err = m.Engine.RemoveTemplate(ctx, t.ID)
	if refusal, ok := errors.AsType[*ovirt.Error](err); ok && (refusal.Kind == ovirt.Conflict || refusal.Kind == ovirt.Forbidden) {
		return refusal.Words(), nil
	}
	if err := remote.Ignore(err); err != nil {
		return "", err
	}
	return "", remote.Await(ctx, m.patience(), fmt.Sprintf("version %d of template %s is removed", t.Version, t.Name), func() (bool, error) {
		_, err := m.Engine.Template(ctx, t.ID)
		if errors.Is(err, ovirt.NotFound) {
			return true, nil
		}
		return false, err
	})
}
