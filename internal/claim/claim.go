// Package claim asks IPAM providers of Cluster API for addresses, by IPAddressClaims, and gives them back.
package claim

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	infrav1 "github.com/ocne-project/ocne/api/v1"
)

const (
	// lookAgain is for what no watch tells of.
	lookAgain = 15 * time.Second
	// soon is for what this process changed a moment ago.
	soon = time.Second
)

// Claims reads claims from the cache, whose owners watch them, and addresses past it.
type Claims struct {
	client.Client
	Reader client.Reader
}

// Request is one address to ask for.
type Request struct {
	// Name of the claim.
	Name string
	// Owner of the claim, its kind, and the name of its Cluster.
	Owner   client.Object
	Kind    schema.GroupVersionKind
	Cluster string
	// Pool gives the address.
	Pool infrav1.PoolReference
	// Finalizer keeps the claim and the address until Release.
	Finalizer string
	// Label finds the claim and the address again; its value is the owner's name.
	Label string
	// Settled: the address may be in use already, so the claim is not given up whatever happens to it.
	Settled bool
}

// Address is what a provider gave.
type Address struct {
	// Prefix is the address with the length of its subnet's prefix.
	Prefix netip.Prefix
	// Gateway is invalid when the provider said none.
	Gateway netip.Addr
}

// PendingError says why there is no address yet.
type PendingError struct {
	// Reason is that of a condition: the provider's own, if it is one that Cluster API defines.
	Reason  string
	Message string
	// Wake is when to look again; zero means that the claim's next change tells.
	Wake time.Duration
}

// Error is the message.
func (e *PendingError) Error() string { return e.Message }

// Address makes the claim, or reads what the provider answered. The error is a *PendingError while there is no address that can be used.
func (c Claims) Address(ctx context.Context, r Request) (Address, error) {
	claim := &ipamv1.IPAddressClaim{}
	err := c.Get(ctx, client.ObjectKey{Namespace: r.Owner.GetNamespace(), Name: r.Name}, claim)
	if apierrors.IsNotFound(err) {
		return Address{}, c.ask(ctx, r)
	}
	if err != nil {
		return Address{}, fmt.Errorf("get IPAddressClaim %s: %w", r.Name, err)
	}
	if err := c.keep(ctx, r, claim); err != nil {
		return Address{}, err
	}
	if !claim.DeletionTimestamp.IsZero() || !refersTo(claim.Spec.PoolRef, r.Pool) {
		return Address{}, c.giveUp(ctx, r, claim)
	}
	if claim.Status.AddressRef.Name == "" {
		return Address{}, unanswered(claim)
	}
	given := &ipamv1.IPAddress{}
	err = c.Reader.Get(ctx, client.ObjectKey{Namespace: claim.Namespace, Name: claim.Status.AddressRef.Name}, given)
	if apierrors.IsNotFound(err) {
		return Address{}, &PendingError{infrav1.WaitingForAddressReason,
			fmt.Sprintf("IPAddress %s of IPAddressClaim %s does not exist yet", claim.Status.AddressRef.Name, claim.Name), lookAgain}
	}
	if err != nil {
		return Address{}, fmt.Errorf("get IPAddress %s: %w", claim.Status.AddressRef.Name, err)
	}
	a, err := read(claim, given)
	if err != nil {
		return Address{}, err
	}
	return a, c.protect(ctx, r, given)
}

// Keep makes the owner the claim's controller again, if the claim has lost it.
func (c Claims) Keep(ctx context.Context, r Request) error {
	claim := &ipamv1.IPAddressClaim{}
	if err := c.Get(ctx, client.ObjectKey{Namespace: r.Owner.GetNamespace(), Name: r.Name}, claim); err != nil {
		return client.IgnoreNotFound(err)
	}
	return c.keep(ctx, r, claim)
}

func (c Claims) ask(ctx context.Context, r Request) error {
	labels := map[string]string{clusterv1.ClusterNameLabel: r.Cluster, r.Label: r.Owner.GetName()}
	if watched, ok := r.Owner.GetLabels()[clusterv1.WatchLabel]; ok {
		labels[clusterv1.WatchLabel] = watched
	}
	claim := &ipamv1.IPAddressClaim{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: r.Owner.GetNamespace(), Name: r.Name, Labels: labels, Finalizers: []string{r.Finalizer},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(r.Owner, r.Kind)},
		},
		Spec: ipamv1.IPAddressClaimSpec{
			ClusterName: r.Cluster,
			PoolRef:     ipamv1.IPPoolReference{APIGroup: r.Pool.APIGroup, Kind: r.Pool.Kind, Name: r.Pool.Name},
		},
	}
	pending := unanswered(claim)
	if err := c.Create(ctx, claim); apierrors.IsAlreadyExists(err) { // the cache does not show it yet
		pending.Wake = soon
	} else if err != nil {
		return fmt.Errorf("create IPAddressClaim %s: %w", r.Name, err)
	}
	return pending
}

