package machine

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/engine"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// wakeRefused is when to ask again for what only an administrator can grant.
const wakeRefused = 15 * time.Second

// Act makes the one change that the plan asks for. Create is apart (see Submit): it needs addresses and a boot document.
func Act(ctx context.Context, e *engine.Engine, d Desired, p Plan) error {
	if p.Action == Nothing || p.Action == Create {
		return nil
	}
	// Before and after: a list that began while the request was on its way may show either state.
	e.Touch(d.VMID)
	defer e.Touch(d.VMID)
	c := e.Client()
	switch p.Action {
	case AddNIC:
		_, err := c.AddNIC(ctx, d.VMID, p.NIC)
		return tolerate(err, ovirt.Exists)
	case UpdateNIC:
		_, err := c.UpdateNIC(ctx, d.VMID, p.NIC)
		return err
	case Start:
		return c.StartVM(ctx, d.VMID)
	case ClearInitialization:
		return c.ClearInitialization(ctx, d.VMID)
	case Stop:
		return tolerate(c.StopVM(ctx, d.VMID), ovirt.NotFound)
	case DetachDisk:
		return tolerate(c.DetachDisk(ctx, d.VMID, p.DiskID), ovirt.NotFound)
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
	if !p.Running {
		return refused
	}
	p.Action, p.Wake, p.Message = Nothing, refused.Wake, p.Message+"; "+refused.Message
	return p
}

// Refused turns an error of the engine into what to show and when to try again. Nothing is terminal: quotas are raised, locks are
// released, engines come back.
func Refused(action Action, err error) Plan {
	p := Plan{Status: metav1.ConditionFalse, Reason: infrav1.EngineRefusedReason, Message: fmt.Sprintf("cannot %s: %v", action, err)}
	switch ovirt.KindOf(err) {
	case ovirt.Conflict:
		p.Wake = wakeSoon * 2
	case ovirt.Exists, ovirt.NotFound:
		p.Wake = wakeLater
	case ovirt.Unavailable, ovirt.NotEngine: // an engine that is starting can look like none
		p.Reason, p.Wake = infrav1.EngineUnavailableReason, 2*wakeLater
	case ovirt.Auth:
		p.Reason, p.Wake = infrav1.CredentialsRefusedReason, 2*wakeRefused
	case ovirt.Forbidden:
		p.Reason, p.Wake = infrav1.PermissionMissingReason, wakeRefused
	case ovirt.Quota:
		p.Reason, p.Wake = infrav1.OutOfCapacityReason, wakeRefused
	default:
		p.Wake = time.Minute
	}
	return p
}
