package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

const (
	// Limits of kubeadm and the API server: a service subnet has at most 20 bits of addresses and 10 addresses or more.
	maxServiceBits, minServiceBits = 20, 4
	// Each node gets a part of the pod subnet, by default a /24 or a /64 (kube-controller-manager, node-cidr-mask-size).
	nodeMaskIPv4, nodeMaskIPv6 = 24, 64
	// The node's part is at most 16 bits longer than the pod subnet (kubeadm), and smaller parts than /120 leave too few addresses for pods.
	maxNodeBits, longestNodeMask = 16, 120
)

// network checks the subnets of the cluster: against each other, against those of the machines, and against the number of nodes.
func (v *validator) network() {
	c := v.config
	pods, services := v.subnets("podSubnet", c.PodSubnets, "10.244.0.0/16"), v.subnets("serviceSubnet", c.ServiceSubnets, "10.96.0.0/12")
	for _, s := range services {
		v.overlap("serviceSubnet", s, "podSubnet", pods)
		v.serviceSize(s)
	}
	for _, p := range pods {
		v.podSize(p)
	}
	for group, m := range c.machines() {
		for key, nodes := range nodeSubnets(m.VirtualMachine.Network) {
			key = group + ".virtualMachine.network." + key
			v.overlap(key, nodes, "podSubnet", pods)
			v.overlap(key, nodes, "serviceSubnet", services)
		}
		for i, nic := range m.VirtualMachine.AdditionalNICs {
			for key, nodes := range nodeSubnets(asNetwork(nic)) {
				key = fmt.Sprintf("%s.virtualMachine.additionalNICs[%d].%s", group, i, key)
				v.overlap(key, nodes, "podSubnet", pods)
				v.overlap(key, nodes, "serviceSubnet", services)
			}
		}
	}
	v.families(pods, services)
	v.virtualIP()
	v.loadBalancer()
}

// subnets checks that there is one IPv4 subnet and at most one IPv6 subnet, and returns what could be understood.
func (v *validator) subnets(key string, values []string, example string) []netip.Prefix {
	var prefixes []netip.Prefix
	four, six := 0, 0
	for _, value := range values {
		p, err := netip.ParsePrefix(value)
		if err != nil || p.Addr().Is4In6() {
			v.report(key, "%q is not a subnet: write CIDR notation, such as %s", value, example)
			continue
		}
		if p.Addr().Is4() {
			four++
		} else {
			six++
		}
		prefixes = append(prefixes, p.Masked())
	}
	switch {
	case len(values) == 0:
		v.report(key, "is required: write a subnet, such as %s", example)
	case four == 0 && six > 0:
		v.report(key, "has only IPv6, which is not supported alone: write an IPv4 subnet before it, such as %s", example)
	case four > 1 || six > 1:
		v.report(key, "has several subnets of one family: write one IPv4 subnet and, for dual stack, one IPv6 subnet")
	case six == 1 && prefixes[0].Addr().Is6():
		v.report(key, "has IPv6 first, but the cluster's API is reached at an IPv4 address: write the IPv4 subnet first, as in %s,%s",
			prefixes[1], prefixes[0])
	}
	return prefixes
}

func (v *validator) overlap(key string, p netip.Prefix, otherKey string, others []netip.Prefix) {
	for _, other := range others {
		if p.Overlaps(other) {
			v.report(key, "%s overlaps %s of %s: change one of them", p, other, otherKey)
		}
	}
}

func (v *validator) serviceSize(p netip.Prefix) {
	length := p.Addr().BitLen()
	switch bits := length - p.Bits(); {
	case bits > maxServiceBits:
		v.report("serviceSubnet", "%s is too large: Kubernetes takes a /%d or a smaller subnet", p, length-maxServiceBits)
	case bits < minServiceBits:
		v.report("serviceSubnet", "%s is too small: write a /%d or a larger subnet", p, length-minServiceBits)
	}
}

// podSize checks that every node can get its part of the pod subnet.
func (v *validator) podSize(p netip.Prefix) {
	mask, ok := nodeMask(p)
	switch nodes := v.config.ControlPlaneNodes + v.config.Workers(); {
	case !ok && mask < p.Bits():
		v.report("podSubnet", "%s is too small: each node gets a /%d of it, so write a larger subnet, such as a /%d", p, mask, mask-8)
	case !ok:
		v.report("podSubnet", "%s is too large: each node gets a /%d of it, so write a /%d or a smaller subnet", p, mask, mask-maxNodeBits)
	case nodes > 1<<(mask-p.Bits()):
		v.report("podSubnet", "%s has room for %s, because each gets a /%d of it, but there are %d: write a larger subnet",
			p, plural(1<<(mask-p.Bits()), "node"), mask, nodes)
	}
}

// nodeMask is the length of the part of a pod subnet that each node gets: what Kubernetes does by default, except in IPv6 subnets for
// which that would leave fewer than 256 nodes or be refused. It is false when no length fits.
func nodeMask(p netip.Prefix) (int, bool) {
	if p.Addr().Is4() {
		return nodeMaskIPv4, p.Bits() <= nodeMaskIPv4 && nodeMaskIPv4-p.Bits() <= maxNodeBits
	}
	if p.Bits() >= nodeMaskIPv6-maxNodeBits && p.Bits() <= nodeMaskIPv6-8 {
		return nodeMaskIPv6, true
	}
	mask := min(p.Bits()+maxNodeBits, longestNodeMask)
	return mask, p.Bits() <= mask
}

// families checks that nodes, pods and services have the same families: a node without IPv6 can carry no pod of a dual-stack cluster, and
// Kubernetes gives services a second family only together with the pods.
func (v *validator) families(pods, services []netip.Prefix) {
	isIPv6 := func(p netip.Prefix) bool { return p.Addr().Is6() }
	type place struct {
		key     string
		dual    bool
		example string
	}
	places := []place{
		{"podSubnet", slices.ContainsFunc(pods, isIPv6), "add one such as fd00:10:244::/56"},
		{"serviceSubnet", slices.ContainsFunc(services, isIPv6), "add one such as fd00:10:96::/112"},
	}
	for group, m := range v.config.machines() {
		places = append(places, place{group + ".virtualMachine.network.ipv6", hasIPv6(m.VirtualMachine.Network), "write ipAddresses, or autoConf: true"})
	}
	var dual []string
	for _, p := range places {
		if p.dual {
			dual = append(dual, p.key)
		}
	}
	if len(dual) == 0 {
		return
	}
	for _, p := range places {
		if !p.dual {
			v.report(p.key, "has no IPv6, but %s: dual stack needs both families for nodes, pods and services; %s, or remove IPv6 everywhere",
				has(dual), p.example)
		}
	}
}

func has(keys []string) string {
	if len(keys) == 1 {
		return keys[0] + " has"
	}
	return fmt.Sprintf("%s and %s have", strings.Join(keys[:len(keys)-1], ", "), keys[len(keys)-1])
}
