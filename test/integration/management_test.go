package integration

import (
	"encoding/json"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/cluster"
	"github.com/ocne-project/ocne/test/programs"
)

// status is what 'ocne management status' tells programs.
func (w *world) status() cluster.ManagementStatus {
	w.t.Helper()
	var status cluster.ManagementStatus
	require.NoError(w.t, json.Unmarshal([]byte(w.ocne("management", "status", "-o", "json")), &status))
	return status
}

// refused runs the command line, expects an error and returns what it says.
func (w *world) refused(args ...string) string {
	w.t.Helper()
	command, out := w.command(args...)
	require.Error(w.t, command.Run(), "ocne %s:\n%s", strings.Join(args, " "), out)
	w.t.Logf("$ ocne %s\n%s", strings.Join(args, " "), out)
	return out.String()
}

// The embedded management cluster as a service: it is there before the first cluster and after the last one.
func TestTheEmbeddedManagementClusterAsAService(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ocne("management", "start")
	first := w.status()
	require.Equal(t, cluster.ManagementRunning, first.State, first.Problem)
	require.True(t, first.Kept)
	require.Empty(t, first.Clusters)
	require.Len(t, first.Processes, 2)
	require.NotEmpty(t, first.Versions.Kubernetes)
	require.NotEmpty(t, first.Versions.ClusterAPI)
	require.NotEmpty(t, first.Versions.Provider)
	require.Positive(t, first.Bytes)
	require.NotNil(t, first.Since)
	require.Equal(t, first.Kubeconfig+"\n", w.ocne("management", "kubeconfig"))
	written, err := os.ReadFile(first.Kubeconfig)
	require.NoError(t, err)
	require.Equal(t, string(written), w.ocne("management", "kubeconfig", "--content"))

	t.Run("commands that find nothing leave it running", func(t *testing.T) {
		w.ocne("cluster", "list")
		w.ocne("cluster", "delete", "-C", "demo")
		require.Equal(t, first.Processes, w.status().Processes)
	})
	t.Run("it is not removed while it manages a cluster", func(t *testing.T) {
		w.ocne("cluster", "start", "-c", w.config)
		w.expectNodes(1, 2)
		out := w.refused("management", "stop", "--remove")
		require.Contains(t, out, "it manages demo (namespace ocne)")
		require.Contains(t, out, "Nothing was stopped.")
		require.Equal(t, first.Processes, w.status().Processes)
	})
	t.Run("stop keeps its state, and the next command goes on with it", w.expectToGoOnAfterAStop)
	t.Run("started again, it outlives its last cluster", func(t *testing.T) {
		w.ocne("management", "start")
		w.ocne("cluster", "delete", "-c", w.config)
		w.expectEmptyEngine()
		require.Equal(t, cluster.ManagementRunning, w.status().State)
	})
	w.expectNoRacesOfDetached(t)
	t.Run("removed, it leaves nothing", func(t *testing.T) {
		w.ocne("management", "stop", "--remove")
		require.Empty(t, processesOf(t, w.home))
		require.NoDirExists(t, w.managementDir())
		require.Equal(t, cluster.ManagementAbsent, w.status().State)
	})
}

func (w *world) expectToGoOnAfterAStop(t *testing.T) {
	vms, requests := ids(w.vms()), w.creations()
	out := w.ocne("management", "stop")
	require.Contains(t, out, "these clusters run on, and nobody repairs or changes them: demo (namespace ocne)")
	require.Empty(t, processesOf(t, w.home))
	stopped := w.status()
	require.Equal(t, cluster.ManagementStopped, stopped.State)
	require.False(t, stopped.Kept)

	w.ocne("cluster", "scale", "-C", "demo", "--worker-nodes", "1")
	w.expectNodes(1, 1)
	require.Equal(t, requests, w.creations(), "no VM was asked for")
	for name, id := range ids(w.vms()) {
		require.Equal(t, vms[name], id)
	}
}

// What a systemd unit runs: in the foreground, a process that ends is started again, and both end with the command.
func TestTheManagementClusterInTheForeground(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	service := w.launch("management", "start", "--foreground")
	var first cluster.ManagementStatus
	programs.Eventually(t, "it runs", func() (bool, string) {
		require.True(t, service.runs(), "it ended")
		first = w.status()
		return first.State == cluster.ManagementRunning && first.Served, first.State
	})
	require.Contains(t, w.refused("management", "start", "--foreground"), "keeps the management cluster running")
	w.ocne("cluster", "list")
	require.NoError(t, syscall.Kill(first.Processes[1].PID, syscall.SIGKILL))
	programs.Eventually(t, "the manager runs again", func() (bool, string) {
		now := w.status()
		return now.State == cluster.ManagementRunning && now.Processes[1].PID != first.Processes[1].PID, now.State + " " + now.Problem
	})
	w.ocne("management", "stop")
	service.wait(t, 0)
	require.Empty(t, processesOf(t, w.home))
	require.Equal(t, cluster.ManagementStopped, w.status().State)
}
