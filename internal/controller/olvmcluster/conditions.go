package olvmcluster

import (
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/controller/event"
	"github.com/ocne-project/ocne/internal/credentials"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// lookAtSecretAgain is how often the Secret is read while its credentials cannot be used. The engine is asked more seldom: refused
// credentials are not tried again for a minute (pkg/ovirt).
const lookAtSecretAgain = 5 * time.Second

func ownedConditions() []string {
	return []string{
		clusterv1.PausedCondition, infrav1.ReadyCondition, infrav1.EngineReachableCondition, infrav1.PreflightPassedCondition,
		infrav1.TemplatesFoundCondition,
		infrav1.AddressesAvailableCondition,
	}
}

func set(olvm *infrav1.OLVMCluster, condition string, status metav1.ConditionStatus, reason, message string) {
	conditions.Set(olvm, metav1.Condition{Type: condition, Status: status, Reason: reason, Message: message})
}

func reachable(olvm *infrav1.OLVMCluster, message string) {
	set(olvm, infrav1.EngineReachableCondition, metav1.ConditionTrue, infrav1.ReachableReason, message)
	set(olvm, infrav1.ReadyCondition, metav1.ConditionTrue, infrav1.ReachableReason, "")
}

// unreachable shows why the engine cannot be used and says when to try again; nothing is terminal.
func unreachable(olvm *infrav1.OLVMCluster, err error) time.Duration {
	reason, wait := infrav1.EngineUnavailableReason, 10*time.Second
	var missing *credentials.MissingError
	switch {
	case errors.As(err, &missing):
		reason, wait = infrav1.CredentialsMissingReason, lookAtSecretAgain
	case ovirt.KindOf(err) == ovirt.Auth:
		reason, wait = infrav1.CredentialsRefusedReason, lookAtSecretAgain
	case ovirt.KindOf(err) == ovirt.Forbidden:
		reason, wait = infrav1.PermissionMissingReason, 30*time.Second
	case ovirt.KindOf(err) == ovirt.NotFound:
		reason, wait = infrav1.NotFoundInEngineReason, 30*time.Second
	}
	message := err.Error() + whereCAGoes(olvm, err)
	set(olvm, infrav1.EngineReachableCondition, metav1.ConditionFalse, reason, message)
	set(olvm, infrav1.ReadyCondition, metav1.ConditionFalse, reason, message)
	return wait
}

// tell makes an event when the engine becomes usable, or ceases to be.
func (r *Reconciler) tell(before, after *infrav1.OLVMCluster) {
	for _, kind := range []string{infrav1.EngineReachableCondition, infrav1.TemplatesFoundCondition} {
		was, is := conditions.Get(before, kind), conditions.Get(after, kind)
		if is == nil || was != nil && was.Status == is.Status && was.Reason == is.Reason {
			continue
		}
		eventType := corev1.EventTypeWarning
		if is.Status == metav1.ConditionTrue {
			if was == nil && kind != infrav1.EngineReachableCondition {
				continue // nothing has happened
			}
			eventType = corev1.EventTypeNormal
		}
		event.Record(r.Recorder, after, eventType, is.Reason, "Reconcile", is.Message)
	}
}

func noEndpoint(olvm *infrav1.OLVMCluster) {
	set(olvm, infrav1.ReadyCondition, metav1.ConditionFalse, infrav1.InvalidSpecReason,
		"spec.controlPlaneEndpoint.host is set neither here nor in the Cluster: give it the virtual IP of the cluster's API")
}

func deleting(olvm *infrav1.OLVMCluster, message string) {
	set(olvm, infrav1.ReadyCondition, metav1.ConditionFalse, infrav1.DeletingReason, message)
}

func removeFinalizer(olvm *infrav1.OLVMCluster) {
	controllerutil.RemoveFinalizer(olvm, infrav1.ClusterFinalizer)
}
