package olvmsim

import "context"

// testTimeScale makes a VM usable in milliseconds; up comes 0.6 s after the start.
const testTimeScale = 100

// TB is the part of testing.TB that New needs; this package does not import testing, so that programs do not either.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
	TempDir() string
	Name() string
}

// New starts a simulator for a test and stops it when the test ends. Without options, or where they leave it open, its
// state is in the test's own directory and its time runs 100 times faster than real time.
func New(t TB, options ...Options) *Simulator {
	t.Helper()
	var o Options
	if len(options) > 0 {
		o = options[0]
	}
	if o.StateDir == "" {
		o.StateDir = t.TempDir()
	}
	if o.TimeScale == 0 {
		o.TimeScale = testTimeScale
	}
	s, err := Start(context.Background(), o)
	if err != nil {
		t.Fatalf("%s: %v", t.Name(), err)
	}
	t.Cleanup(s.Stop)
	return s
}
