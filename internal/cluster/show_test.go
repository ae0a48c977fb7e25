package cluster

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/ocne-project/ocne/api/v1"
)

func TestARunningClusterHasNothingToTell(t *testing.T) {
	s := running()
	d := newDetails(&s.snapshot, time.Now())
	require.True(t, d.Ready)
	require.Empty(t, d.Conditions)
	require.Empty(t, d.NextSteps)
}

func TestAMachineIsShownWithItsVMNodeAndAddressesOfBothFamilies(t *testing.T) {
	s := running()
	s.machines[0].Labels = map[string]string{clusterv1.MachineControlPlaneLabel: ""}
	s.machines[0].Spec.Version = "v1.33.5"
	s.infraMachines[0].Spec.ProviderID = "olvm://1"
	s.infraMachines[0].Status.OLVM.IPv6Address = "2001:db8::164"
	s.infraMachines[0].Status.OLVM.VirtualMachine = infrav1.VirtualMachineStatus{VMID: "1", VMName: "demo-control-plane-a-x", Status: "up"}
	// The second machine has made its IPv6 address itself, so only its node knows it.
	s.nodes[1].Status.Addresses = []corev1.NodeAddress{
		{Type: corev1.NodeHostName, Address: "demo-md-0-b"},
		{Type: corev1.NodeInternalIP, Address: "192.0.2.170"}, {Type: corev1.NodeInternalIP, Address: "2001:db8::abcd"},
	}
	s.nodes[1].Status.Conditions[0].Status = corev1.ConditionFalse

	created := metav1.Time{}.UTC()
	require.Equal(t, []MachineDetails{
		{
			Name: "demo-control-plane-a", Role: ControlPlaneRole, Phase: "Running", Version: "v1.33.5", Node: "demo-control-plane-a",
			NodeStatus: "Ready", VM: VMDetails{ID: "1", Name: "demo-control-plane-a-x", Status: "up"},
			Addresses: []string{"192.0.2.164", "2001:db8::164"}, ProviderID: "olvm://1", Created: created,
		},
		{
			Name: "demo-md-0-b", Role: "worker", Phase: "Running", Node: "demo-md-0-b", NodeStatus: "NotReady",
			VM: VMDetails{Status: "up"}, Addresses: []string{"192.0.2.170", "2001:db8::abcd"}, Created: created,
		},
	}, newDetails(&s.snapshot, time.Now()).Machines)
}

func TestOnlyConditionsThatAreNotAsTheyShouldBeAreShown(t *testing.T) {
	const yes, no, unknown = metav1.ConditionTrue, metav1.ConditionFalse, metav1.ConditionUnknown
	for name, test := range map[string]struct {
		change func(*story)
		want   []ConditionDetails
	}{
		"the summary is left out where another condition tells more": {
			func(s *story) {
				s.infrastructure.Status.Conditions = []metav1.Condition{
					condition(infrav1.ReadyCondition, no, "EngineUnavailable", "EngineReachable: refused"),
					condition(infrav1.EngineReachableCondition, no, "EngineUnavailable", "refused"),
				}
			},
			[]ConditionDetails{{Subject: "infrastructure", Type: "EngineReachable", Status: "False", Reason: "EngineUnavailable", Message: "refused"}},
		},
		"a summary alone is shown": {
			func(s *story) { s.infrastructureIs(unknown, "Waiting", "") },
			[]ConditionDetails{{Subject: "infrastructure", Type: "Ready", Status: "Unknown", Reason: "Waiting"}},
		},
		"a paused cluster": {
			func(s *story) {
				s.cluster.Status.Conditions = []metav1.Condition{condition("Paused", yes, "Paused", "spec.paused is true")}
			},
			[]ConditionDetails{{Subject: "cluster", Type: "Paused", Status: "True", Reason: "Paused", Message: "spec.paused is true"}},
		},
		"not being paused or deleted is fine": {
			func(s *story) {
				conditions := []metav1.Condition{condition("Paused", no, "NotPaused", ""), condition("Deleting", no, "NotDeleting", "")}
				s.cluster.Status.Conditions, s.infrastructure.Status.Conditions = conditions, conditions
				s.machines[0].Status.Conditions, s.infraMachines[0].Status.Conditions = conditions, conditions
			},
			[]ConditionDetails{},
		},
		"control plane and workers": {
			func(s *story) {
				s.controlPlane.Status.Conditions = []metav1.Condition{
					condition(controlplanev1.KubeadmControlPlaneEtcdClusterHealthyCondition, unknown, "Unknown", "no etcd yet"),
					condition(controlplanev1.KubeadmControlPlaneScalingUpCondition, no, "NotScalingUp", ""),
				}
				s.workers[0].Name = "demo-md-0"
				s.workers[0].Status.Conditions = []metav1.Condition{condition("Available", no, "NotAvailable", "0 of 1")}
			},
			[]ConditionDetails{
				{Subject: "control plane", Type: "EtcdClusterHealthy", Status: "Unknown", Reason: "Unknown", Message: "no etcd yet"},
				{Subject: "workers demo-md-0", Type: "Available", Status: "False", Reason: "NotAvailable", Message: "0 of 1"},
			},
		},
		"that a node is not healthy is said when its VM runs": {
			func(s *story) {
				unhealthy := condition("NodeHealthy", no, "NodeNotHealthy", "disk pressure")
				for i, vm := range []metav1.ConditionStatus{yes, no} {
					s.machines[i].Status.Conditions = []metav1.Condition{unhealthy}
					s.infraMachines[i].Status.Conditions = []metav1.Condition{condition(infrav1.VMReadyCondition, vm, "R", "")}
				}
			},
			[]ConditionDetails{
				{Subject: "machine demo-control-plane-a", Type: "NodeHealthy", Status: "False", Reason: "NodeNotHealthy", Message: "disk pressure"},
				{Subject: "machine demo-md-0-b", Type: "VMReady", Status: "False", Reason: "R"},
			},
		},
		"an API that does not answer": {
			func(s *story) { s.nodes, s.nodesErr = nil, errors.New("timeout") },
			[]ConditionDetails{{
				Subject: "API https://192.0.2.160:6443", Type: "Reachable", Status: "False", Reason: "APIUnreachable", Message: "timeout",
			}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := running()
			test.change(s)
			got := notFine(&s.snapshot)
			for i := range got {
				got[i].Since = time.Time{}
			}
			require.Equal(t, test.want, got)
		})
	}
}

