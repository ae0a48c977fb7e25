package address

import (
	"net/netip"
	"slices"

	infrav1 "github.com/ocne-project/ocne/api/v1"
)

// NICPools are the pools of an additional NIC, none, one or one of each family. Such a network has no gateway, and no machine may take the
// next hop of a route. The endpoint and more ranges are as in NodePools.
func NICPools(n infrav1.AdditionalNIC, endpoint string, more ...infrav1.AdditionalNIC) ([]NodePool, error) {
	var routers []netip.Addr
	for _, r := range n.Routes {
		_, via, err := r.Parse()
		if err != nil {
			return nil, err
		}
		routers = append(routers, via)
	}
	var list []NodePool
	if n.IPv4 != nil {
		pool, err := ipv4OfNIC(*n.IPv4, endpoint, routers, more)
		if err != nil {
			return nil, err
		}
		list = append(list, pool)
	}
	if n.IPv6 == nil || n.IPv6.AutoConf {
		return list, nil
	}
	ranges := with([]string{}, n.IPv6.IPAddresses)
	for _, m := range more {
		if m.IPv6 != nil {
			ranges = with(ranges, m.IPv6.IPAddresses)
		}
	}
	second, err := secondPool(*n.IPv6, ranges, netip.Addr{}, routers...)
	return append(list, second), err
}

func ipv4OfNIC(n infrav1.IPv4, endpoint string, routers []netip.Addr, more []infrav1.AdditionalNIC) (NodePool, error) {
	subnet, err := n.SubnetPrefix()
	if err != nil {
		return NodePool{}, err
	}
	ranges := with([]string{}, n.IPAddresses)
	for _, m := range more {
		if m.IPv4 != nil {
			ranges = with(ranges, m.IPv4.IPAddresses)
		}
	}
	pool, err := poolIn("ipv4.ipAddresses", ranges, func(netip.Addr) (netip.Prefix, error) { return subnet, nil })
	if err != nil {
		return NodePool{}, err
	}
	vip, _ := netip.ParseAddr(endpoint) // a name is no address of the pool
	return NodePool{
		Family: infrav1.IPv4Family, Ranges: ranges, Pool: pool.Without(slices.Concat(routers, Reserved(subnet, netip.Addr{}, vip))...),
		Prefix: subnet.Bits(),
	}, nil
}