// keep refuses a claim that is somebody else's. One that has lost its controller, or whose controller was this owner before it was moved
// or restored, gets it back, and is used when the cache shows so.
func (c Claims) keep(ctx context.Context, r Request, claim *ipamv1.IPAddressClaim) error {
	if metav1.IsControlledBy(claim, r.Owner) {
		return nil
	}
	before := claim.DeepCopy()
	if claim.Labels[r.Label] != r.Owner.GetName() || !Adopt(claim, r.Owner, r.Kind) {
		return &PendingError{infrav1.AddressUnusableReason, fmt.Sprintf("IPAddressClaim %s is not of this %s: remove it, if nothing uses its address",
			claim.Name, r.Kind.Kind), lookAgain}
	}
	if !claim.DeletionTimestamp.IsZero() {
		return nil // it is given up, or kept as it is
	}
	if err := c.Patch(ctx, claim, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		return fmt.Errorf("own IPAddressClaim %s: %w", claim.Name, err)
	}
	return &PendingError{infrav1.WaitingForAddressReason, fmt.Sprintf("IPAddressClaim %s had lost its owner", claim.Name), soon}
}

// giveUp lets a claim go that cannot be used any more, so that another one can be made.
func (c Claims) giveUp(ctx context.Context, r Request, claim *ipamv1.IPAddressClaim) error {
	pending := &PendingError{infrav1.WaitingForAddressReason, fmt.Sprintf("IPAddressClaim %s is being deleted", claim.Name), lookAgain}
	if r.Settled {
		pending.Message += ", and its address may be in use"
		return pending
	}
	if name := claim.Status.AddressRef.Name; name != "" {
		given := &ipamv1.IPAddress{}
		err := c.Reader.Get(ctx, client.ObjectKey{Namespace: claim.Namespace, Name: name}, given)
		if err == nil && given.Spec.ClaimRef.Name == claim.Name {
			err = c.Release(ctx, r.Finalizer, given)
		}
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("release IPAddress %s: %w", name, err)
		}
	}
	if err := c.Release(ctx, r.Finalizer, claim); err != nil {
		return err
	}
	pending.Wake = soon
	return pending
}

// Release takes the finalizer off, and deletes claims. The addresses are the provider's to delete.
func (c Claims) Release(ctx context.Context, finalizer string, objects ...client.Object) error {
	for _, o := range objects {
		before := o.DeepCopyObject().(client.Object)
		if controllerutil.RemoveFinalizer(o, finalizer) {
			// The list of finalizers is replaced as a whole, and the provider has some, too.
			err := c.Patch(ctx, o, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
			if client.IgnoreNotFound(err) != nil {
				return fmt.Errorf("release %T %s: %w", o, o.GetName(), err)
			}
		}
		if _, ok := o.(*ipamv1.IPAddressClaim); !ok {
			continue
		}
		if err := c.Delete(ctx, o); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete IPAddressClaim %s: %w", o.GetName(), err)
		}
	}
	return nil
}

// protect keeps the address when the claim is deleted while a VM uses it: providers count an address as taken as long as it exists.
func (c Claims) protect(ctx context.Context, r Request, given *ipamv1.IPAddress) error {
	before := given.DeepCopy()
	if !controllerutil.AddFinalizer(given, r.Finalizer) && given.Labels[r.Label] == r.Owner.GetName() {
		return nil
	}
	if given.Labels == nil {
		given.Labels = map[string]string{}
	}
	given.Labels[r.Label] = r.Owner.GetName()
	if err := c.Patch(ctx, given, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		return fmt.Errorf("protect IPAddress %s: %w", given.Name, err)
	}
	return nil
}

// Adopt makes the owner the object's controller; false when it has another one. A reference to an object of the owner's kind and name is
// one to the owner, which had another UID before it was moved or restored.
func Adopt(o, owner client.Object, kind schema.GroupVersionKind) bool {
	references := []metav1.OwnerReference{}
	for _, ref := range o.GetOwnerReferences() {
		group, _ := schema.ParseGroupVersion(ref.APIVersion) // one that cannot be read is nobody of ours
		switch {
		case group.Group == kind.Group && ref.Kind == kind.Kind && ref.Name == owner.GetName():
		case ref.Controller != nil && *ref.Controller:
			return false
		default:
			references = append(references, ref)
		}
	}
	o.SetOwnerReferences(append(references, *metav1.NewControllerRef(owner, kind)))
	return true
}
