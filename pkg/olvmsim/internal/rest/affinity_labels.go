package rest

import (
	"net/http"
	"slices"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
	"github.com/ocne-project/ocne/pkg/olvmsim/internal/search"
)

// showAffinityLabel leaves out who has the label: the engine shows that below the links only (AffinityLabelMapper).
func showAffinityLabel(l engine.AffinityLabel) AffinityLabel {
	href := ref("affinitylabels", l.ID).Href
	return AffinityLabel{
		HasImplicitAffinityGroup: ptr(Bool(l.Implicit)), Href: href, ID: l.ID, Link: subLinks(href, "vms", "hosts"), Name: ptr(l.Name),
		ReadOnly: ptr(Bool(false)),
	}
}

// listAffinityLabels shows all labels, or those of the VM or host in the path.
func (s *Server) listAffinityLabels(r *request) (collection, error) {
	labels := s.Engine.AffinityLabels()
	if _, ok := r.ids["vm"]; ok {
		id, err := r.id("vm")
		if err != nil {
			return collection{}, err
		}
		if _, err := s.Engine.VM(id); err != nil {
			return collection{}, err
		}
		labels = slices.DeleteFunc(labels, func(l engine.AffinityLabel) bool { return !slices.Contains(l.VMs, id) })
	}
	if _, ok := r.ids["host"]; ok {
		hosts, err := below(r, "host", s.Engine.Hosts(), hostID, s.Engine.Hosts(), hostID)
		if err != nil {
			return collection{}, err
		}
		labels = slices.DeleteFunc(labels, func(l engine.AffinityLabel) bool { return !slices.Contains(l.Hosts, hosts[0].ID) })
	}
	return collect("affinity_label", labels, func(l engine.AffinityLabel) item {
		return item{l.ID, search.Fields{"id": {l.ID}, "name": {l.Name}}, func() any { return showAffinityLabel(l) }}
	}), nil
}

func hostID(h engine.Host) string { return h.ID }

func (r *request) labelChange() (engine.AffinityLabelChange, error) {
	var body AffinityLabel
	if err := r.decode(&body); err != nil {
		return engine.AffinityLabelChange{}, err
	}
	c := engine.AffinityLabelChange{Name: body.Name, Implicit: (*bool)(body.HasImplicitAffinityGroup)}
	var err error
	if body.VMs != nil {
		c.VMs, err = idsOf(body.VMs.VM)
	}
	if body.Hosts != nil && err == nil {
		c.Hosts, err = idsOf(body.Hosts.Host)
	}
	return c, err
}

func (s *Server) addAffinityLabel(r *request) (reply, error) {
	change, err := r.labelChange()
	if err != nil {
		return reply{}, err
	}
	if err := missing("AffinityLabel", need{"name", change.Name != nil}); err != nil {
		return reply{}, err
	}
	l, err := s.Engine.AddAffinityLabel(r.call(), change)
	return reply{http.StatusCreated, showAffinityLabel(l)}, err
}

func (s *Server) updateAffinityLabel(r *request) (reply, error) {
	id, err := r.id("label")
	if err != nil {
		return reply{}, err
	}
	change, err := r.labelChange()
	if err != nil {
		return reply{}, err
	}
	l, err := s.Engine.UpdateAffinityLabel(r.call(), id, change)
	return reply{http.StatusOK, showAffinityLabel(l)}, err
}

func (s *Server) removeAffinityLabel(r *request) (reply, error) {
	id, err := r.id("label")
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK}, s.Engine.RemoveAffinityLabel(r.call(), id)
}

// listLabelMembers shows the VMs or hosts that have the label.
func (s *Server) listLabelMembers(m members, key string) func(*request) (collection, error) {
	return func(r *request) (collection, error) {
		labels, err := below(r, "label", s.Engine.AffinityLabels(), labelID, s.Engine.AffinityLabels(), labelID)
		if err != nil {
			return collection{}, err
		}
		ids := labels[0].VMs
		if m.kind == engine.MemberHost {
			ids = labels[0].Hosts
		}
		return collect(key, ids, func(id string) item {
			return item{id, search.Fields{"id": {id}}, func() any { return m.show(id) }}
		}), nil
	}
}

func labelID(l engine.AffinityLabel) string { return l.ID }

// setLabel gives an object a label or takes it away: the label is posted to the object, or the object to the label.
func (s *Server) setLabel(kind string, on bool) func(*request) (reply, error) {
	return func(r *request) (reply, error) {
		ids := map[string]string{}
		for _, name := range []string{"label", kind} {
			if _, ok := r.ids[name]; !ok {
				continue
			}
			id, err := r.id(name)
			if err != nil {
				return reply{}, err
			}
			ids[name] = id
		}
		posted := "label"
		if ids["label"] != "" {
			posted = kind
		}
		if on {
			id, err := r.memberID(posted)
			if err != nil {
				return reply{}, err
			}
			ids[posted] = id
		}
		err := s.Engine.SetAffinityLabel(r.call(), ids["label"], kind, ids[kind], on)
		switch {
		case !on:
			return reply{status: http.StatusOK}, err
		case posted == "label":
			return reply{http.StatusCreated, AffinityLabel{Href: ref("affinitylabels", ids["label"]).Href, ID: ids["label"]}}, err
		}
		return reply{http.StatusCreated, members{kind, kind + "s"}.show(ids[kind])}, err
	}
}
