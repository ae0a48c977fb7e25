package engine

import (
	"container/heap"
	"time"
)

// timeline is the engine's clock and the queue of what happens later. It is guarded by the Engine's mutex.
type timeline struct {
	origin time.Time
	scale  float64
	// logical is the due time of the event that runs now, so that a chain of events keeps its exact distances
	// however late the queue's goroutine wakes; zero between events.
	logical time.Time
	events  eventHeap
	seq     int
}

type event struct {
	due time.Time
	seq int // keeps the order of events that are due at the same time
	run func()
}

func newTimeline(scale float64) *timeline {
	return &timeline{origin: time.Now(), scale: scale}
}

// now is the engine's time.
func (t *timeline) now() time.Time {
	if !t.logical.IsZero() {
		return t.logical
	}
	return t.origin.Add(time.Duration(float64(time.Since(t.origin)) * t.scale))
}

// after queues run for d of engine time from now.
func (t *timeline) after(d time.Duration, run func()) {
	t.seq++
	heap.Push(&t.events, event{due: t.now().Add(d), seq: t.seq, run: run})
}

// runDue runs everything that is due, including what that queues in the past, and returns the real time until the
// next event; ok is false when there is none.
func (t *timeline) runDue() (wait time.Duration, ok bool) {
	for len(t.events) > 0 {
		remaining := t.events[0].due.Sub(t.now())
		if remaining > 0 {
			return time.Duration(float64(remaining)/t.scale) + 1, true
		}
		e := heap.Pop(&t.events).(event)
		t.logical = e.due
		e.run()
		t.logical = time.Time{}
	}
	return 0, false
}

type eventHeap []event

func (h eventHeap) Len() int      { return len(h) }
func (h eventHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *eventHeap) Push(x any)   { *h = append(*h, x.(event)) }
func (h eventHeap) Less(i, j int) bool {
	return h[i].due.Before(h[j].due) || h[i].due.Equal(h[j].due) && h[i].seq < h[j].seq
}

func (h *eventHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
