package engine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// However late the queue is looked at, what follows from an event happens at the event's time plus its delay.
func TestEventsRunInOrderAndKeepTheirDistances(t *testing.T) {
	timeline := newTimeline(1)
	timeline.origin = time.Now().Add(-time.Hour)
	timeline.logical = timeline.origin
	var ran []string
	note := func(name string) { ran = append(ran, name+" at "+timeline.now().Sub(timeline.origin).String()) }
	timeline.after(2*time.Second, func() { note("a") })
	timeline.after(time.Second, func() {
		note("b")
		timeline.after(time.Second, func() { note("c") })
	})
	timeline.after(3*time.Hour, func() { note("too early") })
	timeline.logical = time.Time{}

	wait, more := timeline.runDue()
	require.Equal(t, []string{"b at 1s", "a at 2s", "c at 2s"}, ran)
	require.True(t, more)
	require.Greater(t, wait, time.Hour)
}

func TestScaledTimeShortensTheWait(t *testing.T) {
	timeline := newTimeline(60)
	timeline.after(time.Hour, func() {})
	wait, more := timeline.runDue()
	require.True(t, more)
	require.LessOrEqual(t, wait, time.Minute+1)
}
