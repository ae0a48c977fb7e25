package rest

import (
	"net/http"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
	"github.com/ocne-project/ocne/pkg/olvmsim/internal/search"
)

func showAffinityGroup(g engine.AffinityGroup) AffinityGroup {
	href := ref("clusters", g.ClusterID).Href + "/affinitygroups/" + g.ID
	return AffinityGroup{
		Broken: ptr(Bool(g.Broken)), Cluster: ref("clusters", g.ClusterID), Description: ptr(g.Description), Enforcing: ptr(Bool(g.VMsRule.Enforcing)),
		HostLabels: &LabelRefs{refs("affinitylabels", g.HostLabels)}, Hosts: &HostRefs{refs("hosts", g.Hosts)},
		HostsRule: showRule(g.HostsRule), Href: href, ID: g.ID, Link: subLinks(href, "vms", "hosts", "vmlabels", "hostlabels"),
		Name: ptr(g.Name), Positive: ptr(Bool(g.VMsRule.Positive)), Priority: ptr(g.Priority),
		VMLabels: &LabelRefs{refs("affinitylabels", g.VMLabels)}, VMs: &VMRefs{refs("vms", g.VMs)}, VMsRule: showRule(g.VMsRule),
	}
}

func showRule(r engine.AffinityRule) *AffinityRule {
	return &AffinityRule{Enabled: ptr(Bool(r.Enabled)), Enforcing: ptr(Bool(r.Enforcing)), Positive: ptr(Bool(r.Positive))}
}

func refs(collection string, ids []string) (out []Ref) {
	for _, id := range ids {
		out = append(out, *ref(collection, id))
	}
	return out
}

func (s *Server) listAffinityGroups(r *request) (collection, error) {
	id, err := r.id("cluster")
	if err != nil {
		return collection{}, err
	}
	groups, err := s.Engine.AffinityGroups(id)
	return collect("affinity_group", groups, func(g engine.AffinityGroup) item {
		return item{g.ID, search.Fields{"id": {g.ID}, "name": {g.Name}}, func() any { return showAffinityGroup(g) }}
	}), err
}

func (r *request) affinityGroupChange() (engine.AffinityGroupChange, error) {
	var body AffinityGroup
	if err := r.decode(&body); err != nil {
		return engine.AffinityGroupChange{}, err
	}
	c := engine.AffinityGroupChange{
		Name: body.Name, Description: body.Description, Priority: body.Priority, Positive: (*bool)(body.Positive), Enforcing: (*bool)(body.Enforcing),
		VMsRule: ruleChange(body.VMsRule), HostsRule: ruleChange(body.HostsRule),
	}
	if body.VMsRule != nil { // the rule wins over the old way to give it
		c.Positive, c.Enforcing = nil, nil
	}
	var err error
	if body.VMs != nil {
		c.VMs, err = idsOf(body.VMs.VM)
	}
	if body.Hosts != nil && err == nil {
		c.Hosts, err = idsOf(body.Hosts.Host)
	}
	if body.VMLabels != nil && err == nil {
		c.VMLabels, err = idsOf(body.VMLabels.AffinityLabel)
	}
	if body.HostLabels != nil && err == nil {
		c.HostLabels, err = idsOf(body.HostLabels.AffinityLabel)
	}
	return c, err
}

func ruleChange(r *AffinityRule) *engine.AffinityRuleChange {
	if r == nil {
		return nil
	}
	return &engine.AffinityRuleChange{Enabled: (*bool)(r.Enabled), Enforcing: (*bool)(r.Enforcing), Positive: (*bool)(r.Positive)}
}

// idsOf is never nil, because an empty list clears what is there.
func idsOf(refs []Ref) ([]string, error) {
	out := []string{}
	for i := range refs {
		if !isUUID(refs[i].ID) {
			return nil, engine.MalformedID(refs[i].ID)
		}
		out = append(out, refs[i].ID)
	}
	return out, nil
}

func (s *Server) addAffinityGroup(r *request) (reply, error) {
	cluster, err := r.id("cluster")
	if err != nil {
		return reply{}, err
	}
	change, err := r.affinityGroupChange()
	if err != nil {
		return reply{}, err
	}
	if err := missing("AffinityGroup", need{"name", change.Name != nil}); err != nil {
		return reply{}, err
	}
	g, err := s.Engine.AddAffinityGroup(r.call(), cluster, change)
	return reply{http.StatusCreated, showAffinityGroup(g)}, err
}

