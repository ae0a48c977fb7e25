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

// AddressGroup is a group of machines that take their addresses from pools.
type AddressGroup struct {
	// Key is where the machines are described; the pools' keys are below it.
	Key string
	// What they are and how many, such as "2 worker nodes".
	What string
	// Nodes that need an address of each family.
	Nodes int
	// Network names the pools of the first NIC, and NetworkName its logical network.
	Network     infrav1.Network
	NetworkName string
	// NICs name those of the additional ones.
	NICs []infrav1.AdditionalNIC
}

// ShortOfAddresses says which pools have too few addresses. What cannot be read is left out.
func ShortOfAddresses(virtualIP string, groups []AddressGroup) []Problem {
	c := &Config{VirtualIP: virtualIP}
	var problems []Problem
	for _, p := range lacking(c.poolsFor(groups)) {
		problems = append(problems, p.problem())
	}
	return problems
}

func (c *Config) addressGroups() []AddressGroup {
	controlPlane := max(c.ControlPlaneNodes, 0)
	groups := []AddressGroup{{
		Key: controlPlaneKey, What: plural(controlPlane, "control plane node"), Nodes: controlPlane,
		Network: c.OLVM.ControlPlaneMachine.VirtualMachine.Network, NetworkName: c.OLVM.ControlPlaneMachine.OLVMNetwork.NetworkName,
		NICs: c.OLVM.ControlPlaneMachine.VirtualMachine.AdditionalNICs,
	}}
	for _, p := range c.Pools() {
		if p.Nodes > 0 {
			what := plural(p.Nodes, "worker node")
			if p.Name != firstPool {
				what += " of pool " + p.Name
			}
			groups = append(groups, AddressGroup{
				Key: p.key, What: what, Nodes: p.Nodes, Network: p.Machine.VirtualMachine.Network, NetworkName: p.Machine.OLVMNetwork.NetworkName,
				NICs: p.Machine.VirtualMachine.AdditionalNICs,
			})
		}
	}
	return groups
}

// pools compares the addresses that nodes can take with the number of nodes.
func (c *Config) pools() []pool { return c.poolsFor(c.addressGroups()) }

// source is what the nodes of a group can take on one NIC, of one family.
type source struct {
	AddressGroup
	key, without string // the key is below the group's
	network      string
	usable       address.Pool
}

// sources are those of the groups' NICs. What is not understood is left out; Validate reports it elsewhere.
func (c *Config) sources(groups []AddressGroup) []source {
	var list []source
	for _, f := range families() {
		for _, g := range groups {
			if usable, ok := f.usable(c, g.Network); ok {
				list = append(list, source{AddressGroup: g, key: f.key, without: f.without, network: g.NetworkName, usable: usable})
			}
		}
	}
	for _, g := range groups {
		for i, nic := range g.NICs {
			for _, u := range c.UsableOnNIC(i, nic) {
				list = append(list, source{AddressGroup: g, key: u.Key, without: withoutOnNIC, network: nic.NetworkName, usable: u.Pool})
			}
		}
	}
	return list
}

// sharing are groups of machines whose addresses are, at least in part, the same ones on the same network.
type sharing struct {
	network string
	pool    address.Pool
	members []string // such as "2 worker nodes"
	needed  uint64
}

// poolsFor compares for each group, and for those together that share addresses.
func (c *Config) poolsFor(groups []AddressGroup) []pool {
	var pools []pool
	var all []sharing
	for _, s := range c.sources(groups) {
		one := sharing{network: s.network, pool: s.usable, members: []string{s.What}, needed: uint64(s.Nodes)}
		pools = append(pools, pool{key: s.Key + s.key, what: s.What, without: s.without, usable: s.usable.Len(), needed: one.needed})
		var together sharing
		if all, together = joined(all, one); len(together.members) > 1 {
			pools = append(pools, pool{
				key: s.Key + s.key, what: words(together.members) + ", which share them", without: s.without,
				usable: together.pool.Len(), needed: together.needed,
			})
		}
	}
	return pools
}

// joined adds one to those that it shares addresses with, and returns what came of it.
func joined(all []sharing, one sharing) ([]sharing, sharing) {
	var apart []sharing
	for _, other := range all {
		both, err := address.ParsePool([]string{other.pool.String(), one.pool.String()})
		if err != nil || other.network != one.network || both.Len() == other.pool.Len()+one.pool.Len() {
			apart = append(apart, other)
			continue
		}
		one = sharing{network: one.network, pool: both, members: append(slices.Clone(other.members), one.members...), needed: other.needed + one.needed}
	}
	return append(apart, one), one
}

func words(items []string) string {
	last := len(items) - 1
	return strings.Join(items[:last], ", ") + " and " + items[last]
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
	for _, p := range lacking(v.config.pools()) {
		v.problems = append(v.problems, p.problem())
	}
}

// lacking are the pools with too few addresses; of a group alone and the same together with others, the latter.
func lacking(pools []pool) []pool {
	short := slices.DeleteFunc(pools, func(p pool) bool { return p.usable >= p.needed })
	var told []pool
	for i, p := range short {
		if i+1 == len(short) || short[i+1].key != p.key {
			told = append(told, p)
		}
	}
	return told
}

func (p pool) problem() Problem {
	return Problem{Key: p.key, Message: fmt.Sprintf("hold %d usable addresses (without %s) for %s: add %d or more",
		p.usable, p.without, p.what, p.needed-p.usable)}
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
