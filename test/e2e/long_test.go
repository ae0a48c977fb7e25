package e2e

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Tests of this file take hours: make e2e-long. Their sizes are variables of the environment, so that each can be tried for a few minutes.
const (
	longVariable    = "OCNE_E2E_LONG"    // runs them
	runsVariable    = "OCNE_E2E_RUNS"    // how often a cluster is made and deleted
	minutesVariable = "OCNE_E2E_MINUTES" // how long nodes are killed
	seedVariable    = "OCNE_E2E_SEED"    // of the choice of nodes, to do the same again
)

func newLongWorld(t *testing.T) *world {
	t.Helper()
	if os.Getenv(longVariable) == "" {
		t.Skip(longVariable + " is not set: this takes hours; run make e2e-long")
	}
	return newWorld(t)
}

func numberOf(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	number, err := strconv.Atoi(text)
	require.NoError(t, err, variable)
	return number
}

func TestLongTwentyLives(t *testing.T) {
	w := newLongWorld(t)
	w.liveAndDie(t, numberOf(t, runsVariable, 20))
}

// longLife makes a cluster, tells a story of it, and deletes it.
func longLife(t *testing.T, controlPlane, workers int, story func(w *world, s site)) {
	t.Helper()
	w := newLongWorld(t)
	s := demo()
	s.ControlPlane, s.Workers = controlPlane, workers
	config := w.write(s)
	w.start(config)
	story(w, s)
	w.ocne("cluster", "delete", "-c", config)
	require.Empty(t, w.sim.Holds(t).VMs)
}

func TestLongFiveAndFour(t *testing.T) {
	longLife(t, 5, 4, func(w *world, s site) {
		require.Len(t, w.nodes(s), 9)
		w.settle(t, s)
		w.expectMembers(t, s)
		w.expectLists(t, s)
		t.Run("pods answer through a Service across nodes", func(t *testing.T) {
			w.deployAnswering(t, s, w.dnsImage(t, s), 9)
			w.expectAnswers(t, s, 9)
		})
	})
}

// Nine real nodes keep a machine of two processors busy all by themselves: what has to be in time, such as a node that joins, is asked of five.
func TestLongUpgradeUnderLoad(t *testing.T) {
	longLife(t, 3, 2, func(w *world, s site) { w.expectUpgrade(t, s, "1.34.5") })
}

func TestLongNodeKills(t *testing.T) {
	longLife(t, 3, 2, func(w *world, s site) {
		w.killAtRandom(t, s, time.Duration(numberOf(t, minutesVariable, 60))*time.Minute)
	})
}

// killAtRandom kills one node after the other, whichever it is, while a client writes: each is replaced, and nothing is lost that was
// acknowledged.
func (w *world) killAtRandom(t *testing.T, s site, while time.Duration) {
	t.Helper()
	seed := numberOf(t, seedVariable, int(time.Now().UnixNano()%1_000_000))
	t.Logf("%s=%d repeats the choices", seedVariable, seed)
	choice := rand.New(rand.NewPCG(uint64(seed), 0))
	w.hastenHealthChecks(t, s)
	const by = "kills"
	r := w.startWriter(t, s, by)
	begin, killed := time.Now(), 0
	for ; time.Since(begin) < while; killed++ {
		vms := w.sim.Holds(t).VMs
		vm := vms[choice.IntN(len(vms))]
		t.Logf("%.0f s: %s is killed", time.Since(begin).Seconds(), vm.Name)
		w.kill(t, vm)
		w.expectGone(t, s, vm)
		w.settle(t, s)
		w.expectMembers(t, s)
	}
	w.expectLists(t, s)
	r.expectAllThere(t, by)
	t.Logf("%d nodes were killed in %.0f minutes", killed, time.Since(begin).Minutes())
	require.Positive(t, killed)
}
