package olvmsim

import (
	"errors"
	"strings"
)

// Check returns an error that names everything in the engine's state that cannot be: a sign of a fault of the simulator,
// or of disks that were left behind by VMs that are gone.
func (s *Simulator) Check() error {
	if violations := s.violations(); len(violations) > 0 {
		return errors.New("check: " + strings.Join(violations, "; "))
	}
	return nil
}

func (s *Simulator) violations() []string { return append([]string{}, s.engine.Check()...) }
