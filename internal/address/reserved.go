package address

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"strings"
)

// Reserved lists the addresses of a subnet that no machine may take: its first (the network's own in IPv4, the routers' anycast
// address in IPv6, RFC 4291 section 2.6.1), the IPv4 broadcast address, the gateway and the virtual IP. Point-to-point subnets
// (/31, /32, /127, /128; RFC 3021, RFC 6164) have no first or broadcast address. Zero arguments are left out.
func Reserved(subnet netip.Prefix, gateway, vip netip.Addr) []netip.Addr {
	var out []netip.Addr
	if subnet.IsValid() && subnet.Bits() < subnet.Addr().BitLen()-1 {
		out = append(out, subnet.Masked().Addr())
		if subnet.Addr().Is4() {
			out = append(out, last(subnet))
		}
	}
	for _, a := range []netip.Addr{gateway, vip} {
		if a.IsValid() {
			out = append(out, plain(a))
		}
	}
	return out
}

// last is the highest address of a prefix.
func last(p netip.Prefix) netip.Addr {
	bytes := p.Masked().Addr().AsSlice()
	for bit := p.Bits(); bit < len(bytes)*8; bit++ {
		bytes[bit/8] |= 1 << (7 - bit%8)
	}
	a, _ := netip.AddrFromSlice(bytes)
	return a
}

// Name is what an address's claim is called: the address and 8 hexadecimal digits of the engine and network that it is taken on,
// so that the same address on another network is another claim. It is a valid name of a Kubernetes object (DNS-1123 subdomain).
//
// IPv6 addresses are written in full, because their short form may begin or end with a colon. Spellings of one engine URL that
// differ in case or in trailing slashes give one name.
func Name(a netip.Addr, engineURL, networkID string) string {
	engine := strings.TrimRight(strings.ToLower(strings.TrimSpace(engineURL)), "/")
	sum := sha256.Sum256([]byte(engine + "\x00" + networkID))
	text := strings.ReplaceAll(plain(a).StringExpanded(), ":", "-")
	return text + "-" + hex.EncodeToString(sum[:4])
}
