package machine

import (
	"context"
	"slices"

	"github.com/ocne-project/ocne/internal/engine"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// observePlacement finds the affinity group and the labels of a VM that has not run yet. What it reads is shared by all machines.
func observePlacement(ctx context.Context, e *engine.Engine, d Desired, o *Observation) error {
	if err := observeGroup(ctx, e, d, o); err != nil || len(d.LabelIDs) == 0 {
		return err
	}
	labels, err := e.AffinityLabels(ctx)
	if err != nil {
		return err
	}
	for _, l := range labels {
		if slices.Contains(d.LabelIDs, l.ID) && slices.Contains(l.VMIDs, d.VMID) {
			o.LabelIDs = append(o.LabelIDs, l.ID)
		}
	}
	return nil
}

func observeGroup(ctx context.Context, e *engine.Engine, d Desired, o *Observation) error {
	if d.Siblings.Name == "" {
		return nil
	}
	if o.NoGroup = e.AffinityGroupRefused(d.Place.ClusterID, d.Siblings.Name); o.NoGroup != nil {
		return nil //nolint:nilerr // the plan tells it
	}
	groups, err := e.AffinityGroups(ctx, d.Place.ClusterID)
	if ovirt.KindOf(err) == ovirt.Forbidden {
		o.NoGroup = err
		return e.EditAffinityGroups(ctx, d.Place.ClusterID, func(edit *engine.GroupEdit) error {
			edit.Refused("", err)
			return nil
		})
	}
	if err != nil {
		return err
	}
	o.Group = groupNamed(groups, d.Siblings.Name)
	return nil
}

func groupNamed(groups []ovirt.AffinityGroup, name string) *ovirt.AffinityGroup {
	i := slices.IndexFunc(groups, func(g ovirt.AffinityGroup) bool { return g.Name == name })
	if i < 0 {
		return nil
	}
	return &groups[i]
}

// owns says whether a group was made for these siblings.
func (s Siblings) owns(g *ovirt.AffinityGroup) bool {
	mark, ok := ParseGroupMark(g.Description)
	return ok && mark == s.Mark
}

// InGroup says whether the VM was seen in the affinity group of its siblings.
func (o Observation) InGroup(d Desired) bool {
	return o.Group != nil && d.Siblings.owns(o.Group) && slices.Contains(o.Group.VMIDs, d.VMID)
}
