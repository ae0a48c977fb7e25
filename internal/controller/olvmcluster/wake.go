package olvmcluster

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/controller/wake"
)

// Waker wakes the OLVMClusters whose engine does not answer any more, or does again.
type Waker struct{ *wake.Waker }

// Turned is called with the URL of an engine, as OLVMClusters have it.
func (w Waker) Turned(ctx context.Context, url string) {
	err := w.Wake(ctx, &infrav1.OLVMClusterList{}, func(o client.Object) bool {
		return o.(*infrav1.OLVMCluster).Spec.OLVMOvirtAPIServer.ServerURL == url
	})
	if err != nil && ctx.Err() == nil {
		ctrl.LoggerFrom(ctx).Error(err, "Cannot find the OLVMClusters of an engine", "url", url)
	}
}
