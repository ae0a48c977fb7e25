package onlibvirt

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/test/programs"
)

func TestAClusterToTryThings(t *testing.T) {
	w := newWorld(t, imageDirectory(t))
	out := w.ocne("cluster", "start", "--provider", "libvirt", "-C", "try", "--node-startup-timeout", "2h")
	require.Regexp(t, `try-control-plane-1 +Ready +control-plane +v1\.34\.4`, out)

	var listed []struct{ Name, Provider, Phase string }
	require.NoError(t, json.Unmarshal([]byte(w.ocne("cluster", "list", "--provider", "libvirt", "-o", "json")), &listed))
	require.Len(t, listed, 1)
	require.Equal(t, "Provisioned", listed[0].Phase)
	require.Regexp(t, `try-control-plane-1 +control-plane +running`, w.ocne("cluster", "info", "--provider", "libvirt", "-C", "try"))
	require.Contains(t, w.ocne("cluster", "kubeconfig", "--provider", "libvirt", "-C", "try"), "client-certificate-data")

	w.ocne("cluster", "delete", "--provider", "libvirt", "-C", "try")
	require.NoFileExists(t, filepath.Join(w.home, ".kube", "kubeconfig.try"))
}

// release is an engine whose template holds the same release as the image: the cluster's release is also that of its management cluster.
const release = `
dataCenters: [{name: Default}]
clusters: [{name: Default}]
hosts: [{name: host1}]
storageDomains: [{name: data}]
networks: [{name: ovirtmgmt}]
vnicProfiles: [{name: ovirtmgmt}]
templates:
  - {name: ock, osType: rhcos_x64, kubernetesVersion: ` + version + `, disks: [{alias: ock-boot}]}
`

// The management cluster appears with the first cluster, and goes with the last.
func TestAManagementClusterOnLibvirtAppearsAndGoes(t *testing.T) {
	image := imageDirectory(t)
	w := newWorld(t, image)
	for _, args := range [][]string{{"route", "add", "local", network + ".0/24", "dev", "lo"}} {
		command := exec.Command("ip", args...)
		out, err := command.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	inventory := filepath.Join(t.TempDir(), "inventory.yaml")
	require.NoError(t, os.WriteFile(inventory, []byte(release), 0o600))
	engine := programs.StartEngine(t, "--guests", "instant", "--inventory", inventory, "--listen", network+".1:0")
	config := programs.WriteClusterFileIn(t, t.TempDir(), engine, network, 1, 1)
	w.ocne("cluster", "start", "-c", config, "-v", version)
	require.Len(t, engine.Holds(t).VMs, 2)
	record, err := os.ReadFile(filepath.Join(w.home, ".ocne", "clusters.yaml"))
	require.NoError(t, err)
	require.Contains(t, string(record), "kind: libvirt")
	require.NoDirExists(t, filepath.Join(w.home, ".ocne", "management"), "no embedded one beside it")

	w.ocne("cluster", "scale", "-C", "demo", "--worker-nodes", "2")
	require.Len(t, engine.Holds(t).VMs, 3)
	w.ocne("cluster", "delete", "-C", "demo")
	require.Empty(t, engine.Holds(t).VMs)
	require.NoFileExists(t, filepath.Join(w.home, ".kube", "kubeconfig.ocne-ephemeral"))
}
