// Package olvmmachine reconciles OLVMMachines. It is glue: what a machine needs next is decided in package machine.
package olvmmachine

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/client-go/tools/events"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/cluster-api/util"
	capicontroller "sigs.k8s.io/cluster-api/util/controller"
	"sigs.k8s.io/cluster-api/util/patch"
	"sigs.k8s.io/cluster-api/util/paused"
	"sigs.k8s.io/cluster-api/util/predicates"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/credentials"
	"github.com/ocne-project/ocne/internal/engine"
	"github.com/ocne-project/ocne/internal/preflight"
)

// Reconciler reconciles OLVMMachines.
type Reconciler struct {
	client.Client
	// APIReader reads addresses past the cache: an address that was taken a moment ago must be seen.
	APIReader client.Reader
	Engines   *engine.Engines
	Waker     Waker
	Preflight *preflight.Memory
	// Recorder takes the events of a machine's life.
	Recorder events.EventRecorder
	// Phases measures it.
	Phases      *Phases
	WatchFilter string

	refusals refusals
}

// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=olvmmachines,verbs=list;watch;patch
// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=olvmmachines/status,verbs=patch
// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=olvmmachines/finalizers,verbs=update
// +kubebuilder:rbac:groups=cluster.x-k8s.io,resources=machines,verbs=list;watch
// +kubebuilder:rbac:groups=bootstrap.cluster.x-k8s.io,resources=kubeadmconfigs,verbs=list;watch
// +kubebuilder:rbac:groups=ipam.cluster.x-k8s.io,resources=ipaddresses,verbs=list;create;patch;delete
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create

// SetupWithManager registers the controller.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager, o controller.Options) error {
	log := ctrl.LoggerFrom(ctx).WithValues("controller", "olvmmachine")
	if err := indexProviderID(ctx, mgr); err != nil {
		return err
	}
	if err := indexByMachine(ctx, mgr); err != nil {
		return err
	}
	ofCluster, err := util.ClusterToTypedObjectsMapper(mgr.GetClient(), &infrav1.OLVMMachineList{}, mgr.GetScheme())
	if err != nil {
		return fmt.Errorf("map Clusters to OLVMMachines: %w", err)
	}
	kind := infrav1.GroupVersion().WithKind("OLVMMachine")
	return capicontroller.NewControllerManagedBy(mgr, log).
		For(&infrav1.OLVMMachine{}).
		WithOptions(o).
		WithEventFilter(predicates.ResourceHasFilterLabel(mgr.GetScheme(), log, r.WatchFilter)).
		Watches(&clusterv1.Machine{}, handler.EnqueueRequestsFromMapFunc(util.MachineToInfrastructureMapFunc(kind))).
		Watches(&clusterv1.Cluster{}, handler.EnqueueRequestsFromMapFunc(ofCluster),
			predicates.ClusterPausedTransitionsOrInfrastructureProvisioned(mgr.GetScheme(), log)).
		Watches(&infrav1.OLVMCluster{}, handler.EnqueueRequestsFromMapFunc(r.unsettled), engineIsBack()).
		Watches(&infrav1.OLVMMachineTemplate{}, handler.EnqueueRequestsFromMapFunc(r.waitingClones)).
		Owns(&ipamv1.IPAddressClaim{}).
		WatchesRawSource(r.Waker.Source()).
		Complete(ctx, r)
}

// Reconcile one OLVMMachine.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (_ ctrl.Result, err error) {
	s := subject{olvm: &infrav1.OLVMMachine{}}
	if err := r.Get(ctx, req.NamespacedName, s.olvm); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if movedAway(s.olvm) {
		return ctrl.Result{}, nil
	}
	if complete, err := r.relatives(ctx, &s); err != nil || !complete {
		return ctrl.Result{}, err
	}
	helper, err := patch.NewHelper(s.olvm, r.Client)
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("patch helper of OLVMMachine %s: %w", req, err)
	}
	before := s.olvm.DeepCopy()
	defer func() {
		owned := patch.WithOwnedConditions{Conditions: ownedConditions()}
		if perr := helper.Patch(ctx, s.olvm, owned); client.IgnoreNotFound(perr) != nil {
			err = errors.Join(err, fmt.Errorf("patch OLVMMachine %s: %w", req, perr))
		}
		r.tell(before, s.olvm)
	}()
	if isPaused, requeue, err := paused.EnsurePausedCondition(ctx, r.Client, s.cluster, s.olvm); err != nil || isPaused || requeue {
		if isPaused {
			letMove(s.olvm)
		}
		return ctrl.Result{}, err
	}
	deleting := !s.olvm.DeletionTimestamp.IsZero()
	switch {
	case deleting && s.abandoned():
		return ctrl.Result{}, r.abandon(ctx, s)
	case s.infra == nil:
		return withoutCluster(s.olvm), nil
	}
	if err := r.connect(ctx, &s); err != nil {
		if unread := (*credentials.UnreadError)(nil); errors.As(err, &unread) {
			return ctrl.Result{}, err
		}
		return r.hold(s, err), nil
	}
	if deleting {
		return r.delete(ctx, s)
	}
	return r.normal(ctx, s)
}

// connect finds the account and the connection that it uses.
func (r *Reconciler) connect(ctx context.Context, s *subject) error {
	account, err := credentials.Account(ctx, r.Client, s.infra)
	if err != nil {
		return err
	}
	s.username = account.Username
	s.engine, err = r.Engines.For(account)
	return err
}
