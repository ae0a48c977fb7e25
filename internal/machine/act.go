package machine

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/engine"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// Act makes the one change that the plan asks for. Create is apart (see Submit): it needs addresses and a boot document.
func Act(ctx context.Context, e *engine.Engine, d Desired, p Plan) error {
	if p.Action == Nothing || p.Action == Create {
		return nil
	}
	// Before and after: a list that began while the request was on its way may show either state.
	e.Touch(d.VMID)
	defer e.Touch(d.VMID)
	c := e.Client()
	if ok, err := actOnDisk(ctx, c, d, p); ok {
		return err
	}
	switch p.Action {
	case AddNIC:
		_, err := c.AddNIC(ctx, d.VMID, p.NIC)
		return tolerate(err, ovirt.Exists)
	case UpdateNIC:
		_, err := c.UpdateNIC(ctx, d.VMID, p.NIC)
		return err
	case AddTags:
		return addTags(ctx, e, d.VMID, p.Tags)
	case RemoveConsoles:
		return c.RemoveGraphicsConsoles(ctx, d.VMID)
	case LiftProtection:
		return liftProtection(ctx, e, d.VMID)
	case JoinGroup:
		return joinGroup(ctx, e, d)
	case AddLabel:
		defer e.ForgetAffinityLabels()
		return tolerate(c.AddVMToAffinityLabel(ctx, p.LabelID, d.VMID), ovirt.Exists)
	case Start:
		return c.StartVMWithInitialization(ctx, d.VMID)
	case ClearInitialization:
		return c.ClearInitialization(ctx, d.VMID)
	case Stop:
		return tolerate(c.StopVM(ctx, d.VMID), ovirt.NotFound)
	case Remove, GiveUpAddresses:
		return tolerate(c.RemoveVM(ctx, d.VMID), ovirt.NotFound)
	default:
		return fmt.Errorf("machine: unknown action %q", p.Action)
	}
}

// Submit asks the engine for the VM. A repeated request is refused because the name is locked, the name is in use or the id
// exists, in this order; on any of them our own id tells whether the VM is there. If it is, that is success: it is ours, or the next
// observation says whose it is.
func Submit(ctx context.Context, e *engine.Engine, vm ovirt.AddVM) error {
	e.Touch(vm.ID)
	defer e.Touch(vm.ID)
	e.ForgetMember(vm.ID)
	_, err := e.Client().AddVM(ctx, vm, CorrelationID(vm.ID))
	switch ovirt.KindOf(err) {
	case ovirt.Exists, ovirt.Conflict:
		if _, getErr := e.Client().VM(ctx, vm.ID); getErr == nil {
			return nil
		}
	}
	return err
}

func tolerate(err error, kind ovirt.Kind) error {
	if err != nil && ovirt.KindOf(err) == kind {
		return nil
	}
	return err
}

// Failed is the plan after its action was refused. A VM that runs does so all the same.
func (p Plan) Failed(err error) Plan {
	refused := Refused(p.Action, err)
	if p.Action == JoinGroup && editedByOthers(refused.Refusal) {
		p.Action, p.Refusal, p.Wake = Nothing, refused.Refusal, refused.Wake
		return p
	}
	if !p.Running {
		return refused
	}
	p.Action, p.Refusal, p.Wake, p.Message = Nothing, refused.Refusal, refused.Wake, p.Message+"; "+refused.Message
	return p
}

// Refused turns an error of the engine into what to show and when to try again. Nothing is terminal: quotas are raised, locks are
// released, engines come back.
func Refused(action Action, err error) Plan {
	kind := ovirt.KindOf(err)
	p := Plan{
		Status: metav1.ConditionFalse, Reason: infrav1.EngineRefusedReason, Message: fmt.Sprintf("cannot %s: %v", action, err),
		Refusal: kind, Wake: Backoff(kind, 1),
	}
	switch kind {
	case ovirt.Unavailable, ovirt.NotEngine: // an engine that is starting can look like none
		p.Reason = infrav1.EngineUnavailableReason
	case ovirt.Auth:
		p.Reason = infrav1.CredentialsRefusedReason
	case ovirt.Forbidden:
		p.Reason = infrav1.PermissionMissingReason
	case ovirt.Quota:
		p.Reason = infrav1.OutOfCapacityReason
	}
	return p
}

// OfWholeEngine says whether an error tells about the engine or the account, and nothing about the one machine that met it.
func OfWholeEngine(err error) bool {
	switch ovirt.KindOf(err) {
	case ovirt.Unavailable, ovirt.NotEngine, ovirt.Auth:
		return true
	}
	return false
}
