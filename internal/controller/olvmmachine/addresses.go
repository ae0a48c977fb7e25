package olvmmachine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/address"
	"github.com/ocne-project/ocne/internal/claim"
	"github.com/ocne-project/ocne/internal/machine"
)

// machineLabel finds the addresses of a machine.
const machineLabel = "infrastructure.cluster.x-k8s.io/olvmmachine"

// errPoolExhausted: every address of the pool is taken.
var errPoolExhausted = errors.New("no address is free")

// won are the addresses of a machine.
type won struct {
	ipv4, ipv6 taken // ipv6 is zero without a second stack, or when it configures itself
	additional []won // of the additional NICs, in their order; each may have none
}

// taken is an address with the length of its subnet's prefix and the gateway, which is invalid when there is none.
type taken struct {
	prefix  netip.Prefix
	gateway netip.Addr
}

func (w *won) add(t taken) {
	if t.prefix.Addr().Is4() {
		w.ipv4 = t
	} else {
		w.ipv6 = t
	}
}

// list are those of the first NIC.
func (w won) list() []netip.Addr {
	var list []netip.Addr
	for _, t := range []taken{w.ipv4, w.ipv6} {
		if t.prefix.IsValid() {
			list = append(list, t.prefix.Addr())
		}
	}
	return list
}

// wanted describes one address to claim.
type wanted struct {
	address.NodePool
	// claims begins the names that tie addresses to the NIC: the machine's, and for an additional NIC its place in the list.
	claims      string
	network     string // the engine's id
	networkName string
	held        map[netip.Addr]string
	// settled: a request with the machine's addresses may still take effect, so they are kept whoever else has them. Before the VM
	// starts, the engine's list decides.
	settled bool
	// growth says what to do when the pool is exhausted.
	growth string
}

// claimName ties an address to one family of one NIC.
func (w wanted) claimName() string {
	return w.claims + "-" + strings.ToLower(string(w.Family))
}

// holders tells which addresses of a network, by the engine's id, other VMs carry already, and the ids of those.
type holders func(networkID string) map[netip.Addr]string

// claimAddresses takes addresses for every NIC of the machine. Within a namespace Kubernetes decides who has an address, by the name of an
// IPAddress; beyond it the engine does.
func (r *Reconciler) claimAddresses(ctx context.Context, s subject, d machine.Desired, held holders) (won, error) {
	got, err := r.firstAddresses(ctx, s, d, held(d.Place.NetworkID))
	if err != nil {
		return won{}, err
	}
	for i, nic := range s.olvm.Spec.VirtualMachine.AdditionalNICs {
		of, err := r.addressesOfNIC(ctx, s, d, i, held(d.AdditionalNICs[i].NetworkID))
		if err != nil {
			return won{}, fmt.Errorf("additional NIC %s: %w", nic.VNICName, err)
		}
		got.additional = append(got.additional, of)
	}
	return got, nil
}

// firstAddresses takes one address of each family, for the NIC that carries the node's.
func (r *Reconciler) firstAddresses(ctx context.Context, s subject, d machine.Desired, held map[netip.Addr]string) (won, error) {
	network := s.olvm.Spec.VirtualMachine.Network
	if network.FromPools() {
		got, err := r.addressesFromPools(ctx, s, d, s.olvm.Name, network.AddressesFromPools, held)
		if err != nil {
			return won{}, err
		}
		return together(got, network)
	}
	pools, growth, err := r.pools(ctx, s)
	if err != nil {
		return won{}, err
	}
	return r.takeOwn(ctx, s, pools, wanted{
		claims: s.olvm.Name, network: d.Place.NetworkID, networkName: d.Names.Network, held: held, settled: d.MayTakeEffect(time.Now()), growth: growth,
	})
}

// takeOwn takes one address out of each of the pools.
func (r *Reconciler) takeOwn(ctx context.Context, s subject, pools []address.NodePool, w wanted) (won, error) {
	if len(pools) == 0 {
		return won{}, nil
	}
	known := &ipamv1.IPAddressList{}
	if err := r.APIReader.List(ctx, known, client.InNamespace(s.olvm.Namespace)); err != nil {
		return won{}, fmt.Errorf("list IPAddresses: %w", err)
	}
	var got won
	for _, w.NodePool = range pools {
		a, err := r.claim(ctx, s, w, known.Items)
		if err != nil {
			return won{}, err
		}
		got.add(taken{netip.PrefixFrom(a, w.Prefix), w.Gateway})
	}
	return got, nil
}

