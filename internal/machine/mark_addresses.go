package machine

import (
	"iter"
	"net/netip"
	"slices"

	"github.com/ocne-project/ocne/pkg/ovirt"
)

// NICAddresses are the addresses of a NIC beside the first one.
type NICAddresses struct {
	// NIC is its name in the engine.
	NIC string `json:"nic"`
	// Network is the engine's id of its logical network.
	Network string `json:"network"`
	// Addresses on that network.
	Addresses []netip.Addr `json:"addresses"`
}

// Each yields every address of the mark with the engine's id of its network, those of the first NIC first.
func (m Mark) Each() iter.Seq2[string, netip.Addr] {
	return func(yield func(string, netip.Addr) bool) {
		nics := append([]NICAddresses{{Network: m.Network, Addresses: m.Addresses}}, m.Additional...)
		for _, nic := range nics {
			for _, a := range nic.Addresses {
				if !yield(nic.Network, a) {
					return
				}
			}
		}
	}
}

// On returns the addresses of the mark on a network, whichever NIC has them.
func (m Mark) On(network string) (list []netip.Addr) {
	for on, a := range m.Each() {
		if on == network {
			list = append(list, a)
		}
	}
	return list
}

// Shared returns an address that both marks carry on the same network.
func (m Mark) Shared(other Mark) (netip.Addr, bool) {
	for network, a := range m.Each() {
		if slices.Contains(other.On(network), a) {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// Holders returns the addresses on a network that marked VMs other than vmID carry, each with the id of its VM.
func Holders(each func(func(ovirt.VM)), network, vmID string) map[netip.Addr]string {
	held := map[netip.Addr]string{}
	each(func(vm ovirt.VM) {
		mark, ok := ParseMark(vm.Comment)
		if !ok || vm.ID == vmID {
			return
		}
		for _, a := range mark.On(network) {
			if other, twice := held[a]; !twice || vm.ID < other {
				held[a] = vm.ID
			}
		}
	})
	return held
}
