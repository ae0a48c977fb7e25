package olvmcluster

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/controller/event"
	"github.com/ocne-project/ocne/internal/credentials"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// sweepAgain is when to try again to remove a group that somebody else edits.
const sweepAgain = 2 * time.Second

// sweepGroups removes affinity groups of the cluster that a crash has left: each goes with its last machine, and no machine is left. A
// positive duration says when to try again. An engine that cannot be asked does not keep the cluster: an empty group does no harm.
func (r *Reconciler) sweepGroups(ctx context.Context, cluster *clusterv1.Cluster, olvm *infrav1.OLVMCluster) time.Duration {
	if infrav1.Abandoned(olvm) || olvm.Status.OLVMDatacenter == nil { // the second: it never reached its engine
		return 0
	}
	err := r.sweep(ctx, cluster, olvm)
	if err == nil {
		return 0
	}
	if ovirt.KindOf(err) == ovirt.Conflict {
		ctrl.LoggerFrom(ctx).Info("An affinity group is edited by somebody else", "error", err.Error())
		return sweepAgain
	}
	event.Record(r.Recorder, olvm, corev1.EventTypeWarning, infrav1.GroupsNotSweptReason, "Delete", fmt.Sprintf(
		"it could not be made sure that no affinity group of the cluster is left in the engine: %v", err))
	return 0
}

func (r *Reconciler) sweep(ctx context.Context, cluster *clusterv1.Cluster, olvm *infrav1.OLVMCluster) error {
	account, err := credentials.Account(ctx, r.Client, olvm)
	if err != nil {
		return err
	}
	e, err := r.Engines.For(account)
	if err != nil {
		return err
	}
	dataCenter, err := e.DataCenter(ctx, olvm.Spec.OLVMDatacenterName)
	if err != nil {
		return err
	}
	hostClusters, err := e.Client().Clusters(ctx, dataCenter.ID)
	if err != nil {
		return err
	}
	for _, c := range hostClusters {
		if err := machine.SweepGroups(ctx, e, c.ID, client.ObjectKeyFromObject(cluster).String()); err != nil {
			return fmt.Errorf("cluster %s: %w", c.Name, err)
		}
	}
	return nil
}
