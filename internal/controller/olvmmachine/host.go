package olvmmachine

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/ocne-project/ocne/internal/machine"
)

// nameHost puts the name of the VM's host beside its id, for people. Without it the machine is complete all the same.
func nameHost(ctx context.Context, s subject, o machine.Observation) {
	vm := &s.olvm.Status.OLVM.VirtualMachine
	if vm.HostID == "" || o.VM == nil {
		vm.HostName = ""
		return
	}
	name, err := s.engine.HostName(ctx, o.VM.ClusterID, vm.HostID)
	if err != nil {
		ctrl.LoggerFrom(ctx).V(1).Info("The name of the VM's host cannot be read", "host", vm.HostID, "error", err.Error())
	}
	vm.HostName = name
}
