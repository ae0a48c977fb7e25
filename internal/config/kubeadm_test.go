package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/config"
)

// load reads the smallest configuration with additions.
func loadRequired(t *testing.T, additions string) *config.Config {
	t.Helper()
	text, err := os.ReadFile("testdata/required.yaml")
	require.NoError(t, err)
	dir := t.TempDir()
	defaults, cluster := filepath.Join(dir, "defaults.yaml"), filepath.Join(dir, "cluster.yaml")
	require.NoError(t, os.WriteFile(defaults, text, 0o600))
	require.NoError(t, os.WriteFile(cluster, []byte(additions), 0o600))
	c, _, err := config.Load(config.Options{DefaultsFile: defaults, ClusterFile: cluster, HomeDir: dir})
	require.NoError(t, err)
	require.NoError(t, c.Validate())
	return c
}

func TestKubeadmSuitsTheImageOfEachGroup(t *testing.T) {
	mixed := string(asYAML(t, loadRequired(t, "providers: {olvm: {workerMachine: {imageProfile: plain}}}\n")))
	require.Contains(t, mixed, "criSocket: unix:///var/run/crio/crio.sock", "the control plane's")
	require.Contains(t, mixed, "criSocket: unix:///run/containerd/containerd.sock", "the workers'")
	require.Contains(t, mixed, "imageProfile: plain")
	require.Contains(t, mixed, "directory: /etc/ocne/ock/patches")

	plain := string(asYAML(t, loadRequired(t,
		"providers: {olvm: {controlPlaneMachine: {imageProfile: plain}, workerMachine: {imageProfile: plain}}}\n")))
	for _, ock := range []string{"crio", "/etc/ocne/ock", "volume-plugin-dir"} {
		require.NotContains(t, plain, ock)
	}
}

func TestExternalLoadBalancerMayBeInAnySubnet(t *testing.T) {
	c := loadRequired(t, "virtualIp: 198.51.100.7\ncontrolPlaneLoadBalancer: {type: External}\n")
	require.Contains(t, string(asYAML(t, c)), "loadBalancer:\n    type: External\n")
}
