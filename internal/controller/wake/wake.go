// Package wake enqueues objects because of what happens outside of the API server.
package wake

import (
	"context"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// Waker feeds one controller.
type Waker struct {
	reader      client.Reader
	watchFilter string
	events      chan event.GenericEvent
}

// New returns a Waker that finds objects with the given reader. Predicates do not see its events, so it applies the watch filter itself.
func New(reader client.Reader, watchFilter string) *Waker {
	return &Waker{reader: reader, watchFilter: watchFilter, events: make(chan event.GenericEvent)}
}

// Source feeds a controller.
func (w *Waker) Source() source.TypedSource[reconcile.Request] {
	return source.Channel(w.events, &handler.EnqueueRequestForObject{})
}

// Wake enqueues what a list with the options holds and keep takes; nil takes everything. It returns early when the context ends.
func (w *Waker) Wake(ctx context.Context, list client.ObjectList, keep func(client.Object) bool, options ...client.ListOption) error {
	if w.watchFilter != "" {
		options = append(options, client.MatchingLabels{clusterv1.WatchLabel: w.watchFilter})
	}
	if err := w.reader.List(ctx, list, options...); err != nil {
		return err
	}
	return meta.EachListItem(list, func(o runtime.Object) error {
		object := o.(client.Object) // every kind that is listed is one
		if keep != nil && !keep(object) {
			return nil
		}
		select {
		case w.events <- event.GenericEvent{Object: object}:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}
