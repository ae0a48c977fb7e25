package olvmmachine

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/machine"
)

// delete takes one step towards an engine that holds nothing of the machine.
func (r *Reconciler) delete(ctx context.Context, s subject) (ctrl.Result, error) {
	if !controllerutil.ContainsFinalizer(s.olvm, infrav1.MachineFinalizer) {
		return ctrl.Result{}, nil
	}
	d := s.desired()
	if d.VMID == "" { // no id was chosen, so nothing was asked of the engine
		return ctrl.Result{}, r.finish(ctx, s)
	}
	observation, err := machine.Observe(ctx, s.engine, d, time.Now())
	if err != nil {
		return r.unobserved(s, err), nil
	}
	record(s.olvm, d, observation)
	plan := machine.Next(d, observation, time.Now())
	if err := machine.Act(ctx, s.engine, d, plan); err != nil {
		if s.engine.Down() != nil {
			return r.hold(s, err), nil //nolint:nilerr // the OLVMCluster tells it
		}
		plan = plan.Failed(err)
	}
	if plan.Gone {
		if refused := r.leaveGroup(ctx, s, d); refused != nil {
			if down := s.engine.Down(); down != nil {
				return r.hold(s, down), nil
			}
			show(s.olvm, *refused)
			return ctrl.Result{RequeueAfter: r.wake(s.olvm, *refused)}, nil
		}
	}
	show(s.olvm, plan)
	if plan.Gone {
		return ctrl.Result{}, r.finish(ctx, s)
	}
	r.acted(s.olvm, plan)
	return ctrl.Result{RequeueAfter: r.wake(s.olvm, plan)}, nil
}

// finish gives the addresses back and lets the object go.
func (r *Reconciler) finish(ctx context.Context, s subject) error {
	if err := r.releaseAll(ctx, s.olvm); err != nil {
		return err
	}
	if s.engine != nil {
		s.engine.Forget(machine.VMID(s.olvm.Spec.ProviderID))
	}
	r.refusals.forget(s.olvm.UID)
	controllerutil.RemoveFinalizer(s.olvm, infrav1.MachineFinalizer)
	return nil
}

// abandon lets the object go without asking the engine, as the user said. What is left there is told once.
func (r *Reconciler) abandon(ctx context.Context, s subject) error {
	if !controllerutil.ContainsFinalizer(s.olvm, infrav1.MachineFinalizer) {
		return nil
	}
	if vm := engineStatus(s.olvm).VirtualMachine; vm.VMID != "" || !submitted(s.olvm).IsZero() {
		r.event(s.olvm, corev1.EventTypeWarning, infrav1.AbandonedReason, "Delete", fmt.Sprintf(
			"the annotation %s was given: VM %s (%s) may still be in the engine, with its disks and its address %s",
			infrav1.AbandonAnnotation, vm.VMName, machine.VMID(s.olvm.Spec.ProviderID), engineStatus(s.olvm).IPAddress))
	}
	return r.finish(ctx, s)
}
