package manager

import (
	"context"

	"sigs.k8s.io/cluster-api/core/reconcilers/clusterclass"
	topologycluster "sigs.k8s.io/cluster-api/core/reconcilers/topology/cluster"
	topologymachinedeployment "sigs.k8s.io/cluster-api/core/reconcilers/topology/machinedeployment"
	topologymachineset "sigs.k8s.io/cluster-api/core/reconcilers/topology/machineset"
)

// setupTopology registers the controllers of ClusterClasses and of the clusters made from them.
func (c *clusterAPI) setupTopology(ctx context.Context) error {
	cl, reader, filter := c.mgr.GetClient(), c.mgr.GetAPIReader(), c.options.WatchFilter
	if err := (&clusterclass.Reconciler{
		Client: cl, WatchFilterValue: filter,
	}).SetupWithManager(ctx, c.mgr, c.concurrency()); err != nil {
		return err
	}
	if err := (&topologycluster.Reconciler{
		Client: cl, APIReader: reader, ClusterCache: c.clusters, WatchFilterValue: filter,
	}).SetupWithManager(ctx, c.mgr, c.concurrency()); err != nil {
		return err
	}
	if err := (&topologymachinedeployment.Reconciler{
		Client: cl, APIReader: reader, WatchFilterValue: filter,
	}).SetupWithManager(ctx, c.mgr, c.concurrency()); err != nil {
		return err
	}
	return (&topologymachineset.Reconciler{
		Client: cl, APIReader: reader, WatchFilterValue: filter,
	}).SetupWithManager(ctx, c.mgr, c.concurrency())
}
