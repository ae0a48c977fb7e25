package olvmcluster

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
)

// dropOldFailureDomains removes the map of failure domains that earlier releases stored. The API server shows it as an empty map
// instead of a list, which Cluster API stumbles over; no difference between our own values would ever remove it.
func (r *Reconciler) dropOldFailureDomains(ctx context.Context, olvm *infrav1.OLVMCluster) error {
	if domains := olvm.Status.FailureDomains; domains == nil || len(domains) > 0 { // a list that is empty is not stored
		return nil
	}
	drop := client.RawPatch(types.MergePatchType, []byte(`{"status":{"failureDomains":null}}`))
	if err := r.Status().Patch(ctx, olvm.DeepCopy(), drop); err != nil {
		return fmt.Errorf("remove the old failure domains of OLVMCluster %s: %w", client.ObjectKeyFromObject(olvm), err)
	}
	olvm.Status.FailureDomains = nil
	return nil
}
