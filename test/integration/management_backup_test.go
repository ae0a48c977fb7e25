package integration

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/test/programs"
)

// elsewhere is the same administrator with the same engine on another machine, whose home is empty.
func (w *world) elsewhere() *world {
	w.t.Helper()
	other := *w
	other.home = programs.Home(w.t)
	return &other
}

// killAll ends every process of this home as a power failure does, and returns when they are gone.
func (w *world) killAll() {
	w.t.Helper()
	for pid := range processesOf(w.t, w.home) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	programs.Eventually(w.t, "all processes are gone", func() (bool, string) {
		left := processesOf(w.t, w.home)
		for pid, line := range left {
			if line == "" { // it has ended and is not reaped yet
				delete(left, pid)
			}
		}
		return len(left) == 0, ""
	})
}

func (w *world) copyTo(other *world, name string) string {
	w.t.Helper()
	content, err := os.ReadFile(name)
	require.NoError(w.t, err)
	path := filepath.Join(other.home, filepath.Base(name))
	require.NoError(w.t, os.WriteFile(path, content, 0o600))
	return path
}

// expectPrivateFile checks that only its owner can read it, and that it shows no secret.
func (w *world) expectPrivateFile(path string) {
	w.t.Helper()
	info, err := os.Stat(path)
	require.NoError(w.t, err)
	require.Equal(w.t, os.FileMode(0o600), info.Mode().Perm(), path)
	content, err := os.ReadFile(path)
	require.NoError(w.t, err)
	require.NotContains(w.t, string(content), w.password)
}

// A machine with the management cluster is lost. Backup and key are all that is left.
func TestARestoreOnAnotherMachineTakesOverEveryVM(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ocne("cluster", "start", "-c", w.config)
	w.expectNodes(1, 2)
	other := w.elsewhere()
	key := filepath.Join(w.home, ".ocne", "backup.key")
	requests := w.creations()

	t.Run("the command that made the cluster has backed it up", func(t *testing.T) {
		last := w.status().LastBackup
		require.NotNil(t, last)
		w.expectPrivateFile(last.Path)
		w.expectPrivateFile(key)
	})
	w.ocne("cluster", "scale", "-C", "demo", "--worker-nodes", "1")
	before := ids(w.vms())
	last := w.status().LastBackup.Path
	file, copiedKey := w.copyTo(other, last), w.copyTo(other, key)

	t.Run("it is not restored while it is managed", func(t *testing.T) {
		out := other.refused("management", "restore", file, "--key-file", copiedKey)
		require.Contains(t, out, "is managed by the management cluster that the backup is of, which still runs")
		require.Empty(t, processesOf(t, other.home+"/.ocne"), "nothing is left running for nothing")
		out = w.refused("management", "restore", file)
		require.Contains(t, out, "which still runs")
	})
	t.Run("the wrong key opens nothing", func(t *testing.T) {
		other.refused("management", "backup") // makes no key: there is nothing to back up
		require.NoFileExists(t, filepath.Join(other.home, ".ocne", "backup.key"))
		out := other.refused("management", "restore", file)
		require.Contains(t, out, "--key-file FILE")
	})
	w.killAll()
	require.NoError(t, os.RemoveAll(w.managementDir()))

	t.Run("restored, interrupted and run again, every VM is the same", func(t *testing.T) {
		begun := other.launch("management", "restore", file, "--key-file", copiedKey)
		programs.Eventually(t, "the restore has begun", func() (bool, string) {
			return !begun.runs() || len(other.status().Clusters) > 0, "no cluster"
		})
		_ = begun.process.Kill()
		<-begun.ended
		require.Contains(t, begun.out, "does not answer from here. It must not be started again")
		if begun.code == 0 {
			t.Log("it had ended before it was killed")
		} else {
			again := other.launch("management", "restore", file, "--key-file", copiedKey)
			<-again.ended
			t.Log(begun.out + again.out)
			if again.code != 0 {
				require.Contains(t, again.out, "demo (namespace ocne) is in the management cluster", "only its last line was missing")
			}
		}
		require.NoDirExists(t, filepath.Join(other.home, ".ocne", "restore"), "no object stays on the disk in plain text")
		other.ocne("cluster", "kubeconfig", "-C", "demo", "--file", other.kubeconfig())
		other.expectNodes(1, 1)
		require.Equal(t, before, ids(other.vms()))
		require.Equal(t, requests, other.creations(), "no VM was asked for")
	})
	t.Run("a second time is refused", func(t *testing.T) {
		require.Contains(t, other.refused("management", "restore", file, "--key-file", copiedKey), "demo (namespace ocne) is in the management cluster")
	})
	t.Run("it is managed: it scales, keeps the VMs that it has, and goes", func(t *testing.T) {
		other.ocne("cluster", "scale", "-C", "demo", "--worker-nodes", "2")
		other.expectNodes(1, 2)
		require.Equal(t, requests+1, other.creations())
		for name, id := range before {
			require.Equal(t, id, ids(other.vms())[name], name)
		}
		require.NotNil(t, other.status().LastBackup, "it is backed up here, too")
		other.ocne("cluster", "delete", "-C", "demo")
		other.expectEmptyEngine()
		require.NoDirExists(t, filepath.Join(other.managementDir(), "controlplane"))
	})
}

// A power failure on the machine with the management cluster, at the worst time.
func TestKillOfEveryProcessDuringACreationMakesNoVMTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	start := w.launch("cluster", "start", "-c", w.config)
	programs.Eventually(t, "the engine has a VM and not all", func() (bool, string) {
		require.True(t, start.runs(), "it ended too early")
		return len(w.vms()) > 0, "no VM"
	})
	_ = start.process.Kill()
	w.killAll()
	before := ids(w.vms())
	require.NotEmpty(t, before)
	t.Logf("%d VMs were there", len(before))

	w.ocne("cluster", "start", "-c", w.config)
	w.expectNodes(1, 2)
	after := ids(w.vms())
	for name, id := range before {
		require.Equal(t, id, after[name], name)
	}
}
