package cluster

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/cluster/workload"
)

// story builds snapshots of one cluster, step by step.
type story struct{ snapshot }

func condition(kind string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message}
}

func newStory() *story {
	s := &story{}
	s.nodesErr = errNotAsked
	s.cluster = &clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "demo", Namespace: "olvm"}}
	s.cluster.Spec.ControlPlaneEndpoint = clusterv1.APIEndpoint{Host: "192.0.2.160", Port: 6443}
	s.infrastructure = &infrav1.OLVMCluster{}
	s.controlPlane = &controlplanev1.KubeadmControlPlane{}
	s.controlPlane.Spec.Replicas = ptr.To(int32(1))
	s.workers = []clusterv1.MachineDeployment{{Spec: clusterv1.MachineDeploymentSpec{Replicas: ptr.To(int32(1))}}}
	return s
}

func (s *story) infrastructureIs(status metav1.ConditionStatus, reason, message string) {
	s.infrastructure.Status.Conditions = []metav1.Condition{condition(infrav1.ReadyCondition, status, reason, message)}
}

func (s *story) initialized() {
	s.cluster.Status.Initialization.ControlPlaneInitialized = ptr.To(true)
}

func (s *story) controlPlaneHas(replicas, ready int32) {
	st := &s.controlPlane.Status
	st.Replicas, st.UpToDateReplicas, st.ReadyReplicas = &replicas, &replicas, &ready
}

func (s *story) workersHave(replicas, ready int32) {
	st := &s.workers[0].Status
	st.Replicas, st.UpToDateReplicas, st.ReadyReplicas = &replicas, &replicas, &ready
}

func (s *story) machine(name string, controlPlane bool, phase clusterv1.MachinePhase) *infrav1.OLVMMachine {
	m := clusterv1.Machine{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if controlPlane {
		m.Labels = map[string]string{clusterv1.MachineControlPlaneLabel: ""}
	}
	m.Spec.InfrastructureRef.Name = name
	m.Status.Phase = string(phase)
	s.machines = append(s.machines, m)
	s.infraMachines = append(s.infraMachines, infrav1.OLVMMachine{ObjectMeta: metav1.ObjectMeta{Name: name}})
	return &s.infraMachines[len(s.infraMachines)-1]
}

func (s *story) phase(name string, phase clusterv1.MachinePhase) *clusterv1.Machine {
	for i := range s.machines {
		if s.machines[i].Name == name {
			s.machines[i].Status.Phase = string(phase)
			return &s.machines[i]
		}
	}
	panic("no machine " + name)
}

func vm(im *infrav1.OLVMMachine, status, address string) {
	im.Status.OLVM = &infrav1.EngineStatus{IPAddress: address, VirtualMachine: infrav1.VirtualMachineStatus{Status: status}}
}

func (s *story) joins(name string, ready corev1.ConditionStatus, message string) {
	s.phase(name, clusterv1.MachinePhaseRunning).Status.NodeRef.Name = name
	node := corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}
	node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: ready, Message: message}}
	s.nodes, s.nodesErr = append(s.nodes, node), nil
}

// running is a cluster of one control plane and one worker node that has reached its target.
func running() *story {
	s := newStory()
	s.infrastructureIs(metav1.ConditionTrue, "Reachable", "")
	s.initialized()
	s.controlPlaneHas(1, 1)
	s.workersHave(1, 1)
	vm(s.machine("demo-control-plane-a", true, clusterv1.MachinePhaseRunning), "up", "192.0.2.164")
	vm(s.machine("demo-md-0-b", false, clusterv1.MachinePhaseRunning), "up", "192.0.2.170")
	s.joins("demo-control-plane-a", corev1.ConditionTrue, "")
	s.joins("demo-md-0-b", corev1.ConditionTrue, "")
	return s
}

