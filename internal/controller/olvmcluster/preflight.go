package olvmcluster

import (
	"context"
	"net/netip"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/engine"
	"github.com/ocne-project/ocne/internal/preflight"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// preflight shows what ocne checks before it makes a cluster, as far as it concerns all machines: data center, permissions, virtual IP.
// It tells and never blocks.
func (r *Reconciler) preflight(ctx context.Context, olvm *infrav1.OLVMCluster, e *engine.Engine, account engine.Account, owner string) error {
	snapshot, err := e.Snapshot(ctx, time.Now().Add(-engine.PollInterval))
	if err != nil {
		return err
	}
	var vms []ovirt.VM
	snapshot.Each(func(vm ovirt.VM) { vms = append(vms, vm) })
	vip, _ := netip.ParseAddr(olvm.Spec.ControlPlaneEndpoint.Host) // a name is not looked for
	findings, err := r.Preflight.Infrastructure(ctx, e.Client(), preflight.Wanted{
		Subjects: preflight.Subjects{
			DataCenter: "spec.olvmDatacenterName", Credentials: "spec.olvmOvirtAPIServer.credentialsSecret", VirtualIP: "spec.controlPlaneEndpoint.host",
		},
		URL: account.URL, Username: account.Username, Owner: owner, DataCenter: olvm.Spec.OLVMDatacenterName, VirtualIP: vip,
	}, vms)
	if err != nil {
		return err
	}
	status, reason := metav1.ConditionTrue, infrav1.PassedReason
	if preflight.Failed(findings) { // errors come first
		status, reason = metav1.ConditionFalse, findings[0].Check.Reason()
	}
	set(olvm, infrav1.PreflightPassedCondition, status, reason, preflight.Summary(findings))
	return nil
}