// claim keeps the address that the machine has, unless another VM carries it, or takes the first free one of the pool.
func (r *Reconciler) claim(ctx context.Context, s subject, w wanted, known []ipamv1.IPAddress) (netip.Addr, error) {
	names := map[string]bool{}
	for i := range known {
		if known[i].Spec.ClaimRef.Name != w.claimName() || !claim.IsOwn(&known[i]) || known[i].Spec.PoolRef.Name != s.olvm.Name {
			names[known[i].Name] = true
			continue
		}
		a, err := netip.ParseAddr(known[i].Spec.Address)
		_, lost := w.held[a]
		if err == nil && (!lost || w.settled) && w.Pool.Contains(a) && known[i].DeletionTimestamp.IsZero() {
			return a, nil
		}
		if err := claim.GiveBack(ctx, r.Client, &known[i]); err != nil {
			return netip.Addr{}, err
		}
	}
	for a := range candidates(s.olvm, w.Pool) {
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
	return netip.Addr{}, fmt.Errorf("%w in the %s pool %s of network %s (%d addresses); %s",
		errPoolExhausted, w.Family, w.Summary(), w.networkName, w.Pool.Len(), w.growth)
}

// candidates are tried in the order of the pool. After a conflict the machine begins elsewhere: management clusters that do not know each
// other would otherwise meet again at the next address.
func candidates(olvm *infrav1.OLVMMachine, pool address.Pool) iter.Seq[netip.Addr] {
	if conditions.GetReason(olvm, infrav1.AddressesWonCondition) == infrav1.AddressConflictReason {
		return pool.From(machine.VMID(olvm.Spec.ProviderID))
	}
	return pool.All()
}

// chosen replaces what was said while there was no address. A conflict stays shown until the machine has won.
func chosen(olvm *infrav1.OLVMMachine, won won) {
	if conditions.GetReason(olvm, infrav1.AddressesWonCondition) == infrav1.AddressConflictReason {
		return
	}
	conditions.Set(olvm, metav1.Condition{
		Type: infrav1.AddressesWonCondition, Status: metav1.ConditionFalse, Reason: infrav1.ChosenReason,
		Message: fmt.Sprintf("%s: won when the VM starts", strings.Trim(fmt.Sprint(won.all()), "[]")),
	})
}

func claimed(s subject, w wanted, a netip.Addr, name string) *ipamv1.IPAddress {
	labels := map[string]string{machineLabel: s.olvm.Name, clusterv1.ClusterNameLabel: s.cluster.Name}
	if watched, ok := s.olvm.Labels[clusterv1.WatchLabel]; ok {
		labels[clusterv1.WatchLabel] = watched
	}
	gateway := ""
	if w.Gateway.IsValid() {
		gateway = w.Gateway.String()
	}
	return &ipamv1.IPAddress{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: s.olvm.Namespace, Name: name, Labels: labels,
			Finalizers:      []string{infrav1.MachineFinalizer},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(s.olvm, machineKind())},
		},
		Spec: ipamv1.IPAddressSpec{
			ClaimRef: ipamv1.IPAddressClaimReference{Name: w.claimName()},
			PoolRef:  ipamv1.IPPoolReference{APIGroup: infrav1.Group, Kind: "OLVMMachine", Name: s.olvm.Name},
			Address:  a.String(), Prefix: ptr.To(int32(w.Prefix)), Gateway: gateway,
		},
	}
}

// releaseAll gives the machine's addresses back. Only a VM that is confirmed absent has none.
func (r *Reconciler) releaseAll(ctx context.Context, olvm *infrav1.OLVMMachine) error {
	mine := &ipamv1.IPAddressList{}
	if err := r.APIReader.List(ctx, mine, client.InNamespace(olvm.Namespace), client.MatchingLabels{machineLabel: olvm.Name}); err != nil {
		return fmt.Errorf("list IPAddresses: %w", err)
	}
	var given []client.Object
	for i := range mine.Items {
		if !claim.IsOwn(&mine.Items[i]) {
			given = append(given, &mine.Items[i])
			continue
		}
		if err := claim.GiveBack(ctx, r.Client, &mine.Items[i]); err != nil {
			return err
		}
	}
	if !asksPools(olvm.Spec.VirtualMachine) && len(given) == 0 {
		return nil
	}
	return r.releaseClaims(ctx, olvm, given)
}
