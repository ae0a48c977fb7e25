package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNothingIsLeftBehind(t *testing.T) {
	w := newWorld(t)
	w.liveAndDie(t, 3)
}

// liveAndDie makes the smallest cluster and deletes it, again and again; each time the machine is as it was before.
func (w *world) liveAndDie(t *testing.T, times int) {
	t.Helper()
	s := demo()
	s.Workers = 0
	config := w.write(s)
	before := w.observe()
	for range times {
		w.start(config)
		require.Len(t, w.nodes(s), 1)
		w.ocne("cluster", "delete", "-c", config)
		require.Empty(t, w.sim.Holds(t).VMs)
		w.expectSame(before)
		w.expectEmptyHome()
	}
}
