package olvmmachine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	ctrl "sigs.k8s.io/controller-runtime"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/credentials"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

const (
	waitForAddress = 15 * time.Second
	waitForPlace   = 15 * time.Second
	waitForObject  = 15 * time.Second // that the spec names; a change of the spec itself wakes at once
)

func ownedConditions() []string {
	return []string{clusterv1.PausedCondition, infrav1.ReadyCondition, infrav1.VMReadyCondition, infrav1.AddressesWonCondition, infrav1.PreflightPassedCondition}
}

// show sets the machine's conditions; Ready tells the same as VMReady, because nothing else makes a machine. Where all is well it has no
// message: Cluster API would repeat it in the conditions of the Machine, of its owners and of the Cluster.
func show(olvm *infrav1.OLVMMachine, p machine.Plan) {
	for _, condition := range []string{infrav1.VMReadyCondition, infrav1.ReadyCondition} {
		c := metav1.Condition{Type: condition, Status: cmp.Or(p.Status, metav1.ConditionFalse), Reason: p.Reason, Message: p.Message}
		if condition == infrav1.ReadyCondition && c.Status == metav1.ConditionTrue {
			c.Message = ""
		}
		conditions.Set(olvm, c)
	}
	if p.Running {
		conditions.Set(olvm, metav1.Condition{Type: infrav1.AddressesWonCondition, Status: metav1.ConditionTrue, Reason: infrav1.WonReason})
	}
}

func conflict(olvm *infrav1.OLVMMachine, message string) {
	conditions.Set(olvm, metav1.Condition{
		Type: infrav1.AddressesWonCondition, Status: metav1.ConditionFalse, Reason: infrav1.AddressConflictReason, Message: message,
	})
}

func showsReason(olvm *infrav1.OLVMMachine, reason string) bool {
	return conditions.GetReason(olvm, infrav1.VMReadyCondition) == reason
}

func invalid(olvm *infrav1.OLVMMachine, err error) ctrl.Result {
	show(olvm, machine.Plan{Reason: infrav1.InvalidSpecReason, Message: err.Error()})
	return ctrl.Result{RequeueAfter: waitForObject}
}

// withoutCluster is a machine that is to be deleted and whose OLVMCluster, which knows the engine, is gone.
func withoutCluster(olvm *infrav1.OLVMMachine) ctrl.Result {
	show(olvm, machine.Plan{Reason: infrav1.ClusterMissingReason, Message: fmt.Sprintf(
		"cannot remove the VM %s: the OLVMCluster, which knows the engine, is gone; make it again, or, when the engine is gone too, "+
			"annotate this object with %s=true",
		machine.VMID(olvm.Spec.ProviderID), infrav1.AbandonAnnotation)})
	return ctrl.Result{RequeueAfter: waitForObject}
}

// hold leaves a machine as it was last seen, because an error of the engine as a whole, or of its credentials, says nothing about the VM.
// The OLVMCluster tells the cause, once for all its machines, and wakes them when it has gone.
func (r *Reconciler) hold(s subject, err error) ctrl.Result {
	if conditions.Get(s.olvm, infrav1.VMReadyCondition) == nil {
		reason := infrav1.EngineUnavailableReason
		if missing := (*credentials.MissingError)(nil); errors.As(err, &missing) {
			reason = infrav1.CredentialsMissingReason
		}
		show(s.olvm, machine.Plan{Reason: reason, Message: err.Error()})
	}
	if !s.olvm.DeletionTimestamp.IsZero() { // Ready covers the whole life
		show(s.olvm, machine.Plan{Reason: infrav1.DeletingReason, Message: "the VM is to be removed; the OLVMCluster says why the engine cannot be asked"})
	}
	if s.engine == nil || s.engine.Down() != nil {
		return ctrl.Result{RequeueAfter: machine.Backoff(ovirt.Unavailable, maxRefusals)}
	}
	return ctrl.Result{RequeueAfter: machine.Backoff(ovirt.Unavailable, r.refusals.count(s.olvm.UID, ovirt.KindOf(err)))}
}

// unobserved is a machine whose VM could not be looked at.
func (r *Reconciler) unobserved(s subject, err error) ctrl.Result {
	if machine.OfWholeEngine(err) {
		return r.hold(s, err)
	}
	plan := machine.Refused("observe the VM", err)
	if ptr.Deref(s.olvm.Status.Initialization.Provisioned, false) {
		plan.Status = metav1.ConditionUnknown // an error says nothing about a VM that ran
	}
	show(s.olvm, plan)
	return ctrl.Result{RequeueAfter: r.wake(s.olvm, plan)}
}

