package cluster

import (
	"context"
	"errors"
	"fmt"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/cluster/progress"
)

// Kubeconfig returns a cluster's kubeconfig, which holds the key of an administrator: where it is written, it is for its owner only
// (WriteKubeconfig).
func Kubeconfig(ctx context.Context, o Selection, report progress.Reporter) ([]byte, error) {
	m, found, err := o.open(ctx, report)
	if err != nil {
		return nil, err
	}
	kubeconfig, err := m.kubeconfig(ctx, found)
	return kubeconfig, errors.Join(err, m.Close())
}

func (m *Management) kubeconfig(ctx context.Context, found *clusterv1.Cluster) ([]byte, error) {
	kubeconfig, err := readKubeconfig(ctx, m.Client, client.ObjectKeyFromObject(found))
	if err != nil || len(kubeconfig) > 0 {
		return kubeconfig, err
	}
	return nil, &AdvisedError{
		Err:    fmt.Errorf("cluster %s has no kubeconfig yet: there is no Secret %s-kubeconfig", fullName(found), found.Name),
		Advice: "See how far it is:\n  ocne cluster show -C " + found.Name,
	}
}
