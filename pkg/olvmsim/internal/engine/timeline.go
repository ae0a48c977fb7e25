package engine

import (
	"container/heap"
	"time"
)

// timeline is the engine's clock and the queue of what happens later. It is guarded by the Engine's mutex.
type timeline struct {
	// origin is the time of the clock at started, the real time of the start.
	origin, started time.Time
	scale           float64
	// stepped clocks show at, which only Advance moves.
	stepped bool
	at      time.Time
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
	// outside events call the engine's methods, so they run without its lock.
	outside bool
}

func newTimeline(options Options) *timeline {
	now := time.Now()
	t := &timeline{origin: options.Start, started: now, scale: options.TimeScale, stepped: options.Stepped}
	if t.origin.IsZero() {
		t.origin = now
	}
	if t.scale == 0 {
		t.scale = 1
	}
	t.at = t.origin
	return t
}

// now is the engine's time.
func (t *timeline) now() time.Time {
	switch {
	case !t.logical.IsZero():
		return t.logical
	case t.stepped:
		return t.at
	}
	return t.origin.Add(time.Duration(float64(time.Since(t.started)) * t.scale))
}

// after queues what for d of engine time from now.
func (t *timeline) after(d time.Duration, what event) {
	t.seq++
	what.due, what.seq = t.now().Add(d), t.seq
	heap.Push(&t.events, what)
}

// next takes the first event out of the queue if it is due. Otherwise wait is the engine time until then; ok is false
// when there is none.
func (t *timeline) next() (due event, wait time.Duration, ok bool) {
	if len(t.events) == 0 {
		return event{}, 0, false
	}
	if wait = t.events[0].due.Sub(t.now()); wait > 0 {
		return event{}, wait, true
	}
	return heap.Pop(&t.events).(event), 0, true
}

// runDue runs everything that is due, including what that queues in the past, and returns the real time until the
// next event; ok is false when there is none. The engine is locked.
func (e *Engine) runDue() (wait time.Duration, ok bool) {
	for {
		due, wait, ok := e.timeline.next()
		switch {
		case !ok:
			return 0, false
		case due.run == nil && e.timeline.stepped:
			return 0, false
		case due.run == nil:
			return time.Duration(float64(wait)/e.timeline.scale) + 1, true
		}
		e.happen(due)
	}
}

// happen runs an event at the time when it was due.
func (e *Engine) happen(due event) {
	e.feed = nil
	if due.outside {
		e.mu.Unlock()
		due.run()
		e.mu.Lock()
		return
	}
	e.timeline.logical = due.due
	due.run()
	e.stick()
	e.timeline.logical = time.Time{}
}

// Advance moves a stepped clock and makes everything happen that is due by then, each at its time and in order. It
// returns when all of it is done, and does nothing to a clock that runs by itself.
func (e *Engine) Advance(d time.Duration) {
	e.advancing.Lock()
	defer e.advancing.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.timeline.stepped {
		return
	}
	end := e.timeline.at.Add(d)
	for len(e.timeline.events) > 0 && !e.timeline.events[0].due.After(end) {
		due := heap.Pop(&e.timeline.events).(event)
		if due.due.After(e.timeline.at) {
			e.timeline.at = due.due
		}
		e.happen(due)
	}
	e.timeline.at = end
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
