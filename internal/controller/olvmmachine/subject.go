package olvmmachine

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/engine"
	"github.com/ocne-project/ocne/internal/machine"
)

// subject is one machine with everything that belongs to it.
type subject struct {
	olvm *infrav1.OLVMMachine
	// machine and cluster hold nothing but their names when they are gone and only the VM is left.
	machine *clusterv1.Machine
	cluster *clusterv1.Cluster
	infra   *infrav1.OLVMCluster // nil when it is gone
	engine  *engine.Engine
	// username of the account, for findings.
	username string
}

// relatives finds the owner Machine, the Cluster and the OLVMCluster; false means that one of them is not there yet. A machine that is being
// deleted does with less: its label names its cluster, whose OLVMCluster knows the engine.
func (r *Reconciler) relatives(ctx context.Context, s *subject) (complete bool, err error) {
	name, deleting := client.ObjectKeyFromObject(s.olvm), !s.olvm.DeletionTimestamp.IsZero()
	s.machine, err = util.GetOwnerMachine(ctx, r.Client, s.olvm.ObjectMeta)
	if err != nil && (!deleting || !apierrors.IsNotFound(err)) {
		return false, fmt.Errorf("get owner Machine of OLVMMachine %s: %w", name, err)
	}
	clusterName := s.olvm.Labels[clusterv1.ClusterNameLabel]
	switch {
	case s.machine != nil:
		clusterName = s.machine.Spec.ClusterName
	case deleting:
		s.machine = &clusterv1.Machine{}
	default:
		return false, nil
	}
	s.cluster = &clusterv1.Cluster{}
	key := client.ObjectKey{Namespace: s.olvm.Namespace, Name: clusterName}
	if err := r.Get(ctx, key, s.cluster); err != nil {
		if !deleting || !apierrors.IsNotFound(err) {
			return false, fmt.Errorf("get Cluster of OLVMMachine %s: %w", name, err)
		}
		s.cluster.Namespace, s.cluster.Name = key.Namespace, key.Name
	}
	s.infra, err = r.infrastructure(ctx, s.cluster)
	return err == nil && (s.infra != nil || deleting), err
}

// infrastructure finds the OLVMCluster that the Cluster names, or the one that bears its name when the Cluster is gone; nil when there is none.
func (r *Reconciler) infrastructure(ctx context.Context, cluster *clusterv1.Cluster) (*infrav1.OLVMCluster, error) {
	if name := cluster.Spec.InfrastructureRef.Name; name != "" {
		infra := &infrav1.OLVMCluster{}
		key := client.ObjectKey{Namespace: cluster.Namespace, Name: name}
		if err := r.Get(ctx, key, infra); err != nil {
			if apierrors.IsNotFound(err) {
				return nil, nil
			}
			return nil, fmt.Errorf("get OLVMCluster %s: %w", key, err)
		}
		return infra, nil
	}
	list := &infrav1.OLVMClusterList{}
	labels := client.MatchingLabels{clusterv1.ClusterNameLabel: cluster.Name}
	if err := r.List(ctx, list, client.InNamespace(cluster.Namespace), labels); err != nil {
		return nil, fmt.Errorf("list OLVMClusters of cluster %s: %w", cluster.Name, err)
	}
	if len(list.Items) == 0 {
		return nil, nil
	}
	return &list.Items[0], nil
}

// abandoned says whether the machine may go although its VM may still be in the engine.
func (s *subject) abandoned() bool {
	return infrav1.Abandoned(s.olvm) || s.infra != nil && infrav1.Abandoned(s.infra)
}

// desired is what is wanted of the VM, apart from its place, which costs the engine a question.
func (s *subject) desired() machine.Desired {
	status := engineStatus(s.olvm)
	names, _ := s.placeNames() // the error is told where a place is needed
	d := machine.Desired{
		VMID:        machine.VMID(s.olvm.Spec.ProviderID),
		Owner:       machine.Mark{Cluster: s.cluster.Namespace + "/" + s.cluster.Name, Machine: s.olvm.Namespace + "/" + s.olvm.Name},
		Deleting:    !s.olvm.DeletionTimestamp.IsZero(),
		Submitted:   submitted(s.olvm),
		Seen:        status.VirtualMachine.VMID != "",
		SeenBy:      status.VirtualMachine.SeenBy,
		Username:    s.username,
		Provisioned: provisioned(s),
		NodeJoined:  s.machine.Status.NodeRef.IsDefined(),
		Cleared:     status.VirtualMachine.InitializationCleared,
		Shape:       machine.Shape{Protected: s.olvm.Spec.VirtualMachine.DeleteProtection},
		Names:       names,
		MadeIn:      status.ClusterID,
	}
	d.Storage = storage(s)
	switch {
	case showsReason(s.olvm, infrav1.StartingReason):
		d.Started = s.engine.Touched(d.VMID)
	case showsReason(s.olvm, infrav1.DeletingReason):
		d.Stopped = s.engine.Touched(d.VMID)
	}
	return d
}

// provisioned also believes the Machine: its provider id is a copy that is made when the VM ran for the first time, and unlike a
// status it survives a move to another management cluster.
func provisioned(s *subject) bool {
	return (s.olvm.Status.Initialization.Provisioned != nil && *s.olvm.Status.Initialization.Provisioned) || s.machine.Spec.ProviderID != ""
}

func isControlPlane(m *clusterv1.Machine) bool {
	_, ok := m.Labels[clusterv1.MachineControlPlaneLabel]
	return ok
}

func submitted(olvm *infrav1.OLVMMachine) time.Time {
	at, err := time.Parse(time.RFC3339, olvm.Annotations[infrav1.CreateSubmittedAnnotation])
	if err != nil {
		return time.Time{}
	}
	return at
}
