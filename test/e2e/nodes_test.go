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
	w.tell(t, "the real kubelets say that 3 + 1 nodes are Ready", func(t *testing.T, w *world) { w.expectNodes(t, s) })
	w.tell(t, "pods answer through a Service across nodes", func(t *testing.T, w *world) {
		w.deployAnswering(t, s, w.dnsImage(t, s), 4)
		w.expectAnswers(t, s, 4)
	})
	w.tell(t, "the cluster's DNS resolves", func(t *testing.T, w *world) { w.expectNames(t, s) })
	w.tell(t, "logs and exec work on every node", func(t *testing.T, w *world) { w.expectLogsAndExec(t, s) })
	w.tell(t, "a node with the virtual IP that dies is replaced, and so is a worker", func(t *testing.T, w *world) { w.expectReplacement(t, s) })
	w.tell(t, "NGINX killed on the node with the virtual IP", func(t *testing.T, w *world) { w.expectServiceSurvives(t, s, "ocne-nginx.service") })
	w.tell(t, "Keepalived killed on the node with the virtual IP", func(t *testing.T, w *world) { w.expectServiceSurvives(t, s, "keepalived.service") })
	w.tell(t, "the API server stopped on the node with the virtual IP", func(t *testing.T, w *world) { w.expectAPIServerSurvives(t, s) })
	w.tell(t, "the node with the virtual IP cut off", func(t *testing.T, w *world) { w.expectCableSurvives(t, s) })
	t.Run("two clusters", func(t *testing.T) {
		w.tell(t, "a second cluster, of both families, disturbs nothing", func(t *testing.T, w *world) {
			t.Parallel()
			w.expectSecondCluster(t, s)
		})
		w.tell(t, "the first one has a second worker, and loses it again", func(t *testing.T, w *world) {
			t.Parallel()
			w.expectScaling(t, s)
		})
	})
	w.tell(t, "upgrade while a client writes", func(t *testing.T, w *world) { w.expectUpgrade(t, s, "1.34.5") })
	w.tell(t, "delete leaves nothing in the engine", func(t *testing.T, w *world) {
		w.ocne("cluster", "delete", "-c", config)
		require.Empty(t, w.sim.Holds(t).VMs)
	})
}

// tell tells one story of a world.
func (w *world) tell(t *testing.T, name string, story func(*testing.T, *world)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		of := *w
		of.t = t
		story(t, &of)
	})
}

// expectNodes compares the nodes with what the cluster file says.
func (w *world) expectNodes(t *testing.T, s site) {
	t.Helper()
	nodes := w.nodes(s)
	require.Len(t, nodes, s.ControlPlane+s.Workers)
	for name, node := range nodes {
		require.True(t, ready(node), name)
		require.Equal(t, "v"+s.Version, node.Status.NodeInfo.KubeletVersion)
		require.Contains(t, node.Status.NodeInfo.ContainerRuntimeVersion, "containerd://")
	}
}

// dnsImage is what the cluster's own DNS runs, which is on every node.
func (w *world) dnsImage(t *testing.T, s site) string {
	t.Helper()
	d, err := w.clientset(s).AppsV1().Deployments("kube-system").Get(t.Context(), "coredns", metav1.GetOptions{})
	require.NoError(t, err)
	return d.Spec.Template.Spec.Containers[0].Image
}
