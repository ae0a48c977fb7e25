package machine

import (
	"cmp"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

const (
	// SubmitWindow is how long a request to create a VM may still take effect after its answer was lost.
	SubmitWindow = 2 * time.Minute
	// startAgainAfter spaces the attempts to start a VM that falls back to down.
	startAgainAfter = 15 * time.Second
	// stopAgainAfter is how long a VM that was asked to stop may be on its way down.
	stopAgainAfter = 30 * time.Second

	wakeSoon  = time.Second
	wakeLater = 5 * time.Second
)

// Action is the one change to make next.
type Action string

// The actions. Each may be repeated without harm.
const (
	Nothing             Action = ""
	Create              Action = "create the VM"
	AddNIC              Action = "add the NIC"
	UpdateNIC           Action = "change the NIC"
	JoinGroup           Action = "join the affinity group"
	LeaveGroup          Action = "remove the empty affinity group"
	AddLabel            Action = "add the affinity label"
	Start               Action = "start the VM"
	ClearInitialization Action = "clear the boot document"
	GiveUpAddresses     Action = "give up the addresses" // by removing the VM, which never ran
	Stop                Action = "stop the VM"
	DetachDisk          Action = "detach a disk"
	Remove              Action = "remove the VM"
)

// Plan is what to do next and what to tell until then.
type Plan struct {
	Action Action
	// NIC to add or change, or the id of the disk to attach, grow, detach or remove, or of the affinity label to add.
	NIC     ovirt.NIC
	DiskID  string
	LabelID string
	// DiskSize is the size to grow to in bytes, DiskInterface the model to attach with, NewDisk the disk to make.
	DiskSize      int64
	DiskInterface string
	NewDisk       ovirt.AddDisk
	// Tags to add.
	Tags []string
	// Alone is why the VM is started outside the affinity group of its siblings; empty when it is not.
	Alone string
	// Status, Reason and Message are those of the condition to show, VMReady.
	Status  metav1.ConditionStatus
	Reason  string
	Message string
	// Running: the VM was started by us and is on its way or up; that is what provisioned means, because a guest without an agent is
	// reported up only a minute after its start.
	Running bool
	// Gone: nothing of a machine that is being deleted is left in the engine.
	Gone bool
	// Wake is when to look again; zero means when something changes.
	Wake time.Duration
	// Refusal is the kind of error with which the engine refused the step; empty when it did not. The more often, the later is the next try:
	// see Backoff.
	Refusal ovirt.Kind
}

// Next decides, from what is wanted and what was seen, what to do. It is pure: the same input gives the same plan.
func Next(d Desired, o Observation, now time.Time) Plan {
	switch {
	case o.VM == nil && o.Hidden:
		return waiting(infrav1.PermissionMissingReason, wakeLater, "the engine does not show the VM %s to %s, but showed it to %s: "+
			"give %s a role on the VM, such as UserVmManager, or put the former user back; if the VM is gone, remove the finalizer %s by hand",
			d.VMID, d.Username, cmp.Or(d.SeenBy, "whoever made it"), d.Username, infrav1.MachineFinalizer)
	case o.VM == nil && o.Underway:
		return waiting(d.making(), wakeSoon, "the engine is making the VM")
	case o.VM == nil && !o.Absent && d.Deleting:
		return waiting(infrav1.DeletingReason, wakeLater, "the engine does not show the VM; its creation was asked for at %s and may take effect until %s",
			d.Submitted.UTC().Format(time.TimeOnly), d.Submitted.Add(SubmitWindow).UTC().Format(time.TimeOnly))
	case o.VM == nil && !o.Absent:
		return acting(Create, infrav1.CreatingReason, "the VM is asked for again, because the engine does not show it; it makes one VM of one id")
	case o.VM == nil && d.Deleting && o.LooseDisk != nil:
		return removeLoose(*o.LooseDisk)
	case o.VM == nil && d.Deleting:
		return Plan{Gone: true, Status: metav1.ConditionFalse, Reason: infrav1.DeletingReason, Message: "the VM is gone"}
	case o.VM == nil && d.Provisioned:
		return waiting(infrav1.VMNotFoundReason, 0, "the VM %s is not in the engine any more; delete the Machine to have it replaced", d.VMID)
	case o.VM == nil:
		return acting(Create, infrav1.CreatingReason, "the VM is being created")
	case !o.Ours:
		return waiting(infrav1.NotOursReason, 0, "VM %s has this machine's id but not its mark (in the comment): it is left alone; "+
			"restore the comment, or remove the VM and the finalizer %s by hand", o.VM.Name, infrav1.MachineFinalizer)
	case d.Deleting:
		return takeDown(d, o, now)
	default:
		return bringUp(d, o, now)
	}
}

// making is the reason to show while the engine makes the VM.
func (d Desired) making() string {
	if d.Deleting {
		return infrav1.DeletingReason
	}
	return infrav1.CreatingReason
}

func bringUp(d Desired, o Observation, now time.Time) Plan {
	switch o.VM.Status {
	case ovirt.StatusImageLocked:
		return waiting(infrav1.CreatingReason, wakeSoon, "the engine copies the template's disk")
	case ovirt.StatusDown:
		if d.Provisioned {
			return waiting(infrav1.NotRunningReason, 0, "the VM is down%s; start it, or delete the Machine to have it replaced", because(o.VM.StopReason))
		}
		return prepare(d, o, now)
	case ovirt.StatusWaitForLaunch, ovirt.StatusPoweringUp, ovirt.StatusUp, ovirt.StatusRebootInProgress, ovirt.StatusMigrating:
		p := Plan{Running: true, Status: metav1.ConditionTrue, Reason: infrav1.RunningReason, Message: "the VM is " + o.VM.Status}
		if d.NodeJoined && !d.Cleared {
			p.Action = ClearInitialization
		}
		return p
	case ovirt.StatusUnknown, ovirt.StatusNotResponding:
		p := waiting(infrav1.NotRunningReason, 0, "the engine has lost contact with the VM (%s)", o.VM.Status)
		p.Status = metav1.ConditionUnknown
		return p
	default:
		wake := wakeLater
		if d.Provisioned { // it is watched
			wake = 0
		}
		return waiting(infrav1.NotRunningReason, wake, "the VM is %s", o.VM.Status)
	}
}

// prepare brings a VM that is down and has never run to its start.
func prepare(d Desired, o Observation, now time.Time) Plan {
	if r := o.Rival; r != nil {
		if r.Keeps || now.Sub(d.Submitted) > SubmitWindow {
			return unprotected(d, o, acting(GiveUpAddresses, infrav1.AddressConflictReason, "address %s belongs to VM %s; another one is chosen",
				r.Address, r.VMName))
		}
		return waiting(infrav1.AddressConflictReason, wakeSoon, "VM %s carries address %s, too, and is expected to give it up", r.VMName, r.Address)
	}
	for _, part := range parts() {
		if p, missing := part(d, o); missing {
			return p
		}
	}
	if now.Sub(d.Started) < startAgainAfter {
		return waiting(infrav1.StartingReason, wakeLater, "the VM went down again after its start%s; it will be started again", because(o.VM.StopReason))
	}
	p := acting(Start, infrav1.StartingReason, "the VM is being started")
	p.Alone = alone(d, o)
	return p
}

// parts are what a VM has to have before it is started for the first time, in the order in which they are made. Each tells the next step
// towards it, or that nothing is missing.
func parts() []func(Desired, Observation) (p Plan, missing bool) {
	return []func(Desired, Observation) (Plan, bool){firstNIC, additionalNICs, disks, tags, headless, affinityGroup, affinityLabels}
}

func takeDown(d Desired, o Observation, now time.Time) Plan {
	// Somebody may have asked the guest to shut down, which may never do so: a stop ends that, too.
	stopping := o.VM.Status == ovirt.StatusPoweringDown && now.Sub(d.Stopped) < stopAgainAfter
	switch {
	case o.VM.Status == ovirt.StatusImageLocked:
		return waiting(infrav1.DeletingReason, wakeSoon, "the engine is busy with the VM's disks")
	case stopping, o.VM.Status == ovirt.StatusSavingState, o.VM.Status == ovirt.StatusRestoringState:
		return waiting(infrav1.DeletingReason, wakeSoon, "the VM is %s", o.VM.Status)
	case o.VM.Status == ovirt.StatusDown:
		if len(o.ForeignDisks) > 0 {
			p := acting(DetachDisk, infrav1.DeletingReason, "disk %s does not belong to the VM and is detached before the VM is removed", o.ForeignDisks[0])
			p.DiskID = o.ForeignDisks[0]
			return p
		}
		return unprotected(d, o, acting(Remove, infrav1.DeletingReason, "the VM is being removed"))
	default:
		return acting(Stop, infrav1.DeletingReason, "the VM is being stopped")
	}
}

func acting(a Action, reason, format string, args ...any) Plan {
	return Plan{Action: a, Status: metav1.ConditionFalse, Reason: reason, Message: fmt.Sprintf(format, args...), Wake: wakeSoon}
}

func waiting(reason string, wake time.Duration, format string, args ...any) Plan {
	return Plan{Status: metav1.ConditionFalse, Reason: reason, Message: fmt.Sprintf(format, args...), Wake: wake}
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + reason + ")"
}
