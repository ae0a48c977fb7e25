package cluster

import (
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
)

// target is what a cluster shall become.
type target struct {
	controlPlane, workers int32
}

func (t target) nodes() int { return int(t.controlPlane) + int(t.workers) }

// reached says whether the cluster is what it shall be: nothing is being made, replaced or removed, and every node is Ready.
func (t target) reached(s *snapshot) bool {
	if s.cluster == nil || s.controlPlane == nil || !s.controlPlaneInitialized() || s.nodesErr != nil {
		return false
	}
	return addonsApplied(s) && t.controlPlaneReached(s) && t.workersReached(s) && t.machinesReached(s) && t.nodesReached(s)
}

func (t target) controlPlaneReached(s *snapshot) bool {
	k := s.controlPlane
	return k.Status.ObservedGeneration == k.Generation && ptr.Deref(k.Spec.Replicas, 0) == t.controlPlane &&
		ptr.Deref(k.Status.Replicas, 0) == t.controlPlane &&
		ptr.Deref(k.Status.UpToDateReplicas, 0) == t.controlPlane &&
		ptr.Deref(k.Status.ReadyReplicas, 0) == t.controlPlane
}

func (t target) workersReached(s *snapshot) bool {
	var desired, total, upToDate, ready int32
	for _, w := range s.workers {
		if w.Status.ObservedGeneration != w.Generation {
			return false
		}
		desired += ptr.Deref(w.Spec.Replicas, 0)
		total += ptr.Deref(w.Status.Replicas, 0)
		upToDate += ptr.Deref(w.Status.UpToDateReplicas, 0)
		ready += ptr.Deref(w.Status.ReadyReplicas, 0)
	}
	return desired == t.workers && total == t.workers && upToDate == t.workers && ready == t.workers
}

func (t target) machinesReached(s *snapshot) bool {
	for i := range s.machines {
		if !machineReached(&s.machines[i]) {
			return false
		}
	}
	// An OLVMMachine outlives its Machine's disappearance from the counts while the engine removes its VM.
	return len(s.machines) == t.nodes() && len(s.infraMachines) == len(s.machines)
}

func machineReached(m *clusterv1.Machine) bool {
	if m.Status.Phase != string(clusterv1.MachinePhaseRunning) || !m.DeletionTimestamp.IsZero() {
		return false
	}
	upToDate := meta.FindStatusCondition(m.Status.Conditions, clusterv1.MachineUpToDateCondition)
	return upToDate == nil || upToDate.Status != "False"
}

func (t target) nodesReached(s *snapshot) bool {
	for i := range s.machines {
		node := s.node(s.machines[i].Status.NodeRef.Name)
		if node == nil {
			return false
		}
		if ready, _ := nodeReady(node); !ready {
			return false
		}
	}
	return len(s.nodes) == t.nodes()
}
