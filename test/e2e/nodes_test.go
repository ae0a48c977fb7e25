package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestRealNodes(t *testing.T) {
	w := newWorld(t)
	s := demo()
	s.ControlPlane = 3
	config := w.write(s)
	w.start(config)
	t.Run("the real kubelets say that 3 + 1 nodes are Ready", func(t *testing.T) {
		nodes := w.nodes(s)
		require.Len(t, nodes, 4)
		for name, node := range nodes {
			require.True(t, ready(node), name)
			require.Equal(t, "v"+s.Version, node.Status.NodeInfo.KubeletVersion)
			require.Contains(t, node.Status.NodeInfo.ContainerRuntimeVersion, "containerd://")
		}
	})
	t.Run("pods answer through a Service across nodes", func(t *testing.T) {
		w.deployAnswering(t, s, w.dnsImage(t, s), 4)
		w.expectAnswers(t, s, 4)
	})
	t.Run("the cluster's DNS resolves", func(t *testing.T) { w.expectNames(t, s) })
	t.Run("logs and exec work on every node", func(t *testing.T) { w.expectLogsAndExec(t, s) })
	t.Run("a node with the virtual IP that dies is replaced, and so is a worker", func(t *testing.T) { w.expectReplacement(t, s) })
	t.Run("NGINX killed on the node with the virtual IP", func(t *testing.T) { w.expectServiceSurvives(t, s, "ocne-nginx.service") })
	t.Run("Keepalived killed on the node with the virtual IP", func(t *testing.T) { w.expectServiceSurvives(t, s, "keepalived.service") })
	t.Run("the API server stopped on the node with the virtual IP", func(t *testing.T) { w.expectAPIServerSurvives(t, s) })
	t.Run("the node with the virtual IP cut off", func(t *testing.T) { w.expectCableSurvives(t, s) })
	t.Run("a second cluster, of both families, disturbs nothing", func(t *testing.T) { w.expectSecondCluster(t, s) })
	t.Run("scale to a second worker and back", func(t *testing.T) { w.expectScaling(t, s) })
	t.Run("upgrade while a client writes", func(t *testing.T) { w.expectUpgrade(t, s, "1.34.5") })
	t.Run("delete leaves nothing in the engine", func(t *testing.T) {
		w.ocne("cluster", "delete", "-c", config)
		require.Empty(t, w.sim.Holds(t).VMs)
	})
}

// dnsImage is what the cluster's own DNS runs, which is on every node.
func (w *world) dnsImage(t *testing.T, s site) string {
	t.Helper()
	d, err := w.clientset(s).AppsV1().Deployments("kube-system").Get(t.Context(), "coredns", metav1.GetOptions{})
	require.NoError(t, err)
	return d.Spec.Template.Spec.Containers[0].Image
}
