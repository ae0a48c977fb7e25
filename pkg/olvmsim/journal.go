package olvmsim

import (
	"sync"
	"time"
)

// journalSize bounds the journal: 100 calls for each of 500 VMs, about 10 MB.
const journalSize = 50_000

// Request is a call that a client made. Bodies are not kept.
type Request struct {
	Time   time.Time `json:"time"`
	Method string    `json:"method"`
	// Path is the path below the API's root with ids replaced by their kind, such as vms/{vm}/nics, or the whole path
	// outside of the API.
	Path string `json:"path"`
	// VMID is the VM that the call was about, empty for calls about no single VM.
	VMID          string `json:"vmID,omitempty"`
	CorrelationID string `json:"correlationID,omitempty"`
	Status        int    `json:"status"`
	// User is the caller's name, empty where the caller did not get in.
	User string `json:"user,omitempty"`
}

// journal keeps the newest requests.
type journal struct {
	mu   sync.Mutex
	ring []Request
	next int
}

func (j *journal) add(r Request) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.ring) < journalSize {
		j.ring = append(j.ring, r)
		return
	}
	j.ring[j.next] = r
	j.next = (j.next + 1) % journalSize
}

func (j *journal) all() []Request {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := make([]Request, 0, len(j.ring))
	out = append(out, j.ring[j.next:]...)
	return append(out, j.ring[:j.next]...)
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
