package olvmmachine

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/address"
	"github.com/ocne-project/ocne/internal/claim"
)

// machineIndex finds IPAddresses and IPAddressClaims by their machine's name.
const machineIndex = "olvmmachine"

func machineKind() schema.GroupVersionKind { return infrav1.GroupVersion().WithKind("OLVMMachine") }

func templateKind() schema.GroupKind {
	return schema.GroupKind{Group: infrav1.Group, Kind: "OLVMMachineTemplate"}
}

// pools are what the machine may take from: what its own spec says, and what the template that it was cloned from says now. So a pool
// that has become larger serves machines that were waiting. The text says how to make it larger.
func (r *Reconciler) pools(ctx context.Context, s subject) ([]address.NodePool, string, error) {
	spec, endpoint := s.olvm.Spec, s.infra.Spec.ControlPlaneEndpoint.Host
	t, err := r.template(ctx, s.olvm)
	if err != nil {
		return nil, "", err
	}
	if t == nil {
		pools, err := address.NodePools(spec.VirtualMachine.Network, endpoint)
		return pools, "the machine has no OLVMMachineTemplate that could grow: delete machines that hold addresses of the pool", err
	}
	now := t.Spec.Template.Spec
	if !sameNetwork(spec, now) {
		pools, err := address.NodePools(spec.VirtualMachine.Network, endpoint)
		return pools, fmt.Sprintf("OLVMMachineTemplate %s is of another network or subnet now: put them back and add addresses to its ipAddresses, "+
			"or delete the Machine", t.Name), err
	}
	pools, err := address.NodePools(spec.VirtualMachine.Network, endpoint, now.VirtualMachine.Network)
	if err != nil {
		err = fmt.Errorf("with the addresses that OLVMMachineTemplate %s has now: %w", t.Name, err)
	}
	return pools, fmt.Sprintf("add addresses to ipAddresses of OLVMMachineTemplate %s, or in the cluster file and start again: "+
		"this machine goes on by itself then, and no machine is replaced", t.Name), err
}

// sameNetwork says whether addresses of a template can be addresses of the machine: all that matters is the same but the pools.
func sameNetwork(machine, template infrav1.OLVMMachineSpec) bool {
	a, b := machine.VirtualMachine.Network, template.VirtualMachine.Network
	subnet, err := a.SubnetPrefix()
	other, errOther := b.SubnetPrefix()
	if err != nil || errOther != nil || subnet != other || machine.OLVMNetwork.NetworkName != template.OLVMNetwork.NetworkName {
		return false
	}
	return a.IPv6 == nil || b.IPv6 == nil || a.IPv6.Prefix() == b.IPv6.Prefix()
}

// template is what the machine was cloned from; nil when it was not, or when the template is gone.
func (r *Reconciler) template(ctx context.Context, olvm *infrav1.OLVMMachine) (*infrav1.OLVMMachineTemplate, error) {
	name := olvm.Annotations[clusterv1.TemplateClonedFromNameAnnotation]
	if name == "" || !clonedFrom(olvm, name) {
		return nil, nil
	}
	t := &infrav1.OLVMMachineTemplate{}
	if err := r.Get(ctx, client.ObjectKey{Namespace: olvm.Namespace, Name: name}, t); err != nil {
		if apierrors.IsNotFound(err) {
			return nil, nil
		}
		return nil, fmt.Errorf("get OLVMMachineTemplate %s: %w", name, err)
	}
	return t, nil
}

func clonedFrom(olvm *infrav1.OLVMMachine, template string) bool {
	return olvm.Annotations[clusterv1.TemplateClonedFromNameAnnotation] == template &&
		olvm.Annotations[clusterv1.TemplateClonedFromGroupKindAnnotation] == templateKind().String()
}

// waitingClones are the machines that may have waited for a template's change.
func (r *Reconciler) waitingClones(ctx context.Context, template client.Object) []reconcile.Request {
	machines := &infrav1.OLVMMachineList{}
	if err := r.List(ctx, machines, client.InNamespace(template.GetNamespace())); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Cannot find the machines of a changed template", "OLVMMachineTemplate", template.GetName())
		return nil
	}
	var requests []reconcile.Request
	for i := range machines.Items {
		m := &machines.Items[i]
		if clonedFrom(m, template.GetName()) && !ptr.Deref(m.Status.Initialization.Provisioned, false) {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(m)})
		}
	}
	return requests
}

func indexByMachine(ctx context.Context, mgr ctrl.Manager) error {
	for _, kind := range []client.Object{&ipamv1.IPAddress{}, &ipamv1.IPAddressClaim{}} {
		err := mgr.GetFieldIndexer().IndexField(ctx, kind, machineIndex, func(o client.Object) []string {
			if name := o.GetLabels()[machineLabel]; name != "" {
				return []string{name}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("index %T by machine: %w", kind, err)
		}
	}
	return nil
}

// restoreOwners makes the machine the owner of its addresses and claims again, which backups and moves lose, and their finalizers too.
func (r *Reconciler) restoreOwners(ctx context.Context, olvm *infrav1.OLVMMachine) error {
	addresses, claims := &ipamv1.IPAddressList{}, &ipamv1.IPAddressClaimList{}
	options := []client.ListOption{client.InNamespace(olvm.Namespace), client.MatchingFields{machineIndex: olvm.Name}}
	if err := r.List(ctx, addresses, options...); err != nil {
		return fmt.Errorf("list IPAddresses: %w", err)
	}
	if err := r.List(ctx, claims, options...); err != nil {
		return fmt.Errorf("list IPAddressClaims: %w", err)
	}
	var owned []client.Object
	for i := range addresses.Items {
		if claim.IsOwn(&addresses.Items[i]) {
			owned = append(owned, &addresses.Items[i])
		}
	}
	for i := range claims.Items {
		owned = append(owned, &claims.Items[i])
	}
	for _, o := range owned {
		before := o.DeepCopyObject().(client.Object)
		if !o.GetDeletionTimestamp().IsZero() {
			continue
		}
		adopted := !metav1.IsControlledBy(o, olvm) && claim.Adopt(o, olvm, machineKind())
		if held := controllerutil.AddFinalizer(o, infrav1.MachineFinalizer); !adopted && !held {
			continue
		}
		err := r.Patch(ctx, o, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("own %T %s: %w", o, o.GetName(), err)
		}
	}
	return nil
}
