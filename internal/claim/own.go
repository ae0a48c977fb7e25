package claim

import (
	"context"
	"fmt"

	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	infrav1 "github.com/ocne-project/ocne/api/v1"
)

// IsOwn tells the addresses that machines took out of their own pools from those that IPAM providers gave.
func IsOwn(a *ipamv1.IPAddress) bool {
	return a.Spec.PoolRef.APIGroup == infrav1.Group && a.Spec.PoolRef.Kind == "OLVMMachine"
}

// GiveBack removes an address that a machine took out of its own pool; one that is gone already is fine.
func GiveBack(ctx context.Context, c client.Client, a *ipamv1.IPAddress) error {
	before := a.DeepCopy()
	if controllerutil.RemoveFinalizer(a, infrav1.MachineFinalizer) {
		if err := c.Patch(ctx, a, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("release IPAddress %s: %w", a.Name, err)
		}
	}
	if err := c.Delete(ctx, a); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete IPAddress %s: %w", a.Name, err)
	}
	return nil
}
