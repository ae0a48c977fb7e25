package olvmsim

import (
	"errors"
	"time"
)

// Clock is how the engine's time passes.
type Clock string

const (
	// Real time, at its pace or faster (Options.TimeScale). It is the default.
	Real Clock = "real"
	// Stepped time passes by Simulator.Advance only. Sessions end by it as well.
	Stepped Clock = "stepped"
)

// ErrClock says that a clock that runs by itself cannot be moved.
var ErrClock = errors.New("the clock runs by itself: start the simulator with a stepped clock to move it")

// defaultStart is the engine's time at the start of runs that are to be the same each time.
func defaultStart() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

// ClockPath answers GET with a ClockState and takes POST with a ClockChange.
const ClockPath = "/olvmsim/v1/clock"

// ClockState is what the engine's clock shows.
type ClockState struct {
	Clock Clock     `json:"clock"`
	Now   time.Time `json:"now"`
}

// ClockChange is the body for ClockPath.
type ClockChange struct {
	// Advance is engine time, such as 30m.
	Advance Duration `json:"advance"`
}

// Now is the engine's time.
func (s *Simulator) Now() time.Time { return s.engine.Now() }

// Advance lets engine time pass on a stepped clock. Everything that is due by then happens, each thing at its time and in
// order, before Advance returns. What guests do meanwhile takes real time and is not waited for.
func (s *Simulator) Advance(d time.Duration) error {
	if s.options.Clock != Stepped {
		return ErrClock
	}
	if d < 0 {
		return errors.New("advance: time does not run backwards")
	}
	s.engine.Advance(d)
	return nil
}

// Clock is what the engine's clock shows.
func (s *Simulator) Clock() ClockState {
	return ClockState{Clock: s.options.Clock, Now: s.engine.Now()}
}

// sessionTime is the clock of sessions: real time even when the engine's runs faster, or every client would be logged out
// between two calls.
func (s *Simulator) sessionTime() time.Time {
	if s.options.Clock == Stepped {
		return s.engine.Now()
	}
	return time.Now()
}
