package olvmmachine

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/controller/event"
	"github.com/ocne-project/ocne/internal/machine"
)

// tell makes an event of every change of a machine's state, and measures how long the old one lasted.
func (r *Reconciler) tell(before, after *infrav1.OLVMMachine) {
	was, is := conditions.Get(before, infrav1.VMReadyCondition), conditions.Get(after, infrav1.VMReadyCondition)
	if is == nil {
		return
	}
	if was == nil || was.Reason != is.Reason || was.Status != is.Status {
		r.event(after, eventType(is), is.Reason, "Reconcile", is.Message)
	}
	r.Phases.saw(after.UID, is.Reason, time.Now())
	if !after.DeletionTimestamp.IsZero() && len(after.Finalizers) == 0 {
		r.Phases.forget(after.UID)
	}
}

// eventType is Warning for what somebody may have to look at.
func eventType(c *metav1.Condition) string {
	if c.Status == metav1.ConditionTrue {
		return corev1.EventTypeNormal
	}
	switch c.Reason {
	case infrav1.WaitingForClusterReason, infrav1.WaitingForBootstrapDataReason, infrav1.CreatingReason, infrav1.StartingReason,
		infrav1.DeletingReason:
		return corev1.EventTypeNormal
	}
	return corev1.EventTypeWarning
}

// acted makes events of steps that change more than the machine's own VM.
func (r *Reconciler) acted(olvm *infrav1.OLVMMachine, plan machine.Plan) {
	switch plan.Action {
	case machine.DetachDisk:
		r.event(olvm, corev1.EventTypeNormal, infrav1.DiskDetachedReason, "Delete", plan.Message)
	case machine.Start:
		if plan.Alone != "" {
			r.event(olvm, corev1.EventTypeWarning, infrav1.StartedAloneReason, "Start", "the VM is started without its affinity group: "+plan.Alone)
		}
	case machine.GiveUpAddresses:
		r.event(olvm, corev1.EventTypeWarning, infrav1.AddressConflictReason, "Create", plan.Message)
	}
}

// renamed tells of a VM that somebody gave another name. The id counts, so that nothing else comes of it.
func (r *Reconciler) renamed(olvm *infrav1.OLVMMachine, o machine.Observation) {
	was := engineStatus(olvm).VirtualMachine.VMName
	if o.VM != nil && o.Ours && was != "" && was != o.VM.Name {
		r.event(olvm, corev1.EventTypeWarning, infrav1.VMRenamedReason, "Reconcile",
			"VM "+was+" was renamed to "+o.VM.Name+" in the engine; the node keeps its name, and the machine its VM")
	}
}

func (r *Reconciler) event(olvm *infrav1.OLVMMachine, kind, reason, action, text string) {
	event.Record(r.Recorder, olvm, kind, reason, action, text)
}
