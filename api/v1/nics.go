package v1

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Model is the engine's NIC model.
func (n AdditionalNIC) Model() string { return cmp.Or(n.InterfaceType, "virtio") }

// FromPools says whether an IPAM provider gives the addresses.
func (n AdditionalNIC) FromPools() bool { return len(n.AddressesFromPools) > 0 }

// AutoConf says whether the guest configures an IPv6 address by SLAAC.
func (n AdditionalNIC) AutoConf() bool { return n.IPv6 != nil && n.IPv6.AutoConf }

// AdditionalNIC finds a NIC by its name in the engine; nil when there is none.
func (v VirtualMachine) AdditionalNIC(vnicName string) *AdditionalNIC {
	i := slices.IndexFunc(v.AdditionalNICs, func(n AdditionalNIC) bool { return n.VNICName == vnicName })
	if i < 0 {
		return nil
	}
	return &v.AdditionalNICs[i]
}

// Parse reads the destination without host bits and the next hop.
func (r Route) Parse() (to netip.Prefix, via netip.Addr, err error) {
	if to, err = netip.ParsePrefix(strings.TrimSpace(r.To)); err != nil || to.Addr().Is4In6() {
		return netip.Prefix{}, netip.Addr{}, fmt.Errorf("route to %q: it is not in CIDR notation, such as 198.51.100.0/24", r.To)
	}
	if via, err = netip.ParseAddr(strings.TrimSpace(r.Via)); err != nil || via.Zone() != "" || via.Is4() != to.Addr().Is4() {
		return netip.Prefix{}, netip.Addr{}, fmt.Errorf("route to %s: the next hop %q is not an address of its family", r.To, r.Via)
	}
	if to.Bits() == 0 {
		return netip.Prefix{}, netip.Addr{}, fmt.Errorf("route to %s: an additional NIC never has the default route; name the networks behind it", r.To)
	}
	return to.Masked(), via, nil
}
