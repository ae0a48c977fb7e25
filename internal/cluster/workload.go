package cluster

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/cluster/workload"
)

// readKubeconfig returns what Cluster API keeps in the Secret NAME-kubeconfig, key value; nothing while there is none.
func readKubeconfig(ctx context.Context, c client.Client, key client.ObjectKey) ([]byte, error) {
	secret := &corev1.Secret{}
	err := c.Get(ctx, client.ObjectKey{Namespace: key.Namespace, Name: key.Name + "-kubeconfig"}, secret)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig of cluster %s: %w", key, err)
	}
	return secret.Data["value"], nil
}

// readNodes adds the nodes to a snapshot. That they cannot be read is a state of the cluster, not an error.
func (s *snapshot) readNodes(ctx context.Context, w *workload.Cluster) {
	if !w.Connected() {
		return
	}
	nodes, err := w.Nodes(ctx)
	if s.nodesErr = err; err == nil {
		s.nodes = nodes
	}
}
