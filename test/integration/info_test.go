package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/ocne-project/ocne/internal/cluster"
	"github.com/ocne-project/ocne/pkg/ovirt"
	"github.com/ocne-project/ocne/test/programs"
)

// stdout runs a command that succeeds and returns its result without messages.
func (w *world) stdout(args ...string) string {
	w.t.Helper()
	command, errOut := w.command(args...)
	var out strings.Builder
	command.Stdout = &out
	require.NoError(w.t, command.Run(), "ocne %s:\n%s", strings.Join(args, " "), errOut)
	require.NotContains(w.t, out.String()+errOut.String(), programs.Password)
	return out.String()
}

// A user looks at a cluster, in every way, and sees what happens to it.
func TestInfoOfACluster(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ocne("cluster", "start", "-c", w.config)
	programs.Eventually(t, "addresses are counted, and the engine has been asked", func() (bool, string) {
		text := w.stdout("cluster", "info", "-C", "demo")
		return strings.Contains(text, "3 of 30 used by this cluster, 27 free") && strings.Contains(text, "reachable"), text
	})

	t.Run("as a tree that fits on a hundred columns", func(t *testing.T) {
		text := w.stdout("cluster", "info", "-C", "demo")
		t.Log(text)
		for line := range strings.SplitSeq(text, "\n") {
			require.LessOrEqual(t, utf8.RuneCountInString(line), 100, line)
		}
		require.Contains(t, text, "demo (namespace ")
		require.Contains(t, text, "everything is ready")
		for name := range w.vms() {
			require.Contains(t, text, name)
		}
		require.NotContains(t, text, "! ", "nothing is wrong")
		programs.Eventually(t, "show tells the same, unless the cluster changes meanwhile", func() (bool, string) {
			_, info, _ := strings.Cut(w.stdout("cluster", "info", "-C", "demo"), "\n") // the first line has the age
			shown := w.stdout("cluster", "show", "-C", "demo")
			return strings.Contains(shown, info), info + shown
		})
	})
	t.Run("with ids", func(t *testing.T) {
		text := w.stdout("cluster", "info", "-c", w.config, "-o", "wide")
		for _, vm := range w.vms() {
			require.Contains(t, text, "VM id "+vm.ID)
			require.Contains(t, text, "provider id olvm://"+vm.ID)
		}
	})
	t.Run("for programs", func(t *testing.T) {
		var fromJSON cluster.Details
		programs.Eventually(t, "there is one document, unless the cluster changes meanwhile", func() (bool, string) {
			var fromYAML cluster.Details
			document := w.stdout("cluster", "info", "-C", "demo", "-o", "json")
			fromJSON = cluster.Details{}
			require.NoError(t, json.Unmarshal([]byte(document), &fromJSON))
			require.NoError(t, yaml.UnmarshalStrict([]byte(w.stdout("cluster", "info", "-C", "demo", "-o", "yaml")), &fromYAML))
			shown := w.stdout("cluster", "show", "-C", "demo", "-o", "json")
			same := reflect.DeepEqual(fromJSON, fromYAML) && document == shown
			return same && fromJSON.Ready && fromJSON.Engine.Reachable, document + shown
		})
		require.Len(t, fromJSON.Groups, 2)
		require.Len(t, fromJSON.Machines, 3)
		hosts, byID := map[string]string{}, map[string]ovirt.VM{}
		for _, vm := range w.vms() {
			byID[vm.ID] = vm
			list, err := w.engine.Hosts(t.Context(), vm.ClusterID)
			require.NoError(t, err)
			for _, host := range list {
				hosts[host.ID] = host.Name
			}
		}
		for _, m := range fromJSON.Machines {
			require.Equal(t, byID[m.VM.ID].Name, m.VM.Name)
			require.Equal(t, hosts[byID[m.VM.ID].HostID], m.VM.Host, "the host that the VM runs on, by its name")
			require.NotEmpty(t, m.VM.Host)
		}
	})
	t.Run("a VM that is powered off is seen, and told by --watch", w.expectPowerOffToBeTold)
	w.ocne("cluster", "delete", "-c", w.config)
	w.expectEmptyEngine()
}

func (w *world) expectPowerOffToBeTold(t *testing.T) {
	file := filepath.Join(t.TempDir(), "watched")
	out, err := os.Create(file)
	require.NoError(t, err)
	defer out.Close()
	watch, errOut := w.command("cluster", "info", "-C", "demo", "--watch")
	watch.Stdout = out
	require.NoError(t, watch.Start())
	ended := make(chan error, 1)
	go func() { ended <- watch.Wait() }()
	t.Cleanup(func() { _ = watch.Process.Kill() })
	watched := func() string {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		return string(content)
	}
	programs.Eventually(t, "the tree is written", func() (bool, string) {
		return strings.Contains(watched(), "everything is ready"), watched()
	})
	tree := watched()

	_, workers := w.nodes()
	vm := w.vms()[workers[0].Name]
	require.NoError(t, w.engine.StopVM(t.Context(), vm.ID))
	programs.Eventually(t, "the change is written", func() (bool, string) {
		for line := range strings.SplitSeq(strings.TrimPrefix(watched(), tree), "\n") {
			if strings.Contains(line, "machine "+vm.Name+": ") && strings.Contains(line, "VM down") &&
				strings.Contains(line, "VMReady is False, NotRunning: ") {
				return true, ""
			}
		}
		return false, watched()
	})
	require.NotContains(t, strings.TrimPrefix(watched(), tree), "├─", "the tree is written once")
	text := w.stdout("cluster", "info", "-C", "demo")
	require.Contains(t, text, "! VMReady is False, NotRunning: the VM is down")
	require.Contains(t, text, "> ", "and what to do")
	require.NotContains(t, text, "everything is ready")

	require.NoError(t, watch.Process.Signal(os.Interrupt))
	<-ended
	require.Equal(t, exitInterrupted, watch.ProcessState.ExitCode())
	require.Contains(t, errOut.String(), "Error: interrupted")
	require.NoError(t, w.engine.StartVM(t.Context(), vm.ID))
	programs.Eventually(t, "the cluster is whole again", func() (bool, string) {
		ready := w.stdout("cluster", "show", "-C", "demo", "--field", "ready")
		return ready == "true\n", ready
	})
}
