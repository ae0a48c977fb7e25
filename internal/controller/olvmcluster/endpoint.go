package olvmcluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/claim"
)

// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=olvmclusters/finalizers,verbs=update
// +kubebuilder:rbac:groups=ipam.cluster.x-k8s.io,resources=ipaddressclaims,verbs=list;watch;create;patch;delete
// +kubebuilder:rbac:groups=ipam.cluster.x-k8s.io,resources=ipaddresses,verbs=get;list;watch;patch

const (
	// clusterLabel finds the address of a cluster's virtual IP.
	clusterLabel = "infrastructure.cluster.x-k8s.io/olvmcluster"
	// defaultPort of a virtual IP that comes from a pool.
	defaultPort = 6443
)

func (r *Reconciler) claims() claim.Claims {
	return claim.Claims{Client: r.Client, Reader: r.APIReader}
}

func endpointRequest(cluster *clusterv1.Cluster, olvm *infrav1.OLVMCluster) claim.Request {
	return claim.Request{
		Name: cluster.Name + "-control-plane-endpoint", Owner: olvm, Kind: infrav1.GroupVersion().WithKind("OLVMCluster"), Cluster: cluster.Name,
		Pool: *olvm.Spec.ControlPlaneEndpointFromPool, Finalizer: infrav1.ClusterFinalizer, Label: clusterLabel,
		Settled: olvm.Spec.ControlPlaneEndpoint.Host != "",
	}
}

// endpointFromPool claims the virtual IP and writes it into the spec, once. False means that the cluster waits for it. What was
// provisioned keeps its endpoint, whatever becomes of the claim.
func (r *Reconciler) endpointFromPool(ctx context.Context, cluster *clusterv1.Cluster, olvm *infrav1.OLVMCluster) (bool, ctrl.Result, error) {
	if olvm.Spec.ControlPlaneEndpointFromPool == nil {
		return true, ctrl.Result{}, nil
	}
	var pending *claim.PendingError
	if ptr.Deref(olvm.Status.Initialization.Provisioned, false) {
		err := r.claims().Keep(ctx, endpointRequest(cluster, olvm))
		if errors.As(err, &pending) { // nothing that concerns a cluster which has its endpoint
			err = nil
		}
		return true, ctrl.Result{}, err
	}
	a, err := r.claims().Address(ctx, endpointRequest(cluster, olvm))
	if err == nil {
		err = usableEndpoint(olvm, a)
	}
	if errors.As(err, &pending) {
		set(olvm, infrav1.ReadyCondition, metav1.ConditionFalse, pending.Reason, "no virtual IP: "+pending.Message)
		return false, ctrl.Result{RequeueAfter: pending.Wake}, nil
	}
	if err != nil {
		return false, ctrl.Result{}, err
	}
	if olvm.Spec.ControlPlaneEndpoint.IsValid() {
		return true, ctrl.Result{}, nil
	}
	return false, ctrl.Result{}, r.writeEndpoint(ctx, olvm, clusterv1.APIEndpoint{
		Host: a.Prefix.Addr().String(), Port: cmp.Or(olvm.Spec.ControlPlaneEndpoint.Port, defaultPort),
	})
}

// wholeEndpoint completes what the user has given: the host may be in the Cluster instead, which the contract of infrastructure clusters has us
// wait for, and the port is 6443 unless it is set. Cluster API makes no machine before both are there. False means that there is no host yet, with
// when to look again, or that the spec was changed, which wakes us.
func (r *Reconciler) wholeEndpoint(ctx context.Context, cluster *clusterv1.Cluster, olvm *infrav1.OLVMCluster) (bool, time.Duration, error) {
	given, elsewhere := olvm.Spec.ControlPlaneEndpoint, cluster.Spec.ControlPlaneEndpoint
	if given.IsValid() {
		return true, 0, nil
	}
	whole := clusterv1.APIEndpoint{Host: cmp.Or(given.Host, elsewhere.Host), Port: cmp.Or(given.Port, elsewhere.Port, defaultPort)}
	if whole.Host == "" {
		noEndpoint(olvm)
		return false, lookAgain, nil
	}
	err := r.writeEndpoint(ctx, olvm, whole)
	if apierrors.IsInvalid(err) {
		set(olvm, infrav1.ReadyCondition, metav1.ConditionFalse, infrav1.InvalidSpecReason, err.Error())
		return false, lookAgain, nil
	}
	return false, 0, err
}

// writeEndpoint writes it by itself and before anything else: what is provisioned has its endpoint in the spec. The change wakes us.
func (r *Reconciler) writeEndpoint(ctx context.Context, olvm *infrav1.OLVMCluster, endpoint clusterv1.APIEndpoint) error {
	before, changed := olvm.DeepCopy(), olvm.DeepCopy()
	changed.Spec.ControlPlaneEndpoint = endpoint
	if err := r.Patch(ctx, changed, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		return fmt.Errorf("write the control plane endpoint %s: %w", endpoint.String(), err)
	}
	return nil
}

// usableEndpoint refuses an address that is none of a virtual IP, or another one than the spec has.
func usableEndpoint(olvm *infrav1.OLVMCluster, a claim.Address) error {
	pool, host := olvm.Spec.ControlPlaneEndpointFromPool, olvm.Spec.ControlPlaneEndpoint.Host
	switch got := a.Prefix.Addr(); {
	case !got.Is4():
		return &claim.PendingError{Reason: infrav1.AddressUnusableReason, Message: fmt.Sprintf(
			"%s gave %s, but the virtual IP must be an IPv4 address; name an IPv4 pool in a new OLVMCluster", pool, got)}
	case host != "" && host != got.String():
		return &claim.PendingError{Reason: infrav1.AddressUnusableReason, Message: fmt.Sprintf(
			"spec.controlPlaneEndpoint.host is %s, but %s gave %s; set either the host or controlPlaneEndpointFromPool in a new OLVMCluster", host, pool, got)}
	}
	return nil
}

// releaseEndpoint gives the virtual IP back.
func (r *Reconciler) releaseEndpoint(ctx context.Context, olvm *infrav1.OLVMCluster) error {
	if olvm.Spec.ControlPlaneEndpointFromPool == nil {
		return nil
	}
	given, claims := &ipamv1.IPAddressList{}, &ipamv1.IPAddressClaimList{}
	mine := []client.ListOption{client.InNamespace(olvm.Namespace), client.MatchingLabels{clusterLabel: olvm.Name}}
	if err := r.APIReader.List(ctx, given, mine...); err != nil {
		return fmt.Errorf("list IPAddresses: %w", err)
	}
	if err := r.APIReader.List(ctx, claims, mine...); err != nil {
		return fmt.Errorf("list IPAddressClaims: %w", err)
	}
	var objects []client.Object
	for i := range given.Items {
		objects = append(objects, &given.Items[i])
	}
	for i := range claims.Items {
		objects = append(objects, &claims.Items[i])
	}
	return r.claims().Release(ctx, infrav1.ClusterFinalizer, objects...)
}
