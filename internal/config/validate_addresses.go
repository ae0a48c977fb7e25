package config

import (
	"iter"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/address"
)

const (
	ipv4Example = "192.0.2.10-192.0.2.30"
	ipv6Example = "2001:db8::10-2001:db8::30"
)

// nodeSubnets yields the subnets of a group's NIC that can be understood, each with its key.
func nodeSubnets(n infrav1.Network) iter.Seq2[string, netip.Prefix] {
	return func(yield func(string, netip.Prefix) bool) {
		if p, err := n.SubnetPrefix(); err == nil && !yield("ipv4.subnet", p) {
			return
		}
		if p, ok := ipv6Subnet(n); ok {
			yield("ipv6.ipAddresses", p)
		}
	}
}

// ipv6Subnet is the subnet of the static IPv6 addresses: that of the first one, because it has no key of its own.
func ipv6Subnet(n infrav1.Network) (netip.Prefix, bool) {
	if n.IPv6 == nil {
		return netip.Prefix{}, false
	}
	pool, err := address.ParsePool(n.IPv6.IPAddresses)
	if err != nil {
		return netip.Prefix{}, false
	}
	first, ok := pool.First()
	if !ok || !first.Is6() {
		return netip.Prefix{}, false
	}
	p, err := first.Prefix(n.IPv6.Prefix())
	return p, err == nil
}

func (v *validator) guestNetwork(key string, n infrav1.Network) {
	switch {
	case n.FromPools():
		v.fromPools(key, n)
	case n.IPv4.Subnet == "" && len(n.IPv4.IPAddresses) == 0 && n.IPv6 != nil:
		v.report(key+".ipv6", "stands alone, which is not supported: write ipv4.subnet and ipv4.ipAddresses too")
	default:
		v.ipv4(key, n)
	}
	if n.IPv6 != nil && (!n.FromPools() || n.IPv6.AutoConf) {
		v.ipv6(key+".ipv6", n)
	}
	for _, s := range n.Nameservers {
		if a, err := netip.ParseAddr(s); err != nil || a.Zone() != "" {
			v.report(key+".nameservers", "%q is not an IP address: write the DNS server's address", s)
		} else if a.Is6() && !hasIPv6(n) {
			v.report(key+".nameservers", "%s is IPv6, but the nodes have no IPv6: write an IPv4 address, or add ipv6", a)
		}
	}
	for name, words := range map[string][]string{"searchDomains": n.SearchDomains, "ntpServers": n.NTPServers} {
		for _, word := range words {
			if !isWord(word) {
				v.report(key+"."+name, "%q is not a name: write one such as example.com", word)
			}
		}
	}
	if n.MTU != 0 && (n.MTU < 576 || n.MTU > 65520) {
		v.report(key+".mtu", "is %d: write 0 for the network's own, or 576 to 65520 bytes", n.MTU)
	}
	switch {
	case len(n.Interface) > 15:
		v.report(key+".interface", "%q is longer than 15 characters: write the name of the NIC in the guest, such as enp1s0", n.Interface)
	case n.Interface != "" && !isWord(n.Interface):
		v.report(key+".interface", "%q is not the name of a NIC in the guest: write one such as enp1s0", n.Interface)
	}
}

// hasIPv6 says whether nodes have a second address. Of two pools one is for IPv6.
func hasIPv6(n infrav1.Network) bool { return n.IPv6 != nil || len(n.AddressesFromPools) > 1 }

