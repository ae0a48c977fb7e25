// Package controller registers the provider's controllers with a manager.
package controller

import (
	"context"
	"fmt"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/ocne-project/ocne/internal/controller/olvmcluster"
	"github.com/ocne-project/ocne/internal/controller/olvmmachine"
	"github.com/ocne-project/ocne/internal/engine"
	"github.com/ocne-project/ocne/internal/preflight"
)

// Options of the provider's controllers.
type Options struct {
	// WatchFilter is the value of the label cluster.x-k8s.io/watch-filter that objects must carry; empty means all objects.
	WatchFilter string
	// Concurrency is the number of objects of a kind that are reconciled at once.
	Concurrency int
}

// Setup registers the controllers of OLVMCluster and OLVMMachine, and what they share of the engine.
func Setup(ctx context.Context, mgr ctrl.Manager, o Options) error {
	observe, err := engine.Metrics(metrics.Registry)
	if err != nil {
		return fmt.Errorf("engine metrics: %w", err)
	}
	wake := olvmmachine.NewWaker(mgr.GetClient(), o.WatchFilter)
	engines := &engine.Engines{Observe: observe, Changed: wake.Changed}
	if err := mgr.Add(engines); err != nil {
		return fmt.Errorf("engine poller: %w", err)
	}
	options := controller.Options{MaxConcurrentReconciles: o.Concurrency}
	clusters := &olvmcluster.Reconciler{Client: mgr.GetClient(), Engines: engines, WatchFilter: o.WatchFilter}
	if err := clusters.SetupWithManager(ctx, mgr, options); err != nil {
		return fmt.Errorf("controller of OLVMCluster: %w", err)
	}
	machines := &olvmmachine.Reconciler{
		Client: mgr.GetClient(), APIReader: mgr.GetAPIReader(), Engines: engines, Waker: wake, WatchFilter: o.WatchFilter,
		Preflight: &preflight.Memory{},
	}
	if err := machines.SetupWithManager(ctx, mgr, options); err != nil {
		return fmt.Errorf("controller of OLVMMachine: %w", err)
	}
	return nil
}
