package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/cluster"
	"github.com/ocne-project/ocne/internal/cluster/record"
	"github.com/ocne-project/ocne/test/programs"
)

// Two clusters, one in a management cluster of the user's own and one in the embedded one, are worked with by their names alone.
func TestManagementClustersAreRemembered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	external := programs.StartBundle(t)
	kubeconfig := filepath.Join(w.home, "management.kubeconfig")
	content, err := os.ReadFile(external.Kubeconfig)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(kubeconfig, content, 0o600))
	second := programs.WriteClusterFile(t, t.TempDir(), w.sim, 1, 0)

	if !t.Run("one is started with KUBECONFIG, one without", func(t *testing.T) {
		command, out := w.command("cluster", "start", "-c", w.config)
		command.Env = append(command.Env, "KUBECONFIG="+kubeconfig)
		require.NoError(t, command.Run(), out.String())
		require.NoDirExists(t, filepath.Join(w.managementDir(), "controlplane"))
		w.ocne("cluster", "start", "-c", second, "-C", "second")
	}) {
		return
	}
	t.Run("where they are is in the record, and no secret is", func(t *testing.T) { w.expectRecord(t, kubeconfig, second) })
	t.Run("both are found by their names, and the commands agree", func(t *testing.T) {
		require.Contains(t, w.ocne("cluster", "info", "-C", "demo"), "clusters.yaml")
		require.Contains(t, w.ocne("cluster", "info", "-C", "second"), "embedded in")
		require.Equal(t, "true\n", w.ocne("cluster", "show", "-C", "demo", "--field", "ready"))
		require.Contains(t, w.ocne("cluster", "kubeconfig", "-C", "demo"), "certificate-authority-data")
	})
	t.Run("start again goes on in the same one", func(t *testing.T) {
		before := w.vms()
		w.ocne("cluster", "start", "-c", w.config)
		require.Equal(t, ids(before), ids(w.vms()))
	})
	t.Run("scale needs no KUBECONFIG, and says so of a wrong one", func(t *testing.T) {
		command, out := w.command("cluster", "scale", "-C", "demo", "-w", "1")
		command.Env = append(command.Env, "KUBECONFIG="+w.kubeconfig()) // the usual mistake
		require.NoError(t, command.Run(), out.String())
		require.Contains(t, out.String(), "KUBECONFIG="+w.kubeconfig()+" is not used")
		require.Len(t, w.vms(), 3)
	})
	t.Run("all are listed", func(t *testing.T) {
		listed := w.listed()
		require.Equal(t, []string{"demo", "second"}, []string{listed[0].Name, listed[1].Name})
		require.Equal(t, []record.Kind{record.Kubeconfig, record.Embedded}, []record.Kind{listed[0].Management.Kind, listed[1].Management.Kind})
		require.Equal(t, int32(1), listed[0].Workers.Ready)
	})
	t.Run("one that cannot be reached is said, and holds up no other", func(t *testing.T) { w.expectUnreachable(t, kubeconfig) })
	t.Run("twenty commands at once write one whole record", func(t *testing.T) { w.expectRecordOfMany(t, kubeconfig) })
	t.Run("delete needs no KUBECONFIG and forgets", func(t *testing.T) {
		w.ocne("cluster", "delete", "-C", "demo")
		require.Len(t, w.vms(), 1)
		w.ocne("cluster", "delete", "-C", "second")
		w.expectEmptyEngine()
		remembered, err := record.Of(w.home).Clusters()
		require.NoError(t, err)
		require.Empty(t, remembered)
		require.Empty(t, processesOf(t, w.home), "processes that work in the user's home")
	})
}

func (w *world) listed() []cluster.Listed {
	w.t.Helper()
	command, _ := w.command("cluster", "list", "-o", "json")
	command.Stdout = nil
	out, err := command.Output()
	require.NoError(w.t, err)
	var listed []cluster.Listed
	require.NoError(w.t, json.Unmarshal(out, &listed), "%s", out)
	return listed
}

func (w *world) expectRecord(t *testing.T, kubeconfig, second string) {
	t.Helper()
	file := record.Of(w.home)
	clusters, err := file.Clusters()
	require.NoError(t, err)
	require.Len(t, clusters, 2)
	require.Equal(t, "demo", clusters[0].Name)
	require.Equal(t, []string{kubeconfig}, clusters[0].Management.Files)
	require.Equal(t, w.config, clusters[0].Config)
	require.Equal(t, "olvm", clusters[0].Provider)
	require.NotEmpty(t, clusters[0].Management.UID)
	require.Equal(t, record.Embedded, clusters[1].Management.Kind)
	require.Equal(t, second, clusters[1].Config)
	require.NotEqual(t, clusters[0].Management.UID, clusters[1].Management.UID)
	info, err := os.Stat(file.Path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	content, err := os.ReadFile(file.Path)
	require.NoError(t, err)
	require.NotContains(t, string(content), w.password)
	require.NotContains(t, string(content), "key-data")
}

func (w *world) expectUnreachable(t *testing.T, kubeconfig string) {
	t.Helper()
	require.NoError(t, os.Rename(kubeconfig, kubeconfig+".away"))
	listed := w.listed()
	require.Equal(t, []string{cluster.PhaseUnreachable, "Provisioned"}, []string{listed[0].Phase, listed[1].Phase})
	require.Contains(t, listed[0].Message, "no such file")
	command, out := w.command("cluster", "delete", "-C", "demo")
	require.Error(t, command.Run())
	require.Contains(t, out.String(), "cluster demo is held by https://127.0.0.1")
	require.Contains(t, out.String(), "name it once: --kubeconfig FILE")
	require.Len(t, w.vms(), 3)

	w.ocne("cluster", "info", "-C", "demo", "-k", kubeconfig+".away")
	require.Contains(t, w.ocne("cluster", "info", "-C", "demo"), "clusters.yaml", "the new way to it is remembered")
	require.NoError(t, os.Rename(kubeconfig+".away", kubeconfig))
}

// expectRecordOfMany lets commands remember from nothing, all at once.
func (w *world) expectRecordOfMany(t *testing.T, kubeconfig string) {
	t.Helper()
	file := record.Of(w.home)
	require.NoError(t, os.Remove(file.Path))
	var all sync.WaitGroup
	outputs := make([]string, 20)
	for i := range outputs {
		command, out := w.command("cluster", "show", "-C", "second", "--field", "name")
		if i%2 == 0 {
			command, out = w.command("cluster", "show", "-C", "demo", "-k", kubeconfig, "--field", "name")
		}
		all.Go(func() {
			command.Stdout = nil // what is told of waiting goes to stderr
			answer, err := command.Output()
			outputs[i] = string(answer)
			if err != nil {
				outputs[i] = err.Error() + ": " + out.String()
			}
		})
	}
	all.Wait()
	for i, out := range outputs {
		require.Equal(t, []string{"demo", "second"}[i%2], strings.TrimSpace(out))
	}
	clusters, err := file.Clusters()
	require.NoError(t, err)
	require.Len(t, clusters, 2)
	require.Equal(t, []string{kubeconfig}, clusters[0].Management.Files)
	require.Equal(t, record.Embedded, clusters[1].Management.Kind)
	require.Empty(t, append(clusters[0].History, clusters[1].History...))
}
