package olvmsim

import (
	"cmp"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
	"github.com/ocne-project/ocne/pkg/olvmsim/internal/rest"
)

// faults are those that were added and not cleared.
type faults struct {
	mu   sync.Mutex
	list []*armed
	seq  int
	// down says that the engine restarts, refuse that it closes connections meanwhile. restarts counts.
	down, refuse bool
	restarts     int
}

// armed is a fault that waits for calls, or lasts.
type armed struct {
	Fault
	// stale is the engine as it was when a stale-list was added.
	stale *engine.Engine
	// undo ends a lasting effect; nil if there is none or it has not begun.
	undo func()
	// freeBefore is what a storage domain that is full had available, in bytes.
	freeBefore int64
}

// Inject adds a fault and returns its id. A fault of the installation with an empty match happens before Inject returns.
func (s *Simulator) Inject(f Fault) (id string, err error) {
	f.Seen, f.Hits = 0, 0
	if f.Match.empty() {
		f.Match = defaultMatch(f.Effect.Kind)
	}
	if f.Effect.Kind == StaleList || f.Effect.Kind == PartialList {
		f.Match.Method = http.MethodGet // nothing else answers with a list
	}
	if err := f.check(); err != nil {
		return "", fmt.Errorf("inject fault: %w", err)
	}
	a := &armed{Fault: f}
	if f.Effect.Kind == StaleList {
		if a.stale, err = s.engine.Frozen(); err != nil {
			return "", fmt.Errorf("inject fault: %w", err)
		}
	}
	s.faults.mu.Lock()
	s.faults.seq++
	a.ID = fmt.Sprintf("f%d", s.faults.seq)
	s.faults.list = append(s.faults.list, a)
	s.faults.mu.Unlock()
	if !f.Match.empty() || f.Effect.Kind.onCalls() {
		return a.ID, nil
	}
	if err := s.happen(a, ""); err != nil {
		_ = s.Clear(a.ID) // it is there: it was added above
		return "", fmt.Errorf("inject fault: %w", err)
	}
	s.faults.mu.Lock()
	a.Hits = 1
	lasts := a.undo != nil
	s.faults.mu.Unlock()
	if !lasts {
		_ = s.Clear(a.ID) // it has happened
	}
	return a.ID, nil
}

// defaultMatch is what a refusal hits when nothing else is said: the commands that the engine refuses like that.
func defaultMatch(kind Kind) Match {
	switch kind {
	case QuotaExceeded:
		return Match{Method: http.MethodPost, Path: "vms|disks|vms/*/diskattachments"}
	case AffinityUnmet:
		return Match{Method: http.MethodPost, Path: "vms/*/start"}
	}
	return Match{}
}

// Faults lists the faults that wait for calls or last, in the order in which they were added.
func (s *Simulator) Faults() []Fault {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	out := []Fault{}
	for _, a := range s.faults.list {
		out = append(out, a.Fault)
	}
	return out
}

// Clear removes a fault and ends what it does to the installation, as far as that can be taken back: disks that it locked
// are unlocked, storage is free again, VMs come up from their next start on. An empty id clears all.
func (s *Simulator) Clear(id string) error {
	s.faults.mu.Lock()
	var gone []*armed
	s.faults.list = slices.DeleteFunc(s.faults.list, func(a *armed) bool {
		if id == "" || a.ID == id {
			gone = append(gone, a)
			return true
		}
		return false
	})
	undo := make([]func(), 0, len(gone))
	for _, a := range gone {
		if a.undo != nil {
			undo = append(undo, a.undo)
		}
	}
	s.faults.mu.Unlock()
	if id != "" && len(gone) == 0 {
		return fmt.Errorf("%w: fault %q", ErrNotFound, id)
	}
	for _, end := range undo {
		end()
	}
	return nil
}

