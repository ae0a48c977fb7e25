package engine

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ocne-project/ocne/pkg/ovirt"
)

// Engine is one connection and what was read through it.
type Engine struct {
	client *ovirt.Client
	url    string
	// username of the account.
	username string
	breaker  *breaker
	used     time.Time // guarded by Engines.mu

	listing   chan struct{} // held by whoever lists
	polled    atomic.Bool   // held by the one that polls
	connected bool          // Engines told about the connection; only who polls uses it

	mu       sync.Mutex
	snapshot *Snapshot
	failed   *failure
	touched  map[string]time.Time
	changed  map[string]struct{} // ids of VMs that are to be told about with the next poll

	systems     memo[struct{}, ovirt.System]
	dataCenters memo[string, ovirt.DataCenter]
	templates   memo[string, []ovirt.Template]
	places      memo[PlaceNames, Place]
	nics        memo[NICNames, NICPlace]
	domains     memo[string, []ovirt.StorageDomain] // of a data center by its id
	bootDisks   memo[string, ovirt.Disk]            // of a template by its id
	hosts       memo[string, map[string]string]     // names by id, of a cluster by its id
	quotas      memo[string, []ovirt.DataCenterQuota]
	tags        memo[struct{}, map[string]string] // ids by name
	labels      memo[struct{}, []ovirt.AffinityLabel]
	groups      map[string]*groups // of a cluster by its id; guarded by mu
	turns       *turns             // of all accounts of the engine
}

type failure struct {
	started time.Time
	err     error
}

func newEngine(client *ovirt.Client, a Account, b *breaker) *Engine {
	return &Engine{
		client: client, url: a.URL, username: a.Username, breaker: b, listing: make(chan struct{}, 1), touched: map[string]time.Time{},
		changed: map[string]struct{}{}, turns: &turns{},
	}
}

// Down returns a *DownError while the engine is not asked, because it did not answer or refused the credentials; otherwise nil.
func (e *Engine) Down() error { return e.breaker.isDown() }

// Listed is the newest list of VMs, whatever its age; nil before the first.
func (e *Engine) Listed() *Snapshot {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.snapshot
}

// Client is the connection itself.
func (e *Engine) Client() *ovirt.Client { return e.client }

// URL is the engine's base URL as configured.
func (e *Engine) URL() string { return e.url }

// Snapshot is one list of all VMs that the account can see.
type Snapshot struct {
	// Started is when the request was sent: whatever happened before it is in the list.
	Started time.Time
	byID    map[string]ovirt.VM
}

// VM returns the VM with that id, or nil.
func (s *Snapshot) VM(id string) *ovirt.VM {
	if vm, ok := s.byID[id]; ok {
		return &vm
	}
	return nil
}

// Each calls f for every VM, in no order.
func (s *Snapshot) Each(f func(ovirt.VM)) {
	for _, vm := range s.byID {
		f(vm)
	}
}

// changedSince compares with an older list; when there is none, all are new.
func (s *Snapshot) changedSince(before *Snapshot) []string {
	if before == nil {
		before = &Snapshot{}
	}
	var ids []string
	for id, vm := range s.byID {
		if old, ok := before.byID[id]; !ok || old.Status != vm.Status || old.Comment != vm.Comment || old.Name != vm.Name || old.HostID != vm.HostID {
			ids = append(ids, id)
		}
	}
	for id := range before.byID {
		if _, ok := s.byID[id]; !ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// Snapshot returns a list whose request was sent at notBefore or later. Callers share lists: while one is being read, the others
// wait for it, and read another one only if it began too early for them.
func (e *Engine) Snapshot(ctx context.Context, notBefore time.Time) (*Snapshot, error) {
	select {
	case e.listing <- struct{}{}:
		defer func() { <-e.listing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	e.mu.Lock()
	snapshot, failed := e.snapshot, e.failed
	e.mu.Unlock()
	if snapshot != nil && !snapshot.Started.Before(notBefore) {
		return snapshot, nil
	}
	if failed != nil && !failed.started.Before(notBefore) {
		return nil, failed.err
	}
	started := time.Now()
	vms, err := e.client.VMs(ctx, "")
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil {
		if ctx.Err() == nil {
			e.failed = &failure{started: started, err: err}
		}
		return nil, err
	}
	fresh := &Snapshot{Started: started, byID: make(map[string]ovirt.VM, len(vms))}
	for _, vm := range vms {
		fresh.byID[vm.ID] = vm
	}
	e.note(fresh.changedSince(e.snapshot)...)
	e.snapshot, e.failed = fresh, nil
	return fresh, nil
}

// note remembers, under the lock, VMs to tell about. Each list is compared with the one before it, and not with the last that a poll read:
// a machine may have acted on a list between two polls that look alike.
func (e *Engine) note(vmIDs ...string) {
	for _, id := range vmIDs {
		e.changed[id] = struct{}{}
	}
}

// changedAgain puts back what could not be told.
func (e *Engine) changedAgain(vmIDs []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.note(vmIDs...)
}

func (e *Engine) takeChanged() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	ids := slices.Collect(maps.Keys(e.changed))
	clear(e.changed)
	return ids
}

// Touch says that a VM is about to be changed, just was, or is not in a list although it is there: lists that began before no longer tell
// about it, and the next poll does, even if it is in no list then.
func (e *Engine) Touch(vmID string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.touched[vmID] = time.Now()
	e.note(vmID)
}

// Forget drops what is kept about a VM that is gone.
func (e *Engine) Forget(vmID string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.touched, vmID)
}

// Lately returns a list that is at most maxAge old and knows the last change of that VM.
func (e *Engine) Lately(ctx context.Context, vmID string, maxAge time.Duration) (*Snapshot, error) {
	notBefore := time.Now().Add(-maxAge)
	e.mu.Lock()
	if touched := e.touched[vmID]; touched.After(notBefore) {
		notBefore = touched
	}
	e.mu.Unlock()
	return e.Snapshot(ctx, notBefore)
}

// Touched is when a VM was last changed by this process; zero when it was not.
func (e *Engine) Touched(vmID string) time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.touched[vmID]
}