func TestWhatIsToldWhileAClusterComesUp(t *testing.T) {
	out := &bytes.Buffer{}
	at := time.Unix(0, 0)
	report := progress.NewPlain(out, func() time.Time { return at })
	goal := target{controlPlane: 1, pools: map[string]int32{"": 1}}
	show := func(after time.Duration, s *story) {
		at = at.Add(after)
		report.Show("Cluster demo", goal.view(&s.snapshot))
	}
	s := newStory()
	show(0, s)
	s.infrastructureIs(metav1.ConditionFalse, "EngineUnavailable", "engine.example.com: connection refused")
	show(time.Second, s)
	show(4*time.Second, s)
	s.infrastructureIs(metav1.ConditionTrue, "Reachable", "")
	first := s.machine("demo-control-plane-a", true, clusterv1.MachinePhaseProvisioning)
	first.Status.Conditions = []metav1.Condition{
		condition(infrav1.VMReadyCondition, metav1.ConditionFalse, "EngineRefused", "Cannot add VM. Low disk space on Storage Domain data."),
	}
	show(time.Second, s)
	show(4*time.Second, s)
	first.Status.Conditions = nil
	vm(first, "powering_up", "192.0.2.164")
	show(time.Second, s)
	s.initialized()
	s.nodesErr = errors.New("dial tcp 192.0.2.160:6443: i/o timeout")
	show(time.Second, s)
	show(4*time.Second, s)
	s.joins("demo-control-plane-a", corev1.ConditionFalse, "cni plugin not initialized")
	show(time.Second, s)
	show(4*time.Second, s)
	show(time.Second, running())

	require.Equal(t, `[    0s] infrastructure: waiting for the controller
[    0s] control plane: 0 of 1 ready
[    0s] workers: 0 of 1 ready
[    1s] infrastructure: not ready
[    5s] infrastructure: not ready - EngineUnavailable: engine.example.com: connection refused
[    6s] infrastructure: ready
[    6s] machine demo-control-plane-a: provisioning
[   10s] machine demo-control-plane-a: provisioning - EngineRefused: Cannot add VM. Low disk space on Storage Domain data.
[   11s] machine demo-control-plane-a: provisioning, VM powering_up, 192.0.2.164
[   12s] API https://192.0.2.160:6443: does not answer from here
[   16s] API https://192.0.2.160:6443: does not answer from here - dial tcp 192.0.2.160:6443: i/o timeout
[   17s] API https://192.0.2.160:6443: answers
[   17s] machine demo-control-plane-a: running, VM powering_up, 192.0.2.164, node not ready
[   21s] machine demo-control-plane-a: running, VM powering_up, 192.0.2.164, node not ready - cni plugin not initialized
[   22s] control plane: 1 of 1 ready
[   22s] workers: 1 of 1 ready
[   22s] machine demo-control-plane-a: running, VM up, 192.0.2.164, node ready
[   22s] machine demo-md-0-b: running, VM up, 192.0.2.170, node ready
`, out.String())
}

func TestTheTargetIsReachedOnlyWhenNothingIsUnderWay(t *testing.T) {
	goal := target{controlPlane: 1, pools: map[string]int32{"": 1}}
	require.True(t, goal.reached(&running().snapshot))
	for name, spoil := range map[string]func(*story){
		"the control plane is not initialized":                   func(s *story) { s.cluster.Status.Initialization.ControlPlaneInitialized = nil },
		"the control plane's controller has not seen the change": func(s *story) { s.controlPlane.Generation = 2 },
		"the workers' controller has not seen the change":        func(s *story) { s.workers[0].Generation = 2 },
		"a control plane machine is not ready":                   func(s *story) { s.controlPlaneHas(1, 0) },
		"an old control plane machine is still there":            func(s *story) { s.controlPlaneHas(2, 2) },
		"a worker is missing":                                    func(s *story) { s.workersHave(0, 0) },
		"a worker is being replaced":                             func(s *story) { s.workers[0].Status.UpToDateReplicas = ptr.To(int32(0)) },
		"more workers are wanted":                                func(s *story) { s.workers[0].Spec.Replicas = ptr.To(int32(2)) },
		"a machine is not running yet":                           func(s *story) { s.phase("demo-md-0-b", clusterv1.MachinePhaseProvisioned) },
		"a machine is being deleted":                             func(s *story) { s.machines[1].DeletionTimestamp = ptr.To(metav1.Now()) },
		"a machine is out of date": func(s *story) {
			s.machines[1].Status.Conditions = []metav1.Condition{
				condition(clusterv1.MachineUpToDateCondition, metav1.ConditionFalse, "NotUpToDate", ""),
			}
		},
		"the engine still removes a VM": func(s *story) {
			s.infraMachines = append(s.infraMachines, infrav1.OLVMMachine{ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: ptr.To(metav1.Now())}})
		},
		"a node is not ready":                        func(s *story) { s.nodes[1].Status.Conditions[0].Status = corev1.ConditionFalse },
		"a node has not joined":                      func(s *story) { s.nodes = s.nodes[:1] },
		"a node of a removed machine is still there": func(s *story) { s.nodes = append(s.nodes, corev1.Node{}) },
		"the cluster's API does not answer":          func(s *story) { s.nodesErr = errors.New("timeout") },
	} {
		t.Run(name, func(t *testing.T) {
			s := running()
			spoil(s)
			require.False(t, goal.reached(&s.snapshot))
			shown := goal.view(&s.snapshot)
			require.True(t, slices.ContainsFunc(shown, func(i progress.Item) bool { return !i.Done }), "nobody sees what is waited for: %+v", shown)
		})
	}
}

