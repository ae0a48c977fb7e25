package integration

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/ocne-project/ocne/pkg/ovirt"
	"github.com/ocne-project/ocne/test/programs"
)

// set changes what the simulated engine is like.
func (w *world) set(args ...string) {
	w.t.Helper()
	command := exec.Command(programs.Path(w.t, "olvmsim"), append([]string{"set", "--url", w.sim.URL, "--ca-file", w.sim.CAFile}, args...)...)
	command.Env = append(os.Environ(), "OLVMSIM_PASSWORD="+programs.Password)
	out, err := command.CombinedOutput()
	require.NoError(w.t, err, "olvmsim set %s: %s", strings.Join(args, " "), out)
}

// background is a command of ocne that runs.
type background struct {
	process *os.Process
	ended   chan struct{}
	code    int    // once ended
	out     string // once ended
}

// launch starts a command and kills it if it still runs when the test ends.
func (w *world) launch(args ...string) *background {
	w.t.Helper()
	command, out := w.command(args...)
	require.NoError(w.t, command.Start())
	b := &background{process: command.Process, ended: make(chan struct{})}
	go func() {
		defer close(b.ended)
		err := command.Wait()
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			b.code = exit.ExitCode()
		}
		b.out = out.String()
	}()
	w.t.Cleanup(func() {
		_ = b.process.Kill()
		<-b.ended
	})
	return b
}

// wait returns what the command said, and fails unless it ended with the given exit code.
func (b *background) wait(t *testing.T, code int) string {
	t.Helper()
	<-b.ended
	require.Equal(t, code, b.code, b.out)
	require.NotContains(t, b.out, "DATA RACE")
	require.NotContains(t, b.out, programs.Password)
	t.Log(b.out)
	return b.out
}

func (b *background) runs() bool {
	select {
	case <-b.ended:
		return false
	default:
		return true
	}
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// expectHowToGoOn checks what a start says that ended by itself: what is left, and what to do next.
func (w *world) expectHowToGoOn(t *testing.T, out string) {
	t.Helper()
	require.Contains(t, out, "Nothing was rolled back.")
	require.Contains(t, out, fmt.Sprintf("VMs of cluster demo in the engine: %d.", len(w.vms())))
	require.Contains(t, out, "ocne cluster start -c "+w.config)
	require.Contains(t, out, "ocne cluster delete -c "+w.config)
}

// An engine that runs out of storage says so, and start repeats its words instead of waiting for ever.
func TestStartEndsByItselfWhenTheStorageIsFull(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	start := w.launch("cluster", "start", "-c", w.config)
	programs.Eventually(t, "the first VM runs", func() (bool, string) {
		for _, vm := range w.vms() {
			if vm.Status == ovirt.StatusPoweringUp || vm.Status == ovirt.StatusUp {
				return true, ""
			}
		}
		return false, fmt.Sprintf("%d VMs, start runs: %t", len(w.vms()), start.runs())
	})
	w.set("storagedomain", "data", "--available", "1GiB")
	out := start.wait(t, 1)
	require.Contains(t, lastLine(out), "OutOfCapacity")
	require.Contains(t, lastLine(out), "Low disk space on Storage Domain data")
	w.expectHowToGoOn(t, out)
	before := w.vms()
	require.NotEmpty(t, before)

	w.set("storagedomain", "data", "--available", "500GiB")
	w.ocne("cluster", "start", "-c", w.config)
	w.expectNodes(1, 2)
	for name, id := range ids(before) {
		require.Equal(t, id, ids(w.vms())[name], "what was there is used: VM %s", name)
	}
	w.ocne("cluster", "delete", "-c", w.config)
	w.expectEmptyEngine()
}

// The images have no guest agent: that nothing happens in a VM is seen only by its node, which does not report.
func TestStartEndsByItselfWhenAGuestNeverReports(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("guests", "--hang=true")
	out := w.launch("cluster", "start", "-c", w.config, "--node-startup-timeout", "10s").wait(t, 1)
	vms := w.vms()
	require.Len(t, vms, 1, "the other machines wait for the first")
	for name, vm := range vms {
		require.Contains(t, lastLine(out), fmt.Sprintf("machine %s: NodeMissing: its VM %s is ", name, name))
		require.Contains(t, out, "ovirt-vmconsole@127.0.0.1 connect --vm-id "+vm.ID)
	}
	require.Contains(t, lastLine(out), "its node has not reported within 10s")
	require.Contains(t, out, "OCK has no guest agent")
	require.Contains(t, out, "waiting for its node", "it said so before")
	require.Contains(t, out, "--node-startup-timeout 10s   # go on")
	w.expectHowToGoOn(t, out)

	w.set("guests", "--hang=false")
	w.ocne("cluster", "start", "-c", w.config)
	w.expectNodes(1, 2)
	for name, id := range ids(vms) {
		require.Equal(t, id, ids(w.vms())[name])
	}
	w.ocne("cluster", "delete", "-c", w.config)
	w.expectEmptyEngine()
}

// An installed Cluster API makes no Ignition unless its administrator asked for it.
func TestAManagementClusterWithoutIgnitionIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	kubeconfig := startManagement(t, "KubeadmBootstrapFormatIgnition=false,ReconcilerRateLimiting=false")
	out := w.launch("cluster", "start", "-c", w.config, "--kubeconfig", kubeconfig).wait(t, 1)
	require.Contains(t, out, "feature gate KubeadmBootstrapFormatIgnition is off")
	require.Contains(t, out, "EXP_KUBEADM_BOOTSTRAP_FORMAT_IGNITION=true")
	require.Contains(t, out, "Nothing was changed.")
	clusters := &clusterv1.ClusterList{}
	require.NoError(t, programs.Management(t, kubeconfig).List(t.Context(), clusters))
	require.Empty(t, clusters.Items)
	require.Empty(t, w.vms())
}

// startManagement starts a management cluster that ocne did not make.
func startManagement(t *testing.T, gates string) (kubeconfig string) {
	t.Helper()
	kubeconfig = programs.StartControlPlane(t)
	var manager struct{ WebhookURL string }
	programs.Start(t, &manager, nil, programs.Path(t, "ocne-manager"), programs.BundleArguments(kubeconfig, t.TempDir(), gates)...)
	return kubeconfig
}