// noPlace tells a name that the engine does not have from an engine that does not answer.
func (r *Reconciler) noPlace(s subject, err error) ctrl.Result {
	if machine.OfWholeEngine(err) {
		return r.hold(s, err)
	}
	if result, told := r.unplaced(s, err); told {
		return result
	}
	plan := machine.Refused("find where the VM belongs", err)
	if ovirt.KindOf(err) == ovirt.NotFound {
		plan.Reason, plan.Wake, plan.Refusal = infrav1.NotFoundInEngineReason, waitForPlace, ""
	}
	show(s.olvm, plan)
	return ctrl.Result{RequeueAfter: r.wake(s.olvm, plan)}
}

// noAddress shows a pool that is empty or cannot be read; what the API server refuses is its own affair, and tried again.
func noAddress(olvm *infrav1.OLVMMachine, err error) (ctrl.Result, error) {
	if ofAPIServer(err) {
		return ctrl.Result{}, err
	}
	reason := infrav1.InvalidSpecReason
	if errors.Is(err, errPoolExhausted) {
		reason = infrav1.PoolExhaustedReason
	}
	show(olvm, machine.Plan{Reason: reason, Message: fmt.Sprintf("cannot choose an address: %v", err)})
	conditions.Set(olvm, metav1.Condition{Type: infrav1.AddressesWonCondition, Status: metav1.ConditionFalse, Reason: reason, Message: err.Error()})
	return ctrl.Result{RequeueAfter: waitForAddress}, nil
}

// noDocument shows what is wrong with what the machine shall boot with, an object that the user named and that does not exist included.
func noDocument(olvm *infrav1.OLVMMachine, err error) (ctrl.Result, error) {
	if ofAPIServer(err) && !apierrors.IsNotFound(err) {
		return ctrl.Result{}, err
	}
	return invalid(olvm, err), nil
}

func ofAPIServer(err error) bool {
	return apierrors.ReasonForError(err) != metav1.StatusReasonUnknown || errors.Is(err, context.DeadlineExceeded)
}

// record copies what the engine shows into the status.
func record(olvm *infrav1.OLVMMachine, d machine.Desired, o machine.Observation) {
	status := engineStatus(olvm)
	status.ClusterName, status.VMTemplateName = d.Names.Cluster, cmp.Or(d.Names.Template, status.VMTemplateName)
	status.NetworkName, status.VNICProfileName = d.Names.Network, d.Names.VNICProfile
	status.ClusterID = cmp.Or(d.Place.ClusterID, status.ClusterID)
	status.VMTemplateID = cmp.Or(d.Place.TemplateID, status.VMTemplateID)
	status.NetworkID = cmp.Or(d.Place.NetworkID, status.NetworkID)
	status.VNICProfileID = cmp.Or(d.Place.VNICProfileID, status.VNICProfileID)
	switch {
	case o.VM != nil: // the VM tells what a move to another management cluster has forgotten, too
		status.ClusterID, status.VMTemplateID = cmp.Or(status.ClusterID, o.VM.ClusterID), cmp.Or(status.VMTemplateID, o.VM.OriginalTemplateID)
		status.VirtualMachine.VMID, status.VirtualMachine.VMName, status.VirtualMachine.Status = o.VM.ID, o.VM.Name, o.VM.Status
		status.VirtualMachine.SeenBy, status.VirtualMachine.HostID = d.Username, o.VM.HostID
	case o.Absent:
		status.VirtualMachine.Status, status.VirtualMachine.HostID, status.VirtualMachine.HostName = "", "", ""
	}
	if o.Ours {
		status.NetworkID = cmp.Or(status.NetworkID, o.Mark.Network)
		for _, a := range o.Mark.Addresses {
			if a.Is4() {
				status.IPAddress = a.String()
			} else {
				status.IPv6Address = a.String()
			}
		}
	}
	status.AdditionalNICs = nicStatus(olvm.Spec.VirtualMachine.AdditionalNICs, status.AdditionalNICs, d, o)
	olvm.Status.OLVM = &status
}

func engineStatus(olvm *infrav1.OLVMMachine) infrav1.EngineStatus {
	if olvm.Status.OLVM == nil {
		return infrav1.EngineStatus{}
	}
	return *olvm.Status.OLVM
}

func addresses(olvm *infrav1.OLVMMachine) []clusterv1.MachineAddress {
	status := engineStatus(olvm)
	list := []clusterv1.MachineAddress{{Type: clusterv1.MachineHostName, Address: olvm.Name}}
	for _, a := range []string{status.IPAddress, status.IPv6Address} {
		if a != "" {
			list = append(list, clusterv1.MachineAddress{Type: clusterv1.MachineInternalIP, Address: a})
		}
	}
	return list
}
