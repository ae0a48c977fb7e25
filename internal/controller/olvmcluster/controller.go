// Package olvmcluster reconciles OLVMClusters: it finds the engine and the data center, and holds what machines need to clean up.
package olvmcluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/cluster-api/util"
	"sigs.k8s.io/cluster-api/util/annotations"
	capicontroller "sigs.k8s.io/cluster-api/util/controller"
	"sigs.k8s.io/cluster-api/util/finalizers"
	"sigs.k8s.io/cluster-api/util/patch"
	"sigs.k8s.io/cluster-api/util/paused"
	"sigs.k8s.io/cluster-api/util/predicates"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/credentials"
	"github.com/ocne-project/ocne/internal/engine"
	"github.com/ocne-project/ocne/internal/preflight"
)

// lookAgain is how often everything is looked at; what it needs of the engine is shared with other clusters, and remembered.
const lookAgain = 15 * time.Second

// Reconciler reconciles OLVMClusters.
type Reconciler struct {
	client.Client
	// APIReader reads the address of the virtual IP's claim past the cache.
	APIReader   client.Reader
	Engines     *engine.Engines
	Waker       Waker
	Preflight   *preflight.Memory
	Recorder    events.EventRecorder
	WatchFilter string
}

// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=olvmclusters,verbs=list;watch;patch
// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=olvmclusters/status,verbs=patch
// +kubebuilder:rbac:groups=cluster.x-k8s.io,resources=clusters,verbs=list;watch
// +kubebuilder:rbac:groups="",resources=secrets;configmaps,verbs=get;patch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create

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
		Watches(&ipamv1.IPAddress{}, r.afterAWhile()).
		Watches(&infrav1.OLVMMachineTemplate{}, handler.EnqueueRequestsFromMapFunc(r.clusterOf)).
		Owns(&ipamv1.IPAddressClaim{}).
		WatchesRawSource(r.Waker.Source()).
		Complete(ctx, r)
}

// Reconcile one OLVMCluster.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (_ ctrl.Result, err error) {
	olvm := &infrav1.OLVMCluster{}
	if err := r.Get(ctx, req.NamespacedName, olvm); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if annotations.IsExternallyManaged(olvm) { // events of other kinds come past the filter
		return ctrl.Result{}, nil
	}
	cluster, err := r.owner(ctx, olvm)
	if err != nil || cluster == nil { // Cluster API sets the owner as soon as the Cluster refers to it
		return ctrl.Result{}, err
	}
	helper, err := patch.NewHelper(olvm, r.Client)
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("patch helper of OLVMCluster %s: %w", req, err)
	}
	before := olvm.DeepCopy()
	defer func() {
		owned := patch.WithOwnedConditions{Conditions: ownedConditions()}
		if perr := helper.Patch(ctx, olvm, owned); client.IgnoreNotFound(perr) != nil {
			err = errors.Join(err, fmt.Errorf("patch OLVMCluster %s: %w", req, perr))
		}
		r.tell(before, olvm)
	}()
	if isPaused, requeue, err := paused.EnsurePausedCondition(ctx, r.Client, cluster, olvm); err != nil || isPaused || requeue {
		return ctrl.Result{}, err
	}
	if err := r.dropOldFailureDomains(ctx, olvm); err != nil {
		return ctrl.Result{}, err
	}
	if !olvm.DeletionTimestamp.IsZero() {
		return r.delete(ctx, cluster, olvm)
	}
	if added, err := finalizers.EnsureFinalizer(ctx, r.Client, olvm, infrav1.ClusterFinalizer); err != nil || added {
		return ctrl.Result{}, err
	}
	return r.normal(ctx, cluster, olvm)
}

// owner is the Cluster; nil when there is none yet. To clean up, its name is enough.
func (r *Reconciler) owner(ctx context.Context, olvm *infrav1.OLVMCluster) (*clusterv1.Cluster, error) {
	cluster, err := util.GetOwnerCluster(ctx, r.Client, olvm.ObjectMeta)
	deleting := !olvm.DeletionTimestamp.IsZero()
	if err != nil && (!deleting || !apierrors.IsNotFound(err)) {
		return nil, fmt.Errorf("get owner Cluster of OLVMCluster %s: %w", client.ObjectKeyFromObject(olvm), err)
	}
	if cluster == nil && deleting {
		cluster = &clusterv1.Cluster{}
		cluster.Namespace, cluster.Name = olvm.Namespace, cmp.Or(olvm.Labels[clusterv1.ClusterNameLabel], olvm.Name)
	}
	return cluster, nil
}

func (r *Reconciler) normal(ctx context.Context, cluster *clusterv1.Cluster, olvm *infrav1.OLVMCluster) (ctrl.Result, error) {
	olvm.Status.FailureDomains = failureDomains(olvm)
	if again, err := r.observe(ctx, cluster, olvm); again > 0 || err != nil {
		return ctrl.Result{RequeueAfter: again}, err
	}
	if complete, result, err := r.endpointFromPool(ctx, cluster, olvm); err != nil || !complete {
		return result, err
	}
	if complete, again, err := r.wholeEndpoint(ctx, cluster, olvm); err != nil || !complete {
		return ctrl.Result{RequeueAfter: again}, err
	}
	olvm.Status.Initialization.Provisioned = ptr.To(true)
	return ctrl.Result{RequeueAfter: lookAgain}, nil
}

