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
	waitForCredentials = 10 * time.Second
	waitForAddress     = 15 * time.Second
	waitForPlace       = 15 * time.Second
	waitForObject      = 15 * time.Second // that the spec names; a change of the spec itself wakes at once
)

func ownedConditions() []string {
	return []string{clusterv1.PausedCondition, infrav1.ReadyCondition, infrav1.VMReadyCondition, infrav1.AddressesWonCondition, infrav1.PreflightPassedCondition}
}

// show sets the machine's conditions; Ready tells the same as VMReady, because nothing else makes a machine.
func show(olvm *infrav1.OLVMMachine, p machine.Plan) {
	for _, condition := range []string{infrav1.VMReadyCondition, infrav1.ReadyCondition} {
		conditions.Set(olvm, metav1.Condition{Type: condition, Status: cmp.Or(p.Status, metav1.ConditionFalse), Reason: p.Reason, Message: p.Message})
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

func noEngine(olvm *infrav1.OLVMMachine, err error) ctrl.Result {
	reason := infrav1.EngineUnavailableReason
	var missing *credentials.MissingError
	if errors.As(err, &missing) {
		reason = infrav1.CredentialsMissingReason
	}
	show(olvm, machine.Plan{Status: unseen(olvm), Reason: reason, Message: err.Error()})
	return ctrl.Result{RequeueAfter: waitForCredentials}
}

// unseen is the status of a machine that cannot be observed: an error says nothing about a VM that ran.
func unseen(olvm *infrav1.OLVMMachine) metav1.ConditionStatus {
	if ptr.Deref(olvm.Status.Initialization.Provisioned, false) {
		return metav1.ConditionUnknown
	}
	return metav1.ConditionFalse
}

func refused(olvm *infrav1.OLVMMachine, doing machine.Action, err error) ctrl.Result {
	plan := machine.Refused(doing, err)
	plan.Status = unseen(olvm)
	show(olvm, plan)
	return ctrl.Result{RequeueAfter: plan.Wake}
}

// noPlace tells a name that the engine does not have from an engine that does not answer.
func noPlace(olvm *infrav1.OLVMMachine, err error) ctrl.Result {
	plan := machine.Refused("find where the VM belongs", err)
	if ovirt.KindOf(err) == ovirt.NotFound {
		plan.Reason, plan.Wake = infrav1.NotFoundInEngineReason, waitForPlace
	}
	show(olvm, plan)
	return ctrl.Result{RequeueAfter: plan.Wake}
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
	status.ClusterName, status.VMTemplateName = d.Names.Cluster, d.Names.Template
	status.NetworkName, status.VNICProfileName = d.Names.Network, d.Names.VNICProfile
	status.ClusterID = cmp.Or(d.Place.ClusterID, status.ClusterID)
	status.VMTemplateID = cmp.Or(d.Place.TemplateID, status.VMTemplateID)
	status.NetworkID = cmp.Or(d.Place.NetworkID, status.NetworkID)
	status.VNICProfileID = cmp.Or(d.Place.VNICProfileID, status.VNICProfileID)
	switch {
	case o.VM != nil:
		status.VirtualMachine.VMID, status.VirtualMachine.VMName, status.VirtualMachine.Status = o.VM.ID, o.VM.Name, o.VM.Status
		status.VirtualMachine.SeenBy = d.Username
	case o.Absent:
		status.VirtualMachine.Status = ""
	}
	if o.Ours {
		for _, a := range o.Mark.Addresses {
			if a.Is4() {
				status.IPAddress = a.String()
			} else {
				status.IPv6Address = a.String()
			}
		}
	}
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
