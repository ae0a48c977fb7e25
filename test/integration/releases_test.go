package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A distribution's kubelets say more than the release, which Cluster API takes for another one.
func TestNodesOfADistributionsBuilds(t *testing.T) {
	t.Parallel()
	inventory := filepath.Join(t.TempDir(), "inventory.yaml")
	builds := strings.NewReplacer("v1.33.10", "v1.33.10+1.el8", "v1.34.5", "v1.34.5+2.el8").Replace(releases)
	require.NoError(t, os.WriteFile(inventory, []byte(builds), 0o600))
	w := newWorld(t, "--inventory", inventory)
	expect := func(version string) {
		w.expectNodes(1, 1)
		controlPlane, workers := w.nodes()
		for _, node := range append(controlPlane, workers...) {
			require.Equal(t, version, node.Status.NodeInfo.KubeletVersion)
		}
	}
	w.rewrite("workerNodes: 2", "workerNodes: 1", "vmTemplateName: ock", "vmTemplateName: ock-1.34")

	out := w.launch("cluster", "start", "-c", w.config).wait(t, 1)
	require.Contains(t, out, "its VM template ock-1.34 holds Kubernetes v1.34.5+2.el8, and not v1.33.10")
	require.Contains(t, out, "write the release that the VM template holds into kubernetesVersion")
	require.Contains(t, out, "Nothing was rolled back.")
	w.ocne("cluster", "delete", "-c", w.config)

	w.rewrite("vmTemplateName: ock-1.34", "vmTemplateName: ock")
	require.NotContains(t, w.ocne("cluster", "start", "-c", w.config), "holds Kubernetes")
	expect("v1.33.10+1.el8")
	w.ocne("cluster", "upgrade", "-C", "demo", "--version", "1.34.5", "--vm-template", "ock-1.34")
	expect("v1.34.5+2.el8")
}
