package engine

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type noPower struct{}

func (noPower) On(Boot)              {}
func (noPower) Off(string)           {}
func (noPower) Shutdown(string) bool { return false }
func (noPower) Removed(string)       {}

// However late the queue is looked at, what follows from an event happens at the event's time plus its delay.
func TestEventsRunInOrderAndKeepTheirDistances(t *testing.T) {
	e := newEngine(Options{}, noPower{})
	e.timeline.started = time.Now().Add(-time.Hour)
	e.timeline.logical = e.timeline.origin
	var ran []string
	note := func(name string) { ran = append(ran, name+" at "+e.timeline.now().Sub(e.timeline.origin).String()) }
	e.later(2*time.Second, func() { note("a") })
	e.later(time.Second, func() {
		note("b")
		e.later(time.Second, func() { note("c") })
	})
	e.later(3*time.Hour, func() { note("too early") })
	e.timeline.logical = time.Time{}

	e.mu.Lock()
	wait, more := e.runDue()
	e.mu.Unlock()
	require.Equal(t, []string{"b at 1s", "a at 2s", "c at 2s"}, ran)
	require.True(t, more)
	require.Greater(t, wait, time.Hour)
}

func TestScaledTimeShortensTheWait(t *testing.T) {
	e := newEngine(Options{TimeScale: 60}, noPower{})
	e.later(time.Hour, func() {})
	e.mu.Lock()
	defer e.mu.Unlock()
	wait, more := e.runDue()
	require.True(t, more)
	require.LessOrEqual(t, wait, time.Minute+1)
}

func TestASteppedClockMovesByAdvanceAlone(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	e := newEngine(Options{Stepped: true, Start: start}, noPower{})
	var ran []string
	note := func(name string) { ran = append(ran, name+" at "+e.timeline.now().Sub(start).String()) }
	e.mu.Lock()
	e.later(time.Minute, func() {
		note("a")
		e.later(time.Minute, func() { note("b") })
	})
	e.mu.Unlock()
	// A call from outside may use the engine, even queue more.
	e.Schedule(90*time.Second, func() {
		require.Equal(t, start.Add(90*time.Second), e.Now())
		e.Schedule(0, func() { ran = append(ran, "outside") })
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	e.Run(ctx)
	require.Empty(t, ran)
	require.Equal(t, start, e.Now())
	e.Advance(119 * time.Second)
	require.Equal(t, []string{"a at 1m0s", "outside"}, ran)
	require.Equal(t, start.Add(119*time.Second), e.Now())
	e.Advance(time.Second)
	require.Equal(t, []string{"a at 1m0s", "outside", "b at 2m0s"}, ran)
}

func TestASeedGivesTheSameIDs(t *testing.T) {
	ids := func(seed int64, reads int) (out []string) {
		e := newEngine(Options{Seed: seed}, noPower{})
		for range reads {
			e.NewCallID()
		}
		for range 3 {
			out = append(out, e.newID())
		}
		return out
	}
	require.Equal(t, ids(7, 0), ids(7, 5), "reading calls do not change the ids of objects")
	require.NotEqual(t, ids(7, 0), ids(8, 0))
	require.NotEqual(t, ids(0, 0), ids(0, 0))
}
