package cluster

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
)

func TestMachinesBelongToTheirGroups(t *testing.T) {
	s := running()
	s.controlPlane.Name, s.controlPlane.Spec.Version = "demo-control-plane", "v1.33.10"
	s.workers[0].Name, s.workers[0].Spec.Template.Spec.Version = "demo-md-0", "v1.33.9"
	s.workers[0].Spec.Replicas = ptr.To(int32(3))
	s.machines[0].Labels = map[string]string{clusterv1.MachineControlPlaneLabel: ""}
	s.machines[1].Labels = map[string]string{clusterv1.MachineDeploymentNameLabel: "demo-md-0"}
	s.infraMachines[1].Status.OLVM.VirtualMachine.HostID = "host-1"
	d := newDetails(&s.snapshot, time.Now())
	require.Equal(t, []GroupDetails{
		{Name: "demo-control-plane", Role: ControlPlaneRole, Version: "v1.33.10", Machines: Replicas{Ready: 1, Desired: 1}, FailureDomains: []DomainDetails{}},
		{Name: "demo-md-0", Role: WorkerRole, Version: "v1.33.9", Machines: Replicas{Ready: 1, Desired: 3}, FailureDomains: []DomainDetails{}},
	}, d.Groups)
	require.Equal(t, "demo-control-plane", d.Machines[0].Group)
	require.Equal(t, "demo-md-0", d.Machines[1].Group)
	require.Equal(t, "host-1", d.Machines[1].VM.Host)
	s.infraMachines[1].Status.OLVM.VirtualMachine.HostName = "kvm1"
	require.Equal(t, "kvm1", newDetails(&s.snapshot, time.Now()).Machines[1].VM.Host)
}

func TestTheEngineIsReachableWhenTheControllersSaySo(t *testing.T) {
	s := running()
	require.False(t, newDetails(&s.snapshot, time.Now()).Engine.Reachable, "nobody has asked it yet")
	for status, want := range map[metav1.ConditionStatus]bool{metav1.ConditionTrue: true, metav1.ConditionFalse: false, metav1.ConditionUnknown: false} {
		s.infrastructure.Status.Conditions = []metav1.Condition{condition(infrav1.EngineReachableCondition, status, "R", "its words")}
		e := newDetails(&s.snapshot, time.Now()).Engine
		require.Equal(t, want, e.Reachable)
		require.Equal(t, "its words", e.Message)
	}
}

// Somebody looks at a cluster until it is gone.
func TestAClusterIsFollowedUntilItIsGone(t *testing.T) {
	c := capiCluster("olvm", "demo", "OLVMCluster")
	s := newSite(t, c)
	var phases []string
	err := s.follow(t.Context(), c, "", func(d *Details, err error) {
		require.NoError(t, err)
		phases = append(phases, d.Phase)
		now := capiCluster("olvm", "demo", "OLVMCluster")
		require.NoError(t, s.Client.Get(t.Context(), client.ObjectKeyFromObject(c), now))
		if d.Phase == "Provisioned" {
			require.NoError(t, s.Client.Delete(t.Context(), now))
			return
		}
		now.Status.Phase = "Provisioned"
		require.NoError(t, s.Client.Update(t.Context(), now))
	})
	require.NoError(t, err)
	require.Equal(t, []string{"", "Provisioned"}, phases)
}
