package ovirt

import (
	"context"
	"net/http"
	"net/url"
)

// Statuses of a job: JobStatus in the API model.
const (
	JobStarted  = "started"
	JobFinished = "finished"
	JobFailed   = "failed"
	JobAborted  = "aborted"
	JobUnknown  = "unknown"
)

// Job is work that the engine does for a call, and may still do after its reply.
type Job struct {
	ID, Description string
	Status          string // one of the Job constants
}

// Jobs lists the jobs of the call that had this correlation id. The engine forgets them some minutes after their end.
// Only administrators may ask (QueryType.GetAllJobs): Forbidden for others.
func (c *Client) Jobs(ctx context.Context, correlationID string) ([]Job, error) {
	r := request{
		name: "jobs.list", operation: "list jobs of", object: correlationID, method: http.MethodGet, path: []string{"jobs"},
		query: url.Values{"search": {"correlation_id=" + correlationID}},
	}
	if !validCorrelationID(correlationID) {
		return nil, r.invalid("the correlation id must be 1 to 36 letters, digits, '_' and '-'")
	}
	return list(ctx, c, r, "job", jobOf)
}
