package config

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/address"
)

// family is one IP family of a group's pools.
type family struct {
	key string // below the group's key
	// without names what is not given to nodes.
	without string
	// usable is the group's pool without that; false when there is none or it is not understood.
	usable func(c *Config, n infrav1.Network) (address.Pool, bool)
}

func families() []family {
	return []family{
		{".virtualMachine.network.ipv4.ipAddresses", "gateway, virtual IP, network and broadcast address", (*Config).usableIPv4},
		{".virtualMachine.network.ipv6.ipAddresses", "gateway and the subnet's first address", (*Config).usableIPv6},
	}
}

// pool is a demand for addresses that some keys have to meet.
type pool struct {
	key, what, without string
	usable             uint64
	needed             uint64
}

// pools compares the addresses that nodes can take with the number of nodes.
func (c *Config) pools() []pool {
	var pools []pool
	for _, f := range families() {
		pools = append(pools, c.poolsOf(f)...)
	}
	return pools
}

// poolsOf compares for each group, and for both together, because their addresses may be the same ones. What is not understood is left
// out; Validate reports it elsewhere.
func (c *Config) poolsOf(f family) []pool {
	controlPlane, workers := max(c.ControlPlaneNodes, 0), max(c.WorkerNodes, 0)
	first, firstOK := f.usable(c, c.OLVM.ControlPlaneMachine.VirtualMachine.Network)
	second, secondOK := f.usable(c, c.OLVM.WorkerMachine.VirtualMachine.Network)
	var pools []pool
	if firstOK {
		pools = append(pools, pool{
			key: controlPlaneKey + f.key, what: plural(controlPlane, "control plane node"), without: f.without,
			usable: first.Len(), needed: uint64(controlPlane),
		})
	}
	if secondOK && workers > 0 {
		pools = append(pools, pool{
			key: workerKey + f.key, what: plural(workers, "worker node"), without: f.without,
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
		key:     workerKey + f.key,
		what:    fmt.Sprintf("%s and %s, which share them", plural(controlPlane, "control plane node"), plural(workers, "worker node")),
		without: f.without, usable: both.Len(), needed: uint64(controlPlane + workers),
	})
}

func (c *Config) usableIPv4(n infrav1.Network) (address.Pool, bool) {
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

func (*Config) usableIPv6(n infrav1.Network) (address.Pool, bool) {
	subnet, ok := ipv6Subnet(n)
	if !ok || n.IPv6.AutoConf {
		return address.Pool{}, false
	}
	p, err := address.ParsePool(n.IPv6.IPAddresses)
	if err != nil {
		return address.Pool{}, false
	}
	gateway, err := netip.ParseAddr(n.IPv6.Gateway)
	if err != nil {
		gateway = netip.Addr{} // learned, or reported with the gateway
	}
	return p.Without(address.Reserved(subnet, gateway, netip.Addr{})...), true
}

// virtualIPInPools refuses ranges and single addresses that name the virtual IP. A CIDR block cannot leave an address out, and the samples
// of the existing ocne have blocks around it, so there it is skipped with a warning.
func (v *validator) virtualIPInPools() {
	vip, err := netip.ParseAddr(v.config.VirtualIP)
	if err != nil {
		return // reported with virtualIp
	}
	for group, m := range v.config.machines() {
		for item := range strings.SplitSeq(strings.Join(m.VirtualMachine.Network.IPv4.IPAddresses, ","), ",") {
			if item = strings.TrimSpace(item); namesAddress(item, vip) {
				v.report(group+".virtualMachine.network.ipv4.ipAddresses", "%s holds the virtual IP %s, which no node can get: take it out, "+
					"or write another virtualIp", item, vip)
			}
		}
	}
}

func namesAddress(item string, a netip.Addr) bool {
	if strings.Contains(item, "/") {
		return false
	}
	p, err := address.ParsePool([]string{item})
	return err == nil && p.Contains(a)
}

func (v *validator) poolSizes() {
	short := slices.DeleteFunc(v.config.pools(), func(p pool) bool { return p.usable >= p.needed })
	for i, p := range short {
		if i+1 < len(short) && short[i+1].key == p.key {
			continue // both groups together, which come next, need more of the same addresses
		}
		v.report(p.key, "hold %d usable addresses (without %s) for %s: add %d or more", p.usable, p.without, p.what, p.needed-p.usable)
	}
}

// poolWarnings are about pools that are large enough to start with: what of them is never given to a node, and those without room for a
// rollout, which makes a new machine before it removes an old one.
func (c *Config) poolWarnings() []Warning {
	warnings := c.reservedInPools()
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

// reservedInPools warns of gateways that a pool holds, and of a virtual IP within a block: they are skipped, but whoever wrote that may
// have meant another address.
func (c *Config) reservedInPools() []Warning {
	keys := map[string][]string{} // of the pools that hold something, by what it is
	note := func(items []string, reserved, what, key string) {
		p, err := address.ParsePool(items)
		a, aerr := netip.ParseAddr(strings.TrimSpace(reserved))
		if err == nil && aerr == nil && p.Contains(a) {
			text := "the " + what + " " + a.String()
			keys[text] = append(keys[text], key)
		}
	}
	for group, m := range c.machines() {
		n := m.VirtualMachine.Network
		key := group + ".virtualMachine.network."
		note(blocks(n.IPv4.IPAddresses), c.VirtualIP, "virtual IP", key+"ipv4.ipAddresses")
		if gateway, err := n.GatewayAddress(); err == nil {
			note(n.IPv4.IPAddresses, gateway.String(), "gateway", key+"ipv4.ipAddresses")
		}
		if n.IPv6 != nil {
			note(n.IPv6.IPAddresses, n.IPv6.Gateway, "IPv6 gateway", key+"ipv6.ipAddresses")
		}
	}
	var warnings []Warning
	for _, text := range slices.Sorted(maps.Keys(keys)) {
		warnings = append(warnings, Warning{Keys: keys[text], Message: "hold " + text + ", which no node gets: take it out"})
	}
	return warnings
}

// blocks keeps the CIDR blocks of a pool.
func blocks(items []string) []string {
	split := strings.Split(strings.Join(items, ","), ",")
	return slices.DeleteFunc(split, func(item string) bool { return !strings.Contains(item, "/") })
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
