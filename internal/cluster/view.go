package cluster

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/cluster/workload"
)

// view is what the user is told about a cluster on its way to the target.
func (t target) view(s *snapshot) []progress.Item {
	items := append([]progress.Item{infrastructureItem(s), t.controlPlaneItem(s)}, t.workerItems(s)...)
	if s.controlPlaneInitialized() {
		items = append(append(items, apiItem(s)), workload.AddonItems(s.addons, s.nodesErr == nil)...)
	}
	items = append(items, machineItems(s)...)
	for _, name := range s.strayNodes() {
		items = append(items, progress.Item{Name: "node " + name, State: "no machine has it, and it is waited for until it is removed"})
	}
	return items
}

func infrastructureItem(s *snapshot) progress.Item {
	item := progress.Item{Name: "infrastructure", State: "waiting for the controller"}
	if s.infrastructure == nil {
		return item
	}
	conditions := s.infrastructure.Status.Conditions
	ready := meta.FindStatusCondition(conditions, infrav1.ReadyCondition)
	if ready == nil {
		return item
	}
	if ready.Status == metav1.ConditionTrue {
		item.State, item.Done = "ready", true
		return item
	}
	item.State = "not ready"
	item.Detail = firstProblem(conditions, infrav1.EngineReachableCondition, infrav1.ReadyCondition)
	return item
}

func (t target) controlPlaneItem(s *snapshot) progress.Item {
	item := progress.Item{Name: "control plane"}
	if s.controlPlane == nil {
		item.State = readyOf(0, t.controlPlane)
		return item
	}
	k := s.controlPlane
	item.State = readyOf(ptr.Deref(k.Status.ReadyReplicas, 0), t.controlPlane) + surplus(ptr.Deref(k.Status.Replicas, 0), t.controlPlane) +
		t.upgraded(s.upToDate(k.Status.UpToDateReplicas, isControlPlane), k.Status.ObservedGeneration == k.Generation)
	item.Done = t.controlPlaneReached(s) && s.controlPlaneInitialized()
	if !item.Done {
		item.Detail = firstProblem(k.Status.Conditions,
			controlplanev1.KubeadmControlPlaneCertificatesAvailableCondition, controlplanev1.KubeadmControlPlaneAvailableCondition)
	}
	return item
}

// workerItems has one item for each worker pool; a pool that is alone needs no name.
func (t target) workerItems(s *snapshot) []progress.Item {
	names := t.poolNames(s)
	items := make([]progress.Item, 0, len(names))
	for _, name := range names {
		item := progress.Item{Name: "workers"}
		if len(names) > 1 {
			item.Name += " " + name
		}
		w := s.pool(name)
		if w == nil {
			item.State = readyOf(0, t.pools[name])
			items = append(items, item)
			continue
		}
		n := t.workersOf(w)
		item.State = readyOf(ptr.Deref(w.Status.ReadyReplicas, 0), n) + surplus(ptr.Deref(w.Status.Replicas, 0), n)
		if w.Spec.Template.Spec.Version == t.version {
			item.State += t.upgraded(s.upToDate(w.Status.UpToDateReplicas, ofPool(w.Name)), w.Status.ObservedGeneration == w.Generation)
		}
		if item.Done = t.poolReached(s, name); !item.Done {
			item.Detail = firstProblem(w.Status.Conditions, clusterv1.MachineDeploymentAvailableCondition)
		}
		items = append(items, item)
	}
	return items
}

// upgraded says how many machines of a group are what they shall become. What was counted before the group was changed does not count.
func (t target) upgraded(upToDate int32, observed bool) string {
	switch {
	case t.version == "":
		return ""
	case !observed:
		return ", upgrade to " + t.version + " begins"
	}
	return fmt.Sprintf(", %d upgraded to %s", upToDate, t.version)
}

func readyOf(ready, desired int32) string { return fmt.Sprintf("%d of %d ready", ready, desired) }

func surplus(total, desired int32) string {
	if total <= desired {
		return ""
	}
	return fmt.Sprintf(", %d to be removed", total-desired)
}

func apiItem(s *snapshot) progress.Item {
	item := progress.Item{Name: "API " + endpoint(s.cluster)}
	switch {
	case s.nodesErr == nil:
		item.State, item.Done = "answers", true
	case errors.Is(s.nodesErr, errNotAsked):
		item.State = "waiting for its kubeconfig"
	default:
		item.State = "does not answer from here"
		item.Detail = s.nodesErr.Error()
	}
	return item
}

