package rest

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
	"github.com/ocne-project/ocne/pkg/olvmsim/internal/wire"
)

// Creation is how far a command is that the reply did not wait for.
type Creation struct {
	Href   string `json:"href"`
	ID     string `json:"id"`
	Status string `json:"status"`
}

// complete adds to an answer what all answers of its kind have.
func (s *Server) complete(r *request, answer reply) (reply, error) {
	switch {
	case r.Method == http.MethodGet && answer.body != nil && r.query.Get("follow") != "":
		body, err := s.inline(r, answer.body, parseFollow(r.query.Get("follow")))
		return reply{answer.status, body}, err
	case r.Method == http.MethodDelete && answer.status == http.StatusOK && answer.body == nil:
		return s.removed(r), nil
	case r.Method == http.MethodPost && answer.status == http.StatusAccepted:
		if r.waits() {
			return s.waited(r, answer)
		}
		return reply{answer.status, s.inProgress(r, answer.body)}, nil
	}
	return answer, nil
}

// removed is the answer to a DELETE: an action with its job, 202 if the caller asked not to wait.
func (s *Server) removed(r *request) reply {
	action := Action{Status: "complete"}
	if job, ok := s.lastJob(r); ok {
		action.Job = ref("jobs", job.ID)
	}
	if r.flag("async", false) {
		return reply{http.StatusAccepted, action}
	}
	return reply{http.StatusOK, action}
}

func (s *Server) lastJob(r *request) (engine.Job, bool) {
	jobs := s.Engine.JobsOf(r.correlationID)
	if len(jobs) == 0 {
		return engine.Job{}, false
	}
	return jobs[len(jobs)-1], true
}

// waits says whether the caller wants the reply when everything is done. Web servers refuse such a value of Expect themselves,
// which is why the engine has a header of its own too.
func (r *request) waits() bool {
	for _, header := range []string{"Expect", "X-Ovirt-Expect"} {
		for _, value := range r.Header.Values(header) {
			if strings.Contains(strings.ToLower(value), "201-created") {
				return true
			}
		}
	}
	return false
}

// waited answers when the command's jobs have ended, with what has become of the object.
func (s *Server) waited(r *request, answer reply) (reply, error) {
	if err := s.Engine.WaitJobs(r.Context(), r.correlationID); err != nil {
		return reply{}, fmt.Errorf("wait for jobs: %w", context.Cause(r.Context()))
	}
	href := hrefOf(answer.body)
	if href == "" {
		return reply{http.StatusCreated, answer.body}, nil
	}
	now, err := s.fetch(r, splitPath(strings.TrimPrefix(href, apiRoot)))
	if err != nil || now.body == nil {
		return reply{}, &engine.Fault{Status: http.StatusBadRequest, Reason: reasonFailed, Detail: "[Internal Engine Error]"}
	}
	return reply{http.StatusCreated, now.body}, nil
}

// inProgress says that a new object is not ready, and where to ask.
func (s *Server) inProgress(r *request, body any) any {
	href := hrefOf(body)
	job, ok := s.lastJob(r)
	if href == "" || !ok {
		return body
	}
	links, _ := structValue(body).FieldByName("Link").Interface().([]Link)
	links = append(links[:len(links):len(links)], Link{Href: href + "/creation_status/" + job.ID, Rel: "creation_status"})
	return wire.With{Object: body, Extra: []wire.Property{{Key: "creation_status", Value: "in_progress"}, {Key: "link", Value: links}}}
}

// creationStatus answers the link that inProgress gives.
func (s *Server) creationStatus(segments []string) (reply, bool) {
	n := len(segments)
	if n < 4 || segments[n-2] != "creation_status" {
		return reply{}, false
	}
	job, err := s.Engine.Job(segments[n-1])
	if err != nil {
		return reply{status: http.StatusNotFound}, true
	}
	out := Creation{Href: apiRoot + "/" + strings.Join(segments, "/"), ID: job.ID, Status: "complete"}
	switch job.Status {
	case engine.JobStarted:
		out.Status = "in_progress"
	case engine.JobFinished:
	default:
		out.Status = "failed"
	}
	return reply{http.StatusOK, out}, true
}

// hrefOf is the address of an object, empty if it has none.
func hrefOf(body any) string {
	v := structValue(body)
	if !v.IsValid() || !v.FieldByName("Link").IsValid() {
		return ""
	}
	if h := v.FieldByName("Href"); h.IsValid() {
		return h.String()
	}
	return ""
}
