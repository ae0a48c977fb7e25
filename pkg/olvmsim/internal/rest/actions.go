package rest

import (
	"net/http"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
)

// actOn makes the handler of an action on the object of a kind that the path names: its body is read whether it says something or not.
func actOn(kind string, act func(r *request, id string, body Action) (reply, error)) func(*request) (reply, error) {
	return func(r *request) (reply, error) {
		id, err := r.id(kind)
		if err != nil {
			return reply{}, err
		}
		var body Action
		if err := r.decode(&body); err != nil {
			return reply{}, err
		}
		return act(r, id, body)
	}
}

// command is what an action makes the engine do.
type command func(r *request, id string, body Action) (engine.Job, error)

// commandOn makes the handler of an action that answers with its job.
func commandOn(kind string, run command) func(*request) (reply, error) {
	return actOn(kind, func(r *request, id string, body Action) (reply, error) {
		job, err := run(r, id, body)
		return actionReply(job), err
	})
}

func actionReply(job engine.Job) reply {
	return reply{http.StatusOK, Action{Job: ref("jobs", job.ID), Status: "complete"}}
}
