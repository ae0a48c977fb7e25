package cluster

import (
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
)

// target is what a cluster shall become.
type target struct {
	controlPlane, workers int
}

// reached says whether the cluster is what it shall be: nothing is being made, replaced or removed, and every node is Ready.
func (t target) reached(s *snapshot) bool {
	if s.cluster == nil || s.controlPlane == nil || !s.controlPlaneInitialized() || s.nodesErr != nil {
		return false
	}
	return t.controlPlaneReached(s) && t.workersReached(s) && t.machinesReached(s) && t.nodesReached(s)
}

func (t target) controlPlaneReached(s *snapshot) bool {
	k := s.controlPlane
	return k.Status.ObservedGeneration == k.Generation && number(k.Spec.Replicas) == t.controlPlane &&
		number(k.Status.Replicas) == t.controlPlane &&
		number(k.Status.UpToDateReplicas) == t.controlPlane &&
		number(k.Status.ReadyReplicas) == t.controlPlane
}

func (t target) workersReached(s *snapshot) bool {
	var desired, total, upToDate, ready int
	for _, w := range s.workers {
		if w.Status.ObservedGeneration != w.Generation {
			return false
		}
		desired += number(w.Spec.Replicas)
		total += number(w.Status.Replicas)
		upToDate += number(w.Status.UpToDateReplicas)
		ready += number(w.Status.ReadyReplicas)
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
	return len(s.machines) == t.controlPlane+t.workers && len(s.infraMachines) == len(s.machines)
}

func machineReached(m *clusterv1.Machine) bool {
	if m.Status.Phase != string(clusterv1.MachinePhaseRunning) || !m.DeletionTimestamp.IsZero() {
		return false
	}
	upToDate := findCondition(m.Status.Conditions, clusterv1.MachineUpToDateCondition)
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
	return len(s.nodes) == t.controlPlane+t.workers
}
