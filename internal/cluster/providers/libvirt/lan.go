package libvirt

import (
	"fmt"
	"net/netip"

	rpc "github.com/digitalocean/go-libvirt"
	"libvirt.org/go/libvirtxml"
)

const loopback = "127.0.0.1"

// lan is the network that the nodes of a cluster are in.
type lan struct {
	// name of the libvirt network; empty for user-mode networking.
	name    string
	network rpc.Network
	ours    bool
	subnet  netip.Prefix
	gateway netip.Addr // of the nodes, and their name server
	dns     netip.Addr
	// apiPort is the port of the cluster's API on the nodes; hostPort is where user-mode networking forwards it from.
	apiPort, hostPort int
	// taken are addresses that nodes cannot have, and hosts are the reservations that there are, by MAC.
	taken map[netip.Addr]bool
	hosts map[string]netip.Addr
}

// device is the guest's name of the network card.
func (l lan) device() string {
	if l.name == "" {
		return deviceUser
	}
	return deviceNetwork
}

// userAddress is the one that QEMU's own DHCP server gives to a guest: number 15 of the subnet.
func (l lan) userAddress() netip.Prefix { return l.number(15) }

// number is the n-th address of the subnet.
func (l lan) number(n int) netip.Prefix {
	a := l.subnet.Masked().Addr().As4()
	low := int(a[2])<<8 + int(a[3]) + n
	a[2], a[3] = byte(low>>8), byte(low)
	return netip.PrefixFrom(netip.AddrFrom4(a), l.subnet.Bits())
}

// readNetwork reads a libvirt network. It fails with ErrNoDHCP when libvirt gives no IPv4 addresses there.
func (h *host) readNetwork(network rpc.Network) (lan, error) {
	d, err := h.describeNetwork(network)
	if err != nil {
		return lan{}, err
	}
	l := lan{name: network.Name, network: network, taken: map[netip.Addr]bool{}, hosts: map[string]netip.Addr{}}
	for _, ip := range d.IPs {
		prefix, err := prefixOf(ip)
		if err != nil || !prefix.Addr().Is4() || ip.DHCP == nil || len(ip.DHCP.Ranges) == 0 {
			continue
		}
		l.subnet, l.gateway, l.dns = prefix.Masked(), prefix.Addr(), prefix.Addr()
		l.taken[prefix.Addr()] = true
		for _, host := range ip.DHCP.Hosts {
			if a, err := netip.ParseAddr(host.IP); err == nil {
				l.taken[a] = true
				l.hosts[host.MAC] = a
			}
		}
		return l, h.readLeases(l)
	}
	return lan{}, &Error{
		Op: "use network", Object: network.Name, Err: ErrNoDHCP,
		Remedy: "Nodes learn their address from libvirt: name a network with <dhcp> in its description (virsh net-dumpxml), " +
			"or leave providers.libvirt.network out, for a network of the cluster's own.",
	}
}

// readLeases adds the addresses that other machines have at the moment.
func (h *host) readLeases(l lan) error {
	leases, _, err := h.NetworkGetDhcpLeases(l.network, nil, 1, 0)
	if isCode(err, rpc.ErrOperationInvalid) {
		return nil // the network is not active
	}
	if err != nil {
		return failed("read the leases of network", l.name, err)
	}
	for _, lease := range leases {
		if a, err := netip.ParseAddr(lease.Ipaddr); err == nil {
			l.taken[a] = true
		}
	}
	return nil
}

func (h *host) describeNetwork(network rpc.Network) (libvirtxml.Network, error) {
	text, err := h.NetworkGetXMLDesc(network, 0)
	if err != nil {
		return libvirtxml.Network{}, failed("look at network", network.Name, err)
	}
	var d libvirtxml.Network
	return d, failed("look at network", network.Name, d.Unmarshal(text))
}

// prefixOf is an address of a network with the length of its subnet, which libvirt writes in one of two ways. Networks without one, such as
// bridges, have no such element at all.
func prefixOf(ip libvirtxml.NetworkIP) (netip.Prefix, error) {
	a, err := netip.ParseAddr(ip.Address)
	if err != nil {
		return netip.Prefix{}, err
	}
	if ip.Prefix != 0 {
		return netip.PrefixFrom(a, int(ip.Prefix)), nil
	}
	mask, err := netip.ParseAddr(ip.Netmask)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("netmask: %w", err)
	}
	bits := 0
	for _, b := range mask.AsSlice() {
		for ; b&0x80 != 0; b <<= 1 {
			bits++
		}
	}
	return netip.PrefixFrom(a, bits), nil
}

// free is an address that nobody has, from the end of the subnet, where DHCP servers give addresses last.
func (l lan) free() (netip.Prefix, error) {
	size := 1 << (32 - l.subnet.Bits())
	for n := min(size, 1<<16) - 2; n > 0; n-- {
		if a := l.number(n); !l.taken[a.Addr()] {
			l.taken[a.Addr()] = true
			return a, nil
		}
	}
	return netip.Prefix{}, &Error{
		Op: "find an address in network", Object: l.name, Err: fmt.Errorf("%w in %s", ErrNoAddress, l.subnet),
		Remedy: "Remove reservations that nobody needs (virsh net-edit), or leave providers.libvirt.network out.",
	}
}