// groupIDs are the two ids in the path of an affinity group.
func (r *request) groupIDs() (cluster, group string, err error) {
	if cluster, err = r.id("cluster"); err != nil {
		return "", "", err
	}
	group, err = r.id("group")
	return cluster, group, err
}

func (s *Server) updateAffinityGroup(r *request) (reply, error) {
	cluster, group, err := r.groupIDs()
	if err != nil {
		return reply{}, err
	}
	change, err := r.affinityGroupChange()
	if err != nil {
		return reply{}, err
	}
	g, err := s.Engine.UpdateAffinityGroup(r.call(), cluster, group, change)
	return reply{http.StatusOK, showAffinityGroup(g)}, err
}

func (s *Server) removeAffinityGroup(r *request) (reply, error) {
	cluster, group, err := r.groupIDs()
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK}, s.Engine.RemoveAffinityGroup(r.call(), cluster, group)
}

// members says how the members of one kind are named in paths and representations.
type members struct{ kind, collection string }

func (m members) ids(g engine.AffinityGroup) []string {
	switch m.kind {
	case engine.MemberHost:
		return g.Hosts
	case engine.MemberVMLabel:
		return g.VMLabels
	case engine.MemberHostLabel:
		return g.HostLabels
	}
	return g.VMs
}

// show is a member: no more than a reference, under the element of its own kind.
func (m members) show(id string) any {
	self := ref(m.collection, id)
	switch m.collection {
	case "hosts":
		return hostMember(*self)
	case "affinitylabels":
		return AffinityLabel{Href: self.Href, ID: id}
	}
	return VM{Href: self.Href, ID: id}
}

// hostMember is a reference whose element is a host.
type hostMember struct {
	Href string `json:"href,omitempty"`
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// RootName is the name of the element in XML.
func (hostMember) RootName() string { return "host" }

// TakesAnything lets clients post whole hosts.
func (*hostMember) TakesAnything() {}

func (s *Server) listMembers(m members) func(*request) (collection, error) {
	key := map[string]string{"vms": "vm", "hosts": "host", "affinitylabels": "affinity_label"}[m.collection]
	return func(r *request) (collection, error) {
		cluster, group, err := r.groupIDs()
		if err != nil {
			return collection{}, err
		}
		groups, err := s.Engine.AffinityGroups(cluster)
		if err != nil {
			return collection{}, err
		}
		for _, g := range groups {
			if g.ID == group {
				return collect(key, m.ids(g), func(id string) item {
					return item{id, search.Fields{"id": {id}}, func() any { return m.show(id) }}
				}), nil
			}
		}
		return collection{}, &engine.Fault{Status: http.StatusNotFound}
	}
}

func (s *Server) addMember(m members) func(*request) (reply, error) {
	return func(r *request) (reply, error) {
		cluster, group, err := r.groupIDs()
		if err != nil {
			return reply{}, err
		}
		id, err := r.memberID(m.kind)
		if err != nil {
			return reply{}, err
		}
		return reply{http.StatusCreated, m.show(id)}, s.Engine.AddToAffinityGroup(r.call(), cluster, group, m.kind, id)
	}
}

// memberID is the id of the object that is posted to become a member; the element is named after its kind.
func (r *request) memberID(kind string) (string, error) {
	var id string
	var err error
	switch kind {
	case engine.MemberVM:
		var body VM
		err = r.decode(&body)
		id = body.ID
	case engine.MemberHost:
		var body hostMember
		err = r.decode(&body)
		id = body.ID
	default:
		var body AffinityLabel
		err = r.decode(&body)
		id = body.ID
	}
	if err != nil {
		return "", err
	}
	if err := missing("Member", need{"id", id != ""}); err != nil {
		return "", err
	}
	return id, checkRefs(&Ref{ID: id})
}

func (s *Server) removeMember(m members) func(*request) (reply, error) {
	return func(r *request) (reply, error) {
		cluster, group, err := r.groupIDs()
		if err != nil {
			return reply{}, err
		}
		id, err := r.id("member")
		if err != nil {
			return reply{}, err
		}
		return reply{status: http.StatusOK}, s.Engine.RemoveFromAffinityGroup(r.call(), cluster, group, m.kind, id)
	}
}
