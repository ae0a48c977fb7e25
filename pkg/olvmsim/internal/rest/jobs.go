package rest

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
	"github.com/ocne-project/ocne/pkg/olvmsim/internal/search"
)

func (s *Server) listJobs(*request) (collection, error) {
	return collect("job", s.Engine.Jobs(), func(j engine.Job) item {
		fields := search.Fields{"id": {j.ID}, "status": {j.Status}, "description": {j.Description}, "correlation_id": {j.CorrelationID}}
		return item{j.ID, fields, func() any { return showJob(j) }}
	}), nil
}

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
			"correlation_id": {e.CorrelationID},
		}
		return item{index, fields, func() any { return showEvent(e, index) }}
	}), nil
}

func showEvent(e engine.Event, index string) Event {
	out := Event{
		Code: Int(e.Code), CorrelationID: e.CorrelationID, CustomID: -1, Description: e.Description, Href: ref("events", index).Href, ID: index,
		Index: Int(e.Index), Origin: "oVirt", Severity: e.Severity, Time: e.Time.UnixMilli(),
	}
	if e.VMID != "" {
		out.VM = ref("vms", e.VMID)
	}
	return out
}
