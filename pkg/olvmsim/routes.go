package olvmsim

import (
	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
	"github.com/ocne-project/ocne/pkg/olvmsim/internal/rest"
)

// Route is one method of one service of the simulated API.
type Route = rest.Route

// NotSimulatedCall is an endpoint that was called and is not simulated.
type NotSimulatedCall = rest.NotSimulatedCall

// Routes lists the calls of the engine's API that are simulated, in the order of their paths. Others are answered as for an empty
// collection, or with the status 501.
func Routes() []Route { return rest.New(rest.Options{Engine: &engine.Engine{}}).Routes() }

// NotSimulated lists the calls that clients made of what is not simulated, in the order of their paths.
func (s *Simulator) NotSimulated() []NotSimulatedCall { return s.rest.NotSimulated() }
