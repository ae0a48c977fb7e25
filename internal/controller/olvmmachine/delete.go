package olvmmachine

import (
	"context"
	"time"

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
		return refused(s.olvm, "observe the VM", err), nil
	}
	record(s.olvm, d, observation)
	plan := machine.Next(d, observation, time.Now())
	if err := machine.Act(ctx, s.engine, d, plan); err != nil {
		plan = plan.Failed(err)
	}
	show(s.olvm, plan)
	if plan.Gone {
		return ctrl.Result{}, r.finish(ctx, s)
	}
	return ctrl.Result{RequeueAfter: plan.Wake}, nil
}

// finish gives the addresses back and lets the object go.
func (r *Reconciler) finish(ctx context.Context, s subject) error {
	if err := r.releaseAll(ctx, s.olvm); err != nil {
		return err
	}
	s.engine.Forget(machine.VMID(s.olvm.Spec.ProviderID))
	controllerutil.RemoveFinalizer(s.olvm, infrav1.MachineFinalizer)
	return nil
}
