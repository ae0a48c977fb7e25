package guest

import (
	"context"
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// assignPodCIDRs gives a node its parts of the pod subnets, as kube-controller-manager does (node IPAM): the lowest that no other node
// has. A node for which there is none left stays without, as a real one would.
func (c *cluster) assignPodCIDRs(ctx context.Context, n *corev1.Node, config *clusterConfiguration) error {
	nodes := &corev1.NodeList{}
	if err := c.store.List(ctx, nodes); err != nil {
		return err
	}
	taken := map[string]bool{}
	for i := range nodes.Items {
		for _, cidr := range nodes.Items[i].Spec.PodCIDRs {
			taken[cidr] = nodes.Items[i].Name != n.Name
		}
	}
	var parts []string
	for text := range strings.SplitSeq(config.Networking.PodSubnet, ",") {
		subnet, err := netip.ParsePrefix(text)
		if err != nil {
			return nil // no pod subnet: kubeadm leaves the allocation out
		}
		part, ok := freePart(subnet.Masked(), config.nodeMask(subnet), taken)
		if !ok {
			return nil
		}
		parts = append(parts, part)
	}
	n.Spec.PodCIDRs, n.Spec.PodCIDR = parts, parts[0]
	return nil
}

// nodeMask is the length of a node's part: what controllerManager.extraArgs say, or the default.
func (c *clusterConfiguration) nodeMask(subnet netip.Prefix) int {
	mask, names := 24, []string{"node-cidr-mask-size", "node-cidr-mask-size-ipv4"}
	if subnet.Addr().Is6() {
		mask, names = 64, []string{"node-cidr-mask-size-ipv6"}
	}
	arguments, err := extraArguments(c.ControllerManager.ExtraArgs)
	if err != nil {
		return mask
	}
	for _, name := range names {
		if n, err := strconv.Atoi(arguments[name]); err == nil {
			mask = n
		}
	}
	return mask
}

// freePart finds the lowest part of a subnet that is not taken. A part is at most 16 bits longer than the subnet (kubeadm).
func freePart(subnet netip.Prefix, mask int, taken map[string]bool) (string, bool) {
	bits := mask - subnet.Bits()
	if bits < 0 || bits > 16 {
		return "", false
	}
	for i := range uint64(1) << bits {
		part := netip.PrefixFrom(advance(subnet.Addr(), i, subnet.Addr().BitLen()-mask), mask).String()
		if !taken[part] {
			return part, true
		}
	}
	return "", false
}

// advance adds n<<shift to the first address of a subnet, whose bits there are zero.
func advance(a netip.Addr, n uint64, shift int) netip.Addr {
	if a.Is4() {
		b := a.As4()
		binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])|uint32(n<<shift))
		return netip.AddrFrom4(b)
	}
	b := a.As16()
	high, low := uint64(0), n<<shift
	if shift >= 64 {
		high, low = n<<(shift-64), 0
	} else if shift > 0 {
		high = n >> (64 - shift)
	}
	binary.BigEndian.PutUint64(b[:8], binary.BigEndian.Uint64(b[:8])|high)
	binary.BigEndian.PutUint64(b[8:], binary.BigEndian.Uint64(b[8:])|low)
	return netip.AddrFrom16(b)
}
