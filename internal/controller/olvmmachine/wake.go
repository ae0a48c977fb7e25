package olvmmachine

import (
	"context"
	"fmt"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/controller/wake"
	"github.com/ocne-project/ocne/internal/machine"
)

const providerIDIndex = "spec.providerID"

func indexProviderID(ctx context.Context, mgr ctrl.Manager) error {
	err := mgr.GetFieldIndexer().IndexField(ctx, &infrav1.OLVMMachine{}, providerIDIndex, func(o client.Object) []string {
		return []string{o.(*infrav1.OLVMMachine).Spec.ProviderID}
	})
	if err != nil {
		return fmt.Errorf("index OLVMMachines by %s: %w", providerIDIndex, err)
	}
	return nil
}

// Waker wakes the machines whose VMs changed in the engine.
type Waker struct{ *wake.Waker }

// Changed is called with the ids of changed VMs; most of them may not be ours. The error says that some machines could not be found.
func (w Waker) Changed(ctx context.Context, vmIDs []string) error {
	var failed error
	for _, id := range vmIDs {
		err := w.Wake(ctx, &infrav1.OLVMMachineList{}, nil, client.MatchingFields{providerIDIndex: machine.ProviderID(id)})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			ctrl.LoggerFrom(ctx).Error(err, "Cannot find the machine of a changed VM", "vm", id)
			failed = err
		}
	}
	return failed
}

// Connected is called when a new connection to an engine can be used. Which machines use it is not asked: all look again.
func (w Waker) Connected(ctx context.Context) error {
	err := w.Wake(ctx, &infrav1.OLVMMachineList{}, nil)
	if err != nil && ctx.Err() == nil {
		ctrl.LoggerFrom(ctx).Error(err, "Cannot find the machines of a new connection to an engine")
	}
	return err
}

// engineIsBack passes OLVMClusters whose engine has become usable again, or is not waited for any more.
func engineIsBack() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc:  func(event.CreateEvent) bool { return false },
		DeleteFunc:  func(event.DeleteEvent) bool { return false },
		GenericFunc: func(event.GenericEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*infrav1.OLVMCluster), e.ObjectNew.(*infrav1.OLVMCluster)
			return !infrav1.Abandoned(before) && infrav1.Abandoned(after) ||
				!conditions.IsTrue(before, infrav1.EngineReachableCondition) && conditions.IsTrue(after, infrav1.EngineReachableCondition)
		},
	}
}

// unsettled are the machines of an OLVMCluster that were on their way when its engine went away. Of those that ran the engine's list tells.
func (r *Reconciler) unsettled(ctx context.Context, o client.Object) []reconcile.Request {
	machines := &infrav1.OLVMMachineList{}
	labels := client.MatchingLabels{clusterv1.ClusterNameLabel: o.GetLabels()[clusterv1.ClusterNameLabel]}
	if err := r.List(ctx, machines, client.InNamespace(o.GetNamespace()), labels); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Cannot find the machines of an engine that is back", "OLVMCluster", client.ObjectKeyFromObject(o))
		return nil
	}
	var requests []reconcile.Request
	for i := range machines.Items {
		m := &machines.Items[i]
		if !m.DeletionTimestamp.IsZero() || !conditions.IsTrue(m, infrav1.VMReadyCondition) {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(m)})
		}
	}
	return requests
}