// Cluster API's control plane provider makes the OLVMMachine first and the Machine next. Killed in between, it makes others.
func TestAnOLVMMachineThatWasForgottenBeforeItHadAMachineIsNotWaitedFor(t *testing.T) {
	s := running()
	s.infraMachines = append(s.infraMachines, infrav1.OLVMMachine{ObjectMeta: metav1.ObjectMeta{Name: "demo-control-plane-c"}})
	require.True(t, target{controlPlane: 1, pools: map[string]int32{"": 1}}.reached(&s.snapshot))
}

// Cluster API compares the texts of versions, and distributions add their build to them.
func TestNodesOfADistributionsBuildAreUpToDate(t *testing.T) {
	goal := target{controlPlane: 1, pools: map[string]int32{"": 1}, version: "v1.33.10"}
	of := func(kubelet string) *story {
		s := running()
		s.controlPlane.Spec.Version, s.workers[0].Spec.Template.Spec.Version = "v1.33.10", "v1.33.10"
		s.controlPlane.Status.UpToDateReplicas, s.workers[0].Status.UpToDateReplicas = ptr.To(int32(0)), ptr.To(int32(0))
		for i := range s.machines {
			s.machines[i].Spec.Version = "v1.33.10"
			s.machines[i].Status.NodeInfo = &corev1.NodeSystemInfo{KubeletVersion: kubelet}
			s.machines[i].Status.Conditions = []metav1.Condition{condition(clusterv1.MachineUpToDateCondition, metav1.ConditionFalse,
				clusterv1.MachineUpToDateUpdatingReason, "* Node.status.nodeInfo.kubeletVersion "+kubelet+", v1.33.10 required")}
			s.nodes[i].Status.NodeInfo.KubeletVersion = kubelet
		}
		return s
	}
	told := &bytes.Buffer{}
	compared := &releases{report: progress.NewPlain(told, time.Now), next: "Name another one."}

	s := of("v1.33.10+1.el8")
	require.True(t, goal.reached(&s.snapshot))
	require.Empty(t, compared.others(&s.snapshot))
	require.Empty(t, told.String())
	require.Equal(t, "1 of 1 ready, 1 upgraded to v1.33.10", goal.controlPlaneItem(&s.snapshot).State)

	s.machines[1].Status.Conditions = append(s.machines[1].Status.Conditions,
		condition(clusterv1.MachineUpdatingCondition, metav1.ConditionTrue, clusterv1.MachineInPlaceUpdatingReason, ""))
	require.False(t, goal.reached(&s.snapshot), "it is being updated")

	s = of("v1.33.12+2.el8")
	require.True(t, goal.reached(&s.snapshot))
	require.Empty(t, compared.others(&s.snapshot))
	require.Contains(t, told.String(), "holds Kubernetes v1.33.12+2.el8, and not v1.33.10")

	s = of("v1.32.13")
	require.False(t, goal.reached(&s.snapshot))
	require.Contains(t, machineItem(&s.snapshot, &s.machines[0]).Detail, "kubeletVersion v1.32.13, v1.33.10 required")
	found := compared.others(&s.snapshot)
	require.Len(t, found, 2)
	require.Equal(t, "Name another one.", found[0].Next)
}

