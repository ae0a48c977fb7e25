package olvmcluster

import (
	"context"
	"fmt"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/claim"
)

// releaseAddresses gives back what machines left behind whose finalizer was removed by hand. A VM that is left in the engine keeps its
// address all the same: it is in its mark.
func (r *Reconciler) releaseAddresses(ctx context.Context, cluster *clusterv1.Cluster) error {
	left := &ipamv1.IPAddressList{}
	labels := client.MatchingLabels{clusterv1.ClusterNameLabel: cluster.Name}
	if err := r.APIReader.List(ctx, left, client.InNamespace(cluster.Namespace), labels); err != nil {
		return fmt.Errorf("list IPAddresses of cluster %s: %w", cluster.Name, err)
	}
	for i := range left.Items {
		if !claim.IsOwn(&left.Items[i]) {
			continue
		}
		if err := claim.GiveBack(ctx, r.Client, &left.Items[i]); err != nil {
			return err
		}
	}
	return nil
}