func TestMachinesWithOneProblemShareTheAdvice(t *testing.T) {
	s := running()
	for i := range s.infraMachines {
		s.infraMachines[i].Status.Conditions = []metav1.Condition{
			condition(infrav1.VMReadyCondition, metav1.ConditionFalse, infrav1.OutOfCapacityReason, "[Low disk space.]"),
		}
	}
	steps := nextSteps(&s.snapshot, time.Now())
	require.Len(t, steps, 1)
	require.Equal(t, []string{"machine demo-control-plane-a", "machine demo-md-0-b"}, steps[0].Subjects)
	require.NotEmpty(t, steps[0].Advice)
}

func TestTheConsoleIsAdvisedOnlyWhenAGuestIsLate(t *testing.T) {
	begin := time.Unix(1000, 0)
	s := running()
	s.machines[1].Status.NodeRef.Name = ""
	runs := condition(infrav1.VMReadyCondition, metav1.ConditionTrue, infrav1.RunningReason, "")
	runs.LastTransitionTime = metav1.NewTime(begin)
	s.infraMachines[1].Status.Conditions = []metav1.Condition{runs}
	s.infraMachines[1].Status.OLVM.VirtualMachine.VMID = "0815"

	require.Empty(t, nextSteps(&s.snapshot, begin.Add(time.Minute)))
	late := nextSteps(&s.snapshot, begin.Add(3*time.Minute))
	require.Len(t, late, 1)
	require.Contains(t, late[0].Advice, "connect --vm-id 0815")
}

func TestAPausedClusterIsToGoOn(t *testing.T) {
	s := running()
	s.cluster.Spec.Paused = ptr.To(true)
	steps := nextSteps(&s.snapshot, time.Now())
	require.Len(t, steps, 1)
	require.Contains(t, steps[0].Advice, `kubectl -n olvm patch cluster demo --type merge -p '{"spec":{"paused":false}}'`)
	require.NotContains(t, steps[0].Advice, "annotate")

	s.cluster.Spec.Paused = nil
	s.cluster.Annotations = map[string]string{clusterv1.PausedAnnotation: ""}
	require.Contains(t, nextSteps(&s.snapshot, time.Now())[0].Advice, "\n  kubectl -n olvm annotate cluster demo cluster.x-k8s.io/paused-")
}

// Unpaused, two management clusters would work on it, or one with a part of its objects.
func TestAClusterThatIsMovedInPartIsNotToBeUnpaused(t *testing.T) {
	for mark, command := range map[string]string{
		inward:         "ocne cluster start -c FILE",
		outward:        "ocne cluster delete -C demo",
		between:        "ocne management move",
		restoring:      "ocne management restore FILE",
		"by-a-new-one": "the one again that was interrupted",
	} {
		for title, paused := range map[string]*bool{"paused": ptr.To(true), "held object by object": nil} {
			t.Run(mark+", "+title, func(t *testing.T) {
				s := running()
				s.cluster.Annotations = map[string]string{moveAnnotation: mark}
				s.cluster.Spec.Paused, s.cluster.Spec.InfrastructureRef.Kind = paused, "OLVMCluster"
				steps := nextSteps(&s.snapshot, time.Now())
				require.Len(t, steps, 1)
				require.Contains(t, steps[0].Advice, command)
				require.NotContains(t, steps[0].Advice, "kubectl")

				err := s.changeable()
				refused(t, err, "cluster demo (namespace olvm) is moved or restored in part", command, "Nothing was changed")
			})
		}
	}
}

func TestAClusterIsLookedForWhereThereAreSome(t *testing.T) {
	s := newSite(t)
	o := s.options(t, "demo")
	_, _, err := Selection{Config: o.Config, Management: ManagementOptions{HomeDir: s.home, Getenv: func(string) string { return "" }}}.
		open(t.Context(), s.report)
	var advised *AdvisedError
	require.ErrorAs(t, err, &advised)
	require.EqualError(t, err, "there is no cluster demo, because there is no management cluster")
	require.Contains(t, advised.Advice, "--kubeconfig")
	entries, err := os.ReadDir(s.home)
	require.NoError(t, err)
	require.Empty(t, entries, "looking for a cluster starts nothing")
}

func TestTheKubeconfigComesFromTheSecretOfClusterAPI(t *testing.T) {
	c := capiCluster("olvm", "demo", "OLVMCluster")
	secret := &corev1.Secret{ObjectMeta: named("olvm", "demo-kubeconfig"), Data: map[string][]byte{"value": []byte("content")}}
	content, err := newSite(t, secret).kubeconfig(t.Context(), c)
	require.NoError(t, err)
	require.Equal(t, "content", string(content))

	_, err = newSite(t).kubeconfig(t.Context(), c)
	var advised *AdvisedError
	require.ErrorAs(t, err, &advised)
	require.Contains(t, err.Error(), "cluster demo (namespace olvm) has no kubeconfig yet")
	require.Contains(t, advised.Advice, "ocne cluster show -C demo")
}