func TestADeletionOfAClusterThatIsPausedMeanwhileSaysWhyNothingGoes(t *testing.T) {
	s := running()
	s.cluster.Status.Phase = "Deleting"
	last := func() progress.Item { items := deletionView(&s.snapshot); return items[len(items)-1] }
	require.Equal(t, progress.Item{Name: "cluster demo", State: "deleting"}, last())
	s.cluster.Annotations = map[string]string{clusterv1.PausedAnnotation: ""}
	require.Equal(t, "deleting, paused", last().State)
	require.Contains(t, last().Detail, "Cluster API deletes nothing of a paused cluster")
}

func TestANodeThatHasJustJoinedIsItsMachines(t *testing.T) {
	s := running()
	s.phase("demo-md-0-b", clusterv1.MachinePhaseProvisioned).Status.NodeRef.Name = ""
	require.Empty(t, s.strayNodes())
	s.machines = s.machines[:1]
	require.Equal(t, []string{"demo-md-0-b"}, s.strayNodes())
}

func TestScalingDownNamesWhatIsToBeRemoved(t *testing.T) {
	s := running()
	s.workersHave(3, 3)
	goal := target{controlPlane: 1, pools: map[string]int32{"": 1}}
	require.Equal(t, progress.Item{Name: "workers", State: "3 of 1 ready, 2 to be removed"}, goal.workerItems(&s.snapshot)[0])
}

func TestTheSummaryHasTheColumnsOfKubectl(t *testing.T) {
	s := running()
	s.nodes[0].Labels = map[string]string{"node-role.kubernetes.io/control-plane": ""}
	s.nodes[0].Status.NodeInfo.KubeletVersion = "v1.33.5"
	s.nodes[0].Status.Addresses = []corev1.NodeAddress{
		{Type: corev1.NodeHostName, Address: "x"}, {Type: corev1.NodeInternalIP, Address: "192.0.2.164"},
	}
	s.machines[0].Spec.ProviderID = "olvm://1"
	summary := summarize(&s.snapshot, "/home/me/.kube/kubeconfig.demo", &Management{Kubeconfig: "/m"})
	require.Equal(t, &Summary{
		Name: "demo", Namespace: "olvm", Kubeconfig: "/home/me/.kube/kubeconfig.demo", ManagementKubeconfig: "/m",
		Nodes: []workload.Node{
			{Name: "demo-control-plane-a", Status: "Ready", Roles: "control-plane", Version: "v1.33.5", InternalIP: "192.0.2.164"},
			{Name: "demo-md-0-b", Status: "Ready", Roles: "<none>"},
		},
		Machines: []Machine{
			{Name: "demo-control-plane-a", VMStatus: "up", Address: "192.0.2.164", ProviderID: "olvm://1"},
			{Name: "demo-md-0-b", VMStatus: "up", Address: "192.0.2.170"},
		},
	}, summary)
}

func TestACommandThatEndsInTimeSaysWhatItsManagementClusterLacked(t *testing.T) {
	ctx, cancel := context.WithTimeoutCause(t.Context(), 0, context.DeadlineExceeded)
	defer cancel()
	lacked := []progress.Item{{Name: "management cluster", State: "not ready", Detail: "the API does not answer"}}
	err := unfinished(ctx, &UnfinishedError{Err: context.DeadlineExceeded, Begun: true, Waiting: lacked}, nothing, nil)
	require.EqualError(t, err, "context deadline exceeded; still waiting for\n  management cluster: not ready - the API does not answer")
	var e *UnfinishedError
	require.ErrorAs(t, err, &e)
	require.True(t, e.Begun, "something was kept")
}
