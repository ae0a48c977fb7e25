package cluster

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/ocne-project/ocne/internal/cluster/workload"
)

// target is what a cluster shall become.
type target struct {
	controlPlane int32
	// pools are the numbers of workers by the names of their MachineDeployments; others shall be what they say themselves.
	pools map[string]int32
	// version is the one that machines are brought to, such as v1.33.10; empty when they keep theirs.
	version string
}

// poolNames are those of the target and those that exist, in order.
func (t target) poolNames(s *snapshot) []string {
	names := slices.Collect(maps.Keys(t.pools))
	for i := range s.workers {
		names = append(names, s.workers[i].Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (t target) workersOf(w *clusterv1.MachineDeployment) int32 {
	if n, named := t.pools[w.Name]; named {
		return n
	}
	return ptr.Deref(w.Spec.Replicas, 0)
}

func (t target) nodes(s *snapshot) int {
	n := int(t.controlPlane)
	for i := range s.workers {
		n += int(t.workersOf(&s.workers[i]))
	}
	return n
}

// reached says whether the cluster is what it shall be: nothing is being made, replaced or removed, and every node is Ready.
func (t target) reached(s *snapshot) bool {
	if s.cluster == nil || s.controlPlane == nil || !s.controlPlaneInitialized() || s.nodesErr != nil {
		return false
	}
	return workload.AllApplied(s.addons) && t.controlPlaneReached(s) && t.workersReached(s) && t.machinesReached(s) && t.nodesReached(s)
}

func (t target) controlPlaneReached(s *snapshot) bool {
	k := s.controlPlane
	return k.Status.ObservedGeneration == k.Generation && ptr.Deref(k.Spec.Replicas, 0) == t.controlPlane &&
		ptr.Deref(k.Status.Replicas, 0) == t.controlPlane &&
		s.upToDate(k.Status.UpToDateReplicas, isControlPlane) == t.controlPlane &&
		ptr.Deref(k.Status.ReadyReplicas, 0) == t.controlPlane
}

func (t target) workersReached(s *snapshot) bool {
	for _, name := range t.poolNames(s) {
		if !t.poolReached(s, name) {
			return false
		}
	}
	return true
}

func (t target) poolReached(s *snapshot, name string) bool {
	w := s.pool(name)
	if w == nil {
		return false
	}
	n := t.workersOf(w)
	return w.Status.ObservedGeneration == w.Generation && ptr.Deref(w.Spec.Replicas, 0) == n &&
		ptr.Deref(w.Status.Replicas, 0) == n && s.upToDate(w.Status.UpToDateReplicas, ofPool(w.Name)) == n && ptr.Deref(w.Status.ReadyReplicas, 0) == n
}

func (t target) machinesReached(s *snapshot) bool {
	for i := range s.machines {
		if !machineReached(&s.machines[i]) {
			return false
		}
	}
	return len(s.machines) == t.nodes(s) && len(s.leaving()) == 0
}

func machineReached(m *clusterv1.Machine) bool {
	if m.Status.Phase != string(clusterv1.MachinePhaseRunning) || !m.DeletionTimestamp.IsZero() {
		return false
	}
	upToDate := meta.FindStatusCondition(m.Status.Conditions, clusterv1.MachineUpToDateCondition)
	return upToDate == nil || upToDate.Status != "False" || ofAnotherBuild(m)
}

func (t target) nodesReached(s *snapshot) bool {
	for i := range s.machines {
		if !s.hasReadyNode(&s.machines[i]) {
			return false
		}
	}
	return len(s.nodes) == t.nodes(s)
}
