package machine

import (
	"context"
	"fmt"
	"slices"

	"github.com/ocne-project/ocne/internal/engine"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// triesToMakeGroup is how often a group is asked for that is neither there nor can be made: somebody else may be removing it.
const triesToMakeGroup = 2

// apart is the rule of our affinity groups.
func (s Siblings) apart() ovirt.AffinityRule {
	return ovirt.AffinityRule{Enabled: true, Enforcing: s.Hard}
}

// editedByOthers says whether an edit of a group was refused for what others do at the same time: it passes.
func editedByOthers(kind ovirt.Kind) bool {
	return kind == ovirt.Conflict || kind == ovirt.Exists || kind == ovirt.NotFound
}

// joinGroup makes the VM a member of its siblings' group, which the first one makes. Nobody else of this process edits groups meanwhile;
// other processes may. What cannot be done at all is remembered, for the next look at the machine.
func joinGroup(ctx context.Context, e *engine.Engine, d Desired) error {
	return e.EditAffinityGroups(ctx, d.Place.ClusterID, func(edit *engine.GroupEdit) error {
		groups, err := edit.Known(ctx)
		for try := 0; err == nil; try++ {
			if group := groupNamed(groups, d.Siblings.Name); group != nil {
				err = d.joinKnown(ctx, e, edit, *group)
				break
			}
			if err = d.makeGroup(ctx, e, edit); ovirt.KindOf(err) != ovirt.Exists || try >= triesToMakeGroup {
				break
			}
			groups, err = edit.Read(ctx)
		}
		switch ovirt.KindOf(err) {
		case ovirt.Forbidden:
			edit.Refused("", err)
			if d.Siblings.Hard {
				return err
			}
		case ovirt.Exists: // a group of another one of the engine's clusters has the name
			edit.Refused(d.Siblings.Name, err)
		default:
			return err
		}
		return nil
	})
}

func (d Desired) makeGroup(ctx context.Context, e *engine.Engine, edit *engine.GroupEdit) error {
	made, err := e.Client().AddAffinityGroup(ctx, ovirt.AffinityGroup{
		ClusterID: d.Place.ClusterID, Name: d.Siblings.Name, Description: d.Siblings.Mark.Text(), VMsRule: d.Siblings.apart(),
		VMIDs: []string{d.VMID},
	})
	if err == nil {
		edit.Put(*made)
	}
	return err
}

func (d Desired) joinKnown(ctx context.Context, e *engine.Engine, edit *engine.GroupEdit, group ovirt.AffinityGroup) error {
	if !d.Siblings.owns(&group) || slices.Contains(group.VMIDs, d.VMID) { // the next look tells
		return nil
	}
	err := e.Client().AddVMToAffinityGroup(ctx, group.ClusterID, group.ID, d.VMID)
	switch ovirt.KindOf(err) {
	case ovirt.NotFound: // the group was removed, as its last VM was
		_, readErr := edit.Read(ctx)
		if readErr != nil {
			return readErr
		}
	case ovirt.Exists:
		err = nil
	}
	if err == nil {
		group.VMIDs = append(slices.Clone(group.VMIDs), d.VMID)
		edit.Put(group)
	}
	return err
}

// LeaveGroups is for a VM that is gone: the engine has taken it out of its affinity group, and if it was the last one there, the group is
// removed. cluster is the namespace/name of the Cluster whose groups are meant.
func LeaveGroups(ctx context.Context, e *engine.Engine, clusterID, cluster, vmID string) error {
	e.ForgetMember(vmID)
	return e.EditAffinityGroups(ctx, clusterID, func(edit *engine.GroupEdit) error {
		known, err := edit.Known(ctx)
		if err != nil || !slices.ContainsFunc(known, func(g ovirt.AffinityGroup) bool { return isLeftOver(g, cluster) }) {
			return tolerate(err, ovirt.Forbidden) // who may not see groups has made none
		}
		return removeLeftOvers(ctx, e, edit, cluster)
	})
}

// SweepGroups removes the groups of a Cluster without VMs that a crash has left in one of the engine's clusters.
func SweepGroups(ctx context.Context, e *engine.Engine, clusterID, cluster string) error {
	return e.EditAffinityGroups(ctx, clusterID, func(edit *engine.GroupEdit) error { return removeLeftOvers(ctx, e, edit, cluster) })
}

func removeLeftOvers(ctx context.Context, e *engine.Engine, edit *engine.GroupEdit, cluster string) error {
	groups, err := edit.Read(ctx)
	if err != nil {
		return tolerate(err, ovirt.Forbidden)
	}
	for _, g := range groups {
		if !isLeftOver(g, cluster) {
			continue
		}
		if err := tolerate(e.Client().RemoveAffinityGroup(ctx, g.ClusterID, g.ID), ovirt.NotFound); err != nil {
			return fmt.Errorf("remove affinity group %s, which is empty: %w", g.Name, err)
		}
		edit.Removed(g.ID)
	}
	return nil
}

// isLeftOver says whether a group is of that Cluster and empty: our groups are made with their first VM in them.
func isLeftOver(g ovirt.AffinityGroup, cluster string) bool {
	mark, ours := ParseGroupMark(g.Description)
	return ours && mark.Cluster == cluster && len(g.VMIDs) == 0
}
