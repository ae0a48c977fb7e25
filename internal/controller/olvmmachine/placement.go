package olvmmachine

import (
	"context"
	"errors"
	"fmt"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// siblings are the machines of the same control plane or MachineDeployment. Machines of neither have none.
func (s *subject) siblings(hostCluster string) machine.Siblings {
	kind := s.olvm.Spec.Placement.Kind()
	group := s.machine.Labels[clusterv1.MachineDeploymentNameLabel]
	if isControlPlane(s.machine) {
		group = s.machine.Labels[clusterv1.MachineControlPlaneNameLabel]
	}
	if group == "" || kind == infrav1.NoAntiAffinity {
		return machine.Siblings{}
	}
	mark, hard := machine.GroupMark{Cluster: s.cluster.Namespace + "/" + s.cluster.Name, Group: group}, kind == infrav1.HardAntiAffinity
	return machine.Siblings{Name: machine.GroupName(mark, hostCluster, hard), Mark: mark, Hard: hard}
}

// placement completes what is wanted with the VM's siblings, and with the engine's ids of the hosts and labels that the spec names.
func (s *subject) placement(ctx context.Context, d *machine.Desired) (err error) {
	d.Siblings = s.siblings(d.Names.Cluster)
	if d.HostIDs, err = s.engine.HostIDs(ctx, d.Place.ClusterID, s.olvm.Spec.Placement.Hosts); err != nil {
		return fmt.Errorf("placement.hosts in cluster %q: %w", d.Names.Cluster, err)
	}
	if d.LabelIDs, err = s.engine.LabelIDs(ctx, s.olvm.Spec.Placement.AffinityLabels); err != nil {
		return fmt.Errorf("placement.affinityLabels: %w", err)
	}
	return nil
}

// grouped records the affinity group that the VM is in.
func grouped(olvm *infrav1.OLVMMachine, d machine.Desired, o machine.Observation) {
	if o.InGroup(d) {
		olvm.Status.OLVM.AffinityGroupName = d.Siblings.Name
	}
}

// leaveGroup removes the affinity group of the machine, whose VM is gone, if it was the last one in it. A refusal is told, and tried again.
func (r *Reconciler) leaveGroup(ctx context.Context, s subject, d machine.Desired) (refused *machine.Plan) {
	status := engineStatus(s.olvm)
	if status.ClusterID == "" || status.AffinityGroupName == "" && s.siblings(d.Names.Cluster).Name == "" {
		return nil
	}
	err := machine.LeaveGroups(ctx, s.engine, status.ClusterID, d.Owner.Cluster, d.VMID)
	if err == nil || ovirt.KindOf(err) == ovirt.NotFound { // the engine's cluster itself is gone
		return nil
	}
	plan := machine.Refused(machine.LeaveGroup, err)
	if kind := ovirt.KindOf(err); kind == ovirt.Conflict || errors.Is(err, context.Canceled) {
		plan.Reason, plan.Message = infrav1.DeletingReason, "the VM is gone, and its affinity group is being removed"
	}
	return &plan
}