// observe looks at the engine and shows what it finds. A positive duration says that the engine cannot be used, and when to try again.
func (r *Reconciler) observe(ctx context.Context, cluster *clusterv1.Cluster, olvm *infrav1.OLVMCluster) (time.Duration, error) {
	account, err := credentials.Account(ctx, r.Client, olvm)
	if unread := (*credentials.UnreadError)(nil); errors.As(err, &unread) {
		return 0, err
	}
	if err != nil {
		return unreachable(olvm, err), nil
	}
	if err := credentials.Protect(ctx, r.Client, olvm); err != nil {
		return 0, err
	}
	e, err := r.Engines.For(account)
	if err != nil {
		return unreachable(olvm, err), nil
	}
	if again := r.inventory(ctx, cluster, olvm, e); again > 0 {
		return again, nil
	}
	if err := r.preflight(ctx, olvm, e, account, client.ObjectKeyFromObject(cluster).String()); err != nil {
		ctrl.LoggerFrom(ctx).Info("The engine did not answer everything that is checked beforehand", "error", err.Error())
	}
	return 0, nil
}

// inventory finds what the cluster needs of the engine.
func (r *Reconciler) inventory(ctx context.Context, cluster *clusterv1.Cluster, olvm *infrav1.OLVMCluster, e *engine.Engine) time.Duration {
	if err := e.Down(); err != nil { // what is remembered would hide it
		return unreachable(olvm, err)
	}
	system, err := e.System(ctx)
	if err != nil {
		return unreachable(olvm, cmp.Or(e.Down(), err))
	}
	dataCenter, err := e.DataCenter(ctx, olvm.Spec.OLVMDatacenterName)
	if err != nil {
		return unreachable(olvm, cmp.Or(e.Down(), err))
	}
	olvm.Status.OLVMDatacenter = &infrav1.DatacenterStatus{
		DataCenterID: dataCenter.ID, DataCenterName: dataCenter.Name,
		Release: infrav1.Release{Name: system.Product, Version: system.FullVersion},
	}
	reachable(olvm, fmt.Sprintf("%s %s answers and has data center %s", system.Product, system.FullVersion, dataCenter.Name))
	if err := r.templates(ctx, cluster, olvm, e, dataCenter.ID); err != nil {
		ctrl.LoggerFrom(ctx).Info("Cannot compare the VM templates in use with the engine's", "error", err.Error())
	}
	if err := r.addressPools(ctx, cluster, olvm, e); err != nil {
		ctrl.LoggerFrom(ctx).Info("The address pools could not be counted", "error", err.Error())
	}
	return 0
}

// delete waits until no machine of the cluster is left: they need the credentials to clean up the engine.
func (r *Reconciler) delete(ctx context.Context, cluster *clusterv1.Cluster, olvm *infrav1.OLVMCluster) (ctrl.Result, error) {
	if !controllerutil.ContainsFinalizer(olvm, infrav1.ClusterFinalizer) {
		return ctrl.Result{}, nil
	}
	machines, err := r.machines(ctx, cluster)
	if err != nil {
		return ctrl.Result{}, err
	}
	if n := len(machines); n > 0 {
		if !infrav1.Abandoned(olvm) {
			if _, err := r.observe(ctx, cluster, olvm); err != nil {
				return ctrl.Result{}, err
			}
		}
		deleting(olvm, fmt.Sprintf("machines that are left: %d; they need it to clean up the engine, and go with their Cluster %s", n, cluster.Name))
		return ctrl.Result{RequeueAfter: 2 * time.Second}, nil
	}
	if err := errors.Join(r.releaseEndpoint(ctx, olvm), r.releaseAddresses(ctx, cluster)); err != nil {
		return ctrl.Result{}, err
	}
	if again := r.sweepGroups(ctx, cluster, olvm); again > 0 {
		return ctrl.Result{RequeueAfter: again}, nil
	}
	if err := credentials.Release(ctx, r.Client, olvm); err != nil {
		return ctrl.Result{}, err
	}
	removeFinalizer(olvm)
	return ctrl.Result{}, nil
}

// machines are those of the cluster.
func (r *Reconciler) machines(ctx context.Context, cluster *clusterv1.Cluster) ([]infrav1.OLVMMachine, error) {
	machines := &infrav1.OLVMMachineList{}
	labels := client.MatchingLabels{clusterv1.ClusterNameLabel: cluster.Name}
	if err := r.List(ctx, machines, client.InNamespace(cluster.Namespace), labels); err != nil {
		return nil, fmt.Errorf("list OLVMMachines of cluster %s: %w", cluster.Name, err)
	}
	return machines.Items, nil
}
