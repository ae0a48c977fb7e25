package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
)

// cloudVersion is the node image's kind of nodes whose document cloud-init reads; hack/cloud-image.sh adds it.
const cloudVersion = "v1.34.4-cloud-init"

// withCloudPool adds a worker pool whose image has cloud-init to a cluster file.
func withCloudPool(t *testing.T, config string) {
	t.Helper()
	text, err := os.ReadFile(config)
	require.NoError(t, err)
	const workers = "    workerMachine: *machine\n"
	require.Contains(t, string(text), workers)
	pool := workers + "    workerPools:\n" +
		"      - {name: cloud, workerNodes: 1, machine: {vmTemplateName: cloud-1.34.4, imageProfile: plain, format: cloud-config}}\n"
	require.NoError(t, os.WriteFile(config, []byte(strings.Replace(string(text), workers, pool, 1)), 0o600))
}

// A worker of an image with cloud-init joins beside nodes with Ignition: with the real cloud-init, which gets what the engine hands to it.
func TestAnImageWithCloudInitJoins(t *testing.T) {
	image := os.Getenv(nodeImageVariable)
	if _, err := os.Stat(filepath.Join(image, "versions", cloudVersion)); image != "" && err != nil {
		t.Skip(nodeImageVariable + " has no nodes with cloud-init: it must name the directory that hack/cloud-image.sh prints")
	}
	w := newWorld(t)
	s := demo()
	config := w.write(s)
	withCloudPool(t, config)
	w.start(config)
	nodes := w.nodes(s)
	require.Len(t, nodes, 3)
	var cloud corev1.Node
	for name, node := range nodes {
		require.True(t, ready(node), name)
		if strings.HasPrefix(name, s.Name+"-cloud-") {
			cloud = node
		}
	}
	require.NotEmpty(t, cloud.Name)
	w.tell(t, "its address is the one that the engine was told", func(t *testing.T, w *world) {
		out, err := w.inVM(cloud.Name, "ip", "-4", "-o", "address", "show", "dev", "enp1s0")
		require.NoError(t, err)
		require.Contains(t, out, internalAddress(cloud)+"/24")
		out, err = w.inVM(cloud.Name, "cat", "/etc/resolv.conf")
		require.NoError(t, err)
		require.Contains(t, out, "nameserver "+network+".1")
	})
	w.tell(t, "cloud-init has ended without an error", func(t *testing.T, w *world) {
		out, err := w.inVM(cloud.Name, "cloud-init", "status")
		require.NoError(t, err)
		require.Contains(t, out, "status: done")
	})
	w.tell(t, "Ignition did not run there", func(t *testing.T, w *world) {
		_, err := w.inVM(cloud.Name, "test", "-e", "/etc/kubeadm.sh")
		require.Error(t, err)
	})
	w.tell(t, "pods answer through a Service across nodes", func(t *testing.T, w *world) {
		w.deployAnswering(t, s, w.dnsImage(t, s), 3)
		w.expectAnswers(t, s, 3)
	})
	w.tell(t, "delete leaves nothing in the engine", func(t *testing.T, w *world) {
		w.ocne("cluster", "delete", "-c", config)
		require.Empty(t, w.sim.Holds(t).VMs)
	})
}
