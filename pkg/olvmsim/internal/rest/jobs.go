package rest

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
	"github.com/ocne-project/ocne/pkg/olvmsim/internal/search"
)

// listJobs takes the way of those who wait for a command: they ask for the jobs of one correlation id, again and again.
func (s *Server) listJobs(r *request) (collection, error) {
	query, err := r.search()
	if err != nil {
		return collection{}, err
	}
	list := s.Engine.Jobs
	if id, ok := query.Exact("correlation_id"); ok {
		list = func() []engine.Job { return s.Engine.JobsOf(id) }
	}
	return collect("job", list(), func(j engine.Job) item {
		fields := search.Fields{
			"id": {j.ID}, "status": {j.Status}, "description": {j.Description}, "correlation_id": {j.CorrelationID},
			"start_time": {formatMillis(j.StartTime)}, "end_time": {formatMillis(j.EndTime)},
		}
		return item{j.ID, fields, func() any { return showJob(j) }}
	}), nil
}

func formatMillis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

func (s *Server) getJob(r *request) (reply, error) {
	id, err := r.id("job")
	if err != nil {
		return reply{}, err
	}
	j, err := s.Engine.Job(id)
	return reply{http.StatusOK, showJob(j)}, err
}

// listEvents shows the newest events first; from leaves out those up to that index.
func (s *Server) listEvents(r *request) (collection, error) {
	events := s.Engine.Events()
	if from, err := strconv.Atoi(r.query.Get("from")); err == nil {
		kept := events[:0]
		for _, e := range events {
			if e.Index > from {
				kept = append(kept, e)
			}
		}
		events = kept
	}
	events = slices.DeleteFunc(events, func(e engine.Event) bool { return r.visible != nil && !r.sees(engine.TypeVM, e.VMID) })
	return collect("event", events, func(e engine.Event) item {
		index := strconv.Itoa(e.Index)
		fields := search.Fields{
			"id": {index}, "type": {strconv.Itoa(e.Code)}, "severity": {e.Severity}, "description": {e.Description}, "message": {e.Description},
			"correlation_id": {e.CorrelationID}, "time": {formatMillis(e.Time)},
		}
		return item{index, fields, func() any { return showEvent(e, index) }}
	}), nil
}

// getEvent is a single event; ids of events are numbers.
func (s *Server) getEvent(r *request) (reply, error) {
	c, err := s.listEvents(r)
	if err != nil {
		return reply{}, err
	}
	for _, i := range c.items {
		if i.id == r.ids["event"] {
			return reply{http.StatusOK, i.show()}, nil
		}
	}
	return reply{status: http.StatusNotFound}, nil
}

func showEvent(e engine.Event, index string) Event {
	out := Event{
		Code: Int(e.Code), CorrelationID: e.CorrelationID, CustomID: -1, Description: e.Description, Href: ref("events", index).Href, ID: index,
		Index: Int(e.Index), Origin: "oVirt", Severity: e.Severity, Time: Millis(e.Time.UnixMilli()),
	}
	if e.VMID != "" {
		out.VM = ref("vms", e.VMID)
	}
	return out
}
