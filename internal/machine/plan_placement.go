package machine

import (
	"fmt"
	"slices"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// affinityGroup lets a VM join its siblings. Where that cannot be, a VM whose anti-affinity is soft starts without.
func affinityGroup(d Desired, o Observation) (Plan, bool) {
	switch s := d.Siblings; {
	case s.Name == "" || o.InGroup(d):
		return Plan{}, false
	case alone(d, o) == "":
		return acting(JoinGroup, infrav1.CreatingReason, "the VM joins affinity group %s", s.Name), true
	case !s.Hard:
		return Plan{}, false
	case o.NoGroup != nil && ovirt.KindOf(o.NoGroup) != ovirt.Exists:
		return Refused(JoinGroup, o.NoGroup), true
	}
	return waiting(infrav1.AffinityGroupNotOursReason, wakeLater, "%s, and anti-affinity is hard", alone(d, o)), true
}

// alone is why a VM cannot be in the affinity group of its siblings; empty when it can.
func alone(d Desired, o Observation) string {
	switch s := d.Siblings; {
	case s.Name == "":
		return ""
	case o.NoGroup != nil && ovirt.KindOf(o.NoGroup) == ovirt.Exists, o.Group != nil && !s.owns(o.Group):
		return fmt.Sprintf("affinity group %s is not ours (its description is not the mark of cluster %s): it is left alone; "+
			"rename or remove it in the engine", s.Name, s.Mark.Cluster)
	case o.NoGroup != nil:
		return fmt.Sprintf("affinity group %s cannot be joined: %v", s.Name, o.NoGroup)
	}
	return ""
}

// affinityLabels gives a VM its labels one after the other.
func affinityLabels(d Desired, o Observation) (Plan, bool) {
	for _, id := range d.LabelIDs {
		if !slices.Contains(o.LabelIDs, id) {
			p := acting(AddLabel, infrav1.CreatingReason, "the VM gets affinity label %s", id)
			p.LabelID = id
			return p, true
		}
	}
	return Plan{}, false
}
