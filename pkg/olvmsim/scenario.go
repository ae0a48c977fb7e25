package olvmsim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"
)

// Scenario is what goes wrong in the course of a run. In a file it is YAML; unknown keys are refused.
type Scenario struct {
	Steps []Step `json:"steps"`
}

// Step is one thing that happens: at a time, or after a call.
type Step struct {
	// At is engine time since the start, such as 90s.
	At *Duration `json:"at,omitempty"`
	// After is the call that the step waits for. The step happens when the call has been carried out, before its caller can
	// make another one.
	After *Occurrence `json:"after,omitempty"`
	// Either Fault or Set is given.
	Fault *Fault     `json:"fault,omitempty"`
	Set   *SetChange `json:"set,omitempty"`
}

// Occurrence is a call, counted among those that match.
type Occurrence struct {
	Match
	// Nth counts from 1; default 1.
	Nth int `json:"nth,omitempty"`
}

// SetChange is a change of the installation like that of a set command: of one object.
type SetChange struct {
	// StorageDomain is a name and goes with AvailableBytes, Host and Template are names and go with Status.
	StorageDomain  string `json:"storageDomain,omitempty"`
	AvailableBytes int64  `json:"availableBytes,omitempty"`
	Host           string `json:"host,omitempty"`
	Template       string `json:"template,omitempty"`
	Status         string `json:"status,omitempty"`
	// GuestsHang is what Simulator.HangGuests takes.
	GuestsHang *bool `json:"guestsHang,omitempty"`
}

// LoadScenario reads a scenario file.
func LoadScenario(path string) (*Scenario, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read scenario: %w", err)
	}
	scenario, err := parseScenario(raw)
	if err != nil {
		return nil, fmt.Errorf("read scenario %s: %w", path, err)
	}
	return scenario, nil
}

func parseScenario(raw []byte) (*Scenario, error) {
	var document any
	if err := yaml.Unmarshal(raw, &document); err != nil {
		return nil, err
	}
	asJSON, err := json.Marshal(document)
	if err != nil {
		return nil, err
	}
	var scenario Scenario
	decoder := json.NewDecoder(bytes.NewReader(asJSON))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&scenario); err != nil {
		return nil, err
	}
	return &scenario, scenario.check()
}

func (s Scenario) check() error {
	for i, step := range s.Steps {
		if err := step.check(); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return nil
}

func (s Step) check() error {
	switch {
	case (s.At == nil) == (s.After == nil):
		return errors.New("either at or after is needed")
	case (s.Fault == nil) == (s.Set == nil):
		return errors.New("either fault or set is needed")
	case s.At != nil && *s.At < 0:
		return errors.New("at: must not be negative")
	case s.After != nil && (s.After.empty() || s.After.Nth < 0):
		return errors.New("after: say which call, and nth from 1")
	}
	if s.After != nil {
		if err := s.After.check(); err != nil {
			return err
		}
	}
	if s.Fault != nil {
		return s.Fault.check()
	}
	return s.Set.check()
}

func (c SetChange) check() error {
	objects := 0
	for _, given := range []bool{c.StorageDomain != "", c.Host != "", c.Template != "", c.GuestsHang != nil} {
		if given {
			objects++
		}
	}
	if objects != 1 {
		return errors.New("set: one of storageDomain, host, template and guestsHang is needed")
	}
	return nil
}

// script is a scenario under way.
type script struct {
	mu      sync.Mutex
	waiting []*waitingStep
	run     func(Step)
}

type waitingStep struct {
	Step
	seen int
}

// begin queues the steps that have a time and lets the others wait for their calls.
func (s *Simulator) begin(scenario *Scenario) error {
	if scenario == nil {
		return nil
	}
	if err := scenario.check(); err != nil {
		return fmt.Errorf("scenario: %w", err)
	}
	s.scenario.run = s.perform
	for _, step := range scenario.Steps {
		if step.At == nil {
			s.scenario.waiting = append(s.scenario.waiting, &waitingStep{Step: step})
			continue
		}
		if *step.At == 0 {
			s.perform(step)
			continue
		}
		s.engine.Schedule(time.Duration(*step.At), func() { s.perform(step) })
	}
	return nil
}

// saw makes the steps happen that wait for the call.
func (c *script) saw(r Request) {
	c.mu.Lock()
	var due []Step
	kept := c.waiting[:0:0]
	for _, w := range c.waiting {
		if r.counts(w.After.Match) {
			w.seen++
		}
		if w.seen >= max(1, w.After.Nth) {
			due = append(due, w.Step)
			continue
		}
		kept = append(kept, w)
	}
	c.waiting = kept
	c.mu.Unlock()
	for _, step := range due {
		c.run(step)
	}
}

func (s *Simulator) perform(step Step) {
	var err error
	if step.Fault != nil {
		_, err = s.Inject(*step.Fault)
	} else {
		err = s.makeChange(*step.Set)
	}
	if err != nil {
		s.options.Log.Error("step of the scenario had no effect", "error", err)
	}
}

func (s *Simulator) makeChange(c SetChange) error {
	switch {
	case c.StorageDomain != "":
		return s.SetStorageAvailable(c.StorageDomain, c.AvailableBytes)
	case c.Host != "":
		return s.SetHostStatus(c.Host, c.Status)
	case c.Template != "":
		return s.SetTemplateStatus(c.Template, c.Status)
	}
	s.HangGuests(*c.GuestsHang)
	return nil
}
