package boot

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// keyfile is the connection as NetworkManager reads it (nm-settings-keyfile(5)). NetworkManager ignores keyfiles that others than
// root can read.
func keyfile(n Network) string {
	var dns4, dns6 []string
	for _, s := range n.Nameservers {
		if a, err := netip.ParseAddr(s); err == nil && isIPv6(a) {
			dns6 = append(dns6, s)
			continue
		}
		dns4 = append(dns4, s)
	}
	var b strings.Builder
	connectionSections(&b, n.Device, n.MTU)
	section(&b, "ipv4",
		"method", "manual",
		"address1", addressLine(n.IPv4, n.Gateway),
		"dns", semicolons(dns4),
		"dns-search", semicolons(n.SearchDomains),
		"may-fail", "false")
	method, mayFail := ipv6Method(n)
	privacy := ""
	if method == "auto" {
		privacy = "0" // no temporary addresses: a node is known by the one that stays
	}
	section(&b, "ipv6",
		"method", method,
		"ip6-privacy", privacy,
		"address1", addressLine(n.IPv6, n.IPv6Gateway),
		"dns", semicolons(dns6),
		"may-fail", mayFail)
	return b.String()
}

// connectionSections are what every connection has. It is tied to its NIC by the name that the kernel gives that: MAC addresses come from the
// engine, and are not known before the VM is there.
func connectionSections(b *strings.Builder, device string, mtu int) {
	section(b, "connection",
		"id", device,
		"type", "ethernet",
		"interface-name", device,
		"autoconnect", "true",
		// Above the DHCP connection for any device that the initial RAM disk may leave behind.
		"autoconnect-priority", "100")
	if mtu > 0 {
		section(b, "ethernet", "mtu", strconv.Itoa(mtu))
	}
}

// ipv6Method takes router advertisements for SLAAC and to learn the gateway. may-fail=false makes network-online.target wait for
// the address; with advertisements it would leave the machine without any network where no router answers.
func ipv6Method(n Network) (method, mayFail string) {
	switch {
	case !n.hasIPv6():
		return "disabled", ""
	case n.IPv6AutoConf || !n.IPv6Gateway.IsValid():
		return "auto", ""
	default:
		return "manual", "false"
	}
}

// section writes key-value pairs; pairs without a value are left out.
func section(b *strings.Builder, name string, pairs ...string) {
	if b.Len() > 0 {
		b.WriteString("\n")
	}
	b.WriteString("[" + name + "]\n")
	for pair := range slices.Chunk(pairs, 2) {
		if pair[1] != "" {
			b.WriteString(pair[0] + "=" + pair[1] + "\n")
		}
	}
}

// addressLine is an address with its gateway.
func addressLine(address netip.Prefix, gateway netip.Addr) string {
	switch {
	case !address.IsValid():
		return ""
	case !gateway.IsValid():
		return address.String()
	default:
		return address.String() + "," + gateway.String()
	}
}

func semicolons(items []string) string {
	if len(items) == 0 {
		return ""
	}
	return strings.Join(items, ";") + ";"
}
