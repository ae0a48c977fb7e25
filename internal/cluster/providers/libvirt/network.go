package libvirt

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"

	rpc "github.com/digitalocean/go-libvirt"
	"github.com/vishvananda/netlink"
	"libvirt.org/go/libvirtxml"
)

// Network says how the nodes reach each other and the world.
type Network struct {
	// Name of a libvirt network with DHCP. When it is empty, the cluster gets a NAT network of its own, or user-mode networking where the
	// connection is of a session.
	Name string
	// UserMode asks for user-mode networking: one node, which the API's port of this machine is forwarded to.
	UserMode bool
	// UserSubnet is the one inside user-mode networking; 10.0.2.0/24 when it is not valid.
	UserSubnet netip.Prefix
	// HostPort is the first port of this machine that may be forwarded with user-mode networking; the port of the API when it is 0.
	HostPort int
	// Avoid are subnets that a network of the cluster's own must not hide from this machine.
	Avoid []netip.Prefix
}

// defaultUserSubnet is QEMU's own, from private address space.
func defaultUserSubnet() netip.Prefix { return netip.MustParsePrefix("10.0.2.0/24") }

// Where nodes are in the cluster's own network. The addresses above are for whatever else asks for one.
const (
	firstControlPlane = 10
	firstWorker       = 50
	firstDynamic      = 200
	lastDynamic       = 250
	ownVirtualIP      = 9
)

// ensureNetwork finds or makes the network of a cluster.
func (h *host) ensureNetwork(ctx context.Context, o Options, known []owned) (lan, error) {
	switch {
	case h.userMode(o.Network):
		return h.userNetwork(ctx, o, known)
	case o.Network.Name != "":
		network, err := h.NetworkLookupByName(o.Network.Name)
		if isCode(err, rpc.ErrNoNetwork) {
			return lan{}, &Error{
				Op: "find network", Object: o.Network.Name, Err: ErrNoNetwork,
				Remedy: "virsh net-list --all shows those of the host. Leave providers.libvirt.network out for one of the cluster's own.",
			}
		}
		if err != nil {
			return lan{}, failed("look up network", o.Network.Name, err)
		}
		l, err := h.readNetwork(network)
		if err == nil {
			err = h.startNetwork(network)
		}
		l.apiPort = o.APIPort
		return l, err
	}
	l, err := h.ownNetwork(o)
	l.apiPort = o.APIPort
	return l, err
}

func (h *host) startNetwork(network rpc.Network) error {
	active, err := h.NetworkIsActive(network)
	if err == nil && active == 0 {
		err = h.NetworkCreate(network)
	}
	return failed("start network", network.Name, err)
}

// ownNetwork finds the cluster's own network or makes it, in a subnet that neither this machine nor another network uses.
func (h *host) ownNetwork(o Options) (lan, error) {
	name := networkName(o.Cluster)
	id := ownUUID(kindNetwork, o.Cluster)
	network, err := h.NetworkLookupByUUID(rpc.UUID(id))
	if isCode(err, rpc.ErrNoNetwork) {
		network, err = h.makeNetwork(name, id.String(), o)
	}
	if err != nil {
		return lan{}, failed("make network", name, err)
	}
	l, err := h.readNetwork(network)
	if err == nil {
		err = h.startNetwork(network)
	}
	l.ours = true
	return l, err
}

func (h *host) makeNetwork(name, id string, o Options) (rpc.Network, error) {
	subnet, err := h.freeSubnet(o)
	if err != nil {
		return rpc.Network{}, err
	}
	l := lan{subnet: subnet}
	d := libvirtxml.Network{
		Name: name, UUID: id,
		Forward: &libvirtxml.NetworkForward{Mode: "nat"},
		Bridge:  &libvirtxml.NetworkBridge{STP: "on", Delay: "0"},
		IPs: []libvirtxml.NetworkIP{{
			Address: l.number(1).Addr().String(), Prefix: uint(subnet.Bits()),
			DHCP: &libvirtxml.NetworkDHCP{Ranges: []libvirtxml.NetworkDHCPRange{{
				Start: l.number(firstDynamic).Addr().String(), End: l.number(lastDynamic).Addr().String(),
			}}},
		}},
	}
	text, err := d.Marshal()
	if err != nil {
		return rpc.Network{}, err
	}
	network, err := h.NetworkDefineXML(text)
	if isCode(err, rpc.ErrOperationFailed) {
		if _, other := h.NetworkLookupByName(name); other == nil {
			return rpc.Network{}, &Error{
				Op: "make network", Object: name, Err: because(ErrNotOurs, "", err),
				Remedy: "Give the cluster another name, or remove that network.",
			}
		}
	}
	if err != nil {
		return rpc.Network{}, err
	}
	return network, h.NetworkSetAutostart(network, 1)
}

