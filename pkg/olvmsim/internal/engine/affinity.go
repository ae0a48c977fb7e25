package engine

import (
	"fmt"
	"slices"
	"time"
)

// AffinityRuleChange is what a request may say of a rule; nil means "not said".
type AffinityRuleChange struct{ Enabled, Enforcing, Positive *bool }

func (c *AffinityRuleChange) apply(r *AffinityRule) {
	if c == nil {
		return
	}
	set(&r.Enabled, c.Enabled)
	set(&r.Enforcing, c.Enforcing)
	set(&r.Positive, c.Positive)
}

// AffinityGroupChange is what a POST or PUT may say of a group; nil means "not said". Positive and Enforcing are the old
// way to give the rule about VMs.
type AffinityGroupChange struct {
	Name, Description    *string
	Priority             *float64
	Positive, Enforcing  *bool
	VMsRule, HostsRule   *AffinityRuleChange
	VMs, Hosts           []string
	VMLabels, HostLabels []string
}

func (c AffinityGroupChange) apply(g *AffinityGroup) {
	set(&g.Name, c.Name)
	set(&g.Description, c.Description)
	set(&g.Priority, c.Priority)
	if c.Positive != nil {
		g.VMsRule.Enabled, g.VMsRule.Positive = true, *c.Positive
	}
	set(&g.VMsRule.Enforcing, c.Enforcing)
	c.VMsRule.apply(&g.VMsRule)
	c.HostsRule.apply(&g.HostsRule)
	for _, list := range []struct {
		target *[]string
		value  []string
	}{{&g.VMs, c.VMs}, {&g.Hosts, c.Hosts}, {&g.VMLabels, c.VMLabels}, {&g.HostLabels, c.HostLabels}} {
		if list.value != nil {
			*list.target = list.value
		}
	}
}

// AffinityGroups lists the groups of a cluster by name.
func (e *Engine) AffinityGroups(clusterID string) ([]AffinityGroup, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.clusterByID(clusterID).ID == "" {
		return nil, noEntity()
	}
	var out []AffinityGroup
	for _, g := range e.groupList() {
		if g.ClusterID == clusterID {
			shown := *g
			shown.Broken = e.groupBroken(g)
			out = append(out, shown)
		}
	}
	return out, nil
}

// AddAffinityGroup makes a group.
func (e *Engine) AddAffinityGroup(call Call, clusterID string, change AffinityGroupChange) (AffinityGroup, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.clusterByID(clusterID).ID == "" {
		return AffinityGroup{}, noEntity()
	}
	if err := e.authorize(call, permitAffinity, Object{TypeCluster, clusterID}); err != nil {
		return AffinityGroup{}, err
	}
	g := AffinityGroup{ClusterID: clusterID, Priority: 1}
	change.apply(&g)
	if err := e.checkGroup("add", g); err != nil {
		return AffinityGroup{}, err
	}
	g.ID = e.newID()
	if e.affinityGroups == nil {
		e.affinityGroups = map[string]*AffinityGroup{}
	}
	e.affinityGroups[g.ID] = &g
	e.finishJob(e.startJob(call, fmt.Sprintf("Adding Affinity Group %s", g.Name)))
	return g, nil
}

// UpdateAffinityGroup merges change into a group.
func (e *Engine) UpdateAffinityGroup(call Call, clusterID, id string, change AffinityGroupChange) (AffinityGroup, error) {
	return e.editGroup(call, clusterID, id, func(g *AffinityGroup) error {
		change.apply(g)
		return nil
	})
}

// RemoveAffinityGroup removes a group; its members stay.
func (e *Engine) RemoveAffinityGroup(call Call, clusterID, id string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	g, err := e.groupFor(call, "remove", clusterID, id)
	if err != nil {
		return err
	}
	delete(e.affinityGroups, id)
	e.finishJob(e.startJob(call, fmt.Sprintf("Removing Affinity Group %s", g.Name)))
	return nil
}

// Kinds of members of affinity groups and labels.
const (
	MemberVM        = "vm"
	MemberHost      = "host"
	MemberVMLabel   = "vm_label"
	MemberHostLabel = "host_label"
)

func (g *AffinityGroup) members(kind string) *[]string {
	switch kind {
	case MemberHost:
		return &g.Hosts
	case MemberVMLabel:
		return &g.VMLabels
	case MemberHostLabel:
		return &g.HostLabels
	}
	return &g.VMs
}

// memberWord is how the engine calls a member of that kind in its refusals (AffinityGroupCRUDCommand).
func memberWord(kind string) string {
	switch kind {
	case MemberHost:
		return "VDS"
	case MemberVMLabel, MemberHostLabel:
		return "LABEL"
	}
	return "VM"
}

