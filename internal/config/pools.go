package config

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/ocne-project/ocne/internal/address"
)

// pool is a demand for addresses that some keys have to meet.
type pool struct {
	key, what string
	usable    uint64
	needed    uint64
}

// pools compares the addresses that nodes can take with the number of nodes: for each group, and for both together, because their
// addresses may be the same ones. What is not understood is left out; Validate reports it elsewhere.
func (c *Config) pools() []pool {
	controlPlane, workers := max(c.ControlPlaneNodes, 0), max(c.WorkerNodes, 0)
	first, firstOK := c.usable(c.OLVM.ControlPlaneMachine)
	second, secondOK := c.usable(c.OLVM.WorkerMachine)
	var pools []pool
	if firstOK {
		pools = append(pools, pool{
			key: controlPlaneKey + addressesKey, what: plural(controlPlane, "control plane node"),
			usable: first.Len(), needed: uint64(controlPlane),
		})
	}
	if secondOK && workers > 0 {
		pools = append(pools, pool{
			key: workerKey + addressesKey, what: plural(workers, "worker node"),
			usable: second.Len(), needed: uint64(workers),
		})
	}
	if !firstOK || !secondOK || workers == 0 {
		return pools
	}
	both, err := address.ParsePool([]string{first.String(), second.String()})
	if err != nil || both.Len() == first.Len()+second.Len() {
		return pools
	}
	return append(pools, pool{
		key:    workerKey + addressesKey,
		what:   fmt.Sprintf("%s and %s, which share them", plural(controlPlane, "control plane node"), plural(workers, "worker node")),
		usable: both.Len(), needed: uint64(controlPlane + workers),
	})
}

// usable is the group's pool without the addresses that are not given to nodes.
func (c *Config) usable(m Machine) (address.Pool, bool) {
	n := m.VirtualMachine.Network
	p, err := address.ParsePool(n.IPv4.IPAddresses)
	if err != nil || p.Len() == 0 {
		return address.Pool{}, false
	}
	subnet, gateway, err := n.SubnetAndGateway()
	if err != nil {
		return address.Pool{}, false
	}
	vip, err := netip.ParseAddr(c.VirtualIP)
	if err != nil {
		vip = netip.Addr{} // reported with virtualIp
	}
	return p.Without(address.Reserved(subnet, gateway, vip)...), true
}

func (v *validator) poolSizes() {
	short := slices.DeleteFunc(v.config.pools(), func(p pool) bool { return p.usable >= p.needed })
	for i, p := range short {
		if i+1 < len(short) && short[i+1].key == p.key {
			continue // both groups together, which come next, need more of the same addresses
		}
		v.report(p.key, "hold %d usable addresses (without gateway, virtual IP, network and broadcast address) for %s: add %d or more",
			p.usable, p.what, p.needed-p.usable)
	}
}

// poolWarnings are about pools that are large enough to start with, but not for a rollout, which makes a new machine before it
// removes an old one.
func (c *Config) poolWarnings() []Warning {
	var warnings []Warning
	for _, p := range c.pools() {
		if p.usable == p.needed {
			warnings = append(warnings, Warning{
				Keys: []string{p.key},
				Message: fmt.Sprintf("hold exactly %d usable addresses for %s: add one or more, or upgrades and repairs, which make a new node "+
					"before they remove an old one, will wait for ever", p.usable, p.what),
			})
		}
	}
	return warnings
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
