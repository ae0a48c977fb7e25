// Package move takes the Cluster API objects of a namespace from one management cluster to another, with clusterctl's own library.
package move

import (
	"context"
	"fmt"

	"sigs.k8s.io/cluster-api/cmd/clusterctl/client"
	"sigs.k8s.io/cluster-api/cmd/clusterctl/client/config"
)

// Namespace moves all clusters of a namespace. The kubeconfigs are paths; an empty one stands for the files that kubectl would read. The
// target must hold the same providers, and no cluster may be paused.
//
// It refuses, and has changed nothing, while a cluster's infrastructure, its control plane or a machine's node is still to come
// (https://cluster-api.sigs.k8s.io/clusterctl/commands/move). After any other error, and after the end of the context, it may be called again once the
// clusters of the source are no longer paused: objects that the target has already are brought up to date.
func Namespace(ctx context.Context, fromKubeconfig, toKubeconfig, namespace string) error {
	mover, err := Library(ctx)
	if err != nil {
		return err
	}
	err = mover.Move(ctx, client.MoveOptions{
		FromKubeconfig: client.Kubeconfig{Path: fromKubeconfig}, ToKubeconfig: client.Kubeconfig{Path: toKubeconfig}, Namespace: namespace,
	})
	if err != nil {
		return fmt.Errorf("move the objects of namespace %s: %w", namespace, err)
	}
	return nil
}

// Library is clusterctl's, which reads no configuration of the user's.
func Library(ctx context.Context) (client.Client, error) {
	settings, err := config.New(ctx, "", config.InjectReader(config.NewMemoryReader()))
	if err != nil {
		return nil, fmt.Errorf("configure clusterctl's library: %w", err)
	}
	library, err := client.New(ctx, "", client.InjectConfig(settings))
	if err != nil {
		return nil, fmt.Errorf("open clusterctl's library: %w", err)
	}
	return library, nil
}
