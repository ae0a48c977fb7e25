// Package olvmcluster reconciles OLVMClusters: it finds the engine and the data center, and holds what machines need to clean up.
package olvmcluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util"
	capicontroller "sigs.k8s.io/cluster-api/util/controller"
	"sigs.k8s.io/cluster-api/util/finalizers"
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
)

// lookAgain is how often the engine is asked whether it is still there.
const lookAgain = time.Minute

// Reconciler reconciles OLVMClusters.
type Reconciler struct {
	client.Client
	Engines     *engine.Engines
	WatchFilter string
}

// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=olvmclusters;olvmclusters/status;olvmclusters/finalizers,verbs=get;list;watch;update;patch
// +kubebuilder:rbac:groups=cluster.x-k8s.io,resources=clusters;clusters/status,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=secrets;configmaps,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups="",resources=events,verbs=create;patch

// SetupWithManager registers the controller.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager, o controller.Options) error {
	log := ctrl.LoggerFrom(ctx).WithValues("controller", "olvmcluster")
	kind := infrav1.GroupVersion().WithKind("OLVMCluster")
	return capicontroller.NewControllerManagedBy(mgr, log).
		For(&infrav1.OLVMCluster{}).
		WithOptions(o).
		WithEventFilter(predicates.ResourceHasFilterLabel(mgr.GetScheme(), log, r.WatchFilter)).
		WithEventFilter(predicates.ResourceIsNotExternallyManaged(mgr.GetScheme(), log)).
		Watches(&clusterv1.Cluster{},
			handler.EnqueueRequestsFromMapFunc(util.ClusterToInfrastructureMapFunc(ctx, kind, mgr.GetClient(), &infrav1.OLVMCluster{})),
			predicates.ClusterPausedTransitions(mgr.GetScheme(), log)).
		Complete(ctx, r)
}

// Reconcile one OLVMCluster.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (_ ctrl.Result, err error) {
	olvm := &infrav1.OLVMCluster{}
	if err := r.Get(ctx, req.NamespacedName, olvm); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	cluster, err := util.GetOwnerCluster(ctx, r.Client, olvm.ObjectMeta)
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("get owner Cluster of OLVMCluster %s: %w", req, err)
	}
	if cluster == nil { // Cluster API sets the owner as soon as the Cluster refers to it
		return ctrl.Result{}, nil
	}
	helper, err := patch.NewHelper(olvm, r.Client)
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("patch helper of OLVMCluster %s: %w", req, err)
	}
	defer func() {
		owned := patch.WithOwnedConditions{Conditions: ownedConditions()}
		if perr := helper.Patch(ctx, olvm, owned); client.IgnoreNotFound(perr) != nil {
			err = errors.Join(err, fmt.Errorf("patch OLVMCluster %s: %w", req, perr))
		}
	}()
	if isPaused, requeue, err := paused.EnsurePausedCondition(ctx, r.Client, cluster, olvm); err != nil || isPaused || requeue {
		return ctrl.Result{}, err
	}
	if added, err := finalizers.EnsureFinalizer(ctx, r.Client, olvm, infrav1.ClusterFinalizer); err != nil || added {
		return ctrl.Result{}, err
	}
	if !olvm.DeletionTimestamp.IsZero() {
		return r.delete(ctx, cluster, olvm)
	}
	return r.normal(ctx, cluster, olvm)
}

func (r *Reconciler) normal(ctx context.Context, cluster *clusterv1.Cluster, olvm *infrav1.OLVMCluster) (ctrl.Result, error) {
	account, err := credentials.Account(ctx, r.Client, olvm)
	if err != nil {
		return unreachable(olvm, err)
	}
	if err := credentials.Protect(ctx, r.Client, olvm); err != nil {
		return ctrl.Result{}, err
	}
	e, err := r.Engines.For(account)
	if err != nil {
		return unreachable(olvm, err)
	}
	system, err := e.Client().System(ctx)
	if err != nil {
		return unreachable(olvm, err)
	}
	if err := r.preflight(ctx, olvm, e, account, client.ObjectKeyFromObject(cluster).String()); err != nil {
		ctrl.LoggerFrom(ctx).Info("The engine did not answer everything that is checked beforehand", "error", err.Error())
	}
	dataCenter, err := e.Client().DataCenterByName(ctx, olvm.Spec.OLVMDatacenterName)
	if err != nil {
		return unreachable(olvm, fmt.Errorf("data center %q: %w", olvm.Spec.OLVMDatacenterName, err))
	}
	olvm.Status.OLVMDatacenter = &infrav1.DatacenterStatus{
		DataCenterID: dataCenter.ID, DataCenterName: dataCenter.Name,
		Release: infrav1.Release{Name: system.Product, Version: system.FullVersion},
	}
	reachable(olvm, fmt.Sprintf("%s %s answers and has data center %s", system.Product, system.FullVersion, dataCenter.Name))
	if olvm.Spec.ControlPlaneEndpoint.IsZero() {
		return noEndpoint(olvm)
	}
	olvm.Status.Initialization.Provisioned = ptr.To(true)
	return ctrl.Result{RequeueAfter: lookAgain}, nil
}

// delete waits until no machine of the cluster is left: they need the credentials to clean up the engine.
func (r *Reconciler) delete(ctx context.Context, cluster *clusterv1.Cluster, olvm *infrav1.OLVMCluster) (ctrl.Result, error) {
	machines := &infrav1.OLVMMachineList{}
	labels := client.MatchingLabels{clusterv1.ClusterNameLabel: cluster.Name}
	if err := r.List(ctx, machines, client.InNamespace(olvm.Namespace), labels); err != nil {
		return ctrl.Result{}, fmt.Errorf("list OLVMMachines: %w", err)
	}
	if n := len(machines.Items); n > 0 {
		deleting(olvm, fmt.Sprintf("%d machines are still being deleted", n))
		return ctrl.Result{RequeueAfter: 2 * time.Second}, nil
	}
	if err := credentials.Release(ctx, r.Client, olvm); err != nil {
		return ctrl.Result{}, err
	}
	removeFinalizer(olvm)
	return ctrl.Result{}, nil
}
