package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/capi"
	"github.com/ocne-project/ocne/test/programs"
)

// The command that moves a cluster's objects into the cluster is killed at one point after the other, and each time the same command goes on.
// No VM is made anew, and in the end the cluster manages itself; the way out is interrupted as well.
func TestLongMoveIsInterrupted(t *testing.T) {
	w := newLongWorld(t)
	s := demo()
	s.SelfManaged = true
	config := w.write(s)
	start := []string{"cluster", "start", "-c", config, "--skip-preflight", "virtual-ip"}
	killed := 0
	for _, point := range []struct {
		name    string
		reached func(sides) bool
	}{
		{"the controllers are being installed", func(s sides) bool {
			return s.count(s.own, &appsv1.DeploymentList{}, client.InNamespace(capi.Namespace)) > 0
		}},
		{"the cluster's namespace has the first objects", func(s sides) bool { return s.count(s.own, &clusterv1.ClusterList{}) > 0 }},
		{"the Machines are in both", func(s sides) bool { return s.count(s.own, &clusterv1.MachineList{}) > 0 }},
		{"objects leave the management cluster", func(s sides) bool {
			return s.count(s.own, &clusterv1.MachineList{}) > 0 && s.count(s.other, &clusterv1.MachineList{}) < 2
		}},
		{"the management cluster holds nothing, and is not removed yet", func(s sides) bool {
			return s.count(s.own, &clusterv1.ClusterList{}) > 0 && s.count(s.other, &clusterv1.ClusterList{}) == 0
		}},
	} {
		if w.killWhen(t, s, point.name, point.reached, start...) {
			killed++
		}
	}
	require.GreaterOrEqual(t, killed, 3, "the command was too fast to be killed at more points")
	vms := w.sim.Holds(t).VMs
	w.start(config)
	require.Equal(t, vms, w.sim.Holds(t).VMs, "no VM was made anew")
	require.NoDirExists(t, filepath.Join(w.home, ".ocne", "management"))
	require.Len(t, w.ownMachines(t, s), 2)
	w.tell(t, "it manages itself", func(t *testing.T, w *world) { w.expectReplaced(t, w.inside(t, s), s) })

	out := func(s sides) bool { return s.count(s.other, &clusterv1.ClusterList{}) > 0 }
	w.killWhen(t, s, "the Cluster is on its way out", out, "cluster", "delete", "-c", config)
	w.ocne("cluster", "delete", "-c", config)
	require.Empty(t, w.sim.Holds(t).VMs)
	require.NoDirExists(t, filepath.Join(w.home, ".ocne", "management"))
}

// sides are the two management clusters of a move; nil for one that is not there.
type sides struct {
	t          *testing.T
	own, other client.Client
}

// count is how many objects a management cluster has, or -1 when it cannot say.
func (s sides) count(in client.Client, list client.ObjectList, options ...client.ListOption) int {
	if in == nil || in.List(s.t.Context(), list, options...) != nil {
		return -1
	}
	switch l := list.(type) {
	case *appsv1.DeploymentList:
		return len(l.Items)
	case *clusterv1.ClusterList:
		return len(l.Items)
	case *clusterv1.MachineList:
		return len(l.Items)
	}
	s.t.Fatalf("%T is not counted", list)
	return 0
}

// killWhen runs the command line and kills it when a point is reached; it says whether it did. A point that an earlier run has passed is left out.
func (w *world) killWhen(t *testing.T, s site, name string, reached func(sides) bool, args ...string) bool {
	t.Helper()
	var both sides
	w.look(t, s, &both)
	if reached(both) {
		t.Logf("%s: already before the command", name)
		return false
	}
	log, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	defer log.Close()
	command := exec.CommandContext(t.Context(), programs.Path(t, "ocne"), args...)
	command.Env, command.Stdout, command.Stderr = w.environment(), log, log
	begin := time.Now()
	require.NoError(t, command.Start())
	done := make(chan error, 1)
	go func() { done <- command.Wait() }() // ends with the process
	for {
		select {
		case err := <-done:
			require.NoError(t, err, programs.Tail(log.Name()))
			t.Logf("%s: the command had ended before it was seen", name)
			return false
		default:
		}
		if w.look(t, s, &both); reached(both) {
			_ = command.Process.Kill() // it may have ended
			<-done
			t.Logf("killed after %.0f s: %s\n%s", time.Since(begin).Seconds(), name, programs.Tail(log.Name()))
			return true
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// look connects to those that are there by now.
func (w *world) look(t *testing.T, s site, both *sides) {
	t.Helper()
	both.t = t
	if kubeconfig := filepath.Join(w.home, ".ocne", "management", "controlplane", "kubeconfig"); both.other == nil && exists(kubeconfig) {
		both.other = w.management()
	}
	if both.own == nil && exists(filepath.Join(w.home, ".kube", "kubeconfig."+s.Name)) {
		both.own = w.inside(t, s)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
