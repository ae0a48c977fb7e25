package cluster

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/cluster/progress"
)

// pollInterval is the time between two observations of a cluster: seven small lists.
const pollInterval = time.Second

// pause waits for the next observation, or returns why there will be none.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(pollInterval):
		return nil
	}
}

// watch observes a cluster again and again until step says that it is done. A management cluster that does not answer for a while is
// told and waited for; refused access and a process that has died are errors.
func (m *Management) watch(
	ctx context.Context, key client.ObjectKey, report progress.Reporter, step func(*snapshot) (done bool, err error),
) error {
	silent := false
	for {
		if m.embedded != nil {
			if err := m.embedded.Check(); err != nil {
				return &AdvisedError{Err: err, Advice: "Run the same command again: it starts the process on the state that is there and goes on."}
			}
		}
		s, err := observe(ctx, m.Client, key)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil:
			if silent {
				silent = false
				report.Step("The management cluster answers again")
			}
			done, err := step(s)
			if done || err != nil {
				return err
			}
		case apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err):
			return err
		case !silent:
			silent = true
			report.Warn("The management cluster does not answer, and is waited for: " + err.Error())
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}
