package olvmsim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/rest"
)

// The control endpoint does for other processes what the methods of a Simulator do in process. It is for the built-in
// administrator.
const (
	controlPrefix = "/olvmsim/"
	// StatePath answers GET with a State.
	StatePath = "/olvmsim/v1/state"
	// RequestsPath answers GET with the list of Request, with ?format=lines one in each line.
	RequestsPath = "/olvmsim/v1/requests"
	// GuestsPath takes PUT with a GuestsChange.
	GuestsPath = "/olvmsim/v1/guests"
	// FaultsPath answers GET with the list of Fault, takes POST with a Fault and answers it with its id, and takes DELETE,
	// which clears all.
	FaultsPath = "/olvmsim/v1/faults"
	// CheckPath answers GET with a CheckResult.
	CheckPath = "/olvmsim/v1/check"
	// NotSimulatedPath answers GET with the list of NotSimulatedCall.
	NotSimulatedPath = "/olvmsim/v1/notsimulated"
	// SavePath answers GET with what Simulator.Save writes.
	SavePath = "/olvmsim/v1/save"

	storageDomainsPath = "/olvmsim/v1/storagedomains/"
	hostsPath          = "/olvmsim/v1/hosts/"
	templatesPath      = "/olvmsim/v1/templates/"

	maxControlBody = 1 << 16
)

// StorageDomainPath takes PUT with a StorageDomainChange.
func StorageDomainPath(name string) string { return storageDomainsPath + url.PathEscape(name) }

// HostPath takes PUT with a StatusChange.
func HostPath(name string) string { return hostsPath + url.PathEscape(name) }

// TemplatePath takes PUT with a StatusChange.
func TemplatePath(name string) string { return templatesPath + url.PathEscape(name) }

// FaultPath takes DELETE.
func FaultPath(id string) string { return FaultsPath + "/" + url.PathEscape(id) }

// StorageDomainChange is the body for StorageDomainPath.
type StorageDomainChange struct {
	// AvailableBytes is required.
	AvailableBytes *int64 `json:"availableBytes"`
}

// StatusChange is the body for HostPath and TemplatePath.
type StatusChange struct {
	Status string `json:"status"`
}

// GuestsChange is the body for GuestsPath.
type GuestsChange struct {
	// Hang is required.
	Hang *bool `json:"hang"`
}

// CheckResult is the answer of CheckPath.
type CheckResult struct {
	// Violations are empty where everything is in order.
	Violations []string `json:"violations"`
}

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
	user, reason := s.rest.Authenticate(r)
	if reason != "" {
		rest.WriteUnauthorized(w, reason)
		return
	}
	if user.Name != username {
		http.Error(w, "the control endpoint is for "+username, http.StatusForbidden)
		return
	}
	switch r.Method {
	case http.MethodGet:
		s.serveControlRead(w, r)
	case http.MethodPut, http.MethodPost, http.MethodDelete:
		s.serveControlWrite(w, r)
	default:
		http.Error(w, "the control endpoint knows GET, PUT, POST and DELETE", http.StatusMethodNotAllowed)
	}
}

func (s *Simulator) serveControlRead(w http.ResponseWriter, r *http.Request) {
	var body any
	switch r.URL.Path {
	case StatePath:
		body = s.State()
	case RequestsPath:
		if r.URL.Query().Get("format") == "lines" {
			s.serveLines(w)
			return
		}
		body = s.Requests()
	case FaultsPath:
		body = s.Faults()
	case ClockPath:
		body = s.Clock()
	case CheckPath:
		body = CheckResult{Violations: s.violations()}
	case NotSimulatedPath:
		body = s.NotSimulated()
	case SavePath:
		w.Header().Set("Content-Type", "application/json")
		if err := s.Save(w); err != nil {
			s.options.Log.Error("state was not saved", "error", err)
		}
		return
	default:
		http.NotFound(w, r)
		return
	}
	writeControl(w, body)
}

func writeControl(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}

func (s *Simulator) serveLines(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/jsonl")
	_ = WriteJournal(w, s.Requests()) // the caller may have gone away
}

func (s *Simulator) serveControlWrite(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxControlBody))
	var answer any
	switch {
	case err != nil:
	case r.Method == http.MethodPut:
		err = s.change(r.URL.Path, raw)
	case r.Method == http.MethodPost:
		answer, err = s.post(r.URL.Path, raw)
	default:
		err = s.remove(r.URL.Path)
	}
	switch {
	case err == nil && answer != nil:
		writeControl(w, answer)
	case err == nil:
		w.WriteHeader(http.StatusNoContent)
	case errors.Is(err, ErrNotFound):
		http.Error(w, err.Error(), http.StatusNotFound)
	case errors.Is(err, ErrClock):
		http.Error(w, err.Error(), http.StatusConflict)
	default:
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

// post carries out a POST of body to path.
func (s *Simulator) post(path string, body []byte) (answer any, err error) {
	switch path {
	case FaultsPath:
		var fault Fault
		if err := decodeControl(body, &fault); err != nil {
			return nil, err
		}
		if fault.ID, err = s.Inject(fault); err != nil {
			return nil, err
		}
		return fault, nil
	case ClockPath:
		var change ClockChange
		if err := decodeControl(body, &change); err != nil {
			return nil, err
		}
		if err := s.Advance(time.Duration(change.Advance)); err != nil {
			return nil, err
		}
		return s.Clock(), nil
	}
	return nil, fmt.Errorf("%w: %s", ErrNotFound, path)
}

// remove carries out a DELETE of path.
func (s *Simulator) remove(path string) error {
	if id, ok := strings.CutPrefix(path, FaultsPath+"/"); ok && id != "" {
		return s.Clear(id)
	}
	if path == FaultsPath {
		return s.Clear("")
	}
	return fmt.Errorf("%w: %s", ErrNotFound, path)
}

// change carries out a PUT of body to path.
func (s *Simulator) change(path string, body []byte) error {
	if name, ok := strings.CutPrefix(path, storageDomainsPath); ok {
		var change StorageDomainChange
		if err := decodeControl(body, &change); err != nil {
			return err
		}
		if change.AvailableBytes == nil || *change.AvailableBytes < 0 {
			return errors.New("availableBytes: must be a number of bytes, 0 or more")
		}
		return s.SetStorageAvailable(name, *change.AvailableBytes)
	}
	if path == GuestsPath {
		var change GuestsChange
		if err := decodeControl(body, &change); err != nil {
			return err
		}
		if change.Hang == nil {
			return errors.New("hang: must be true or false")
		}
		s.HangGuests(*change.Hang)
		return nil
	}
	for prefix, set := range map[string]func(name, status string) error{hostsPath: s.SetHostStatus, templatesPath: s.SetTemplateStatus} {
		if name, ok := strings.CutPrefix(path, prefix); ok {
			var change StatusChange
			if err := decodeControl(body, &change); err != nil {
				return err
			}
			return set(name, change.Status)
		}
	}
	return fmt.Errorf("%w: %s", ErrNotFound, path)
}

func decodeControl(body []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("read change: %w", err)
	}
	return nil
}
