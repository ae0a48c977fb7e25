package address

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	infrav1 "github.com/ocne-project/ocne/api/v1"
)

// NodePool is what the machines on a network may take, of one family.
type NodePool struct {
	Family infrav1.AddressFamily
	// Ranges as they are written.
	Ranges []string
	// Pool is Ranges without what no machine may take.
	Pool Pool
	// Prefix is the length of the subnet's prefix.
	Prefix int
	// Gateway is invalid when there is none.
	Gateway netip.Addr
}

// Summary is the ranges in a length that a message can have.
func (p NodePool) Summary() string { return Summary(p.Ranges) }

// Summary is a list in a length that a message can have: conditions have at most 32768 characters, and pools 256 ranges each.
func Summary(items []string) string {
	const most = 8
	if n := len(items) - most; n > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(items[:most], ", "), n)
	}
	return strings.Join(items, ", ")
}

// NodePools are the pools of a network: that of IPv4, and that of IPv6 unless the address configures itself. The endpoint is the host of
// the cluster's API; when it is an address, no machine may take it. More ranges of a network that is otherwise the same come after the
// network's own.
func NodePools(n infrav1.Network, endpoint string, more ...infrav1.Network) ([]NodePool, error) {
	subnet, gateway, err := n.SubnetAndGateway()
	if err != nil {
		return nil, err
	}
	vip, _ := netip.ParseAddr(endpoint) // a name is no address of the pool
	ranges, ranges6 := with([]string{}, n.IPv4.IPAddresses), []string{}
	if n.IPv6 != nil && !n.IPv6.AutoConf {
		ranges6 = with(ranges6, n.IPv6.IPAddresses)
	}
	for _, m := range more {
		ranges = with(ranges, m.IPv4.IPAddresses)
		if len(ranges6) > 0 && m.IPv6 != nil {
			ranges6 = with(ranges6, m.IPv6.IPAddresses)
		}
	}
	pool, err := poolIn("ipv4.ipAddresses", ranges, func(netip.Addr) (netip.Prefix, error) { return subnet, nil })
	if err != nil {
		return nil, err
	}
	list := []NodePool{{
		Family: infrav1.IPv4Family, Ranges: ranges, Pool: pool.Without(Reserved(subnet, gateway, vip)...), Prefix: subnet.Bits(), Gateway: gateway,
	}}
	if len(ranges6) == 0 {
		return list, nil
	}
	gateway6, _ := netip.ParseAddr(n.IPv6.Gateway) // none, or refused with the boot document
	second, err := secondPool(*n.IPv6, ranges6, gateway6)
	return append(list, second), err
}

// secondPool is that of IPv6; nobody may take the routers.
func secondPool(n infrav1.IPv6, ranges []string, gateway netip.Addr, routers ...netip.Addr) (NodePool, error) {
	var subnet netip.Prefix // it has no field of its own: it is that of the first address
	pool, err := poolIn("ipv6.ipAddresses", ranges, func(first netip.Addr) (netip.Prefix, error) {
		var err error
		subnet, err = first.Prefix(n.Prefix())
		return subnet, err
	})
	if err != nil {
		return NodePool{}, err
	}
	return NodePool{
		Family: infrav1.IPv6Family, Ranges: ranges, Pool: pool.Without(slices.Concat(routers, Reserved(subnet, gateway, netip.Addr{}))...),
		Prefix: n.Prefix(), Gateway: gateway,
	}, nil
}

// with adds the items that are not there yet.
func with(items, more []string) []string {
	for _, item := range more {
		if !slices.Contains(items, item) {
			items = append(items, item)
		}
	}
	return items
}

// poolIn reads a pool whose addresses must all be in one subnet, which may follow from the first of them.
func poolIn(field string, items []string, subnetOf func(first netip.Addr) (netip.Prefix, error)) (Pool, error) {
	pool, err := ParsePool(items)
	if err != nil {
		return Pool{}, fmt.Errorf("%s: %w", field, err)
	}
	first, ok := pool.First()
	if !ok {
		return pool, nil
	}
	if first.Is4() != strings.HasPrefix(field, "ipv4") {
		return Pool{}, fmt.Errorf("%s holds %s, an address of the other family", field, first)
	}
	subnet, err := subnetOf(first)
	if err != nil {
		return Pool{}, fmt.Errorf("%s: %w", field, err)
	}
	if a, found := pool.Outside(subnet); found {
		return Pool{}, fmt.Errorf("%s: %s is not in the subnet %s; use addresses of the subnet only", field, a, subnet)
	}
	return pool, nil
}