// fromPools checks the references to the pools of an IPAM provider; what the pools hold is not known here.
func (v *validator) fromPools(key string, n infrav1.Network) {
	if n.IPv4.Subnet != "" || len(n.IPv4.IPAddresses) > 0 {
		v.report(key+".addressesFromPools", "takes the place of ipv4: write one of them")
	}
	if n.IPv6 != nil && len(n.IPv6.IPAddresses) > 0 {
		v.report(key+".addressesFromPools", "takes the place of ipv6.ipAddresses: write one of them")
	}
	if most := 2; len(n.AddressesFromPools) > most {
		v.report(key+".addressesFromPools", "names %d pools: write one for IPv4 and, for dual stack, one for IPv6", len(n.AddressesFromPools))
	}
	if len(n.AddressesFromPools) > 1 && n.IPv6 != nil && n.IPv6.AutoConf {
		v.report(key+".ipv6.autoConf", "makes the IPv6 address, and addressesFromPools names a second pool: write one of them")
	}
	for _, pool := range n.AddressesFromPools {
		if pool.APIGroup == "" || pool.Kind == "" || pool.Name == "" {
			v.report(key+".addressesFromPools", "names a pool without its apiGroup, kind or name: write all three, "+
				"such as {apiGroup: ipam.cluster.x-k8s.io, kind: InClusterIPPool, name: nodes}")
		}
	}
}

