package cluster

import (
	"context"
	"errors"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/cluster/progress"
)

// Follow is Show again and again, until the cluster is gone. look gets what was read, or why nothing was: an answer of the management
// cluster that does not come is waited for. The error is an *UnfinishedError when the context ended first.
func Follow(ctx context.Context, o Selection, report progress.Reporter, look func(*Details, error)) error {
	m, found, err := o.open(ctx, report)
	if err != nil {
		return unfinished(ctx, err, nothing, nil)
	}
	if err := m.follow(ctx, found, o.Config.KubeconfigPath(), look); err != nil {
		return errors.Join(unfinished(ctx, err, nothing, nil), m.Close())
	}
	return m.CloseAndStopIfIdle(ctx, report)
}

func (m *Management) follow(ctx context.Context, found *clusterv1.Cluster, kubeconfig string, look func(*Details, error)) error {
	return m.watch(ctx, client.ObjectKeyFromObject(found), unanswered{look: look}, func(s *snapshot) (bool, error) {
		if s.cluster == nil {
			return true, nil
		}
		d, err := m.details(ctx, s, kubeconfig)
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		look(d, err)
		return false, nil
	})
}

// unanswered tells what a wait warns of: that the management cluster does not answer.
type unanswered struct {
	progress.Quiet
	look func(*Details, error)
}

func (u unanswered) Warn(text string) { u.look(nil, errors.New(progress.OneLine(text))) }