// intercept decides what happens to a call: the first fault on its answer that hits it counts, latencies add up, and
// what befalls the installation happens before the call is carried out.
func (s *Simulator) intercept(call rest.Intercepted) *rest.Injected {
	if s.faults.none() {
		return nil
	}
	c := matched{
		method: call.Method, pattern: call.Pattern, path: call.Path, user: call.User, body: string(call.Body), vm: s.vmName(call.VMID, call.Body),
	}
	var out *rest.Injected
	for _, a := range s.hits(c) {
		if out == nil {
			out = &rest.Injected{}
		}
		out.Name = strings.TrimPrefix(out.Name+"+"+string(a.Effect.Kind), "+")
		if a.Effect.Kind.onCalls() {
			s.affect(out, a)
			continue
		}
		if err := s.happen(a, c.vm); err != nil {
			s.options.Log.Warn("fault had no effect", "fault", a.String(), "error", err)
		}
	}
	return out
}

func (f *faults) none() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.list) == 0
}

// hits counts the call and lists the faults whose turn it is. Of those on the answer only one is taken, beside latencies.
func (s *Simulator) hits(c matched) (out []*armed) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	answered := false
	for _, a := range s.faults.list {
		lasts := !a.Effect.Kind.onCalls() && a.Match.empty() // it has begun
		if lasts || !a.Match.matches(c) || a.Effect.Kind != Latency && a.Effect.Kind.onCalls() && answered {
			continue
		}
		a.Seen++
		if a.Seen <= a.After || a.Count > 0 && a.Hits >= a.Count || a.undo != nil || a.Probability > 0 && !s.engine.Chance(a.Probability) {
			continue
		}
		a.Hits++
		answered = answered || a.Effect.Kind.onCalls() && a.Effect.Kind != Latency
		out = append(out, a)
	}
	return out
}

// vmNameOf is vmName for a call that was carried out: of one about no VM it is empty.
func (s *Simulator) vmNameOf(id string, body []byte) string {
	if id == "" {
		return ""
	}
	return s.vmName(id, body)
}

// vmName is the name of the VM that a call is about: one that is there, or the one that the body wants.
func (s *Simulator) vmName(id string, body []byte) string {
	if name := s.engine.VMName(id); name != "" {
		return name
	}
	var wanted struct {
		Name string `json:"name" xml:"name"`
	}
	if json.Unmarshal(body, &wanted) != nil {
		_ = xml.Unmarshal(body, &wanted) // what cannot be read has no name
	}
	return wanted.Name
}

const (
	msgForgotten = "invalid_grant: The provided authorization grant for the auth code has expired."
	msgNoPermit  = "[User is not authorized to perform this action.]"
	msgBusy      = "[Related operation is currently in progress. Please try again later.]"
	msgBroken    = "[Internal Engine Error]"
	msgQuota     = "[The quota's limit is exceeded. Ask the administrator for more.]" // own words
	msgAffinity  = "[Cannot run VM. There is no host that satisfies current scheduling constraints. See below for details:, " +
		"The host did not satisfy internal filter VmAffinityGroups because it breaks an affinity rule.]" // the last part: own words
	reasonFailed = "Operation Failed"
)

// affect adds an effect on the answer.
func (s *Simulator) affect(out *rest.Injected, a *armed) {
	refuse := func(status int, detail string) {
		out.Err = &engine.Fault{Status: status, Reason: reasonFailed, Detail: cmp.Or(a.Effect.Detail, detail)}
	}
	switch a.Effect.Kind {
	case Latency:
		out.Latency += time.Duration(a.Effect.Delay)
	case Unauthorized:
		out.Reason = cmp.Or(a.Effect.Detail, msgForgotten)
	case Forbidden:
		refuse(http.StatusForbidden, msgNoPermit)
	case Locked:
		refuse(http.StatusConflict, msgBusy)
	case InternalError:
		refuse(http.StatusInternalServerError, msgBroken)
	case QuotaExceeded:
		refuse(http.StatusConflict, msgQuota)
	case AffinityUnmet:
		refuse(http.StatusConflict, msgAffinity)
	case Unavailable:
		out.Status = http.StatusServiceUnavailable
	case DropBefore:
		out.Drop = true
	case DropAfter:
		out.Drop, out.Commit = true, true
	case DropDelayed:
		out.Drop, out.CommitAfter = true, time.Duration(a.Effect.Delay)
	case StaleList:
		out.Stale = a.stale
	case PartialList:
		share := cmp.Or(a.Effect.Share, 0.5)
		out.Omit = func(string) bool { return s.engine.Chance(share) }
	}
}
