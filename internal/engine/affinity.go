package engine

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/ocne-project/ocne/pkg/ovirt"
)

const (
	// groupsRemembered is how long affinity groups are taken for granted; what this process changes of them is known at once.
	groupsRemembered = 10 * time.Second
	// refusalRemembered is how long nobody asks again to edit groups that this account may not edit, or whose name somebody else has.
	refusalRemembered = time.Minute
)

// turns let one at a time edit the affinity groups of a cluster, whichever account it uses: of two edits at once, the engine fails one. The
// zero value is ready.
type turns struct {
	mu     sync.Mutex
	chosen map[string]chan struct{} // by the cluster's id; held by whoever edits
}

func (t *turns) take(ctx context.Context, clusterID string) (give func(), err error) {
	t.mu.Lock()
	if t.chosen == nil {
		t.chosen = map[string]chan struct{}{}
	}
	if t.chosen[clusterID] == nil {
		t.chosen[clusterID] = make(chan struct{}, 1)
	}
	turn := t.chosen[clusterID]
	t.mu.Unlock()
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// groups are the affinity groups of one cluster, as they were read last and changed by this process since.
type groups struct {
	mu      sync.Mutex
	known   []ovirt.AffinityGroup
	read    time.Time
	refused map[string]refused // by the group's name; "" is for all groups
}

type refused struct {
	err error
	at  time.Time
}

func (e *Engine) groupsOf(clusterID string) *groups {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.groups == nil {
		e.groups = map[string]*groups{}
	}
	if e.groups[clusterID] == nil {
		e.groups[clusterID] = &groups{}
	}
	return e.groups[clusterID]
}

func (g *groups) remembered() ([]ovirt.AffinityGroup, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.known), time.Since(g.read) < groupsRemembered
}

// AffinityGroups are those of a cluster: one list in a while for all machines.
func (e *Engine) AffinityGroups(ctx context.Context, clusterID string) ([]ovirt.AffinityGroup, error) {
	if known, fresh := e.groupsOf(clusterID).remembered(); fresh {
		return known, nil
	}
	var list []ovirt.AffinityGroup
	err := e.EditAffinityGroups(ctx, clusterID, func(edit *GroupEdit) error {
		var err error
		list, err = edit.Known(ctx)
		return err
	})
	return list, err
}

// EditAffinityGroups calls f while nobody else of this process edits the affinity groups of that cluster.
func (e *Engine) EditAffinityGroups(ctx context.Context, clusterID string, f func(*GroupEdit) error) error {
	give, err := e.turns.take(ctx, clusterID)
	if err != nil {
		return err
	}
	defer give()
	return f(&GroupEdit{engine: e, clusterID: clusterID, groups: e.groupsOf(clusterID)})
}

// GroupEdit is the turn to edit the affinity groups of a cluster. Whoever changes one in the engine says so here.
type GroupEdit struct {
	engine    *Engine
	clusterID string
	groups    *groups
}

// Known are the groups as they are remembered, or as they are when that was long ago.
func (g *GroupEdit) Known(ctx context.Context) ([]ovirt.AffinityGroup, error) {
	if known, fresh := g.groups.remembered(); fresh {
		return known, nil
	}
	return g.Read(ctx)
}

// Read asks the engine.
func (g *GroupEdit) Read(ctx context.Context) ([]ovirt.AffinityGroup, error) {
	started := time.Now()
	list, err := g.engine.client.AffinityGroups(ctx, g.clusterID)
	if err != nil {
		return nil, err
	}
	g.groups.mu.Lock()
	defer g.groups.mu.Unlock()
	g.groups.known, g.groups.read = slices.Clone(list), started
	return list, nil
}

// Put says that a group is now as given.
func (g *GroupEdit) Put(group ovirt.AffinityGroup) {
	g.Removed(group.ID)
	g.groups.mu.Lock()
	defer g.groups.mu.Unlock()
	g.groups.known = append(g.groups.known, group)
}

// Removed says that there is no such group any more.
func (g *GroupEdit) Removed(id string) {
	g.groups.mu.Lock()
	defer g.groups.mu.Unlock()
	g.groups.known = slices.DeleteFunc(slices.Clone(g.groups.known), func(known ovirt.AffinityGroup) bool { return known.ID == id })
}

// Refused remembers for a while why a group cannot be edited; an empty name means that none can.
func (g *GroupEdit) Refused(name string, err error) {
	g.groups.mu.Lock()
	defer g.groups.mu.Unlock()
	if g.groups.refused == nil {
		g.groups.refused = map[string]refused{}
	}
	g.groups.refused[name] = refused{err, time.Now()}
}

// AffinityGroupRefused returns why the group cannot be edited, as it was found a while ago, or nil.
func (e *Engine) AffinityGroupRefused(clusterID, name string) error {
	g := e.groupsOf(clusterID)
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, key := range []string{"", name} {
		if r, known := g.refused[key]; known && time.Since(r.at) < refusalRemembered {
			return r.err
		}
	}
	return nil
}

// AffinityLabels are all of the engine with the VMs that have them: one list in a while for all machines.
func (e *Engine) AffinityLabels(ctx context.Context) ([]ovirt.AffinityLabel, error) {
	return e.labels.get(struct{}{}, groupsRemembered, func() ([]ovirt.AffinityLabel, error) { return e.client.AffinityLabels(ctx) })
}

// ForgetAffinityLabels makes the next look ask the engine: they have just been changed.
func (e *Engine) ForgetAffinityLabels() { e.labels.forget() }

// ForgetMember drops a VM that is removed, or made anew, from every group and label that it is remembered in: the engine has taken it out.
func (e *Engine) ForgetMember(vmID string) {
	e.labels.forget()
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, g := range e.groups {
		g.drop(vmID)
	}
}

func (g *groups) drop(vmID string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range g.known {
		if slices.Contains(g.known[i].VMIDs, vmID) {
			g.known[i].VMIDs = slices.DeleteFunc(slices.Clone(g.known[i].VMIDs), func(id string) bool { return id == vmID })
		}
	}
}

// LabelIDs are the ids of affinity labels by their names. The error is a *MissingError for a name that no label has.
func (e *Engine) LabelIDs(ctx context.Context, names []string) ([]string, error) {
	if len(names) == 0 {
		return nil, nil
	}
	labels, err := e.AffinityLabels(ctx)
	if err != nil {
		return nil, err
	}
	var ids, existing []string
	for _, l := range labels {
		existing = append(existing, l.Name)
	}
	for _, name := range names {
		at := slices.Index(existing, name)
		if at < 0 {
			return nil, &MissingError{What: "affinity label", Name: name, Existing: existing}
		}
		ids = append(ids, labels[at].ID)
	}
	return ids, nil
}
