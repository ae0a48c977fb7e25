package olvmmachine

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/address"
	"github.com/ocne-project/ocne/internal/machine"
)

// machineLabel finds the addresses of a machine.
const machineLabel = "infrastructure.cluster.x-k8s.io/olvmmachine"

// errPoolExhausted: every address of the pool is taken.
var errPoolExhausted = errors.New("no address is free")

// won are the addresses of a machine.
type won struct {
	ipv4, ipv6 netip.Addr // ipv6 is invalid without a second stack, or when it configures itself
}

func (w won) list() []netip.Addr {
	if !w.ipv6.IsValid() {
		return []netip.Addr{w.ipv4}
	}
	return []netip.Addr{w.ipv4, w.ipv6}
}

// wanted describes one address to claim.
type wanted struct {
	family  string
	pool    address.Pool
	prefix  int
	gateway string
	network string // the engine's id
	held    map[netip.Addr]string
	// settled: a request with the machine's addresses may still take effect, so they are kept whoever else has them. Before the VM
	// starts, the engine's list decides.
	settled bool
}

// claimName ties an address to one family of one machine.
func (w wanted) claimName(olvm *infrav1.OLVMMachine) string { return olvm.Name + "-" + w.family }

// claimAddresses takes one address of each family out of the machine's pools. Within a namespace Kubernetes decides who has an
// address, by the name of an IPAddress; beyond it the engine does: held are the addresses that other VMs carry already.
func (r *Reconciler) claimAddresses(ctx context.Context, s subject, d machine.Desired, held map[netip.Addr]string) (won, error) {
	want, err := pools(s)
	if err != nil {
		return won{}, err
	}
	known := &ipamv1.IPAddressList{}
	if err := r.APIReader.List(ctx, known, client.InNamespace(s.olvm.Namespace)); err != nil {
		return won{}, fmt.Errorf("list IPAddresses: %w", err)
	}
	var got won
	for _, w := range want {
		w.network, w.held, w.settled = d.Place.NetworkID, held, d.MayTakeEffect(time.Now())
		a, err := r.claim(ctx, s, w, known.Items)
		if err != nil {
			return won{}, err
		}
		if a.Is4() {
			got.ipv4 = a
		} else {
			got.ipv6 = a
		}
	}
	return got, nil
}

// pools are the machine's pools without what no machine may take. An address that configures itself needs none.
func pools(s subject) ([]wanted, error) {
	network := s.olvm.Spec.VirtualMachine.Network
	subnet, gateway, err := network.SubnetAndGateway()
	if err != nil {
		return nil, err
	}
	endpoint, _ := netip.ParseAddr(s.infra.Spec.ControlPlaneEndpoint.Host) // a name is no address of the pool
	pool, err := poolIn("ipv4.ipAddresses", network.IPv4.IPAddresses, func(netip.Addr) (netip.Prefix, error) { return subnet, nil })
	if err != nil {
		return nil, err
	}
	list := []wanted{{
		family: "ipv4", pool: pool.Without(address.Reserved(subnet, gateway, endpoint)...), prefix: subnet.Bits(), gateway: gateway.String(),
	}}
	ipv6 := network.IPv6
	if ipv6 == nil || ipv6.AutoConf || len(ipv6.IPAddresses) == 0 {
		return list, nil
	}
	var subnet6 netip.Prefix // it has no field of its own: it is that of the first address
	pool, err = poolIn("ipv6.ipAddresses", ipv6.IPAddresses, func(first netip.Addr) (netip.Prefix, error) {
		subnet6, err = first.Prefix(ipv6.Prefix())
		return subnet6, err
	})
	if err != nil {
		return nil, err
	}
	gateway, _ = netip.ParseAddr(ipv6.Gateway) // none, or refused with the boot document
	return append(list, wanted{
		family: "ipv6", pool: pool.Without(address.Reserved(subnet6, gateway, netip.Addr{})...), prefix: ipv6.Prefix(), gateway: ipv6.Gateway,
	}), nil
}

