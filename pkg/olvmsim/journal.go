package olvmsim

import (
	"net/http"
	"sync"
	"time"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/rest"
)

const (
	// journalSize bounds the journal: 100 calls for each of 500 VMs.
	journalSize = 50_000
	// journalBodies bounds what the bodies in it take together, and journalBody what one takes, in bytes.
	journalBodies = 64 << 20
	journalBody   = 1 << 20
)

// Request is a call that a client made, or something that was done to the simulator itself.
type Request struct {
	// Time is real; EngineTime is the engine's, when the call came or, for a late one, was carried out.
	Time       time.Time `json:"time"`
	EngineTime time.Time `json:"engineTime"`
	Method     string    `json:"method"`
	// Path is the path below the API's root with ids replaced by their kind, such as vms/{vm}/nics, or the whole path
	// outside of the API.
	Path string `json:"path"`
	// RealPath and Query are as they came.
	RealPath string `json:"realPath,omitempty"`
	Query    string `json:"query,omitempty"`
	// VMID is the VM that the call was about, empty for calls about no single VM; VM is its name.
	VMID          string `json:"vmID,omitempty"`
	VM            string `json:"vm,omitempty"`
	CorrelationID string `json:"correlationID,omitempty"`
	// Status is 0 where the connection dropped before an answer.
	Status int `json:"status"`
	// User is the caller's name, empty where the caller did not get in.
	User string `json:"user,omitempty"`
	// Headers are those that decide how the call is read and answered, of calls that change something.
	Headers map[string]string `json:"headers,omitempty"`
	// Body is that of a call that changes something; in place of passwords and boot documents stand their lengths and
	// checksums. It is left out where it is larger than 1 MiB, and from the oldest calls when all take more than 64 MiB.
	Body string `json:"body,omitempty"`
	// Changes are what the call changed.
	Changes []Change `json:"changes,omitempty"`
	// Fault names the kinds of faults that were injected, joined by "+".
	Fault string `json:"fault,omitempty"`
	// Late says that the call was carried out when its caller had lost the connection already.
	Late bool `json:"late,omitempty"`
}

// Change is what a call did to one object.
type Change struct {
	// Op is created, changed or removed. What a command's job does to an object later is not named again.
	Op string `json:"op"`
	// Kind is vm, disk, nic, template, snapshot, host, vnic_profile, tag, affinity_group, affinity_label, image_transfer,
	// permission or job.
	Kind string `json:"kind"`
	ID   string `json:"id"`
}

// journal keeps the newest requests.
type journal struct {
	mu   sync.Mutex
	ring []Request
	next int
	// bodies is what the bodies take; those up to, but not including, bare in the order of requests have none any more.
	bodies, bare int
}

func (j *journal) add(r Request) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.ring) < journalSize {
		j.ring = append(j.ring, r)
	} else {
		j.bodies -= len(j.ring[j.next].Body)
		j.ring[j.next] = r
		j.next = (j.next + 1) % journalSize
		j.bare = max(0, j.bare-1)
	}
	j.bodies += len(r.Body)
	for ; j.bodies > journalBodies; j.bare++ {
		oldest := &j.ring[(j.next+j.bare)%len(j.ring)]
		j.bodies -= len(oldest.Body)
		oldest.Body = ""
	}
}

func (j *journal) all() []Request {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := make([]Request, 0, len(j.ring))
	out = append(out, j.ring[j.next:]...)
	return append(out, j.ring[:j.next]...)
}

// last is the newest request.
func (j *journal) last() Request {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.ring[(j.next+len(j.ring)-1)%len(j.ring)]
}

// Requests lists the newest 50,000 calls, the oldest first.
func (s *Simulator) Requests() []Request { return s.journal.all() }

// RequestCount is how many of Requests were about the VM: those that name it in their path, and the one that created it.
func (s *Simulator) RequestCount(vmID string) int {
	n := 0
	for _, r := range s.journal.all() {
		if r.VMID == vmID {
			n++
		}
	}
	return n
}

// Count is how many of Requests match. A match without a path counts all calls, those outside of the API as well.
func (s *Simulator) Count(m Match) int {
	n := 0
	for _, r := range s.journal.all() {
		if r.counts(m) {
			n++
		}
	}
	return n
}

func (r Request) counts(m Match) bool {
	c := matched{method: r.Method, pattern: r.Path, path: apiPath(r.RealPath), user: r.User, vm: r.VM, body: r.Body, status: r.Status}
	if m.Path == "" {
		c.path = ""
	}
	return m.matches(c)
}

// record keeps a call in the journal, and starts the steps of the scenario that wait for it.
func (s *Simulator) record(e rest.Entry) {
	r := Request{
		Time: e.Time, EngineTime: e.EngineTime, Method: e.Method, Path: e.Path, RealPath: e.RealPath, Query: e.Query, VMID: e.VMID,
		CorrelationID: e.CorrelationID, Status: e.Status, User: e.User, Fault: e.Fault, Late: e.Late,
	}
	if e.Method != http.MethodGet {
		r.Headers = kept(e.Header)
	}
	if len(e.Body) <= journalBody {
		r.Body = withoutSecrets(e.Body)
	}
	for _, c := range e.Changes {
		r.Changes = append(r.Changes, Change(c))
	}
	r.VM = s.vmNameOf(e.VMID, e.Body)
	s.journal.add(r)
	s.scenario.saw(r)
}

func kept(header http.Header) map[string]string {
	out := map[string]string{}
	for _, name := range []string{"Accept", "All-Content", "Content-Type", "Expect", "Filter", "Version", "X-Ovirt-Expect"} {
		if v := header.Get(name); v != "" {
			out[name] = v
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}
