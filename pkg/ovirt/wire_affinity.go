package ovirt

type wireAffinityGroup struct {
	ID          string            `json:"id,omitempty"`
	Name        *string           `json:"name,omitempty"`
	Description *string           `json:"description,omitempty"`
	Cluster     *reference        `json:"cluster,omitempty"`
	Priority    *float64          `json:"priority,omitempty"` // a decimal, which is a number on the wire
	VMsRule     *wireAffinityRule `json:"vms_rule,omitempty"`
	HostsRule   *wireAffinityRule `json:"hosts_rule,omitempty"`
	VMs         *wireVMs          `json:"vms,omitempty"`
	Hosts       *wireHosts        `json:"hosts,omitempty"`
	VMLabels    *wireLabels       `json:"vm_labels,omitempty"`
	HostLabels  *wireLabels       `json:"host_labels,omitempty"`
	Broken      boolean           `json:"broken,omitempty"`
}

// wireAffinityRule always says everything: the engine takes "enabled" only together with "positive" (AffinityGroupMapper).
type wireAffinityRule struct {
	Enabled   boolean `json:"enabled"`
	Positive  boolean `json:"positive"`
	Enforcing boolean `json:"enforcing"`
}

type wireVMs struct {
	VM []reference `json:"vm,omitempty"`
}

type wireHosts struct {
	Host []reference `json:"host,omitempty"`
}

type wireLabels struct {
	AffinityLabel []reference `json:"affinity_label,omitempty"`
}

type wireAffinityLabel struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	Implicit boolean    `json:"has_implicit_affinity_group"`
	VMs      *wireVMs   `json:"vms"`
	Hosts    *wireHosts `json:"hosts"`
}

func affinityGroupOf(w *wireAffinityGroup) AffinityGroup {
	g := AffinityGroup{
		ID: w.ID, Name: given(w.Name), Description: given(w.Description), ClusterID: w.Cluster.id(), Priority: given(w.Priority),
		VMsRule: affinityRuleOf(w.VMsRule), HostsRule: affinityRuleOf(w.HostsRule), Broken: bool(w.Broken),
		VMIDs: w.VMs.ids(), HostIDs: w.Hosts.ids(),
	}
	if w.VMLabels != nil {
		g.VMLabelIDs = ids(w.VMLabels.AffinityLabel)
	}
	if w.HostLabels != nil {
		g.HostLabelIDs = ids(w.HostLabels.AffinityLabel)
	}
	return g
}

func affinityRuleOf(w *wireAffinityRule) AffinityRule {
	if w == nil {
		return AffinityRule{}
	}
	return AffinityRule{Enabled: bool(w.Enabled), Positive: bool(w.Positive), Enforcing: bool(w.Enforcing)}
}

func (r AffinityRule) wire() *wireAffinityRule {
	return &wireAffinityRule{Enabled: boolean(r.Enabled), Positive: boolean(r.Positive), Enforcing: boolean(r.Enforcing)}
}

// wire leaves out the id, which the engine chooses, and the cluster, which is in the path.
func (g AffinityGroup) wire() wireAffinityGroup {
	w := wireAffinityGroup{Name: &g.Name, VMsRule: g.VMsRule.wire(), HostsRule: g.HostsRule.wire()}
	if g.Description != "" {
		w.Description = &g.Description
	}
	if g.Priority != 0 {
		w.Priority = &g.Priority
	}
	if len(g.VMIDs) > 0 {
		w.VMs = &wireVMs{referAll(g.VMIDs)}
	}
	if len(g.HostIDs) > 0 {
		w.Hosts = &wireHosts{referAll(g.HostIDs)}
	}
	if len(g.VMLabelIDs) > 0 {
		w.VMLabels = &wireLabels{referAll(g.VMLabelIDs)}
	}
	if len(g.HostLabelIDs) > 0 {
		w.HostLabels = &wireLabels{referAll(g.HostLabelIDs)}
	}
	return w
}

func (u AffinityGroupUpdate) wire() wireAffinityGroup {
	w := wireAffinityGroup{Name: u.Name, Description: u.Description, Priority: u.Priority}
	if u.VMsRule != nil {
		w.VMsRule = u.VMsRule.wire()
	}
	if u.HostsRule != nil {
		w.HostsRule = u.HostsRule.wire()
	}
	return w
}

func affinityLabelOf(w *wireAffinityLabel) AffinityLabel {
	return AffinityLabel{ID: w.ID, Name: w.Name, Implicit: bool(w.Implicit), VMIDs: w.VMs.ids(), HostIDs: w.Hosts.ids()}
}

func (w *wireVMs) ids() []string {
	if w == nil {
		return nil
	}
	return ids(w.VM)
}

func (w *wireHosts) ids() []string {
	if w == nil {
		return nil
	}
	return ids(w.Host)
}

// given is what a pointer points to, the zero value for none.
func given[T any](pointer *T) (value T) {
	if pointer != nil {
		value = *pointer
	}
	return value
}

func referAll(ids []string) []reference {
	out := make([]reference, 0, len(ids))
	for _, id := range ids {
		out = append(out, reference{id})
	}
	return out
}

func ids(references []reference) (out []string) {
	for _, each := range references {
		out = append(out, each.ID)
	}
	return out
}
