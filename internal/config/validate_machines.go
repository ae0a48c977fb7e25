package config

import (
	"iter"
	"net/netip"
	"slices"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/address"
)

const (
	controlPlaneKey = "providers.olvm.controlPlaneMachine"
	workerKey       = "providers.olvm.workerMachine"
	addressesKey    = ".virtualMachine.network.ipv4.ipAddresses"
)

// machines yields both groups with their key paths.
func (c *Config) machines() iter.Seq2[string, Machine] {
	return func(yield func(string, Machine) bool) {
		_ = yield(controlPlaneKey, c.OLVM.ControlPlaneMachine) && yield(workerKey, c.OLVM.WorkerMachine)
	}
}

func (v *validator) machines() {
	for key, m := range v.config.machines() {
		v.required(key+".olvmOvirtClusterName", m.OLVMOvirtClusterName, "the name of the engine's (host) cluster, such as Default")
		v.required(key+".vmTemplateName", m.VMTemplateName, "the name of the VM template that was made from the OCK image")
		v.required(key+".olvmNetwork.networkName", m.OLVMNetwork.NetworkName, "the engine's logical network, such as ovirtmgmt")
		v.required(key+".olvmNetwork.vnicProfileName", m.OLVMNetwork.VNICProfileName, "the vNIC profile of that network, such as ovirtmgmt")
		if len(m.Tags) > 0 {
			v.report(key+".tags", "are not implemented yet: leave them out")
		}
		v.virtualMachine(key+".virtualMachine", m.VirtualMachine)
	}
	v.poolSizes()
}

func (v *validator) virtualMachine(key string, vm infrav1.VirtualMachine) {
	if _, err := infrav1.ParseSize(vm.Memory); err != nil {
		v.report(key+".memory", "%v", err)
	}
	if vm.StorageDomainName != "" {
		v.report(key+".storageDomainName", "is not implemented yet: leave it out, disks go where the template's are")
	}
	if vm.BootDiskSize != "" {
		v.report(key+".bootDiskSize", "is not implemented yet: leave it out, the boot disk has the template's size")
	}
	t := vm.CPU.Topology
	for name, n := range map[string]int32{"cores": t.Cores, "sockets": t.Sockets, "threads": t.Threads} {
		if n < 0 {
			v.report(key+".cpu.topology."+name, "is %d: write 0 for the default, or more", n)
		}
	}
	v.guestNetwork(key+".network", vm.Network)
	if vm.Network.IPv6 != nil {
		v.ipv6(key+".network.ipv6", *vm.Network.IPv6)
	}
}

func (v *validator) guestNetwork(key string, n infrav1.Network) {
	if n.IPv4.Subnet == "" && len(n.IPv4.IPAddresses) == 0 && n.IPv6 != nil {
		v.report(key+".ipv6", "stands alone, which is not supported: write ipv4.subnet and ipv4.ipAddresses too")
	} else {
		v.ipv4(key, n)
	}
	for _, s := range n.Nameservers {
		if _, err := netip.ParseAddr(s); err != nil {
			v.report(key+".nameservers", "%q is not an IP address: write the DNS server's address", s)
		}
	}
	if n.MTU != 0 && (n.MTU < 576 || n.MTU > 65520) {
		v.report(key+".mtu", "is %d: write 0 for the network's own, or 576 to 65520 bytes", n.MTU)
	}
	if len(n.Interface) > 15 {
		v.report(key+".interface", "%q is longer than 15 characters: write the name of the NIC in the guest, such as enp1s0", n.Interface)
	}
}

func (v *validator) ipv4(key string, n infrav1.Network) {
	pool := v.pool(key+".ipv4.ipAddresses", n.IPv4.IPAddresses)
	if !v.required(key+".ipv4.subnet", n.IPv4.Subnet, "the nodes' subnet in CIDR notation, such as 192.0.2.0/24") {
		return
	}
	subnet, err := n.SubnetPrefix()
	if err != nil {
		v.report(key+".ipv4.subnet", "%q is not an IPv4 subnet: write CIDR notation, such as 192.0.2.0/24", n.IPv4.Subnet)
		return
	}
	if gateway, err := n.GatewayAddress(); err != nil {
		v.report(key+".gateway", "%q is not an IPv4 address: write one of %s", n.Gateway, subnet)
	} else if !subnet.Contains(gateway) {
		v.report(key+".gateway", "%s is not in the subnet %s: write an address of it", gateway, subnet)
	}
	for a := range pool.All() {
		if !subnet.Contains(a) {
			v.report(key+".ipv4.ipAddresses", "%s is not in the subnet %s: write addresses of the subnet only", a, subnet)
			return
		}
	}
}

// pool reads a pool of IPv4 addresses; it is empty when there is something to report.
func (v *validator) pool(key string, items []string) address.Pool {
	const example = "write ranges, CIDR blocks or addresses, such as 192.0.2.10-192.0.2.30"
	pool, err := address.ParsePool(items)
	if err != nil {
		v.report(key, "%v", err)
		return address.Pool{}
	}
	if pool.Len() == 0 {
		v.report(key, "are required: %s", example)
	}
	if a := first(pool); a.Is6() {
		v.report(key, "%s is not an IPv4 address: %s", a, example)
		return address.Pool{}
	}
	return pool
}

// first is the pool's first address, and tells its family: a pool holds one.
func first(pool address.Pool) netip.Addr {
	next, stop := iter.Pull(pool.All())
	defer stop()
	a, _ := next()
	return a
}

func (v *validator) ipv6(key string, n infrav1.IPv6) {
	if n.AutoConf && len(n.IPAddresses) > 0 {
		v.report(key+".autoConf", "is true and ipAddresses are given: write one of them")
	}
	if !n.AutoConf && len(n.IPAddresses) == 0 {
		v.report(key, "has no addresses: write ipAddresses, or autoConf: true, or leave ipv6 out")
	}
	pool, err := address.ParsePool(n.IPAddresses)
	if err != nil {
		v.report(key+".ipAddresses", "%v", err)
	}
	if a := first(pool); a.Is4() {
		v.report(key+".ipAddresses", "%s is not an IPv6 address: write IPv4 addresses in ipv4.ipAddresses", a)
	}
	if n.PrefixLength < 0 || n.PrefixLength > 128 {
		v.report(key+".prefixLength", "is %d: write 1 to 128, or 0 for 64", n.PrefixLength)
	}
	if a, err := netip.ParseAddr(n.Gateway); n.Gateway != "" && (err != nil || !a.Is6()) {
		v.report(key+".gateway", "%q is not an IPv6 address: write the router's address, or leave it out to learn it", n.Gateway)
	}
}

// isEdge says whether a is the network's own or the broadcast address of the subnet.
func isEdge(subnet netip.Prefix, a netip.Addr) bool {
	return slices.Contains(address.Reserved(subnet, netip.Addr{}, netip.Addr{}), a)
}
