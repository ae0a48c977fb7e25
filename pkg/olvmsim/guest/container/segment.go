//go:build linux

package container

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"github.com/ocne-project/ocne/pkg/olvmsim"
)

const (
	bridgeName = "segment"
	// firstDevice is what a guest calls its first NIC: the name that udev gives a virtio NIC of a q35 VM.
	firstDevice = "enp1s0"
)

// segment is the network that all VMs are on with their first NICs: a bridge in a network namespace of its own. The bridge has the addresses
// of the network's gateway, where the engine answers too; there is no way out. Further NICs are on bridges of their networks, without a
// gateway, unless they are on the network of the first.
type segment struct {
	namespace *os.File
	links     *netlink.Handle
	bridge    *netlink.Bridge
	gateways  []netip.Prefix

	mu      sync.Mutex
	further map[string]*netlink.Bridge // by the engine's id of the network
}

func newSegment(gateways []netip.Prefix) (*segment, error) {
	namespace, err := newNamespace()
	if err != nil {
		return nil, fmt.Errorf("make segment: %w", err)
	}
	s := &segment{namespace: namespace, gateways: gateways, further: map[string]*netlink.Bridge{}}
	if err := s.setUp(); err != nil {
		s.close()
		return nil, fmt.Errorf("make segment: %w", err)
	}
	return s, nil
}

func (s *segment) setUp() (err error) {
	if s.links, err = handleAt(s.namespace); err != nil {
		return err
	}
	loopback, err := s.links.LinkByName("lo")
	if err != nil {
		return err
	}
	s.bridge = newBridge(bridgeName)
	if err := errors.Join(s.links.LinkSetUp(loopback), s.links.LinkAdd(s.bridge)); err != nil {
		return err
	}
	for _, gateway := range s.gateways {
		const noDetection = 0x02 // IFA_F_NODAD of linux/if_addr.h: the address is to be there at once
		address := &netlink.Addr{IPNet: ipNet(gateway), Flags: noDetection}
		if err := s.links.AddrAdd(s.bridge, address); err != nil {
			return fmt.Errorf("add address %s: %w", gateway, err)
		}
	}
	return s.links.LinkSetUp(s.bridge)
}

// newBridge has no snooping: neighbour discovery is multicast, and nobody here asks who listens.
func newBridge(name string) *netlink.Bridge {
	return &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: name}, MulticastSnooping: new(bool)}
}

// bridgeOf is the index of the bridge that a VM's NIC is on; 0 for a NIC on no network.
func (s *segment) bridgeOf(vm olvmsim.GuestVM, nic int) (int, error) {
	if nic == 0 || nic >= len(vm.Networks) || vm.Networks[nic] == vm.Networks[0] {
		return s.bridge.Index, nil
	}
	network := vm.Networks[nic]
	if network == "" {
		return 0, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.further[network]; known != nil {
		return known.Index, nil
	}
	bridge := newBridge("net-" + strconv.Itoa(len(s.further)+2))
	if err := errors.Join(s.links.LinkAdd(bridge), s.links.LinkSetUp(bridge)); err != nil {
		return 0, fmt.Errorf("make the bridge of network %s: %w", network, err)
	}
	s.further[network] = bridge
	return bridge.Index, nil
}

func handleAt(namespace *os.File) (*netlink.Handle, error) {
	var handle *netlink.Handle
	err := inside(namespace, func() (err error) {
		handle, err = netlink.NewHandle()
		return err
	})
	return handle, err
}

// plug gives the process's network namespace the NICs of a VM.
func (s *segment) plug(vm olvmsim.GuestVM, pid int) error {
	for i, text := range vm.MACs {
		mac, err := net.ParseMAC(text)
		if err != nil {
			return fmt.Errorf("plug NIC: %w", err)
		}
		bridge, err := s.bridgeOf(vm, i)
		if err != nil {
			return err
		}
		port := &netlink.Veth{
			LinkAttrs: netlink.LinkAttrs{Name: portName(vm.ID, i), MasterIndex: bridge},
			PeerName:  deviceName(i), PeerHardwareAddr: mac, PeerNamespace: netlink.NsPid(pid),
		}
		if err := errors.Join(s.links.LinkAdd(port), s.links.LinkSetUp(port)); err != nil {
			return fmt.Errorf("plug NIC %s: %w", text, err)
		}
	}
	return nil
}

// unplug removes the ports of a VM. They would go with its network namespace, but later.
func (s *segment) unplug(vm olvmsim.GuestVM) {
	for i := range vm.MACs {
		if port, err := s.links.LinkByName(portName(vm.ID, i)); err == nil {
			_ = s.links.LinkDel(port) // it may have gone
		}
	}
}

// portName is the bridge's side of a NIC; at most 15 characters.
func portName(vmID string, nic int) string {
	return "vm-" + vmID[:min(8, len(vmID))] + "-" + strconv.Itoa(nic)
}

func deviceName(nic int) string {
	if nic == 0 {
		return firstDevice
	}
	return "enp" + strconv.Itoa(nic+1) + "s0"
}

// listen listens on the first gateway's address.
func (s *segment) listen(port string) (listener net.Listener, err error) {
	if len(s.gateways) == 0 {
		return nil, errors.New("listen in the segment: it has no gateway")
	}
	err = inside(s.namespace, func() error {
		listener, err = (&net.ListenConfig{}).Listen(context.Background(), "tcp", net.JoinHostPort(s.gateways[0].Addr().String(), port))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listen in the segment: %w", err)
	}
	return listener, nil
}

// dial connects to an address in the segment. The host must be an IP address: there is no DNS.
func (s *segment) dial(ctx context.Context, address string) (connection net.Conn, err error) {
	if _, err := netip.ParseAddrPort(address); err != nil {
		return nil, fmt.Errorf("dial %s: the host is not an IP address: %w", address, err)
	}
	err = inside(s.namespace, func() error {
		connection, err = (&net.Dialer{}).DialContext(ctx, "tcp", address)
		return err
	})
	return connection, err
}

func (s *segment) close() {
	if s.links != nil {
		if s.bridge != nil {
			_ = s.links.LinkDel(s.bridge) // it goes with the namespace otherwise, but later
		}
		for _, bridge := range s.further {
			_ = s.links.LinkDel(bridge) // as well
		}
		s.links.Close()
	}
	_ = s.namespace.Close()
}

// addressesOf lists the addresses of a process's NICs that others can reach, the virtual IP of a cluster included.
func addressesOf(pid int) (all []string) {
	namespace, err := netns.GetFromPid(pid)
	if err != nil {
		return nil // it has ended
	}
	defer func() { _ = namespace.Close() }()
	handle, err := netlink.NewHandleAt(namespace)
	if err != nil {
		return nil
	}
	defer handle.Close()
	for i := 0; ; i++ {
		link, err := handle.LinkByName(deviceName(i))
		if err != nil {
			return all
		}
		addresses, err := handle.AddrList(link, netlink.FAMILY_ALL)
		if err != nil {
			return all
		}
		for _, a := range addresses {
			if a.Scope == int(netlink.SCOPE_UNIVERSE) {
				all = append(all, a.IP.String())
			}
		}
	}
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