// isWord accepts what the nodes' files hold as one word: names, domains and addresses.
func isWord(s string) bool { return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]*$`).MatchString(s) }

func (v *validator) ipv4(key string, n infrav1.Network) {
	pool := v.pool(key+".ipv4.ipAddresses", n.IPv4.IPAddresses, ipv4Example)
	if first, ok := pool.First(); ok && first.Is6() {
		v.report(key+".ipv4.ipAddresses", "%s is not an IPv4 address: write IPv6 addresses in ipv6.ipAddresses, beside IPv4 addresses here", first)
		pool = address.Pool{}
	}
	if !v.required(key+".ipv4.subnet", n.IPv4.Subnet, "the nodes' subnet in CIDR notation, such as 192.0.2.0/24") {
		return
	}
	subnet, err := n.SubnetPrefix()
	if err != nil {
		v.notAnIPv4Subnet(key+".ipv4.subnet", n.IPv4.Subnet)
		return
	}
	if gateway, err := n.GatewayAddress(); err != nil {
		v.report(key+".gateway", "%q is not an IPv4 address: write one of %s", n.Gateway, subnet)
	} else if !subnet.Contains(gateway) {
		v.report(key+".gateway", "%s is not in the subnet %s: write an address of it", gateway, subnet)
	} else if n.Gateway != "" && isEdge(subnet, gateway) {
		v.report(key+".gateway", "%s is the network's own or the broadcast address of %s: write the router's address", gateway, subnet)
	}
	if a, found := pool.Outside(subnet); found {
		v.report(key+".ipv4.ipAddresses", "%s is not in the subnet %s: write addresses of the subnet only", a, subnet)
	}
}

func (v *validator) notAnIPv4Subnet(key, value string) {
	if p, err := netip.ParsePrefix(strings.TrimSpace(value)); err == nil && p.Addr().Is6() {
		v.report(key, "%q is an IPv6 subnet: write an IPv4 subnet such as 192.0.2.0/24, because IPv6 alone is not supported", value)
		return
	}
	v.report(key, "%q is not an IPv4 subnet: write CIDR notation, such as 192.0.2.0/24", value)
}

// pool reads a pool, which must hold something; it is empty when it cannot be read.
func (v *validator) pool(key string, items []string, example string) address.Pool {
	malformed := false
	for _, item := range items {
		if _, err := address.ParsePool([]string{item}); err != nil {
			v.report(key, "%v", err)
			malformed = true
		}
	}
	if malformed {
		return address.Pool{}
	}
	pool, err := address.ParsePool(items)
	if err == nil {
		err = address.CheckOverlap(items)
	}
	switch {
	case err != nil:
		v.report(key, "%v", err)
	case pool.Len() == 0:
		v.report(key, "are required: write ranges, CIDR blocks or addresses, such as %s", example)
	}
	return pool
}

func (v *validator) ipv6(key string, network infrav1.Network) {
	n := *network.IPv6
	if n.PrefixLength < 0 || n.PrefixLength > 128 {
		v.report(key+".prefixLength", "is %d: write 1 to 128, or 0 for 64", n.PrefixLength)
	}
	gateway, err := netip.ParseAddr(n.Gateway)
	if n.Gateway != "" && (err != nil || !gateway.Is6() || gateway.Zone() != "") {
		v.report(key+".gateway", "%q is not an IPv6 address: write the router's address, or leave it out to learn it", n.Gateway)
	}
	switch {
	case n.AutoConf && len(n.IPAddresses) > 0:
		v.report(key+".autoConf", "is true and ipAddresses are given: write one of them")
		return
	case n.AutoConf && n.Gateway != "":
		v.report(key+".gateway", "is given and autoConf is true: leave it out, router advertisements name the gateway too")
		return
	case n.AutoConf:
		return
	case len(n.IPAddresses) == 0:
		v.report(key, "has no addresses: write ipAddresses, or autoConf: true, or leave ipv6 out")
		return
	}
	pool := v.pool(key+".ipAddresses", n.IPAddresses, ipv6Example)
	first, ok := pool.First()
	if !ok {
		return
	}
	if first.Is4() {
		v.report(key+".ipAddresses", "%s is not an IPv6 address: write IPv4 addresses in ipv4.ipAddresses", first)
		return
	}
	v.ipv6Subnet(key, network, pool, gateway)
}

// ipv6Subnet checks what the subnet of the static addresses follows from: the addresses themselves, their prefix length, the gateway.
func (v *validator) ipv6Subnet(key string, network infrav1.Network, pool address.Pool, gateway netip.Addr) {
	subnet, ok := ipv6Subnet(network)
	if !ok {
		return // the prefix length, which has been reported
	}
	first, _ := pool.First()
	if !first.IsGlobalUnicast() {
		v.report(key+".ipAddresses", "%s is link-local or no address of a machine: write global or unique local addresses, such as %s", first, ipv6Example)
		return
	}
	if a, found := pool.Outside(subnet); found {
		v.report(key+".ipAddresses", "%s is not in the subnet %s of the first address: write addresses of one subnet, or another prefixLength", a, subnet)
	}
	if gateway.Is6() && !gateway.IsLinkLocalUnicast() && !subnet.Contains(gateway) {
		v.report(key+".gateway", "%s is not in the subnet %s of the addresses: write an address of it or the router's link-local address, "+
			"or leave it out to learn it", gateway, subnet)
	}
}

func (v *validator) virtualIP() {
	c := v.config
	if !v.required("virtualIp", c.VirtualIP, "a free IPv4 address of the control plane nodes' subnet") {
		return
	}
	vip, err := netip.ParseAddr(c.VirtualIP)
	if err == nil && vip.Is6() {
		v.report("virtualIp", "%s is an IPv6 address: write an IPv4 address of the control plane nodes' subnet, because IPv6 alone is not supported", vip)
		return
	}
	if err != nil {
		v.report("virtualIp", "%q is not an IPv4 address: write a free one of the control plane nodes' subnet", c.VirtualIP)
		return
	}
	network := c.OLVM.ControlPlaneMachine.VirtualMachine.Network
	subnet, err := network.SubnetPrefix()
	if err != nil || c.LoadBalancer.Type == infrav1.LoadBalancerExternal {
		return // reported with the machine, or anywhere that the nodes reach
	}
	if !subnet.Contains(vip) {
		v.report("virtualIp", "%s is not in the control plane nodes' subnet %s: write a free address of it", vip, subnet)
		return
	}
	if isEdge(subnet, vip) {
		v.report("virtualIp", "%s is the network's own or the broadcast address of %s: write another one", vip, subnet)
	}
	if gateway, err := network.GatewayAddress(); err == nil && vip == gateway {
		v.report("virtualIp", "%s is the gateway: write another address", vip)
	}
}

// isEdge says whether a is the network's own or the broadcast address of the subnet.
func isEdge(subnet netip.Prefix, a netip.Addr) bool {
	return slices.Contains(address.Reserved(subnet, netip.Addr{}, netip.Addr{}), a)
}
