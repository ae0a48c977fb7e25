package cluster

import (
	infrav1 "github.com/ocne-project/ocne/api/v1"
)

// AddressPool is how far a pool is used, as the OLVMCluster's controller has counted it.
type AddressPool struct {
	// Groups of machines that take their addresses from it.
	Groups []string `json:"groups"`
	// Network is the engine's logical network.
	Network string `json:"network"`
	// Family is IPv4 or IPv6.
	Family string `json:"family"`
	// Ranges as the machine template has them.
	Ranges []string `json:"ranges"`
	// Used by machines of this cluster.
	Used uint64 `json:"used"`
	// UsedByOthers counts machines of other clusters, in whichever management cluster.
	UsedByOthers uint64 `json:"usedByOthers"`
	// UsedBy says which clusters' machines use it.
	UsedBy []AddressPoolUse `json:"usedBy"`
	// Total is how many machines can take: gateway, virtual IP, network and broadcast address are not counted.
	Total uint64 `json:"total"`
}

// AddressPoolUse is how many addresses of a pool the machines of one cluster have.
type AddressPoolUse struct {
	// Cluster is its namespace and name.
	Cluster string `json:"cluster"`
	// Addresses that its machines have.
	Addresses uint64 `json:"addresses"`
}

// Free is what is left.
func (p AddressPool) Free() uint64 { return p.Total - min(p.Total, p.Used+p.UsedByOthers) }

// addressPools are what the OLVMCluster's status says of them.
func (s *snapshot) addressPools() []AddressPool {
	pools := []AddressPool{}
	if s.infrastructure == nil {
		return pools
	}
	groups := s.templates()
	own := s.cluster.Namespace + "/" + s.cluster.Name
	for _, status := range s.infrastructure.Status.AddressPools {
		p := AddressPool{
			Groups: []string{}, Network: status.Network, Family: string(status.Family), Ranges: status.Ranges,
			UsedBy: []AddressPoolUse{}, Total: uint64(max(status.Total, 0)),
		}
		for _, template := range status.Groups {
			if names := groups[template]; len(names) > 0 {
				p.Groups = append(p.Groups, names...)
			} else {
				p.Groups = append(p.Groups, template)
			}
		}
		for _, u := range status.UsedBy {
			n := uint64(max(u.Addresses, 0))
			p.UsedBy = append(p.UsedBy, AddressPoolUse{Cluster: u.Cluster, Addresses: n})
			if u.Cluster == own {
				p.Used += n
			} else {
				p.UsedByOthers += n
			}
		}
		pools = append(pools, p)
	}
	return pools
}

// withPoolsOf is a template that has the addresses of another one, and is otherwise as it was.
func withPoolsOf(pools, t *infrav1.OLVMMachineTemplate) *infrav1.OLVMMachineTemplate {
	t = t.DeepCopy()
	have, want := &t.Spec.Template.Spec.VirtualMachine.Network, pools.Spec.Template.Spec.VirtualMachine.Network
	if !have.FromPools() && !want.FromPools() {
		have.IPv4.IPAddresses = want.IPv4.IPAddresses
	}
	if have.IPv6 != nil && want.IPv6 != nil && len(have.IPv6.IPAddresses) > 0 && len(want.IPv6.IPAddresses) > 0 {
		have.IPv6.IPAddresses = want.IPv6.IPAddresses
	}
	for i := range t.Spec.Template.Spec.VirtualMachine.AdditionalNICs {
		nic := &t.Spec.Template.Spec.VirtualMachine.AdditionalNICs[i]
		if other := pools.Spec.Template.Spec.VirtualMachine.AdditionalNIC(nic.VNICName); other != nil {
			takeRanges(nic, other)
		}
	}
	return t
}

// takeRanges gives a NIC the addresses of another one, of the families that both have.
func takeRanges(nic, other *infrav1.AdditionalNIC) {
	if nic.IPv4 != nil && other.IPv4 != nil {
		nic.IPv4.IPAddresses = other.IPv4.IPAddresses
	}
	if nic.IPv6 != nil && other.IPv6 != nil && len(nic.IPv6.IPAddresses) > 0 && len(other.IPv6.IPAddresses) > 0 {
		nic.IPv6.IPAddresses = other.IPv6.IPAddresses
	}
}
