package v1

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

const mebibyte = 1 << 20

// WithDefaults replaces the zeros.
func (t CPUTopology) WithDefaults() CPUTopology {
	return CPUTopology{Cores: cmp.Or(t.Cores, 2), Sockets: cmp.Or(t.Sockets, 2), Threads: cmp.Or(t.Threads, 1)}
}

// NIC is the NIC's name in the engine.
func (n OLVMNetwork) NIC() string { return cmp.Or(n.VNICName, "nic1") }

// Device is the NIC's name in the guest.
func (n Network) Device() string { return cmp.Or(n.Interface, "enp1s0") }

// Model is the engine's NIC model.
func (n Network) Model() string { return cmp.Or(n.InterfaceType, "virtio") }

// SubnetPrefix is the IPv4 subnet without host bits.
func (n Network) SubnetPrefix() (netip.Prefix, error) { return n.IPv4.SubnetPrefix() }

// SubnetPrefix is the subnet without host bits.
func (i IPv4) SubnetPrefix() (netip.Prefix, error) {
	p, err := netip.ParsePrefix(strings.TrimSpace(i.Subnet))
	if err != nil || !p.Addr().Is4() {
		return netip.Prefix{}, fmt.Errorf("ipv4.subnet %q is not an IPv4 subnet in CIDR notation, such as 192.0.2.0/24", i.Subnet)
	}
	return p.Masked(), nil
}

// GatewayAddress is the IPv4 gateway: the given one, or the first address of the subnet.
func (n Network) GatewayAddress() (netip.Addr, error) {
	if g := strings.TrimSpace(n.Gateway); g != "" {
		a, err := netip.ParseAddr(g)
		if err != nil || !a.Is4() {
			return netip.Addr{}, fmt.Errorf("gateway %q is not an IPv4 address", n.Gateway)
		}
		return a, nil
	}
	p, err := n.SubnetPrefix()
	if err != nil {
		return netip.Addr{}, err
	}
	return p.Addr().Next(), nil
}

// SubnetAndGateway is the IPv4 subnet with its gateway.
func (n Network) SubnetAndGateway() (netip.Prefix, netip.Addr, error) {
	subnet, err := n.SubnetPrefix()
	if err != nil {
		return netip.Prefix{}, netip.Addr{}, err
	}
	gateway, err := n.GatewayAddress()
	return subnet, gateway, err
}

// Prefix is the length of the subnet's prefix.
func (i IPv6) Prefix() int { return int(cmp.Or(i.PrefixLength, 64)) }

// ParseSize reads a size such as 7GB, 16Gi, 7168MB or plain bytes, and returns bytes. Units are powers of 1024 however they are
// written, which is what the existing command line tool does; the result is rounded down to a multiple of 1 MiB, because the
// engine takes no other.
func ParseSize(s string) (int64, error) {
	m := regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?) ?([kKmMgGtT]?)i?[bB]?$`).FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return 0, fmt.Errorf("size %q is not a number with a unit, such as 7GB, 16Gi or 7168MB", s)
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return 0, fmt.Errorf("size %q: %w", s, err)
	}
	n *= math.Pow(1024, float64(strings.Index(" kmgt", cmp.Or(strings.ToLower(m[2]), " "))))
	if n < mebibyte || n > math.MaxInt64/2 {
		return 0, fmt.Errorf("size %q is out of range: it must be at least 1 MiB", s)
	}
	return int64(n) / mebibyte * mebibyte, nil
}
