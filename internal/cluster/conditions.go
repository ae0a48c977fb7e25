package cluster

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/ocne-project/ocne/api/v1"
)

// usualStart is how long a VM may run before it is worth saying that its node has not reported.
const usualStart = 2 * time.Minute

// ConditionDetails are a condition that is not as it should be.
type ConditionDetails struct {
	// Subject is what has it, such as "machine demo-md-0-x7k2p".
	Subject string    `json:"subject"`
	Type    string    `json:"type"`
	Status  string    `json:"status"`
	Reason  string    `json:"reason"`
	Message string    `json:"message"`
	Since   time.Time `json:"since"`
}

// NextStep is something to do.
type NextStep struct {
	// Subjects that it helps.
	Subjects []string `json:"subjects"`
	// Advice in whole sentences; lines of a command are indented.
	Advice string `json:"advice"`
}

// notFine are the conditions of everything in a cluster that are not as they should be. Of Cluster API's conditions it takes those that
// no other one repeats.
func notFine(s *snapshot) []ConditionDetails {
	found := []ConditionDetails{}
	add := func(subject string, conditions []metav1.Condition, kinds ...string) {
		for _, c := range conditions {
			if wrong(c) && (len(kinds) == 0 || slices.Contains(kinds, c.Type)) {
				found = append(found, newConditionDetails(subject, c))
			}
		}
	}
	add("cluster", s.cluster.Status.Conditions, clusterv1.PausedCondition, clusterv1.ClusterDeletingCondition)
	if s.infrastructure != nil {
		add("infrastructure", telling(s.infrastructure.Status.Conditions))
	}
	if s.controlPlane != nil {
		add("control plane", s.controlPlane.Status.Conditions,
			controlplanev1.KubeadmControlPlaneCertificatesAvailableCondition, controlplanev1.KubeadmControlPlaneAvailableCondition,
			controlplanev1.KubeadmControlPlaneEtcdClusterHealthyCondition,
			controlplanev1.KubeadmControlPlaneControlPlaneComponentsHealthyCondition)
	}
	for i := range s.workers {
		add("workers "+s.workers[i].Name, s.workers[i].Status.Conditions, clusterv1.MachineDeploymentAvailableCondition)
	}
	if s.controlPlaneInitialized() && s.nodesErr != nil {
		found = append(found, ConditionDetails{
			Subject: "API " + endpoint(s.cluster), Type: "Reachable", Status: string(metav1.ConditionFalse),
			Reason: apiUnreachableReason, Message: s.nodesErr.Error(),
		})
	}
	for i := range s.machines {
		m := &s.machines[i]
		subject := "machine " + m.Name
		running := true
		if im := s.infraMachine(m); im != nil {
			add(subject, telling(im.Status.Conditions))
			running = meta.IsStatusConditionTrue(im.Status.Conditions, infrav1.VMReadyCondition)
		}
		if running { // else the node cannot be healthy
			add(subject, m.Status.Conditions, clusterv1.MachineNodeHealthyCondition)
		}
		add(subject, m.Status.Conditions, clusterv1.MachineDeletingCondition)
	}
	return found
}

// wrong knows the conditions that are good when they are False.
func wrong(c metav1.Condition) bool {
	switch c.Type {
	case clusterv1.PausedCondition, clusterv1.DeletingCondition:
		return c.Status == metav1.ConditionTrue
	}
	return c.Status != metav1.ConditionTrue
}

// telling leaves the summary out where it only repeats others.
func telling(conditions []metav1.Condition) []metav1.Condition {
	isSummary := func(c metav1.Condition) bool { return c.Type == infrav1.ReadyCondition }
	others := slices.DeleteFunc(slices.Clone(conditions), isSummary)
	if slices.ContainsFunc(others, wrong) {
		return others
	}
	return conditions
}

func newConditionDetails(subject string, c metav1.Condition) ConditionDetails {
	return ConditionDetails{
		Subject: subject, Type: c.Type, Status: string(c.Status), Reason: c.Reason, Message: c.Message, Since: c.LastTransitionTime.UTC(),
	}
}

// nextSteps are the advice for the problems of a cluster, each once.
func nextSteps(s *snapshot, now time.Time) []NextStep {
	steps := []NextStep{}
	add := func(subject, advice string) {
		same := slices.IndexFunc(steps, func(n NextStep) bool { return n.Advice == advice })
		if same < 0 {
			steps = append(steps, NextStep{Advice: advice})
			same = len(steps) - 1
		}
		steps[same].Subjects = append(steps[same].Subjects, subject)
	}
	if commands := unpausing(s.cluster); moving(s.cluster) {
		add("cluster", "The cluster is moved or restored in part. "+goOn(s.cluster))
	} else if commands != "" {
		add("cluster", "Nothing is changed while a cluster is paused. To go on, in the management cluster:"+commands)
	}
	for _, p := range problems(s) {
		if !s.starting(p, now) {
			add(p.Subject, p.Next)
		}
	}
	return steps
}

// starting says whether a problem is that of a VM that has only just begun to run.
func (s *snapshot) starting(p Problem, now time.Time) bool {
	if p.Reason != nodeMissingReason && p.Reason != nodeNotReadyReason {
		return false
	}
	for i := range s.machines {
		if im := s.infraMachine(&s.machines[i]); im != nil && p.Subject == "machine "+s.machines[i].Name {
			ready := meta.FindStatusCondition(im.Status.Conditions, infrav1.VMReadyCondition)
			return ready != nil && now.Sub(ready.LastTransitionTime.Time) < usualStart
		}
	}
	return false
}
