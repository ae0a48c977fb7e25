package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/test/programs"
)

// survive does something to the cluster and waits until it has happened and the API at the virtual IP answers without a break. It prints
// how long that took.
func (w *world) survive(t *testing.T, s site, act func(), happened func() (bool, string)) {
	t.Helper()
	const while = 4 * time.Second
	connects := startPoll(t, 50*time.Millisecond, 500*time.Millisecond, w.connects(s))
	reads := startPoll(t, 200*time.Millisecond, 3*time.Second, w.reads(s))
	begin := time.Now()
	act()
	programs.Eventually(t, "it has happened, and the API answers", func() (bool, string) {
		if ok, state := happened(); !ok {
			return false, state
		}
		return connects.steady(begin, while) && reads.steady(begin, while), fmt.Sprint(reads.failures())
	})
	connects.stop()
	reads.stop()
	t.Logf("through the virtual IP: %.1f s without a TCP connection (%d of %d tries failed), %.1f s without an answer of the API (%d of %d)",
		connects.gap(begin).Seconds(), len(connects.failures()), len(connects.all()),
		reads.gap(begin).Seconds(), len(reads.failures()), len(reads.all()))
}

// movedFrom says whether another VM has the virtual IP.
func (w *world) movedFrom(s site, vm olvmsim.VM) func() (bool, string) {
	return func() (bool, string) {
		others := slices.DeleteFunc(w.holders(s), func(other olvmsim.VM) bool { return other.ID == vm.ID })
		return len(others) == 1, fmt.Sprint(names(others))
	}
}

// expectReplacement kills the VM with the virtual IP and one of a worker: both are replaced, and nothing remembers them.
func (w *world) expectReplacement(t *testing.T, s site) {
	t.Helper()
	w.hastenHealthChecks(t, s)
	dead := w.holder(t, s)
	t.Logf("%s has the virtual IP and is killed", dead.Name)
	w.survive(t, s, func() { w.kill(t, dead) }, w.movedFrom(s, dead))
	begin := time.Now()
	worker := w.worker(t, s)
	w.kill(t, worker)
	again := w.breakJoin(t, s)
	w.expectGone(t, s, dead, worker)
	t.Logf("both are replaced %.0f s later", time.Since(begin).Seconds())
	w.settle(t, s)
	require.True(t, slices.ContainsFunc(w.sim.Holds(t).VMs, func(vm olvmsim.VM) bool { return vm.ID == again.ID }), "the join was tried again")
	w.expectMembers(t, s)
	w.expectLists(t, s)
}

// breakJoin kills the kubeadm of the next node of the control plane once its member of etcd starts.
func (w *world) breakJoin(t *testing.T, s site) olvmsim.VM {
	t.Helper()
	before := w.sim.Holds(t).VMs
	var broken olvmsim.VM
	programs.Eventually(t, "a node of the control plane that joins", func() (bool, string) {
		vms := slices.DeleteFunc(w.sim.Holds(t).VMs, func(vm olvmsim.VM) bool {
			return !strings.HasPrefix(vm.Name, s.Name+"-control-plane-") ||
				slices.ContainsFunc(before, func(old olvmsim.VM) bool { return old.ID == vm.ID })
		})
		if len(vms) == 0 {
			return false, "it has no VM"
		}
		broken = vms[0]
		_, err := w.inVM(broken.Name, "sh", "-c", "[ -e /etc/kubernetes/manifests/etcd.yaml ] && kill -9 $(pidof kubeadm)")
		return err == nil, fmt.Sprint(err)
	})
	t.Logf("kubeadm was killed on %s in the middle of its join", broken.Name)
	return broken
}

// worker is a VM of one.
func (w *world) worker(t *testing.T, s site) olvmsim.VM {
	t.Helper()
	for _, vm := range w.sim.Holds(t).VMs {
		if strings.HasPrefix(vm.Name, s.Name+"-md-0-") {
			return vm
		}
	}
	require.FailNow(t, "there is no worker")
	return olvmsim.VM{}
}

// expectGone waits until of VMs neither the engine nor the management cluster nor the cluster knows anything.
func (w *world) expectGone(t *testing.T, s site, vms ...olvmsim.VM) {
	t.Helper()
	for _, vm := range vms {
		programs.Eventually(t, vm.Name+" is gone", func() (bool, string) {
			list, err := w.listNodes(s)
			if err != nil {
				return false, err.Error()
			}
			_, node := list[vm.Name]
			inEngine := slices.ContainsFunc(w.sim.Holds(t).VMs, func(other olvmsim.VM) bool { return other.ID == vm.ID })
			machine := slices.ContainsFunc(w.machines(s), func(m clusterv1.Machine) bool { return m.Name == vm.Name })
			return !node && !inEngine && !machine, fmt.Sprintf("node %t, VM %t, Machine %t", node, inEngine, machine)
		})
	}
}

// process is the main one of a service inside a VM.
func (w *world) process(t *testing.T, vm, unit string) string {
	t.Helper()
	out, err := w.inVM(vm, "systemctl", "show", "--property", "MainPID", "--value", unit)
	require.NoError(t, err)
	return strings.TrimSpace(out)
}

// expectServiceSurvives kills all processes of a service on the node with the virtual IP.
func (w *world) expectServiceSurvives(t *testing.T, s site, unit string) {
	t.Helper()
	vm := w.holder(t, s)
	before := w.process(t, vm.Name, unit)
	require.NotEqual(t, "0", before)
	w.survive(t, s, func() {
		_, err := w.inVM(vm.Name, "systemctl", "kill", "--signal", "KILL", unit)
		require.NoError(t, err)
	}, func() (bool, string) {
		pid := w.process(t, vm.Name, unit)
		return pid != "0" && pid != before, pid
	})
	t.Logf("%s was killed on %s; the virtual IP is now on %s", unit, vm.Name, w.holder(t, s).Name)
	w.settle(t, s)
}

// expectAPIServerSurvives takes the API server from the node with the virtual IP, and gives it back before a health check replaces the node:
// kubelets of the control plane report to the API server of their own node.
func (w *world) expectAPIServerSurvives(t *testing.T, s site) {
	t.Helper()
	const manifest, away = "/etc/kubernetes/manifests/kube-apiserver.yaml", "/etc/kubernetes/kube-apiserver.yaml"
	vm := w.holder(t, s)
	moved := w.movedFrom(s, vm)
	w.survive(t, s, func() {
		_, err := w.inVM(vm.Name, "mv", manifest, away)
		require.NoError(t, err)
	}, func() (bool, string) {
		_, err := w.inVM(vm.Name, "curl", "--silent", "--insecure", "--noproxy", "*", "--max-time", "2", "https://127.0.0.1:6444/livez")
		if err == nil {
			return false, "its API server still answers"
		}
		return moved()
	})
	_, err := w.inVM(vm.Name, "mv", away, manifest)
	require.NoError(t, err)
	w.settle(t, s)
}

// expectCableSurvives cuts the node with the virtual IP off, and connects it again before a health check replaces it.
func (w *world) expectCableSurvives(t *testing.T, s site) {
	t.Helper()
	vm := w.holder(t, s)
	port := "vm-" + vm.ID[:8] + "-0"
	set := func(state string) {
		_, err := w.exec("--", "ip", "link", "set", port, state)
		require.NoError(t, err)
	}
	w.survive(t, s, func() { set("down") }, w.movedFrom(s, vm))
	set("up")
	w.settle(t, s)
	require.Contains(t, names(w.controlPlane(s)), vm.Name, "the node was not replaced")
}
