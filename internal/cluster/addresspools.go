package cluster

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/address"
)

// AddressPool is how far a pool is used. Addresses that VMs of other management clusters carry are not known here.
type AddressPool struct {
	// Groups of machines that take their addresses from it.
	Groups []string `json:"groups"`
	// Network is the engine's logical network.
	Network string `json:"network"`
	// Ranges as the machine template has them.
	Ranges []string `json:"ranges"`
	// Used by machines of this cluster.
	Used uint64 `json:"used"`
	// UsedByOthers counts machines of other clusters in the same management cluster.
	UsedByOthers uint64 `json:"usedByOthers"`
	// Total is how many machines can take: gateway, virtual IP, network and broadcast address are not counted.
	Total uint64 `json:"total"`
}

// Free is what is left.
func (p AddressPool) Free() uint64 { return p.Total - min(p.Total, p.Used+p.UsedByOthers) }

// addressPools reads the pools of the machine templates in use; groups with the same ranges on one network share a pool.
func (m *Management) addressPools(ctx context.Context, s *snapshot) ([]AddressPool, error) {
	var all ipamv1.IPAddressList
	if err := m.Client.List(ctx, &all); err != nil {
		return nil, fmt.Errorf("list IPAddresses: %w", err)
	}
	templates := s.templates()
	pools := []AddressPool{}
	for _, name := range slices.Sorted(maps.Keys(templates)) {
		t := &infrav1.OLVMMachineTemplate{}
		key := client.ObjectKey{Namespace: s.cluster.Namespace, Name: name}
		if err := m.Client.Get(ctx, key, t); apierrors.IsNotFound(err) {
			continue
		} else if err != nil {
			return nil, fmt.Errorf("read OLVMMachineTemplate %s: %w", key, err)
		}
		spec := t.Spec.Template.Spec
		for _, ranges := range rangesOf(spec.VirtualMachine.Network) {
			same := slices.IndexFunc(pools, func(p AddressPool) bool {
				return p.Network == spec.OLVMNetwork.NetworkName && slices.Equal(p.Ranges, ranges)
			})
			if same >= 0 {
				pools[same].Groups = append(pools[same].Groups, templates[name]...)
				continue
			}
			p := AddressPool{Groups: templates[name], Network: spec.OLVMNetwork.NetworkName, Ranges: ranges}
			p.count(spec.VirtualMachine.Network, s.cluster, all.Items)
			pools = append(pools, p)
		}
	}
	return pools, nil
}

// rangesOf are the pools of both families.
func rangesOf(n infrav1.Network) [][]string {
	pools := [][]string{n.IPv4.IPAddresses}
	if n.IPv6 != nil && !n.IPv6.AutoConf && len(n.IPv6.IPAddresses) > 0 {
		pools = append(pools, n.IPv6.IPAddresses)
	}
	return pools
}

// count leaves zeros where the pool cannot be understood; the machines' conditions say so.
func (p *AddressPool) count(n infrav1.Network, cluster *clusterv1.Cluster, all []ipamv1.IPAddress) {
	pool, err := address.ParsePool(p.Ranges)
	if err != nil {
		return
	}
	pool = pool.Without(reserved(n, pool, cluster.Spec.ControlPlaneEndpoint.Host)...)
	p.Total = pool.Len()
	network := ""
	var others []string
	for i := range all {
		a, err := netip.ParseAddr(all[i].Spec.Address)
		if err != nil || !pool.Contains(a) || all[i].Spec.PoolRef.Kind != "OLVMMachine" {
			continue
		}
		if all[i].Namespace == cluster.Namespace && all[i].Labels[clusterv1.ClusterNameLabel] == cluster.Name {
			p.Used++
			network = networkOf(&all[i])
		} else {
			others = append(others, networkOf(&all[i]))
		}
	}
	for _, other := range others {
		if network == "" || other == network { // before the first address of its own, the cluster's network is not known
			p.UsedByOthers++
		}
	}
}

func reserved(n infrav1.Network, pool address.Pool, endpoint string) []netip.Addr {
	vip, _ := netip.ParseAddr(endpoint) // a name is no address of the pool
	for first := range pool.All() {
		if first.Is4() {
			subnet, gateway, _ := n.SubnetAndGateway() // the zero values reserve nothing
			return address.Reserved(subnet, gateway, vip)
		}
		gateway, _ := netip.ParseAddr(n.IPv6.Gateway)
		return address.Reserved(netip.PrefixFrom(first, n.IPv6.Prefix()).Masked(), gateway, vip)
	}
	return nil
}

// networkOf is the end of the name of an IPAddress, which stands for engine and network (address.Name).
func networkOf(a *ipamv1.IPAddress) string { return a.Name[strings.LastIndex(a.Name, "-")+1:] }
