package contract

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/test/programs"
)

func (c *cluster) pause(t *testing.T, paused bool) {
	t.Helper()
	patch(t, c, c.name(), &clusterv1.Cluster{}, func(o *clusterv1.Cluster) { o.Spec.Paused = ptr.To(paused) })
	status, reason := metav1.ConditionFalse, clusterv1.NotPausedReason
	if paused {
		status, reason = metav1.ConditionTrue, clusterv1.PausedReason
	}
	programs.Eventually(t, "every object says whether it is paused", func() (bool, string) {
		if infra := get(t, c, c.name(), &infrav1.OLVMCluster{}); !shows(infra, clusterv1.PausedCondition, status, reason) {
			return false, fmt.Sprintf("%+v", infra.Status.Conditions)
		}
		machines := &infrav1.OLVMMachineList{}
		require.NoError(t, c.List(t.Context(), machines, c.inNamespace()))
		for i := range machines.Items {
			m := &machines.Items[i]
			if !shows(m, clusterv1.PausedCondition, status, reason) {
				return false, fmt.Sprintf("%s: %+v", m.Name, m.Status.Conditions)
			}
		}
		return true, ""
	})
}

// expectPausedByCluster deletes a machine of a paused cluster: the engine hears of it only when the pause ends.
func (c *cluster) expectPausedByCluster(t *testing.T) {
	victim := only(c.running(t, 1, 2, anyMember), worker)[0]
	c.pause(t, true)
	from := len(c.sim.Requests(t))
	require.NoError(t, c.Delete(t.Context(), victim.olvm))
	c.waitForLists(t, 2) // meanwhile the controllers go on with other clusters and keep their inventory
	require.Empty(t, c.engineWrites(t, victim.vm.ID, from))
	require.Contains(t, c.vms(t), victim.vm.Name)

	c.pause(t, false)
	c.expectVMGone(t, victim)
	require.NoError(t, c.Delete(t.Context(), victim.machine)) // to have it replaced
	c.running(t, 1, 2, anyMember)
}

// expectPausedByAnnotation does the same with one machine, while the others go on.
func (c *cluster) expectPausedByAnnotation(t *testing.T) {
	victim := only(c.running(t, 1, 2, anyMember), worker)[0]
	annotate := func(m *infrav1.OLVMMachine) {
		metav1.SetMetaDataAnnotation(&m.ObjectMeta, clusterv1.PausedAnnotation, "true")
	}
	patch(t, c, victim.olvm.Name, &infrav1.OLVMMachine{}, annotate)
	programs.Eventually(t, "the machine says that it is paused", func() (bool, string) {
		m := get(t, c, victim.olvm.Name, &infrav1.OLVMMachine{})
		return shows(m, clusterv1.PausedCondition, metav1.ConditionTrue, clusterv1.PausedReason), fmt.Sprintf("%+v", m.Status.Conditions)
	})
	from := len(c.sim.Requests(t))
	require.NoError(t, c.Delete(t.Context(), victim.olvm))
	c.scaleWorkers(t, 3)
	programs.Eventually(t, "another machine is made meanwhile", func() (bool, string) {
		n := len(c.vms(t))
		return n == 4, fmt.Sprintf("%d VMs", n)
	})
	require.Empty(t, c.engineWrites(t, victim.vm.ID, from))

	patch(t, c, victim.machine.Name, &clusterv1.Machine{}, func(m *clusterv1.Machine) {
		metav1.SetMetaDataAnnotation(&m.ObjectMeta, clusterv1.DeleteMachineAnnotation, "true") // the one to go when there are too many
	})
	patch(t, c, victim.olvm.Name, &infrav1.OLVMMachine{}, func(m *infrav1.OLVMMachine) { delete(m.Annotations, clusterv1.PausedAnnotation) })
	c.expectVMGone(t, victim)
	c.scaleWorkers(t, 2)
	c.running(t, 1, 2, anyMember)
}

func (c *cluster) scaleWorkers(t *testing.T, n int32) {
	t.Helper()
	patch(t, c, c.name()+"-md-0", &clusterv1.MachineDeployment{}, func(d *clusterv1.MachineDeployment) { d.Spec.Replicas = ptr.To(n) })
}

func (c *cluster) expectVMGone(t *testing.T, m member) {
	t.Helper()
	programs.Eventually(t, "the VM is removed", func() (bool, string) {
		vm, there := c.vms(t)[m.vm.Name]
		return !there, vm.Status
	})
}
