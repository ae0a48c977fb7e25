package olvmmachine

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"k8s.io/utils/ptr"
	clusterctlv1 "sigs.k8s.io/cluster-api/cmd/clusterctl/api/v1alpha3"
	"sigs.k8s.io/cluster-api/util/finalizers"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/machine"
)

// normal takes one step towards a running VM.
func (r *Reconciler) normal(ctx context.Context, s subject) (ctrl.Result, error) {
	if err := refuse(s.olvm.Spec); err != nil {
		return invalid(s.olvm, err), nil
	}
	if !ptr.Deref(s.cluster.Status.Initialization.InfrastructureProvisioned, false) {
		show(s.olvm, machine.Plan{Reason: infrav1.WaitingForClusterReason, Message: "the OLVMCluster is not ready yet; its conditions say why"})
		return ctrl.Result{}, nil // the change itself wakes us
	}
	// The finalizer comes after the credentials: a machine that never reached an engine can be deleted without one.
	if added, err := finalizers.EnsureFinalizer(ctx, r.Client, s.olvm, infrav1.MachineFinalizer); err != nil || added {
		return ctrl.Result{}, err
	}
	if err := r.restoreOwners(ctx, s.olvm); err != nil {
		return ctrl.Result{}, err
	}
	if s.machine.Spec.Bootstrap.DataSecretName == nil {
		show(s.olvm, machine.Plan{Reason: infrav1.WaitingForBootstrapDataReason, Message: "the bootstrap provider has not made the node's boot data yet"})
		return ctrl.Result{}, nil // the change itself wakes us
	}
	if s.olvm.Spec.ProviderID == "" {
		return ctrl.Result{}, r.chooseID(ctx, s.olvm)
	}
	return r.step(ctx, s)
}

// chooseID writes the VM's id down before the engine hears of it, so that a crash at any point afterwards finds the same VM. The
// patch fails if the object was read from a stale cache: an id is chosen once.
func (r *Reconciler) chooseID(ctx context.Context, olvm *infrav1.OLVMMachine) error {
	before := olvm.DeepCopy()
	chosen := olvm.DeepCopy()
	chosen.Spec.ProviderID = machine.ProviderID(uuid.NewString())
	if err := r.Patch(ctx, chosen, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		return fmt.Errorf("write provider id: %w", err)
	}
	return nil
}

func (r *Reconciler) step(ctx context.Context, s subject) (ctrl.Result, error) {
	d := s.desired()
	if !d.Provisioned { // a VM that ran needs its template no more
		if _, err := s.placeNames(); err != nil {
			return invalid(s.olvm, err), nil
		}
		r.preflight(ctx, s, d)
		if err := place(ctx, s, &d); err != nil {
			return r.noPlace(s, err), nil
		}
	}
	observation, err := machine.Observe(ctx, s.engine, d, time.Now())
	if err != nil {
		return r.unobserved(s, err), nil
	}
	r.renamed(s.olvm, observation)
	known := engineStatus(s.olvm).VMTemplateID
	record(s.olvm, d, observation)
	inDomain(s)
	grouped(s.olvm, d, observation)
	nameHost(ctx, s, observation)
	plan := machine.Next(d, observation, time.Now())
	if plan.Action == machine.Create {
		if d.Shape.TemplateMayChange && known != d.Place.TemplateID {
			return ctrl.Result{RequeueAfter: time.Millisecond}, nil // the choice is written down before the engine hears of it
		}
		return r.create(ctx, s, d)
	}
	if err := machine.Act(ctx, s.engine, d, plan); err != nil {
		if s.engine.Down() != nil && !plan.Running {
			return r.hold(s, err), nil
		}
		plan = plan.Failed(err)
	}
	show(s.olvm, plan)
	settle(s.olvm, plan)
	r.acted(s.olvm, plan)
	return ctrl.Result{RequeueAfter: r.wake(s.olvm, plan)}, nil
}

// settle records what a step that succeeded means for the machine's own object; a refused one has no action.
func settle(olvm *infrav1.OLVMMachine, plan machine.Plan) {
	switch plan.Action {
	case machine.ClearInitialization:
		olvm.Status.OLVM.VirtualMachine.InitializationCleared = true
	case machine.GiveUpAddresses:
		conflict(olvm, plan.Message)
	}
	if plan.Running {
		olvm.Status.Initialization.Provisioned = ptr.To(true)
		olvm.Status.Addresses = addresses(olvm)
		delete(olvm.Annotations, clusterctlv1.BlockMoveAnnotation)
		overruled(olvm)
	}
}

// refuse names what the spec asks for that cannot be.
func refuse(spec infrav1.OLVMMachineSpec) error {
	vm := spec.VirtualMachine
	if problems := vm.DiskProblems(); len(problems) > 0 {
		return fmt.Errorf("spec.virtualMachine.%s", problems[0])
	}
	_, err := vm.MemorySizes()
	return err
}
