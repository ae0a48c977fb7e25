package boot

import (
	"errors"
	"fmt"
	"net/netip"
	"path"
	"strconv"
	"strings"

	"github.com/coreos/ignition/v2/config/v3_4/types"
)

// NIC is a network interface beside that of Network, as the guest configures it. It may have no address, and never has the default route.
type NIC struct {
	Device       string       // interface name, such as enp2s0
	MTU          int          // bytes; 0 = the device's own
	IPv4         netip.Prefix // zero = none
	IPv6         netip.Prefix // zero = no static address
	IPv6AutoConf bool         // SLAAC, beside IPv6 or alone
	Routes       []Route
}

// Route is a route through a NIC.
type Route struct {
	To     netip.Prefix
	Via    netip.Addr // in a subnet of the NIC, or link-local
	Metric int        // 0 = NetworkManager's own
}

// setNICs adds a keyfile for each NIC.
func setNICs(out *types.Config, p profile, first string, nics []NIC) error {
	devices := map[string]bool{first: true}
	for _, n := range nics {
		if err := n.check(); err != nil {
			return fmt.Errorf("additional NIC %s: %w", n.Device, err)
		}
		if devices[n.Device] {
			return fmt.Errorf("two NICs have the interface name %s", n.Device)
		}
		devices[n.Device] = true
		setFile(out, path.Join(p.NetworkConnections, n.Device+".nmconnection"), 0o600, n.keyfile())
	}
	return nil
}

func (n NIC) check() error {
	switch {
	case !isWord(n.Device):
		return fmt.Errorf("interface name %q is empty or has characters that an interface name cannot have", n.Device)
	case n.MTU < 0 || n.MTU > 65535:
		return fmt.Errorf("MTU %d is out of range: use 1 to 65535, or 0 for the device's own", n.MTU)
	case n.IPv4.IsValid() && !n.IPv4.Addr().Is4():
		return fmt.Errorf("the address %s is not an IPv4 address", n.IPv4)
	case n.IPv6.IsValid() && !isIPv6(n.IPv6.Addr()):
		return fmt.Errorf("the address %s is not an IPv6 address", n.IPv6)
	}
	for _, r := range n.Routes {
		if err := n.checkRoute(r); err != nil {
			return fmt.Errorf("route to %s: %w", r.To, err)
		}
	}
	return nil
}

// checkRoute refuses what NetworkManager would refuse the whole connection for, or could never use.
func (n NIC) checkRoute(r Route) error {
	subnet, has := n.IPv4, n.IPv4.IsValid()
	if isIPv6(r.Via) {
		subnet, has = n.IPv6, n.IPv6.IsValid() || n.IPv6AutoConf
	}
	switch {
	case !r.To.IsValid() || r.To.Bits() == 0:
		return errors.New("an additional NIC never has the default route: name the networks behind it")
	case !r.Via.IsValid() || r.Via.Is4() != r.To.Addr().Is4():
		return fmt.Errorf("the next hop %s is not an address of its family", r.Via)
	case !has:
		return errors.New("the NIC has no address of its family")
	case subnet.IsValid() && !n.IPv6AutoConf && !r.Via.IsLinkLocalUnicast() && !subnet.Contains(r.Via):
		return fmt.Errorf("the next hop %s is not in the NIC's subnet %s", r.Via, subnet.Masked())
	case r.Metric < 0:
		return fmt.Errorf("the metric %d is negative", r.Metric)
	}
	return nil
}

// keyfile is the connection as NetworkManager reads it. Its name servers are nobody's: the node asks those of its first NIC. It may fail,
// because a network beside the node's own keeps no node from starting.
func (n NIC) keyfile() string {
	var b strings.Builder
	connectionSections(&b, n.Device, n.MTU)
	method4 := "disabled"
	if n.IPv4.IsValid() {
		method4 = "manual"
	}
	section(&b, "ipv4", append([]string{
		"method", method4,
		"address1", addressLine(n.IPv4, netip.Addr{}),
		"never-default", "true",
	}, n.routes(true)...)...)
	method6, privacy, ignore := "disabled", "", ""
	switch {
	case n.IPv6AutoConf:
		method6, privacy, ignore = "auto", "0", "true"
	case n.IPv6.IsValid():
		method6 = "manual"
	}
	section(&b, "ipv6", append([]string{
		"method", method6,
		"ip6-privacy", privacy,
		"address1", addressLine(n.IPv6, netip.Addr{}),
		"never-default", "true",
		"ignore-auto-dns", ignore,
	}, n.routes(false)...)...)
	return b.String()
}

// routes are the keys route1, route2 and so on of one family.
func (n NIC) routes(ipv4 bool) (pairs []string) {
	for _, r := range n.Routes {
		if r.Via.Is4() != ipv4 {
			continue
		}
		line := r.To.Masked().String() + "," + r.Via.String()
		if r.Metric > 0 {
			line += "," + strconv.Itoa(r.Metric)
		}
		pairs = append(pairs, "route"+strconv.Itoa(len(pairs)/2+1), line)
	}
	return pairs
}
