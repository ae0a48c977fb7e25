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

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

const (
	bridgeName = "segment"
	// firstDevice is what a guest calls its first NIC: the name that udev gives a virtio NIC of a q35 VM.
	firstDevice = "enp1s0"
)

// segment is the network that all VMs are on: a bridge in a network namespace of its own. The bridge has the addresses of the network's
// gateway, where the engine answers too; there is no way out.
type segment struct {
	namespace *os.File
	links     *netlink.Handle
	bridge    *netlink.Bridge
	gateways  []netip.Prefix
}

func newSegment(gateways []netip.Prefix) (*segment, error) {
	namespace, err := newNamespace()
	if err != nil {
		return nil, fmt.Errorf("make segment: %w", err)
	}
	s := &segment{namespace: namespace, gateways: gateways}
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
	// Neighbour discovery is multicast, and nobody here asks who listens.
	s.bridge = &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: bridgeName}, MulticastSnooping: new(bool)}
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

func handleAt(namespace *os.File) (*netlink.Handle, error) {
	var handle *netlink.Handle
	err := inside(namespace, func() (err error) {
		handle, err = netlink.NewHandle()
		return err
	})
	return handle, err
}

// plug gives the process's network namespace the NICs of a VM.
func (s *segment) plug(vmID string, macs []string, pid int) error {
	for i, text := range macs {
		mac, err := net.ParseMAC(text)
		if err != nil {
			return fmt.Errorf("plug NIC: %w", err)
		}
		port := &netlink.Veth{
			LinkAttrs: netlink.LinkAttrs{Name: portName(vmID, i), MasterIndex: s.bridge.Index},
			PeerName:  deviceName(i), PeerHardwareAddr: mac, PeerNamespace: netlink.NsPid(pid),
		}
		if err := errors.Join(s.links.LinkAdd(port), s.links.LinkSetUp(port)); err != nil {
			return fmt.Errorf("plug NIC %s: %w", text, err)
		}
	}
	return nil
}

// unplug removes the ports of a VM. They would go with its network namespace, but later.
func (s *segment) unplug(vmID string, macs []string) {
	for i := range macs {
		if port, err := s.links.LinkByName(portName(vmID, i)); err == nil {
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