// freeSubnet is a private /24 that overlaps with nothing.
func (h *host) freeSubnet(o Options) (netip.Prefix, error) {
	used, err := h.usedSubnets()
	if err != nil {
		return netip.Prefix{}, err
	}
	used = append(used, o.Network.Avoid...)
	used = append(used, o.PodSubnets...)
	used = append(used, o.ServiceSubnets...)
	for third := 130; third < 255; third++ {
		candidate := netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 168, byte(third), 0}), 24)
		if !slices.ContainsFunc(used, candidate.Overlaps) {
			return candidate, nil
		}
	}
	return netip.Prefix{}, &Error{
		Op: "find a subnet for network", Object: networkName(o.Cluster), Err: fmt.Errorf("%w between 192.168.130.0 and 192.168.254.255", ErrNoAddress),
		Remedy: "Make a libvirt network with DHCP in a subnet of your choice, and name it in providers.libvirt.network.",
	}
}

// usedSubnets are those of the host's networks and of this machine's interfaces and routes.
func (h *host) usedSubnets() ([]netip.Prefix, error) {
	networks, _, err := h.ConnectListAllNetworks(1, rpc.ConnectListNetworksActive|rpc.ConnectListNetworksInactive)
	if err != nil {
		return nil, failed("list networks of", h.uri, err)
	}
	var used []netip.Prefix
	for _, n := range networks {
		d, err := h.describeNetwork(n)
		if isCode(err, rpc.ErrNoNetwork) {
			continue // it was removed meanwhile
		}
		if err != nil {
			return nil, err
		}
		for _, ip := range d.IPs {
			if p, err := prefixOf(ip); err == nil {
				used = append(used, p.Masked())
			}
		}
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return nil, failed("read the addresses of", "this machine", err)
	}
	for _, a := range addresses {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			used = append(used, p.Masked())
		}
	}
	routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		return nil, failed("read the routes of", "this machine", err)
	}
	for _, r := range routes {
		if r.Dst == nil {
			continue
		}
		if p, err := netip.ParsePrefix(r.Dst.String()); err == nil && p.Bits() > 0 {
			used = append(used, p.Masked())
		}
	}
	return used, nil
}

// assign gives the nodes addresses: those that they have, fixed numbers in the cluster's own network, or free ones.
func (l lan) assign(nodes []*node) error {
	for _, n := range nodes {
		if n.Address != "" {
			continue
		}
		n.Network = l.name
		switch {
		case l.name == "":
			n.Address = l.userAddress().String()
		case l.ours && n.Role == RoleControlPlane:
			n.Address = l.number(firstControlPlane + n.Index - 1).String()
		case l.ours:
			n.Address = l.number(firstWorker + n.Index - 1).String()
		default:
			a, err := l.free()
			if err != nil {
				return err
			}
			n.Address, n.Reserved = a.String(), true
		}
	}
	return nil
}

// reserve keeps the node's address for it: libvirt's DHCP server gives it to nobody else.
func (h *host) reserve(l lan, m mark) error {
	if l.name == "" {
		return nil
	}
	prefix, err := netip.ParsePrefix(m.Address)
	if err != nil {
		return failed("read the address of", m.name(), err)
	}
	if l.hosts[m.MAC] == prefix.Addr() {
		return nil
	}
	return failed("reserve "+prefix.Addr().String()+" in network", l.name, h.changeHost(l.network, rpc.NetworkUpdateCommandAddLast, m, prefix.Addr()))
}

// release takes back what reserve did.
func (h *host) release(m mark) error {
	network, err := h.NetworkLookupByName(m.Network)
	if isCode(err, rpc.ErrNoNetwork) {
		return nil
	}
	if err != nil {
		return failed("look up network", m.Network, err)
	}
	d, err := h.describeNetwork(network)
	if err != nil {
		return err
	}
	for _, ip := range d.IPs {
		if ip.DHCP == nil {
			continue
		}
		for _, host := range ip.DHCP.Hosts {
			a, err := netip.ParseAddr(host.IP)
			if err == nil && host.MAC == m.MAC {
				return failed("release "+host.IP+" in network", m.Network, h.changeHost(network, rpc.NetworkUpdateCommandDelete, m, a))
			}
		}
	}
	return nil
}

func (h *host) changeHost(network rpc.Network, command rpc.NetworkUpdateCommand, m mark, a netip.Addr) error {
	text := fmt.Sprintf("<host mac='%s' name='%s' ip='%s'/>", m.MAC, m.name(), a)
	flags := rpc.NetworkUpdateAffectConfig
	active, err := h.NetworkIsActive(network)
	if err != nil {
		return err
	}
	if active != 0 {
		flags |= rpc.NetworkUpdateAffectLive
	}
	return h.NetworkUpdateCompat(network, command, rpc.NetworkSectionIPDhcpHost, -1, text, flags)
}

// removeNetwork removes the cluster's own network.
func (h *host) removeNetwork(cluster string) error {
	network, err := h.NetworkLookupByUUID(rpc.UUID(ownUUID(kindNetwork, cluster)))
	if isCode(err, rpc.ErrNoNetwork) {
		return nil
	}
	if err != nil {
		return failed("look up network", networkName(cluster), err)
	}
	if err := unless(h.NetworkDestroy(network), rpc.ErrOperationInvalid, rpc.ErrNoNetwork); err != nil {
		return failed("stop network", network.Name, err)
	}
	return failed("remove network", network.Name, unless(h.NetworkUndefine(network), rpc.ErrNoNetwork))
}

func hostPort(address string, port int) string { return net.JoinHostPort(address, strconv.Itoa(port)) }