// AddToAffinityGroup makes the object a member, which it must not be already (AddVmToAffinityGroupCommand).
func (e *Engine) AddToAffinityGroup(call Call, clusterID, id, kind, memberID string) error {
	_, err := e.editGroup(call, clusterID, id, func(g *AffinityGroup) error {
		list := g.members(kind)
		switch _, known := e.vms[memberID]; {
		case kind == MemberVM && !known:
			return invalid(msgAffinityNoVM)
		case slices.Contains(*list, memberID):
			return invalid(msgAffinityTwice, memberWord(kind))
		}
		*list = append(slices.Clone(*list), memberID)
		return nil
	})
	return err
}

// RemoveFromAffinityGroup ends a membership, which must be there (RemoveVmFromAffinityGroupCommand).
func (e *Engine) RemoveFromAffinityGroup(call Call, clusterID, id, kind, memberID string) error {
	_, err := e.editGroup(call, clusterID, id, func(g *AffinityGroup) error {
		list := g.members(kind)
		switch _, known := e.vms[memberID]; {
		case kind == MemberVM && !known:
			return invalid(msgAffinityNoVM)
		case !slices.Contains(*list, memberID):
			return invalid(msgAffinityNotIn, memberWord(kind))
		}
		*list = without(*list, memberID)
		return nil
	})
	return err
}

func (e *Engine) editGroup(call Call, clusterID, id string, edit func(*AffinityGroup) error) (AffinityGroup, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	g, err := e.groupFor(call, "edit", clusterID, id)
	if err != nil {
		return AffinityGroup{}, err
	}
	changed := *g
	if err := edit(&changed); err != nil {
		return AffinityGroup{}, err
	}
	if err := e.checkGroup("edit", changed); err != nil {
		return AffinityGroup{}, err
	}
	*g = changed
	e.finishJob(e.startJob(call, fmt.Sprintf("Editing Affinity Group %s", g.Name)))
	return *g, nil
}

func (e *Engine) groupFor(call Call, verb, clusterID, id string) (*AffinityGroup, error) {
	g, ok := e.affinityGroups[id]
	if !ok || g.ClusterID != clusterID {
		return nil, noEntity()
	}
	if err := e.authorize(call, permitAffinity, Object{TypeCluster, clusterID}); err != nil {
		return nil, err
	}
	if e.affinityLocks[id] {
		return nil, conflict(msgAffinityLocked, verb)
	}
	return g, nil
}

func (e *Engine) checkGroup(verb string, g AffinityGroup) error {
	for _, other := range e.affinityGroups {
		if other.ID != g.ID && other.Name == g.Name {
			return invalid(msgAffinityName, verb)
		}
	}
	for _, id := range g.VMs {
		switch v, ok := e.vms[id]; {
		case !ok:
			return noReferenced("VM", Ref{ID: id})
		case v.ClusterID != g.ClusterID:
			return invalid(msgAffinityCluster, verb, memberWord(MemberVM))
		}
	}
	for _, id := range g.Hosts {
		switch h, ok := pickRef(e.hosts, Ref{ID: id}, hostRef); {
		case !ok:
			return noReferenced("Host", Ref{ID: id})
		case h.ClusterID != g.ClusterID:
			return invalid(msgAffinityCluster, verb, memberWord(MemberHost))
		}
	}
	for _, id := range slices.Concat(g.VMLabels, g.HostLabels) {
		if _, ok := e.affinityLabels[id]; !ok {
			return noReferenced("AffinityLabel", Ref{ID: id})
		}
	}
	return nil
}

// LockAffinityGroup refuses edits of the group for d of engine time, as when somebody else edits it.
func (e *Engine) LockAffinityGroup(name string, d time.Duration) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, g := range e.groupList() {
		if g.Name != name {
			continue
		}
		if e.affinityLocks == nil {
			e.affinityLocks = map[string]bool{}
		}
		e.affinityLocks[g.ID] = true
		e.later(d, func() { delete(e.affinityLocks, g.ID) })
		return nil
	}
	return fmt.Errorf("%w: affinity group %q", ErrNotFound, name)
}

func (e *Engine) groupList() []*AffinityGroup {
	return sortedByName(e.affinityGroups, func(g *AffinityGroup) (string, string) { return g.Name, g.ID })
}

// groupsOf lists the groups that the VM is in, by itself or by a label.
func (e *Engine) groupsOf(v *VM) []*AffinityGroup {
	return slices.DeleteFunc(e.groupList(), func(g *AffinityGroup) bool { return !slices.Contains(e.memberVMs(g), v.ID) })
}

func (e *Engine) memberVMs(g *AffinityGroup) []string {
	out := slices.Clone(g.VMs)
	for _, id := range g.VMLabels {
		out = append(out, e.affinityLabels[id].VMs...)
	}
	return out
}

func (e *Engine) memberHosts(g *AffinityGroup) []string {
	out := slices.Clone(g.Hosts)
	for _, id := range g.HostLabels {
		out = append(out, e.affinityLabels[id].Hosts...)
	}
	return out
}

func hostRef(h Host) Ref { return Ref{h.ID, h.Name} }

// without is a copy of the list without the item.
func without(list []string, item string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(other string) bool { return other == item })
}
