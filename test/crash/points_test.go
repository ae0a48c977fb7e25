// Package crash proves that the controllers may be killed at any moment: at each of their requests, and at random.
package crash

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMain lets more tests run at once than there are processors: they mostly wait for engines and API servers.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// server is whom a request is sent to.
type server string

const (
	engineServer server = "engine"
	apiServer    server = "API server"
)

// phase is the part of a machine's life in which the controllers are killed.
type phase string

const (
	creating phase = "create"
	deleting phase = "delete"
)

// point is one moment of one request in one phase. Without a moment, nobody is killed.
type point struct {
	phase  phase
	server server
	call   call
	moment moment
}

// String is also the name of a test, in which a slash would mean a level.
func (p point) String() string {
	return strings.ReplaceAll(fmt.Sprintf("%s, %s, %s", p.phase, p.call, p.moment), "/", ".")
}

// Whenever the controllers die, one VM comes of one machine, with the id that was written down, and deleting it leaves nothing. Each
// life has a kill on the way up and one on the way down.
func TestKilledAtEveryRequest(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	up, down := enumerate(t, l)
	var reached atomic.Int64
	t.Run("killed", func(t *testing.T) {
		for i := range max(len(up), len(down)) {
			first, second := up[i%len(up)], down[i%len(down)]
			t.Run(first.String()+", "+second.String(), func(t *testing.T) {
				t.Parallel()
				b := l.newBench(t)
				created, deleted := b.newTrap(first), b.newTrap(second)
				b.create(created)
				b.delete(deleted)
				reached.Add(created.expectSprung(t))
				reached.Add(deleted.expectSprung(t))
			})
		}
	})
	t.Logf("kill points: %d, of them on the way up: %d; kills: %d", len(up)+len(down), len(up), reached.Load())
	require.Empty(t, l.engine.Holds(t).VMs)
	require.Len(t, l.engine.Holds(t).Disks, 1, "the template's")
}

// expectSprung counts a kill. How often a state is looked at depends on how long it lasts; everything is asked at least once.
func (t *trap) expectSprung(test *testing.T) int64 {
	test.Helper()
	if t.chosen.Load() {
		return 1
	}
	require.Greater(test, t.call.nth, 1, "the request was never made: %s", t.call)
	test.Logf("the request was not repeated this often: %s", t.call)
	return 0
}

// enumerate lets a machine live undisturbed, and returns the moments at which its controllers can be killed: three of each request to
// the engine, and two of each write to the API server, which nobody delays.
func enumerate(t *testing.T, l *lab) (up, down []point) {
	t.Helper()
	add := func(ph phase, s server, calls []call, moments ...moment) {
		require.NotEmpty(t, calls)
		for _, c := range calls {
			t.Logf("%s: %s: %s", ph, s, c)
			for _, m := range moments {
				p := point{phase: ph, server: s, call: c, moment: m}
				if ph == creating {
					up = append(up, p)
				} else {
					down = append(down, p)
				}
			}
		}
	}
	t.Run("undisturbed", func(t *testing.T) {
		b := l.newBench(t)
		calls, writes := b.create(nil)
		add(creating, engineServer, calls, beforeSend, beforeCommit, beforeReply)
		add(creating, apiServer, writes, beforeSend, beforeReply)
		calls, writes = b.delete(nil)
		add(deleting, engineServer, ofDeletion(calls), beforeSend, beforeCommit, beforeReply)
		add(deleting, apiServer, writes, beforeSend, beforeReply)
	})
	return up, down
}

// ofDeletion leaves out what is asked from time to time whatever is done: it may fall into one deletion and not into another.
func ofDeletion(calls []call) []call {
	return slices.DeleteFunc(calls, func(c call) bool { return c.name == "GET templates" })
}

func (b *bench) create(t *trap) (toEngine, toAPI []call) {
	b.t.Helper()
	ctx := context.Background()
	require.NoError(b.t, b.createCluster(ctx))
	require.NoError(b.t, b.createMachine(ctx, b.name))
	b.record(t)
	b.launch()
	toEngine, toAPI = b.until("the machine runs", t, b.runs)
	b.expectOneVM()
	return toEngine, toAPI
}

func (b *bench) delete(t *trap) (toEngine, toAPI []call) {
	b.t.Helper()
	b.record(t)
	require.NoError(b.t, b.deleteAll(context.Background()))
	toEngine, toAPI = b.until("nothing is left", t, b.gone)
	b.expectNothing()
	return toEngine, toAPI
}
