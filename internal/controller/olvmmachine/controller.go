// Package olvmmachine reconciles OLVMMachines. It is glue: what a machine needs next is decided in package machine.
package olvmmachine

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
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
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/internal/preflight"
)

// Reconciler reconciles OLVMMachines.
type Reconciler struct {
	client.Client
	// APIReader reads addresses past the cache: an address that was taken a moment ago must be seen.
	APIReader   client.Reader
	Engines     *engine.Engines
	Waker       *Waker
	Preflight   *preflight.Memory
	WatchFilter string
}

// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=olvmmachines;olvmmachines/status;olvmmachines/finalizers,verbs=get;list;watch;update;patch
// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=olvmmachinetemplates;olvmclustertemplates,verbs=get;list;watch
// +kubebuilder:rbac:groups=cluster.x-k8s.io,resources=machines;machines/status,verbs=get;list;watch
// +kubebuilder:rbac:groups=bootstrap.cluster.x-k8s.io,resources=kubeadmconfigs,verbs=get;list;watch
// +kubebuilder:rbac:groups=ipam.cluster.x-k8s.io,resources=ipaddresses,verbs=get;list;watch;create;patch;delete

// SetupWithManager registers the controller.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager, o controller.Options) error {
	log := ctrl.LoggerFrom(ctx).WithValues("controller", "olvmmachine")
	if err := indexProviderID(ctx, mgr); err != nil {
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
		WatchesRawSource(r.Waker.Source()).
		Complete(ctx, r)
}

// subject is one machine with everything that belongs to it.
type subject struct {
	olvm    *infrav1.OLVMMachine
	machine *clusterv1.Machine
	cluster *clusterv1.Cluster
	infra   *infrav1.OLVMCluster
	engine  *engine.Engine
	// username of the account, for findings.
	username string
}

// Reconcile one OLVMMachine.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (_ ctrl.Result, err error) {
	s := subject{olvm: &infrav1.OLVMMachine{}}
	if err := r.Get(ctx, req.NamespacedName, s.olvm); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if complete, err := r.relatives(ctx, &s); err != nil || !complete {
		return ctrl.Result{}, err
	}
	helper, err := patch.NewHelper(s.olvm, r.Client)
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("patch helper of OLVMMachine %s: %w", req, err)
	}
	defer func() {
		owned := patch.WithOwnedConditions{Conditions: ownedConditions()}
		if perr := helper.Patch(ctx, s.olvm, owned); client.IgnoreNotFound(perr) != nil {
			err = errors.Join(err, fmt.Errorf("patch OLVMMachine %s: %w", req, perr))
		}
	}()
	if isPaused, requeue, err := paused.EnsurePausedCondition(ctx, r.Client, s.cluster, s.olvm); err != nil || isPaused || requeue {
		return ctrl.Result{}, err
	}
	account, err := credentials.Account(ctx, r.Client, s.infra)
	if err == nil {
		s.username = account.Username
		s.engine, err = r.Engines.For(account)
	}
	if err != nil {
		return noEngine(s.olvm, err), nil
	}
	if !s.olvm.DeletionTimestamp.IsZero() {
		return r.delete(ctx, s)
	}
	return r.normal(ctx, s)
}

// relatives finds the owner Machine, the Cluster and the OLVMCluster; false means that one of them is not there yet.
func (r *Reconciler) relatives(ctx context.Context, s *subject) (complete bool, err error) {
	name := client.ObjectKeyFromObject(s.olvm)
	if s.machine, err = util.GetOwnerMachine(ctx, r.Client, s.olvm.ObjectMeta); err != nil {
		return false, fmt.Errorf("get owner Machine of OLVMMachine %s: %w", name, err)
	}
	if s.machine == nil {
		return false, stuck(s.olvm, "its owner Machine is gone")
	}
	if s.cluster, err = util.GetClusterFromMetadata(ctx, r.Client, s.machine.ObjectMeta); err != nil {
		return false, fmt.Errorf("get Cluster of OLVMMachine %s: %w", name, err)
	}
	s.infra = &infrav1.OLVMCluster{}
	key := client.ObjectKey{Namespace: s.cluster.Namespace, Name: s.cluster.Spec.InfrastructureRef.Name}
	if err := r.Get(ctx, key, s.infra); err != nil {
		if apierrors.IsNotFound(err) {
			err = stuck(s.olvm, fmt.Sprintf("OLVMCluster %s, which knows the engine, is gone", key))
		}
		return false, err
	}
	return true, nil
}

// stuck says why a machine that is to be deleted cannot be; without a deletion, what is missing only has not appeared yet.
func stuck(olvm *infrav1.OLVMMachine, why string) error {
	if olvm.DeletionTimestamp.IsZero() {
		return nil
	}
	return fmt.Errorf("cannot remove the VM of OLVMMachine %s (%s): %s", client.ObjectKeyFromObject(olvm), olvm.Spec.ProviderID, why)
}

// desired is what is wanted of the VM, apart from its place, which costs the engine a question.
func (s *subject) desired() machine.Desired {
	status := engineStatus(s.olvm)
	network := s.olvm.Spec.OLVMNetwork
	d := machine.Desired{
		VMID:        machine.VMID(s.olvm.Spec.ProviderID),
		Owner:       machine.Mark{Cluster: s.cluster.Namespace + "/" + s.cluster.Name, Machine: s.olvm.Namespace + "/" + s.olvm.Name},
		Deleting:    !s.olvm.DeletionTimestamp.IsZero(),
		Submitted:   submitted(s.olvm),
		Seen:        status.VirtualMachine.VMID != "",
		SeenBy:      status.VirtualMachine.SeenBy,
		Username:    s.username,
		Provisioned: provisioned(s),
		NodeJoined:  s.machine.Status.NodeRef.IsDefined(),
		Cleared:     status.VirtualMachine.InitializationCleared,
		Names: engine.PlaceNames{
			DataCenter: s.infra.Spec.OLVMDatacenterName, Cluster: s.olvm.Spec.OLVMOvirtClusterName,
			Network: network.NetworkName, VNICProfile: network.VNICProfileName, Template: s.olvm.Spec.VMTemplateName,
		},
	}
	if showsReason(s.olvm, infrav1.StartingReason) {
		d.Started = s.engine.Touched(d.VMID)
	}
	return d
}

// provisioned also believes the Machine: its provider id is a copy that is made when the VM ran for the first time, and unlike a
// status it survives a move to another management cluster.
func provisioned(s *subject) bool {
	return (s.olvm.Status.Initialization.Provisioned != nil && *s.olvm.Status.Initialization.Provisioned) || s.machine.Spec.ProviderID != ""
}

func isControlPlane(m *clusterv1.Machine) bool {
	_, ok := m.Labels[clusterv1.MachineControlPlaneLabel]
	return ok
}

func submitted(olvm *infrav1.OLVMMachine) time.Time {
	at, err := time.Parse(time.RFC3339, olvm.Annotations[infrav1.CreateSubmittedAnnotation])
	if err != nil {
		return time.Time{}
	}
	return at
}
