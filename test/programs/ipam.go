package programs

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
)

const (
	// IPAMGroup is the group of the pools of the IPAM provider that tests play.
	IPAMGroup = "ipam.example.com"
	// IPAMFinalizer is its finalizer.
	IPAMFinalizer = "ipam.example.com/release"
)

// IPAM plays an IPAM provider of Cluster API by its contract: it gives an IPAddress for each claim to its pools, says when a pool has
// no more, and deletes the address as soon as the claim is deleted.
type IPAM struct {
	client.Client
	t     testing.TB
	mu    sync.Mutex
	pools map[string]ipamPool
}

type ipamPool struct {
	addresses []string
	prefix    int32
	gateway   string
}

// StartIPAM runs one until the test ends.
func StartIPAM(t testing.TB, c client.Client) *IPAM {
	t.Helper()
	p := &IPAM{Client: c, t: t, pools: map[string]ipamPool{}}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			claims := &ipamv1.IPAddressClaimList{}
			if err := p.List(ctx, claims); err != nil && ctx.Err() == nil {
				p.t.Logf("the IPAM provider cannot list claims: %v", err)
			}
			for i := range claims.Items {
				if err := p.answer(ctx, &claims.Items[i]); err != nil && !apierrors.IsConflict(err) && ctx.Err() == nil {
					p.t.Logf("the IPAM provider cannot answer %s: %v", claims.Items[i].Name, err)
				}
			}
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
		}
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	return p
}

// Fill says which addresses a pool has.
func (p *IPAM) Fill(pool, gateway string, prefix int32, addresses ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pools[pool] = ipamPool{addresses, prefix, gateway}
}

func (p *IPAM) answer(ctx context.Context, c *ipamv1.IPAddressClaim) error {
	if c.Spec.PoolRef.APIGroup != IPAMGroup || c.Status.AddressRef.Name != "" && c.DeletionTimestamp.IsZero() {
		return nil
	}
	if !c.DeletionTimestamp.IsZero() {
		return p.release(ctx, c)
	}
	before := client.MergeFrom(c.DeepCopy())
	if controllerutil.AddFinalizer(c, IPAMFinalizer) {
		return p.Patch(ctx, c, client.MergeFromWithOptions(withoutFinalizer(c), client.MergeFromWithOptimisticLock{}))
	}
	pool, free, err := p.free(ctx, c.Spec.PoolRef.Name)
	if err != nil {
		return err
	}
	if free == "" {
		conditions.Set(c, metav1.Condition{Type: "Ready", Status: metav1.ConditionFalse, Reason: "PoolExhausted", Message: "the test has no more"})
		return p.Status().Patch(ctx, c, before)
	}
	a := &ipamv1.IPAddress{ObjectMeta: metav1.ObjectMeta{
		Namespace: c.Namespace, Name: c.Name, Finalizers: []string{IPAMFinalizer},
		OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(c, ipamv1.GroupVersion.WithKind("IPAddressClaim"))},
	}}
	a.Spec = ipamv1.IPAddressSpec{
		ClaimRef: ipamv1.IPAddressClaimReference{Name: c.Name}, PoolRef: c.Spec.PoolRef, Address: free, Prefix: ptr.To(pool.prefix), Gateway: pool.gateway,
	}
	if err := p.Create(ctx, a); err != nil {
		return err
	}
	c.Status.AddressRef.Name = a.Name
	conditions.Set(c, metav1.Condition{Type: "Ready", Status: metav1.ConditionTrue, Reason: "AddressAllocated"})
	return p.Status().Patch(ctx, c, before)
}

func withoutFinalizer(c *ipamv1.IPAddressClaim) *ipamv1.IPAddressClaim {
	before := c.DeepCopy()
	controllerutil.RemoveFinalizer(before, IPAMFinalizer)
	return before
}

// free is an address of the pool that no IPAddress has.
func (p *IPAM) free(ctx context.Context, pool string) (ipamPool, string, error) {
	known := &ipamv1.IPAddressList{}
	if err := p.List(ctx, known); err != nil {
		return ipamPool{}, "", err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	have := p.pools[pool]
	for _, a := range have.addresses {
		if !slices.ContainsFunc(known.Items, func(k ipamv1.IPAddress) bool { return netip.MustParseAddr(k.Spec.Address) == netip.MustParseAddr(a) }) {
			return have, a, nil
		}
	}
	return have, "", nil
}

func (p *IPAM) release(ctx context.Context, c *ipamv1.IPAddressClaim) error {
	a := &ipamv1.IPAddress{}
	err := p.Get(ctx, client.ObjectKeyFromObject(c), a)
	if err == nil {
		before := a.DeepCopy()
		if controllerutil.RemoveFinalizer(a, IPAMFinalizer) {
			err = p.Patch(ctx, a, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
		}
		if err == nil && a.DeletionTimestamp.IsZero() {
			err = p.Delete(ctx, a)
		}
	}
	if client.IgnoreNotFound(err) != nil {
		return err
	}
	before := c.DeepCopy()
	if !controllerutil.RemoveFinalizer(c, IPAMFinalizer) {
		return nil
	}
	return p.Patch(ctx, c, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
}
