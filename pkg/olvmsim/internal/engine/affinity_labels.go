package engine

import "slices"

// AffinityLabelChange is what a POST or PUT may say of a label; nil means "not said".
type AffinityLabelChange struct {
	Name       *string
	Implicit   *bool
	VMs, Hosts []string
}

// AffinityLabels lists the labels by name.
func (e *Engine) AffinityLabels() []AffinityLabel {
	return locked(e, func() []AffinityLabel {
		var out []AffinityLabel
		for _, l := range e.labelList() {
			out = append(out, *l)
		}
		return out
	})
}

// AddAffinityLabel makes a label.
func (e *Engine) AddAffinityLabel(call Call, change AffinityLabelChange) (AffinityLabel, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	l := &AffinityLabel{}
	if err := e.changeLabel(call, "add", l, change); err != nil {
		return AffinityLabel{}, err
	}
	l.ID = e.newID()
	if e.affinityLabels == nil {
		e.affinityLabels = map[string]*AffinityLabel{}
	}
	e.affinityLabels[l.ID] = l
	return *l, nil
}

// UpdateAffinityLabel merges change into a label.
func (e *Engine) UpdateAffinityLabel(call Call, id string, change AffinityLabelChange) (AffinityLabel, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	l, ok := e.affinityLabels[id]
	if !ok {
		return AffinityLabel{}, noEntity()
	}
	changed := *l
	if err := e.changeLabel(call, "edit", &changed, change); err != nil {
		return AffinityLabel{}, err
	}
	*l = changed
	return changed, nil
}

// RemoveAffinityLabel removes a label from everything that has it.
func (e *Engine) RemoveAffinityLabel(call Call, id string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, ok := e.affinityLabels[id]; !ok {
		return noEntity()
	}
	if err := e.authorize(call, permitAffinity, Object{Type: TypeSystem}); err != nil {
		return err
	}
	delete(e.affinityLabels, id)
	for _, g := range e.groupList() {
		g.VMLabels, g.HostLabels = without(g.VMLabels, id), without(g.HostLabels, id)
	}
	return nil
}

// SetAffinityLabel gives the VM or host the label, or takes it away.
func (e *Engine) SetAffinityLabel(call Call, id, kind, memberID string, on bool) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	l, ok := e.affinityLabels[id]
	if !ok {
		return noEntity()
	}
	list := l.VMs
	if kind == MemberHost {
		list = l.Hosts
	}
	if !on && !slices.Contains(list, memberID) {
		return noEntity()
	}
	list = without(list, memberID)
	if on {
		list = append(list, memberID)
	}
	change := AffinityLabelChange{VMs: list}
	if kind == MemberHost {
		change = AffinityLabelChange{Hosts: list}
	}
	changed := *l
	if err := e.changeLabel(call, "edit", &changed, change); err != nil {
		return err
	}
	*l = changed
	return nil
}

func (e *Engine) changeLabel(call Call, verb string, l *AffinityLabel, change AffinityLabelChange) error {
	if err := e.authorize(call, permitAffinity, Object{Type: TypeSystem}); err != nil {
		return err
	}
	set(&l.Name, change.Name)
	set(&l.Implicit, change.Implicit)
	if change.VMs != nil {
		l.VMs = change.VMs
	}
	if change.Hosts != nil {
		l.Hosts = change.Hosts
	}
	for _, other := range e.affinityLabels {
		if other.ID != l.ID && other.Name == l.Name {
			return invalid(msgLabelName, verb)
		}
	}
	for _, id := range l.VMs {
		if _, ok := e.vms[id]; !ok {
			return noReferenced("VM", Ref{ID: id})
		}
	}
	for _, id := range l.Hosts {
		if _, ok := pickRef(e.hosts, Ref{ID: id}, hostRef); !ok {
			return noReferenced("Host", Ref{ID: id})
		}
	}
	return nil
}

func (e *Engine) labelList() []*AffinityLabel {
	return sortedByName(e.affinityLabels, func(l *AffinityLabel) (string, string) { return l.Name, l.ID })
}
