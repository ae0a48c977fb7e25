package olvmsim

import (
	"encoding/json"
	"net/http"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/rest"
)

// The control endpoint shows other processes what the inspection methods show in process. It only reads.
const (
	controlPrefix = "/olvmsim/"
	// StatePath answers GET with a State.
	StatePath = "/olvmsim/v1/state"
	// RequestsPath answers GET with the list of Request.
	RequestsPath = "/olvmsim/v1/requests"
)

// State is what an engine holds.
type State struct {
	VMs   []VM   `json:"vms"`
	Disks []Disk `json:"disks"`
	NICs  []NIC  `json:"nics"`
	Jobs  []Job  `json:"jobs"`
}

// State returns everything that the engine holds. The parts are read one after the other, so a VM that is created
// meanwhile may show up in one and not in another.
func (s *Simulator) State() State {
	return State{VMs: s.VMs(), Disks: s.Disks(), NICs: s.NICs(), Jobs: s.Jobs()}
}

func (s *Simulator) serveControl(w http.ResponseWriter, r *http.Request) {
	if reason := s.rest.Unauthorized(r); reason != "" {
		rest.WriteUnauthorized(w, reason)
		return
	}
	var body any
	switch {
	case r.Method != http.MethodGet:
		http.Error(w, "the control endpoint only reads", http.StatusMethodNotAllowed)
		return
	case r.URL.Path == StatePath:
		body = s.State()
	case r.URL.Path == RequestsPath:
		body = s.Requests()
	default:
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}
