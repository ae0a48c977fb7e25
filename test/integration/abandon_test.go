package integration

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/test/programs"
)

// The engine is gone for good: its cluster can be deleted all the same, and what stays behind is told.
func TestAClusterOfAnEngineThatIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ocne("cluster", "start", "-c", w.config)
	vms := w.vms()

	refused := w.launch("cluster", "delete", "-c", w.config, "--abandon").wait(t, 1)
	require.Contains(t, refused, "nothing is abandoned, because engine "+w.sim.URL+" answers")
	w.expectNodes(1, 2)

	w.sim.Kill()
	programs.Eventually(t, "the controllers see that the engine is gone", func() (bool, string) {
		reachable := w.stdout("cluster", "show", "-C", "demo", "--field", "engine.reachable")
		return reachable == "false\n", reachable
	})
	text := w.stdout("cluster", "info", "-C", "demo")
	t.Log(text)
	require.Contains(t, text, "not reachable")
	require.Contains(t, text, "! EngineReachable is False, EngineUnavailable: ")
	require.Contains(t, text, "when it was seen last")

	waiting := w.launch("cluster", "delete", "-c", w.config, "--timeout", "5s").wait(t, 1)
	require.Contains(t, waiting, "add --abandon")

	out := w.ocne("cluster", "delete", "-c", w.config, "--abandon")
	require.Contains(t, out, "VMs of cluster demo that may still be in the engine")
	for name, vm := range vms {
		require.Regexp(t, name+` .*127\.\d+\.\d+\.\d+ +`+vm.ID, out)
	}
	require.NoFileExists(t, w.kubeconfig())
	require.Empty(t, processesOf(t, w.home), "the embedded management cluster has ended")
}
