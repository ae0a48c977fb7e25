package olvmsim

import "github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"

// Engine gives tests what only faults do otherwise.
func (s *Simulator) Engine() *engine.Engine { return s.engine }
