package engine

import (
	"slices"
)

// A real engine forgets jobs by time (10 minutes and more). Here the newest ones are kept instead, so that a client
// that polls a fast engine still sees how its job ended.
const (
	keepJobs   = 10_000
	keepEvents = 1_000
)

// jobLog holds jobs in the order of their start.
type jobLog struct {
	byID  map[string]*Job
	order []*Job
	// ended is closed when a job ends; nil while nobody waits.
	ended chan struct{}
}

func (e *Engine) startJob(call Call, description string) *Job {
	job := &Job{
		ID: e.newID(), Description: description, Status: JobStarted,
		CorrelationID: call.CorrelationID, OwnerID: call.User.ID, StartTime: e.timeline.now(),
	}
	if e.jobs.byID == nil {
		e.jobs.byID = map[string]*Job{}
	}
	e.jobs.byID[job.ID] = job
	e.jobs.order = append(e.jobs.order, job)
	if len(e.jobs.order) > keepJobs {
		if i := slices.IndexFunc(e.jobs.order, func(j *Job) bool { return j.Status != JobStarted }); i >= 0 {
			delete(e.jobs.byID, e.jobs.order[i].ID)
			e.jobs.order = slices.Delete(e.jobs.order, i, i+1)
		}
	}
	return job
}

// finishJob must be the last thing that an event does: clients expect everything unlocked once no job is started.
func (e *Engine) finishJob(job *Job) {
	job.Status, job.EndTime = JobFinished, e.timeline.now()
	e.jobEnded()
}

// Codes of the audit log (the engine's AuditLogType).
const (
	eventRun          = 32
	eventStop         = 33
	eventAdd          = 34
	eventAdded        = 53
	eventVMDown       = 61
	eventRemoved      = 113
	eventStarted      = 153
	eventDiskAttached = 2016
	eventDiskAdded    = 2021
	severityNormal    = "normal"
)

func (e *Engine) logEvent(code int, vmID, correlationID, description string) {
	e.eventSeq++
	e.events = append(e.events, Event{
		Index: e.eventSeq, Code: code, Severity: severityNormal, Description: description,
		CorrelationID: correlationID, VMID: vmID, Time: e.timeline.now(),
	})
	if len(e.events) > keepEvents {
		e.events = slices.Delete(e.events, 0, 1)
	}
}

// Jobs lists the jobs, the newest last.
func (e *Engine) Jobs() []Job {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := make([]Job, 0, len(e.jobs.order))
	for _, j := range e.jobs.order {
		out = append(out, *j)
	}
	return out
}

// Job returns one job.
func (e *Engine) Job(id string) (Job, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if j, ok := e.jobs.byID[id]; ok {
		return *j, nil
	}
	return Job{}, noEntity()
}

// Events lists the newest lines of the audit log, the newest first, as the engine does.
func (e *Engine) Events() []Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := slices.Clone(e.events)
	slices.Reverse(out)
	return out
}
