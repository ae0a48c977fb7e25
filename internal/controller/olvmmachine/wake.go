package olvmmachine

import (
	"context"
	"fmt"

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
	reader client.Reader
	events chan event.GenericEvent
}

// NewWaker returns a Waker that finds machines with the given reader.
func NewWaker(reader client.Reader) *Waker {
	return &Waker{reader: reader, events: make(chan event.GenericEvent)}
}

// Source feeds a controller.
func (w *Waker) Source() source.TypedSource[reconcile.Request] {
	return source.Channel(w.events, &handler.EnqueueRequestForObject{})
}

// Changed is called with the ids of changed VMs; most of them may not be ours.
func (w *Waker) Changed(ctx context.Context, vmIDs []string) {
	for _, id := range vmIDs {
		machines := &infrav1.OLVMMachineList{}
		if err := w.reader.List(ctx, machines, client.MatchingFields{providerIDIndex: machine.ProviderID(id)}); err != nil {
			ctrl.LoggerFrom(ctx).Error(err, "Cannot find the machine of a changed VM", "vm", id)
			return
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
