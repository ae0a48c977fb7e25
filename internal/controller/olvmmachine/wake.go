package olvmmachine

import (
	"context"
	"fmt"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	infrav1 "github.com/ocne-project/ocne/api/v1"
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
type Waker struct {
	reader      client.Reader
	watchFilter string
	events      chan event.GenericEvent
}

// NewWaker returns a Waker that finds machines with the given reader. Predicates do not see its events, so it applies the watch filter
// itself.
func NewWaker(reader client.Reader, watchFilter string) *Waker {
	return &Waker{reader: reader, watchFilter: watchFilter, events: make(chan event.GenericEvent)}
}

// Source feeds a controller.
func (w *Waker) Source() source.TypedSource[reconcile.Request] {
	return source.Channel(w.events, &handler.EnqueueRequestForObject{})
}

// Changed is called with the ids of changed VMs; most of them may not be ours.
func (w *Waker) Changed(ctx context.Context, vmIDs []string) {
	for _, id := range vmIDs {
		machines := &infrav1.OLVMMachineList{}
		options := []client.ListOption{client.MatchingFields{providerIDIndex: machine.ProviderID(id)}}
		if w.watchFilter != "" {
			options = append(options, client.MatchingLabels{clusterv1.WatchLabel: w.watchFilter})
		}
		if err := w.reader.List(ctx, machines, options...); err != nil {
			ctrl.LoggerFrom(ctx).Error(err, "Cannot find the machine of a changed VM", "vm", id)
			continue
		}
		for i := range machines.Items {
			select {
			case w.events <- event.GenericEvent{Object: &machines.Items[i]}:
			case <-ctx.Done():
				return
			}
		}
	}
}
