package contract

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/test/programs"
)

// suspect marks the machines that a test's MachineHealthCheck watches. Those that replace them do not have it, so that one which is still
// being made, and therefore not ready, is not replaced in its turn.
const suspect = "contract.example.com/suspect"

// threeControlPlaneNodes is a cluster whose control plane can lose a node.
func threeControlPlaneNodes(t *testing.T, f *fixture) {
	c := f.newCluster(t, "three", 3, 1)
	c.create(t, asItIs)
	require.NoError(t, c.DeleteAllOf(t.Context(), &clusterv1.MachineHealthCheck{}, c.inNamespace())) // each step has its own
	c.running(t, 3, 1, anyMember)
	byNode := clusterv1.MachineHealthCheckChecks{UnhealthyNodeConditions: []clusterv1.UnhealthyNodeCondition{
		{Type: corev1.NodeReady, Status: corev1.ConditionUnknown, TimeoutSeconds: ptr.To[int32](1)},
	}}
	byMachine := clusterv1.MachineHealthCheckChecks{UnhealthyMachineConditions: []clusterv1.UnhealthyMachineCondition{
		{Type: clusterv1.MachineInfrastructureReadyCondition, Status: metav1.ConditionFalse, TimeoutSeconds: ptr.To[int32](1)},
	}}
	for _, step := range []struct {
		name string
		take func(*testing.T)
	}{
		{"control plane rollout", func(t *testing.T) { c.rollOut(t, 3, 1) }},
		{"worker switched off, seen at its Machine", func(t *testing.T) { c.remediate(t, worker, c.switchOff, infrav1.NotRunningReason, byMachine) }},
		{"worker switched off, seen at its Node", func(t *testing.T) { c.remediate(t, worker, c.switchOff, infrav1.NotRunningReason, byNode) }},
		{"worker removed", func(t *testing.T) { c.remediate(t, worker, c.remove, infrav1.VMNotFoundReason, byMachine) }},
		{"control plane node removed", func(t *testing.T) {
			c.remediate(t, member.controlPlane, c.remove, infrav1.VMNotFoundReason, byMachine)
		}},
		{"control plane node switched off, seen at its Node", func(t *testing.T) {
			c.remediate(t, member.controlPlane, c.switchOff, infrav1.NotRunningReason, byNode)
		}},
		{"delete", func(t *testing.T) { c.delete(t) }},
	} {
		if !t.Run(step.name, step.take) {
			return
		}
	}
}

// remediate takes a VM away behind the back of the controllers: the conditions tell, and only then, with a MachineHealthCheck, the machine
// is replaced.
func (c *cluster) remediate(
	t *testing.T, which func(member) bool, harm func(*testing.T, member), reason string, checks clusterv1.MachineHealthCheckChecks,
) {
	victim := only(c.running(t, 3, 1, anyMember), which)[0]
	harm(t, victim)
	programs.Eventually(t, "OLVMMachine and Machine tell", func() (bool, string) {
		olvm, m := get(t, c, victim.olvm.Name, &infrav1.OLVMMachine{}), get(t, c, victim.machine.Name, &clusterv1.Machine{})
		ready := conditions.Get(olvm, infrav1.ReadyCondition)
		mirrored := conditions.Get(m, clusterv1.MachineInfrastructureReadyCondition)
		told := ready.Status == metav1.ConditionFalse && ready.Reason == reason &&
			mirrored.Status == metav1.ConditionFalse && mirrored.Reason == reason && mirrored.Message != ""
		return told, fmt.Sprintf("%+v, %+v", ready, mirrored)
	})
	patch(t, c, victim.machine.Name, &clusterv1.Machine{}, func(m *clusterv1.Machine) { m.Labels[suspect] = "" })
	check := &clusterv1.MachineHealthCheck{
		ObjectMeta: metav1.ObjectMeta{Namespace: c.config.Namespace, Name: "suspects"},
		Spec: clusterv1.MachineHealthCheckSpec{
			ClusterName: c.name(), Selector: metav1.LabelSelector{MatchLabels: map[string]string{suspect: ""}}, Checks: checks,
		},
	}
	require.NoError(t, c.Create(t.Context(), check))
	members := c.running(t, 3, 1, func(m member) bool { return m.machine.Name != victim.machine.Name })
	require.NoError(t, c.Delete(t.Context(), check))
	for _, m := range members {
		require.NotEqual(t, victim.vm.ID, m.vm.ID)
	}
	programs.Eventually(t, "the control plane is whole", func() (bool, string) {
		kcp := get(t, c, c.name()+"-control-plane", &controlplanev1.KubeadmControlPlane{})
		return isTrue(kcp, clusterv1.AvailableCondition) && ptr.Deref(kcp.Status.AvailableReplicas, 0) == 3, fmt.Sprintf("%+v", kcp.Status.Conditions)
	})
	programs.Eventually(t, "the old node is gone", func() (bool, string) {
		n := len(c.nodes(t))
		return n == 4, fmt.Sprintf("%d nodes", n)
	})
}

func (c *cluster) switchOff(t *testing.T, m member) {
	require.NoError(t, c.sim.Client.StopVM(t.Context(), m.vm.ID))
}

func (c *cluster) remove(t *testing.T, m member) {
	c.switchOff(t, m)
	programs.Eventually(t, "the VM can be removed", func() (bool, string) {
		err := c.sim.Client.RemoveVM(t.Context(), m.vm.ID)
		return err == nil, fmt.Sprint(err)
	})
}

func (c *cluster) pointControlPlaneTo(t *testing.T, template string) {
	t.Helper()
	patch(t, c, c.name()+"-control-plane", &controlplanev1.KubeadmControlPlane{}, func(k *controlplanev1.KubeadmControlPlane) {
		k.Spec.MachineTemplate.Spec.InfrastructureRef.Name = template
	})
}
