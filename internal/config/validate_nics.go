package config

import (
	"fmt"
	"net/netip"

	infrav1 "github.com/ocne-project/ocne/api/v1"
)

const (
	maxNICs      = 8
	maxInterface = 15
)

// asNetwork is what an additional NIC has in common with the first one.
func asNetwork(n infrav1.AdditionalNIC) infrav1.Network {
	network := infrav1.Network{IPv6: n.IPv6, AddressesFromPools: n.AddressesFromPools}
	if n.IPv4 != nil {
		network.IPv4 = *n.IPv4
	}
	return network
}

func (v *validator) additionalNICs(key string, m Machine) {
	nics := m.VirtualMachine.AdditionalNICs
	if len(nics) > maxNICs {
		v.report(key+"additionalNICs", "are %d: write %d or fewer", len(nics), maxNICs)
	}
	names := map[string]string{m.OLVMNetwork.NIC(): "olvmNetwork.vnicName"}
	devices := map[string]string{m.VirtualMachine.Network.Device(): "network.interface"}
	for i, n := range nics {
		item := fmt.Sprintf("additionalNICs[%d]", i)
		v.nicNames(key+item+".", n)
		v.once(key+item+".vnicName", n.VNICName, item+".vnicName", names)
		v.once(key+item+".interface", n.Interface, item+".interface", devices)
		v.nicAddresses(key+item, n, m.VirtualMachine.Network)
		v.routes(key+item+".routes", n)
		if n.MTU != 0 && (n.MTU < 576 || n.MTU > 65520) {
			v.report(key+item+".mtu", "is %d: write 0 for the network's own, or 576 to 65520 bytes", n.MTU)
		}
	}
}

func (v *validator) nicNames(key string, n infrav1.AdditionalNIC) {
	for _, name := range []struct {
		key, value, what string
		length           int
	}{
		{"vnicName", n.VNICName, "the NIC's name in the engine, such as nic2", maxVNICName},
		{"networkName", n.NetworkName, "the engine's logical network", maxNetworkName},
		{"vnicProfileName", n.VNICProfileName, "a vNIC profile of that network", maxVNICProfileName},
		{"interface", n.Interface, "the NIC's name in the guest, such as enp2s0", maxInterface},
	} {
		if v.required(key+name.key, name.value, name.what) {
			v.atMost(key+name.key, name.value, name.length)
		}
	}
	for _, name := range []struct{ key, value string }{{"vnicName", n.VNICName}, {"interface", n.Interface}} {
		if name.value != "" && !isWord(name.value) {
			v.report(key+name.key, "%q has characters that such a name cannot have: write letters, digits, dots, hyphens and underscores", name.value)
		}
	}
}

// once refuses a name that another NIC of the machine has.
func (v *validator) once(key, value, what string, taken map[string]string) {
	if other, twice := taken[value]; twice && value != "" {
		v.report(key, "%q is the name of %s, too: write another one", value, other)
		return
	}
	taken[value] = what
}

func (v *validator) nicAddresses(key string, n infrav1.AdditionalNIC, first infrav1.Network) {
	if n.FromPools() {
		if n.IPv4 != nil || n.IPv6 != nil {
			v.report(key+".addressesFromPools", "takes the place of ipv4 and ipv6: write one of them")
			return
		}
		v.fromPools(key, asNetwork(n))
		return
	}
	if n.IPv4 != nil {
		v.ipv4(key, asNetwork(n))
	}
	if n.IPv6 != nil && n.IPv6.Gateway != "" {
		v.report(key+".ipv6.gateway", "is given, and an additional NIC has none: leave it out, and write routes")
	} else if n.IPv6 != nil {
		v.ipv6(key+".ipv6", asNetwork(n))
	}
	var node []netip.Prefix
	for _, subnet := range nodeSubnets(first) {
		node = append(node, subnet)
	}
	for name, subnet := range nodeSubnets(asNetwork(n)) {
		v.overlap(key+"."+name, subnet, "the first NIC", node)
	}
}

func (v *validator) routes(key string, n infrav1.AdditionalNIC) {
	if len(n.Routes) > 0 && n.IPv4 == nil && n.IPv6 == nil && !n.FromPools() {
		v.report(key, "need an address on the NIC: write ipv4, ipv6 or addressesFromPools")
		return
	}
	for _, r := range n.Routes {
		_, via, err := r.Parse()
		if err != nil {
			v.report(key, "%v", err)
			continue
		}
		if r.Metric < 0 {
			v.report(key, "route to %s: the metric is %d: write 0 for the guest's own, or a positive number", r.To, r.Metric)
		}
		if n.FromPools() || via.Is6() && (via.IsLinkLocalUnicast() || n.AutoConf()) {
			continue // nobody knows the subnet here
		}
		reached, known := false, false
		for _, subnet := range nodeSubnets(asNetwork(n)) {
			known = true
			reached = reached || subnet.Contains(via)
		}
		if known && !reached {
			v.report(key, "route to %s: the next hop %s is not in a subnet of the NIC: write the router's address there", r.To, via)
		}
	}
}
