package olvmcluster

import (
	"context"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	infrav1 "github.com/ocne-project/ocne/api/v1"
)

// Waker wakes the OLVMClusters whose engine does not answer any more, or does again.
type Waker struct {
	reader      client.Reader
	watchFilter string
	events      chan event.GenericEvent
}

// NewWaker returns a Waker that finds OLVMClusters with the given reader. Predicates do not see its events, so it applies the watch filter
// itself.
func NewWaker(reader client.Reader, watchFilter string) *Waker {
	return &Waker{reader: reader, watchFilter: watchFilter, events: make(chan event.GenericEvent)}
}

// Source feeds a controller.
func (w *Waker) Source() source.TypedSource[reconcile.Request] {
	return source.Channel(w.events, &handler.EnqueueRequestForObject{})
}

// Turned is called with the URL of an engine, as OLVMClusters have it.
func (w *Waker) Turned(ctx context.Context, url string) {
	clusters := &infrav1.OLVMClusterList{}
	var options []client.ListOption
	if w.watchFilter != "" {
		options = append(options, client.MatchingLabels{clusterv1.WatchLabel: w.watchFilter})
	}
	if err := w.reader.List(ctx, clusters, options...); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Cannot find the OLVMClusters of an engine", "url", url)
		return
	}
	for i := range clusters.Items {
		if clusters.Items[i].Spec.OLVMOvirtAPIServer.ServerURL != url {
			continue
		}
		select {
		case w.events <- event.GenericEvent{Object: &clusters.Items[i]}:
		case <-ctx.Done():
			return
		}
	}
}
