package machine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/engine"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// listAge is how old a shared list may be for a machine that is on its way; a machine that runs is woken when it changes.
const listAge = time.Second

// Observation is what the engine shows of one machine. An error of the engine is never an observation.
type Observation struct {
	// VM is nil when the engine does not show it.
	VM *ovirt.VM
	// Mark of the VM, and whether it names this machine.
	Mark Mark
	Ours bool
	// Absent is true when the VM is positively not there. VM nil and Absent false means that nobody can tell yet.
	Absent bool
	// Hidden: the engine does not show the VM to this user, but showed it to another one, and nobody else can tell whether it is there.
	Hidden bool
	// Underway: the VM is not shown yet, but a job of the engine is making it.
	Underway bool
	// NICs of a VM that is down and has never run.
	NICs []ovirt.NIC
	// Tags of a VM that is down, has never run and shall have some.
	Tags []string
	// Group is the affinity group with the siblings' name; nil when there is none. NoGroup is why groups cannot be read, or that one not edited.
	Group   *ovirt.AffinityGroup
	NoGroup error
	// LabelIDs are the wanted affinity labels that the VM has.
	LabelIDs []string
	// Rival is another VM that carries one of our addresses.
	Rival *Rival
	// ForeignDisks are attached to a VM that is about to be removed, and not its own.
	ForeignDisks []string
	// Disks of a VM that is down and has never run, when something is wanted of them.
	Disks []ovirt.AttachedDisk
	// LooseDisk is a data disk that the VM does not have: the next to be attached, or one that outlived a VM that never ran. Nil when it is
	// not there.
	LooseDisk *ovirt.Disk
}

// Rival is another VM with one of our addresses.
type Rival struct {
	VMID, VMName, Address string
	// Keeps: it has the lower id, or it has left the state in which it could still give the address up.
	Keeps bool
}

// Observe reads only what the next decision needs.
func Observe(ctx context.Context, e *engine.Engine, d Desired, now time.Time) (Observation, error) {
	snapshot, err := e.Lately(ctx, d.VMID, listAge)
	if err != nil {
		return Observation{}, err
	}
	o := Observation{VM: snapshot.VM(d.VMID)}
	if o.VM == nil {
		if o, err = lookAgain(ctx, e, d, now); err != nil {
			return o, err
		}
		if o.VM == nil {
			return o, observeLooseDisks(ctx, e, d, &o)
		}
		e.Touch(d.VMID) // the list is older than the VM, and says nothing about its rivals
		if snapshot, err = e.Lately(ctx, d.VMID, listAge); err != nil {
			return Observation{}, err
		}
	}
	o.Mark, o.Ours = ParseMark(o.VM.Comment)
	o.Ours = o.Ours && o.Mark.SameOwner(d.Owner)
	if !o.Ours || o.VM.Status != ovirt.StatusDown {
		return o, nil
	}
	if d.Deleting { // also one that is not known to have run: nobody may have looked meanwhile
		o.ForeignDisks, err = foreignDisks(ctx, e, d)
		return o, err
	}
	if d.Provisioned {
		return o, nil
	}
	o.Rival = findRival(snapshot, o.Mark, d.VMID)
	if o.NICs, err = e.Client().NICs(ctx, d.VMID); err != nil {
		return Observation{}, err
	}
	if err := observeDisks(ctx, e, d, &o); err != nil {
		return Observation{}, err
	}
	if err := observeTags(ctx, e, d, &o); err != nil {
		return Observation{}, err
	}
	err = observePlacement(ctx, e, d, &o)
	return o, err
}

func observeTags(ctx context.Context, e *engine.Engine, d Desired, o *Observation) error {
	if len(d.Shape.Tags) == 0 {
		return nil
	}
	tags, err := e.Client().VMTags(ctx, d.VMID)
	for _, t := range tags {
		o.Tags = append(o.Tags, t.Name)
	}
	return err
}

// lookAgain decides whether a VM that is not in the list is gone. A machine whose VM was never asked for needs no second look:
// the engine itself refuses a second VM with its id.
func lookAgain(ctx context.Context, e *engine.Engine, d Desired, now time.Time) (Observation, error) {
	if d.Submitted.IsZero() && !d.Seen {
		return Observation{Absent: true}, nil
	}
	vm, err := e.Client().VM(ctx, d.VMID)
	if err == nil {
		return Observation{VM: vm}, nil
	}
	if ovirt.KindOf(err) != ovirt.NotFound {
		return Observation{}, err
	}
	err = e.Sees(ctx, d.Names.DataCenter, d.Names.Cluster, d.MadeIn)
	if other := (*engine.OtherEngineError)(nil); errors.As(err, &other) {
		return Observation{}, fmt.Errorf("%w; put the OLVMCluster's address of the engine right, or, when the VM's engine is gone for good, "+
			"annotate the OLVMCluster with %s=true and delete the Machine", err, infrav1.AbandonAnnotation)
	}
	if err != nil {
		return Observation{}, fmt.Errorf("the VM is not shown, and neither is where it belongs: %w", err)
	}
	if d.Seen || d.Provisioned { // after a move to another management cluster it is known that the VM ran, and not who saw it
		hidden := e.Client().UserLevel() && d.SeenBy != d.Username && (d.SeenBy != "" || !d.Seen)
		return Observation{Absent: !hidden, Hidden: hidden}, nil
	}
	underway, err := isUnderway(ctx, e, d.VMID)
	if err != nil || underway {
		return Observation{Underway: underway}, err
	}
	return Observation{Absent: now.Sub(d.Submitted) >= SubmitWindow}, nil
}

// isUnderway says whether the engine works on a request for the VM. Engines show jobs to administrators only; without them the time
// since the request is all there is to go by.
func isUnderway(ctx context.Context, e *engine.Engine, vmID string) (bool, error) {
	jobs, err := e.Client().Jobs(ctx, CorrelationID(vmID))
	if ovirt.KindOf(err) == ovirt.Forbidden {
		return false, nil
	}
	return slices.ContainsFunc(jobs, func(j ovirt.Job) bool { return j.Status == ovirt.JobStarted }), err
}

// findRival looks for another VM with one of our addresses. Of two that have not run yet, the one with the lower id keeps the address,
// so that both come to the same conclusion without talking to each other. The lower one waits meanwhile: each looks after its own
// request took effect, so at least one of them sees the other, and neither starts while it does.
func findRival(snapshot *engine.Snapshot, mine Mark, vmID string) *Rival {
	var rival *Rival
	snapshot.Each(func(vm ovirt.VM) {
		mark, ok := ParseMark(vm.Comment)
		if !ok || vm.ID == vmID {
			return
		}
		a, shared := mine.Shared(mark)
		if !shared {
			return
		}
		ran := vm.Status != ovirt.StatusDown && vm.Status != ovirt.StatusImageLocked
		found := &Rival{VMID: vm.ID, VMName: vm.Name, Address: a.String(), Keeps: ran || vm.ID < vmID}
		if rival == nil || (found.Keeps && !rival.Keeps) || (found.Keeps == rival.Keeps && found.VMID < rival.VMID) {
			rival = found
		}
	})
	return rival
}
