package engine

import (
	"cmp"
	"fmt"
	"slices"
)

// placement is where a VM may go beside what its own policy says.
type placement struct {
	// hosts are the ids of the only hosts that are asked for; empty means any.
	hosts []string
	// leaving is the id of the host that the VM runs on now, which is no choice.
	leaving string
}

// filter is one of the scheduler's: it says why a host does not do, or nothing.
type filter struct {
	name   string
	reject func(Host) string
}

// schedule picks a host for the VM among those of its cluster that are up: one that passes all filters, breaks the fewest
// rules that are not enforced, and runs the fewest VMs; by name among equals.
func (e *Engine) schedule(verb string, v *VM, to placement) (Host, error) {
	filters := e.filters(v, to)
	var details []string
	var fit []Host
	for _, h := range e.hosts {
		if h.ClusterID != v.ClusterID || h.Status != StatusUp || h.ID == to.leaving {
			continue
		}
		if detail := firstRejection(filters, h); detail != "" {
			details = append(details, detail)
			continue
		}
		fit = append(fit, h)
	}
	if len(fit) == 0 {
		return Host{}, noHost(verb, details)
	}
	load := map[string]int{}
	for _, other := range e.vms {
		load[other.HostID]++
	}
	return slices.MinFunc(fit, func(a, b Host) int {
		return cmp.Or(cmp.Compare(e.brokenRules(v, a), e.brokenRules(v, b)), cmp.Compare(load[a.ID], load[b.ID]), cmp.Compare(a.Name, b.Name))
	}), nil
}

func firstRejection(filters []filter, h Host) string {
	for _, f := range filters {
		if detail := f.reject(h); detail != "" {
			return fmt.Sprintf(msgSchedulingHost, h.Name, f.name, detail)
		}
	}
	return ""
}

func (e *Engine) filters(v *VM, to placement) []filter {
	pinned := v.PlacementHosts
	if to.leaving != "" && v.Affinity != affinityPinned {
		pinned = nil // the policy says where VMs start; only pinned ones stay there
	}
	if len(to.hosts) > 0 {
		pinned = to.hosts
	}
	return []filter{
		{"PinToHost", func(h Host) string {
			if len(pinned) > 0 && !slices.Contains(pinned, h.ID) {
				return detailPinned
			}
			return ""
		}},
		{"CPU", func(h Host) string {
			if v.CPU.Sockets*v.CPU.Cores*v.CPU.Threads > h.Cores {
				return detailCores
			}
			return ""
		}},
		{"Memory", func(h Host) string {
			if free := e.freeMemory(h, v.ID); free < v.GuaranteedMemory {
				return fmt.Sprintf(detailMemory, free/mib)
			}
			return ""
		}},
		{"VmAffinityGroups", func(h Host) string { return e.brokenVMRule(v, h, true) }},
		{"VmToHostsAffinityGroups", func(h Host) string { return e.brokenHostRule(v, h, true) }},
	}
}

// freeMemory is the host's memory less what is guaranteed to the VMs on it, except for one.
func (e *Engine) freeMemory(h Host, exceptVM string) int64 {
	free := h.Memory
	for _, v := range e.vms {
		if v.HostID == h.ID && v.ID != exceptVM {
			free -= v.GuaranteedMemory
		}
	}
	return max(0, free)
}

// brokenRules counts the rules that are not enforced and that the host would break.
func (e *Engine) brokenRules(v *VM, h Host) (n int) {
	if e.brokenVMRule(v, h, false) != "" {
		n++
	}
	if e.brokenHostRule(v, h, false) != "" {
		n++
	}
	return n
}

// brokenVMRule names the first rule about VMs among each other, enforced or not, that the VM on this host would break.
func (e *Engine) brokenVMRule(v *VM, h Host, enforced bool) string {
	for _, g := range e.groupsOf(v) {
		if g.VMsRule.Enforcing != enforced {
			continue
		}
		if detail := e.breaksVMsRule(g, v, h); detail != "" {
			return detail
		}
	}
	return ""
}

// breaksVMsRule says how the VM on this host would break the group's rule about VMs, or nothing.
func (e *Engine) breaksVMsRule(g *AffinityGroup, v *VM, h Host) string {
	if !g.VMsRule.Enabled {
		return ""
	}
	var others []string // the hosts of the other members that run
	for _, id := range e.memberVMs(g) {
		if other, ok := e.vms[id]; ok && id != v.ID && other.HostID != "" {
			others = append(others, other.HostID)
		}
	}
	switch here := slices.Contains(others, h.ID); {
	case g.VMsRule.Positive && len(others) > 0 && !here:
		return fmt.Sprintf(detailVMsPositive, g.Name)
	case !g.VMsRule.Positive && here:
		return fmt.Sprintf(detailVMsNegative, g.Name)
	}
	return ""
}

// breaksHostsRule says whether the VM of the group on this host would break its rule about VMs and hosts.
func (e *Engine) breaksHostsRule(g *AffinityGroup, h Host) bool {
	hosts := e.memberHosts(g)
	return g.HostsRule.Enabled && len(hosts) > 0 && slices.Contains(hosts, h.ID) != g.HostsRule.Positive
}

// groupBroken says whether a member runs where one of the group's rules, enforced or not, does not want it.
func (e *Engine) groupBroken(g *AffinityGroup) bool {
	for _, id := range e.memberVMs(g) {
		v, ok := e.vms[id]
		if !ok || v.HostID == "" {
			continue
		}
		h := Host{ID: v.HostID}
		if e.breaksVMsRule(g, v, h) != "" || e.breaksHostsRule(g, h) {
			return true
		}
	}
	return false
}

// brokenHostRule is the same for the rules about VMs and hosts, and for labels that stand for such rules.
func (e *Engine) brokenHostRule(v *VM, h Host, enforced bool) string {
	for _, g := range e.groupsOf(v) {
		if g.HostsRule.Enforcing == enforced && e.breaksHostsRule(g, h) {
			return fmt.Sprintf(detailHostsAffinity, g.Name)
		}
	}
	for _, l := range e.labelList() {
		if enforced && l.Implicit && slices.Contains(l.VMs, v.ID) && !slices.Contains(l.Hosts, h.ID) {
			return fmt.Sprintf(detailLabel, l.Name)
		}
	}
	return ""
}
