// Package controller registers the provider's controllers with a manager.
package controller

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/ocne-project/ocne/internal/controller/olvmcluster"
	"github.com/ocne-project/ocne/internal/controller/olvmmachine"
	"github.com/ocne-project/ocne/internal/controller/olvmmachinetemplate"
	"github.com/ocne-project/ocne/internal/controller/wake"
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

// Setup registers the controllers of OLVMCluster, OLVMMachine and OLVMMachineTemplate, and what they share of the engine. It may be called once in a process.
func Setup(ctx context.Context, mgr ctrl.Manager, o Options) error {
	wakeMachines := olvmmachine.Waker{Waker: wake.New(mgr.GetClient(), o.WatchFilter)}
	wakeClusters := olvmcluster.Waker{Waker: wake.New(mgr.GetClient(), o.WatchFilter)}
	engines := &engine.Engines{Changed: wakeMachines.Changed, Connected: wakeMachines.Connected, Turned: wakeClusters.Turned}
	if err := mgr.Add(engines); err != nil {
		return fmt.Errorf("engine poller: %w", err)
	}
	phases := olvmmachine.NewPhases()
	for _, collector := range []prometheus.Collector{engine.Measure(engines), phases, olvmmachine.NewOwnership(engines, mgr.GetClient())} {
		if err := metrics.Registry.Register(collector); err != nil {
			return fmt.Errorf("metrics: %w", err)
		}
	}
	findings, options := &preflight.Memory{}, controller.Options{MaxConcurrentReconciles: o.Concurrency}
	clusters := &olvmcluster.Reconciler{
		Client: mgr.GetClient(), APIReader: mgr.GetAPIReader(), Engines: engines, Waker: wakeClusters, Preflight: findings,
		Recorder: mgr.GetEventRecorder("olvmcluster"), WatchFilter: o.WatchFilter,
	}
	if err := clusters.SetupWithManager(ctx, mgr, options); err != nil {
		return fmt.Errorf("controller of OLVMCluster: %w", err)
	}
	machines := &olvmmachine.Reconciler{
		Client: mgr.GetClient(), APIReader: mgr.GetAPIReader(), Engines: engines, Waker: wakeMachines, Preflight: findings,
		Recorder: mgr.GetEventRecorder("olvmmachine"), Phases: phases, WatchFilter: o.WatchFilter,
	}
	if err := machines.SetupWithManager(ctx, mgr, options); err != nil {
		return fmt.Errorf("controller of OLVMMachine: %w", err)
	}
	templates := &olvmmachinetemplate.Reconciler{Client: mgr.GetClient(), WatchFilter: o.WatchFilter}
	if err := templates.SetupWithManager(ctx, mgr, options); err != nil {
		return fmt.Errorf("controller of OLVMMachineTemplate: %w", err)
	}
	return nil
}
