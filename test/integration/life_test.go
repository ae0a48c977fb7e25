package integration

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// A cluster's whole life with the management cluster that appears by itself.
func TestLifeOfACluster(t *testing.T) {
	w := newWorld(t)
	start := func(args ...string) string {
		return w.ocne(append([]string{"cluster", "start", "--provider", "olvm", "-c", w.config}, args...)...)
	}

	if !t.Run("one command gives a cluster whose nodes are Ready", func(t *testing.T) {
		out := start()
		w.expectNodes(1, 2)
		require.Contains(t, out, "kubectl --kubeconfig "+w.kubeconfig(), "it says what to try next")
		info, err := os.Stat(w.kubeconfig())
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "the kubeconfig is the user's own")
		w.expectRequestBudget(12)
	}) {
		return
	}
	t.Run("the boot document, which holds keys, is not kept in the engine", w.expectClearedBootDocuments)
	t.Run("start again converges and makes nothing anew", func(t *testing.T) {
		before, requests := w.vms(), w.creations()
		start()
		w.expectNodes(1, 2)
		require.Equal(t, ids(before), ids(w.vms()))
		require.Equal(t, requests, w.creations(), "no VM was asked for")
	})
	t.Run("it is listed", func(t *testing.T) {
		require.Contains(t, w.ocne("cluster", "list"), "demo")
		require.Contains(t, w.ocne("cluster", "list", "-o", "json"), `"demo"`)
	})
	t.Run("workers 2 to 5", func(*testing.T) {
		start("-w", "5")
		w.expectNodes(1, 5)
	})
	t.Run("workers 5 to 1", func(*testing.T) {
		start("-w", "1")
		w.expectNodes(1, 1)
	})
	t.Run("control plane 1 to 3", func(*testing.T) {
		start("-n", "3", "-w", "1")
		w.expectNodes(3, 1)
	})
	t.Run("no password or token is anywhere but in the Secret", w.expectNoSecrets)
	t.Run("the detached programs raced for nothing", w.expectNoRacesOfDetached)
	t.Run("delete leaves nothing", func(t *testing.T) {
		w.ocne("cluster", "delete", "-c", w.config)
		w.expectEmptyEngine()
		require.NoFileExists(t, w.kubeconfig())
		require.Empty(t, processesOf(t, w.home), "processes that work in the user's home")
		require.NoDirExists(t, filepath.Join(w.managementDir(), "controlplane"))
	})
}

func (w *world) expectNoRacesOfDetached(t *testing.T) {
	logs, err := filepath.Glob(filepath.Join(w.managementDir(), "*.log"))
	require.NoError(t, err)
	require.NotEmpty(t, logs)
	for _, log := range logs {
		expectNoRaces(t, log)
	}
}

func (w *world) expectClearedBootDocuments(t *testing.T) {
	eventually(t, "boot documents are cleared", func() (bool, string) {
		for name, vm := range w.vms() {
			if vm.HasInitialization {
				return false, name
			}
		}
		return true, ""
	})
}

// Ctrl-C at any time is harmless, also with a management cluster that somebody else brought.
func TestInterruptAndResume(t *testing.T) {
	w := newWorld(t)
	var ready struct{ Kubeconfig string }
	startDaemon(t, &ready, nil, program(t, "ocne-controlplane"), "--dir", t.TempDir(), "--fsync=false")
	var manager struct{ WebhookURL string }
	startDaemon(t, &manager, nil, program(t, "ocne-manager"), "--kubeconfig", ready.Kubeconfig,
		"--providers", "core,bootstrap,control-plane,olvm", "--install", "--cert-dir", t.TempDir(), "--leader-elect=false",
		"--metrics-bind-address", "0", "--feature-gates", "ReconcilerRateLimiting=false")
	args := []string{"cluster", "start", "--kubeconfig", ready.Kubeconfig, "-c", w.config}

	if !t.Run("Ctrl-C ends cleanly and says how to go on", func(t *testing.T) {
		command, out := w.command(args...)
		require.NoError(t, command.Start())
		eventually(t, "the first VM is on its way", func() (bool, string) { return len(w.vms()) > 0, "no VM" })
		require.NoError(t, command.Process.Signal(os.Interrupt))
		var exit *exec.ExitError
		require.ErrorAs(t, command.Wait(), &exit, out.String())
		require.Equal(t, 130, exit.ExitCode(), out.String())
		require.Contains(t, out.String(), "ocne cluster delete")
	}) {
		return
	}
	t.Run("the same command again finishes", func(*testing.T) {
		w.ocne(args...)
		w.expectNodes(1, 2)
	})
	t.Run("delete leaves no VM, no disk, no address", func(t *testing.T) {
		c := management(t, ready.Kubeconfig)
		w.ocne("cluster", "delete", "--kubeconfig", ready.Kubeconfig, "-c", w.config)
		w.expectEmptyEngine()
		addresses, machines, clusters := &ipamv1.IPAddressList{}, &infrav1.OLVMMachineList{}, &clusterv1.ClusterList{}
		require.NoError(t, c.List(context.Background(), addresses))
		require.NoError(t, c.List(context.Background(), machines))
		require.NoError(t, c.List(context.Background(), clusters))
		require.Empty(t, addresses.Items)
		require.Empty(t, machines.Items)
		require.Empty(t, clusters.Items)
	})
	t.Run("delete again says that there is nothing", func(*testing.T) {
		w.ocne("cluster", "delete", "--kubeconfig", ready.Kubeconfig, "-c", w.config)
	})
}

func ids(vms map[string]ovirt.VM) map[string]string {
	byName := map[string]string{}
	for name, vm := range vms {
		byName[name] = vm.ID
	}
	return byName
}

// processesOf finds the processes whose command lines mention a text, by process id.
func processesOf(t *testing.T, text string) map[int]string {
	t.Helper()
	found := map[int]string{}
	entries, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, file := range entries {
		b, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(b), text) { // it may have ended meanwhile
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		require.NoError(t, err)
		found[pid] = strings.ReplaceAll(string(b), "\x00", " ")
	}
	return found
}
