package preflight

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/ocne-project/ocne/internal/address"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// holder is a VM that has an address.
type holder struct {
	address netip.Addr
	network string // the engine's id
	vm      string
	mark    machine.Mark
}

// holders are the marked VMs' addresses. What anything else uses is not known: an engine learns a guest's addresses from its agent only.
func (s *survey) holders() []holder {
	var found []holder
	for _, vm := range s.vms {
		mark, ok := machine.ParseMark(vm.Comment)
		if !ok {
			continue
		}
		for network, a := range mark.Each() {
			found = append(found, holder{a, network, vm.Name, mark})
		}
	}
	slices.SortFunc(found, func(a, b holder) int { return cmp.Or(a.address.Compare(b.address), strings.Compare(a.vm, b.vm)) })
	return found
}

// members names the VMs of this cluster that the engine holds, whichever management cluster it is in.
func (s *survey) members() []string {
	var names []string
	for _, vm := range s.vms {
		if mark, ok := machine.ParseMark(vm.Comment); ok && mark.Cluster == s.wanted.Owner {
			names = append(names, vm.Name)
		}
	}
	slices.Sort(names)
	return names
}

// demand is nodes that take their addresses from one pool.
type demand struct {
	subject string
	pool    address.Pool
	nodes   int
	network string // the engine's id
}

// checkAddresses compares each pool less what VMs of others have with the nodes. The cluster's own VMs count as nodes, and their
// addresses as free.
func (s *survey) checkAddresses() {
	holders := s.holders()
	for _, d := range s.demands() {
		var taken []string
		last := netip.Addr{}
		for _, h := range holders {
			if h.mark.Cluster != s.wanted.Owner && h.network == d.network && d.pool.Contains(h.address) && h.address != last {
				taken, last = append(taken, fmt.Sprintf("%s by VM %s of cluster %s", h.address, h.vm, h.mark.Cluster)), h.address
			}
		}
		free := int64(min(d.pool.Len(), 1<<32)) - int64(len(taken))
		if short := int64(d.nodes) - free; len(taken) > 0 && short > 0 {
			s.report(Addresses, d.subject,
				fmt.Sprintf("%d nodes need an address, and of %d usable ones %d are taken: %s", d.nodes, d.pool.Len(), len(taken), shortened(taken)),
				fmt.Sprintf("Add %d or more addresses, or choose a pool of its own for this cluster.", short))
		}
	}
}

// demands are those of each group, and those of all groups whose pools share addresses.
func (s *survey) demands() []demand {
	var single, joint []demand
	for _, p := range s.places {
		if p.group.Nodes == 0 {
			continue
		}
		for _, own := range p.demands() {
			for _, other := range single {
				both, err := address.ParsePool([]string{other.pool.String(), own.pool.String()})
				if err != nil || other.network != own.network || both.Len() == other.pool.Len()+own.pool.Len() { // other family, or nothing shared
					continue
				}
				joint = append(joint, demand{other.subject + ", " + own.subject, both, other.nodes + own.nodes, own.network})
			}
			single = append(single, own)
		}
	}
	return append(single, joint...)
}

// demands are those of each NIC whose network was found.
func (p place) demands() (list []demand) {
	add := func(pools []Pool, network *ovirt.Network) {
		for _, pool := range pools {
			if network != nil {
				list = append(list, demand{pool.Subject, pool.Addresses, p.group.Nodes, network.ID})
			}
		}
	}
	add(p.group.Pools, p.network)
	for i, at := range p.nics {
		add(p.group.AdditionalNICs[i].Pools, at.network)
	}
	return list
}

func shortened(items []string) string {
	const most = 5
	if n := len(items) - most; n > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(items[:most], ", "), n)
	}
	return strings.Join(items, ", ")
}
