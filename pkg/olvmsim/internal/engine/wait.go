package engine

import "context"

// WaitJobs waits until no job of the correlation id runs any more, or until ctx ends.
func (e *Engine) WaitJobs(ctx context.Context, correlationID string) error {
	for {
		e.mu.Lock()
		running := false
		for _, j := range e.jobs.order {
			running = running || j.CorrelationID == correlationID && j.Status == JobStarted
		}
		if !running {
			e.mu.Unlock()
			return nil
		}
		if e.jobs.ended == nil {
			e.jobs.ended = make(chan struct{})
		}
		ended := e.jobs.ended
		e.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ended:
		}
	}
}

// jobEnded wakes those who wait; the engine is locked.
func (e *Engine) jobEnded() {
	if e.jobs.ended != nil {
		close(e.jobs.ended)
		e.jobs.ended = nil
	}
}

// JobsOf lists the jobs of a correlation id, the newest last.
func (e *Engine) JobsOf(correlationID string) []Job {
	return locked(e, func() []Job {
		var out []Job
		for _, j := range e.jobs.order {
			if j.CorrelationID == correlationID {
				out = append(out, *j)
			}
		}
		return out
	})
}