func machineItems(s *snapshot) []progress.Item {
	items := make([]progress.Item, 0, len(s.machines))
	for i := range s.machines {
		items = append(items, machineItem(s, &s.machines[i]))
	}
	for _, im := range s.leaving() {
		items = append(items, progress.Item{Name: "VM of " + im.Name, State: "deleting" + vmState(im), Detail: vmProblem(im)})
	}
	return items
}

func machineItem(s *snapshot, m *clusterv1.Machine) progress.Item {
	item := progress.Item{Name: "machine " + m.Name, State: strings.ToLower(m.Status.Phase)}
	if item.State == "" {
		item.State = "new"
	}
	im := s.infraMachine(m)
	if im != nil {
		item.State += vmState(im)
		item.Detail = vmProblem(im)
	}
	if !m.DeletionTimestamp.IsZero() {
		if item.Detail == "" {
			item.Detail = message(meta.FindStatusCondition(m.Status.Conditions, clusterv1.MachineDeletingCondition))
		}
		return item
	}
	if node := s.node(m.Status.NodeRef.Name); node != nil {
		ready, why := workload.Ready(node)
		if ready {
			item.State += ", node ready"
			if item.Done = machineReached(m); !item.Done {
				item.Detail = cmp.Or(firstProblem(m.Status.Conditions, clusterv1.MachineUpToDateCondition), item.Detail)
			}
			return item
		}
		item.State += ", node not ready"
		item.Detail = why
		return item
	}
	if im != nil && m.Status.NodeRef.Name == "" && meta.IsStatusConditionTrue(im.Status.Conditions, infrav1.VMReadyCondition) {
		item.State += ", waiting for its node"
	}
	return item
}

func vmState(im *infrav1.OLVMMachine) string {
	if im.Status.OLVM == nil {
		return ""
	}
	var state string
	if status := im.Status.OLVM.VirtualMachine.Status; status != "" {
		state = ", VM " + status
	}
	if address := im.Status.OLVM.IPAddress; address != "" {
		state += ", " + address
	}
	return state
}

func vmProblem(im *infrav1.OLVMMachine) string {
	return firstProblem(im.Status.Conditions, infrav1.AddressesWonCondition, infrav1.VMReadyCondition, infrav1.ReadyCondition)
}

// firstProblem returns the words of the first of the conditions, most telling one first, that is False.
func firstProblem(conditions []metav1.Condition, kinds ...string) string {
	for _, kind := range kinds {
		if c := meta.FindStatusCondition(conditions, kind); c != nil && c.Status == metav1.ConditionFalse {
			return message(c)
		}
	}
	return ""
}

func message(c *metav1.Condition) string {
	switch {
	case c == nil:
		return ""
	case c.Message == "":
		return c.Reason
	}
	return c.Reason + ": " + c.Message
}

// deletionView is what the user is told about a cluster that goes away.
func deletionView(s *snapshot) []progress.Item {
	items := machineItems(s)
	if n := len(s.addresses); n > 0 && len(items) == 0 {
		items = append(items, progress.Item{Name: "addresses", State: fmt.Sprintf("%d not released yet", n)})
	}
	if s.infrastructure != nil {
		item := progress.Item{Name: "infrastructure", State: "present"}
		if !s.infrastructure.DeletionTimestamp.IsZero() {
			item.State = "deleting"
		}
		item.Detail = firstProblem(s.infrastructure.Status.Conditions, infrav1.EngineReachableCondition, infrav1.ReadyCondition)
		items = append(items, item)
	}
	if s.cluster != nil {
		item := progress.Item{
			Name: "cluster " + s.cluster.Name, State: strings.ToLower(s.cluster.Status.Phase),
			Detail: message(meta.FindStatusCondition(s.cluster.Status.Conditions, clusterv1.ClusterDeletingCondition)),
		}
		if unpausing(s.cluster) != "" { // by somebody else, after its deletion was asked for
			item.State += ", paused"
			item.Detail = "Cluster API deletes nothing of a paused cluster: 'ocne cluster info' says how it goes on"
		}
		items = append(items, item)
	}
	return items
}

func endpoint(c *clusterv1.Cluster) string {
	e := c.Spec.ControlPlaneEndpoint
	if e.Host == "" {
		return ""
	}
	return fmt.Sprintf("https://%s", e.String())
}
