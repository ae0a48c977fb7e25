package olvmsim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
)

// savedSimulator is what a state file holds.
type savedSimulator struct {
	Engine json.RawMessage `json:"engine"`
	Faults []savedFault    `json:"faults,omitempty"`
}

type savedFault struct {
	Fault
	// Begun says that the effect lasts.
	Begun bool `json:"begun,omitempty"`
	// FreeBefore is what a storage domain that is full had available, in bytes.
	FreeBefore int64 `json:"freeBefore,omitempty"`
}

// Save writes everything that the engine holds, and the faults, as JSON for Options.LoadFile. What is under way goes on
// after it is loaded. The content of disks is not in it: it stays in the state directory, which the loading simulator must
// use too. Sessions, the journal, the rest of a scenario and stale lists are not in it either.
func (s *Simulator) Save(w io.Writer) error {
	var raw bytes.Buffer
	if err := s.engine.Save(&raw); err != nil {
		return fmt.Errorf("save state: %w", err)
	}
	out := savedSimulator{Engine: raw.Bytes()}
	s.faults.mu.Lock()
	for _, a := range s.faults.list {
		if a.Effect.Kind != StaleList {
			out.Faults = append(out.Faults, savedFault{a.Fault, a.undo != nil, a.freeBefore})
		}
	}
	s.faults.mu.Unlock()
	if err := json.NewEncoder(w).Encode(out); err != nil {
		return fmt.Errorf("save state: %w", err)
	}
	return nil
}

func (s *Simulator) load(o engine.Options) error {
	raw, err := os.ReadFile(s.options.LoadFile)
	if err != nil {
		return err
	}
	var saved savedSimulator
	if err := json.Unmarshal(raw, &saved); err != nil {
		return err
	}
	for _, f := range saved.Faults {
		if f.Begun && f.Effect.Kind == GuestHangs {
			s.power.setHang(true) // before the engine switches VMs on
		}
	}
	if s.engine, err = engine.Load(bytes.NewReader(saved.Engine), o, s.power); err != nil {
		return err
	}
	for _, f := range saved.Faults {
		if err := s.restore(f); err != nil {
			return fmt.Errorf("fault %s: %w", f.ID, err)
		}
	}
	return nil
}

// restore adds a fault that was saved, with its id.
func (s *Simulator) restore(f savedFault) error {
	a := &armed{Fault: f.Fault, freeBefore: f.FreeBefore}
	if f.Begun {
		undo, err := s.apply(f.Effect)
		if err != nil {
			return err
		}
		if a.undo = undo; f.Effect.Kind == StorageFull {
			a.undo = s.restoreStorage(f.Effect.StorageDomain, f.FreeBefore)
		}
	}
	var number int
	if _, err := fmt.Sscanf(f.ID, "f%d", &number); err != nil {
		return fmt.Errorf("read id: %w", err)
	}
	s.faults.seq = max(s.faults.seq, number)
	s.faults.list = append(s.faults.list, a)
	return nil
}
