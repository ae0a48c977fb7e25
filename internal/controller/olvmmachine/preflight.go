package olvmmachine

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/internal/preflight"
)

// preflight shows what ocne checks before it makes a cluster, for those who come without it. It tells and never blocks: the engine
// itself has the last word. An engine that cannot be asked is told by the condition of the step that follows.
func (r *Reconciler) preflight(ctx context.Context, s subject, d machine.Desired) {
	network := s.olvm.Spec.OLVMNetwork
	format, err := r.bootFormat(ctx, s)
	if err != nil {
		return
	}
	group := preflight.Group{
		Path: "spec.", Cluster: d.Names.Cluster, Network: d.Names.Network, VNICProfile: d.Names.VNICProfile, Template: d.Names.Template,
		NIC: network.NIC(), HoldsVirtualIP: holdsVirtualIP(s), AdditionalNICs: preflight.NICs("spec.", s.olvm.Spec.VirtualMachine.AdditionalNICs),
		Disks: preflight.DisksOf(s.olvm.Spec.VirtualMachine, s.diskDomain()), Shape: preflight.ShapeOf(s.olvm.Spec),
		Format: format,
	}
	group.Place(s.olvm.Spec.Placement)
	if domain, err := s.domain(); err == nil && domain.Name != "" {
		where := fmt.Sprintf("of failure domain %s of OLVMCluster %s", domain.Name, s.infra.Name)
		group.ClusterSubject = "olvmOvirtClusterName " + where
		if domain.VNICProfileName != "" {
			group.VNICProfileSubject = "vnicProfileName " + where
		}
	}
	findings, err := r.Preflight.Machines(ctx, s.engine.Client(), preflight.Wanted{
		Subjects: preflight.Subjects{
			DataCenter:  "spec.olvmDatacenterName of OLVMCluster " + s.infra.Name,
			Credentials: "spec.olvmOvirtAPIServer.credentialsSecret of OLVMCluster " + s.infra.Name,
		},
		Username: s.username, Owner: d.Owner.Cluster, DataCenter: d.Names.DataCenter,
	}, group)
	if err != nil {
		return
	}
	condition := metav1.Condition{
		Type: infrav1.PreflightPassedCondition, Status: metav1.ConditionTrue, Reason: infrav1.PassedReason, Message: preflight.Summary(findings),
	}
	if preflight.Failed(findings) { // errors come first
		condition.Status, condition.Reason = metav1.ConditionFalse, findings[0].Check.Reason()
	}
	conditions.Set(s.olvm, condition)
}

// overruled drops findings about the surroundings of a VM that the engine has started all the same: they have passed.
func overruled(olvm *infrav1.OLVMMachine) {
	if conditions.IsFalse(olvm, infrav1.PreflightPassedCondition) {
		conditions.Set(olvm, metav1.Condition{
			Type: infrav1.PreflightPassedCondition, Status: metav1.ConditionTrue, Reason: infrav1.PassedReason, Message: "the engine runs the VM",
		})
	}
}