// poolIn reads a pool whose addresses must all be in one subnet, which may follow from the first of them.
func poolIn(field string, items []string, subnetOf func(first netip.Addr) (netip.Prefix, error)) (address.Pool, error) {
	pool, err := address.ParsePool(items)
	if err != nil {
		return address.Pool{}, fmt.Errorf("%s: %w", field, err)
	}
	first, ok := pool.First()
	if !ok {
		return pool, nil
	}
	if first.Is4() != strings.HasPrefix(field, "ipv4") {
		return address.Pool{}, fmt.Errorf("%s holds %s, an address of the other family", field, first)
	}
	subnet, err := subnetOf(first)
	if err != nil {
		return address.Pool{}, fmt.Errorf("%s: %w", field, err)
	}
	if a, found := pool.Outside(subnet); found {
		return address.Pool{}, fmt.Errorf("%s: %s is not in the subnet %s; use addresses of the subnet only", field, a, subnet)
	}
	return pool, nil
}

// claim keeps the address that the machine has, unless another VM carries it, or takes the first free one of the pool.
func (r *Reconciler) claim(ctx context.Context, s subject, w wanted, known []ipamv1.IPAddress) (netip.Addr, error) {
	names := map[string]bool{}
	for i := range known {
		if known[i].Spec.ClaimRef.Name != w.claimName(s.olvm) {
			names[known[i].Name] = true
			continue
		}
		a, err := netip.ParseAddr(known[i].Spec.Address)
		_, lost := w.held[a]
		if err == nil && (!lost || w.settled) && w.pool.Contains(a) && known[i].DeletionTimestamp.IsZero() {
			return a, nil
		}
		if err := r.release(ctx, &known[i]); err != nil {
			return netip.Addr{}, err
		}
	}
	for a := range w.pool.All() {
		name := address.Name(a, s.engine.URL(), w.network)
		if _, taken := w.held[a]; taken || names[name] {
			continue
		}
		err := r.Create(ctx, claimed(s, w, a, name))
		if err == nil {
			return a, nil
		}
		if !apierrors.IsAlreadyExists(err) {
			return netip.Addr{}, fmt.Errorf("create IPAddress for %s: %w", a, err)
		}
	}
	return netip.Addr{}, fmt.Errorf("%w in the %s pool %s (%d addresses); add some to the machine template's ipAddresses",
		errPoolExhausted, w.family, w.pool, w.pool.Len())
}

func claimed(s subject, w wanted, a netip.Addr, name string) *ipamv1.IPAddress {
	return &ipamv1.IPAddress{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: s.olvm.Namespace, Name: name,
			Labels:     map[string]string{machineLabel: s.olvm.Name, clusterv1.ClusterNameLabel: s.cluster.Name},
			Finalizers: []string{infrav1.MachineFinalizer},
			OwnerReferences: []metav1.OwnerReference{
				*metav1.NewControllerRef(s.olvm, infrav1.GroupVersion().WithKind("OLVMMachine")),
			},
		},
		Spec: ipamv1.IPAddressSpec{
			ClaimRef: ipamv1.IPAddressClaimReference{Name: w.claimName(s.olvm)},
			PoolRef:  ipamv1.IPPoolReference{APIGroup: infrav1.Group, Kind: "OLVMMachine", Name: s.olvm.Name},
			Address:  a.String(), Prefix: ptr.To(int32(w.prefix)), Gateway: w.gateway,
		},
	}
}

// releaseAll gives the machine's addresses back. Only a VM that is confirmed absent has none.
func (r *Reconciler) releaseAll(ctx context.Context, olvm *infrav1.OLVMMachine) error {
	mine := &ipamv1.IPAddressList{}
	if err := r.APIReader.List(ctx, mine, client.InNamespace(olvm.Namespace), client.MatchingLabels{machineLabel: olvm.Name}); err != nil {
		return fmt.Errorf("list IPAddresses: %w", err)
	}
	for i := range mine.Items {
		if err := r.release(ctx, &mine.Items[i]); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reconciler) release(ctx context.Context, a *ipamv1.IPAddress) error {
	before := a.DeepCopy()
	if controllerutil.RemoveFinalizer(a, infrav1.MachineFinalizer) {
		if err := r.Patch(ctx, a, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("release IPAddress %s: %w", a.Name, err)
		}
	}
	if err := r.Delete(ctx, a); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete IPAddress %s: %w", a.Name, err)
	}
	return nil
}
