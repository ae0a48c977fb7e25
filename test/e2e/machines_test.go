package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/test/programs"
)

// controlPlane are the VMs of the cluster's control plane that run.
func (w *world) controlPlane(s site) (vms []olvmsim.VM) {
	w.t.Helper()
	for _, vm := range w.sim.Holds(w.t).VMs {
		if strings.HasPrefix(vm.Name, s.Name+"-control-plane-") && vm.Status != "down" {
			vms = append(vms, vm)
		}
	}
	return vms
}

// holders are those that have the virtual IP.
func (w *world) holders(s site) (vms []olvmsim.VM) {
	w.t.Helper()
	return slices.DeleteFunc(w.controlPlane(s), func(vm olvmsim.VM) bool { return !slices.Contains(vm.Addresses, s.VirtualIP()) })
}

// holder is the one that has the virtual IP.
func (w *world) holder(t *testing.T, s site) (vm olvmsim.VM) {
	t.Helper()
	programs.Eventually(t, "one VM has the virtual IP", func() (bool, string) {
		all := w.holders(s)
		if len(all) == 1 {
			vm = all[0]
		}
		return len(all) == 1, fmt.Sprint(names(all))
	})
	return vm
}

func names(vms []olvmsim.VM) (all []string) {
	for _, vm := range vms {
		all = append(all, vm.Name)
	}
	slices.Sort(all)
	return all
}

// pid is that of a running VM's first process.
func (w *world) pid(vm olvmsim.VM) (int, error) {
	raw, err := os.ReadFile(filepath.Join(w.sim.State, "guests", vm.ID, "running.json"))
	if err != nil {
		return 0, err
	}
	var running struct{ PID int }
	if err := json.Unmarshal(raw, &running); err != nil || running.PID <= 1 {
		return 0, fmt.Errorf("%s tells no process: %w", raw, err)
	}
	return running.PID, nil
}

// fileIn is where a file of a running VM is for this process.
func (w *world) fileIn(vm olvmsim.VM, path string) (string, error) {
	pid, err := w.pid(vm)
	return filepath.Join("/proc", strconv.Itoa(pid), "root", path), err
}

// kill takes the life of a VM's first process, and with it of all others, as if its host had lost power.
func (w *world) kill(t *testing.T, vm olvmsim.VM) {
	t.Helper()
	pid, err := w.pid(vm)
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
}

// settle waits until the cluster has exactly its nodes and all are Ready, one of them has the virtual IP, and each of the control plane
// may take it over.
func (w *world) settle(t *testing.T, s site) {
	t.Helper()
	begin := time.Now()
	programs.Eventually(t, "all nodes are Ready, and the load balancer too", func() (bool, string) {
		if ok, state := w.settled(s); !ok {
			return false, state
		}
		if holders := w.holders(s); len(holders) != 1 {
			return false, fmt.Sprint("the virtual IP is on ", names(holders))
		}
		for _, vm := range w.controlPlane(s) {
			if err := w.eligible(vm); err != nil {
				return false, fmt.Sprintf("%s may not hold the virtual IP: %v", vm.Name, err)
			}
		}
		return true, ""
	})
	t.Logf("all is well again after %.0f s", time.Since(begin).Seconds())
}

// eligible says why a VM may not hold the virtual IP. What is cheap to ask comes first.
func (w *world) eligible(vm olvmsim.VM) error {
	file, err := w.fileIn(vm, "/run/ocne-load-balancer/eligible")
	if err != nil {
		return err
	}
	if _, err := os.Stat(file); err != nil {
		return err
	}
	_, err = w.inVM(vm.Name, "/etc/keepalived/check-eligible.sh", "/etc/ocne/load-balancer/settings")
	return err
}

func (w *world) settled(s site) (bool, string) {
	list, err := w.listNodes(s)
	if err != nil {
		return false, err.Error()
	}
	state := make([]string, 0, len(list))
	all := len(list) == s.ControlPlane+s.Workers
	for name, node := range list {
		all = all && ready(node)
		state = append(state, fmt.Sprintf("%s ready %t", name, ready(node)))
	}
	slices.Sort(state)
	return all, strings.Join(state, ", ")
}

// machines are the cluster's in the management cluster, with those labels.
func (w *world) machines(s site, labels ...string) []clusterv1.Machine {
	w.t.Helper()
	list := &clusterv1.MachineList{}
	options := []client.ListOption{client.MatchingLabels{clusterv1.ClusterNameLabel: s.Name}}
	if len(labels) > 0 {
		options = append(options, client.HasLabels(labels))
	}
	require.NoError(w.t, w.management().List(w.t.Context(), list, options...))
	return list.Items
}

// hastenHealthChecks makes the cluster's own health checks, which wait for minutes, wait for seconds.
func (w *world) hastenHealthChecks(t *testing.T, s site) {
	t.Helper()
	c := w.management()
	list := &clusterv1.MachineHealthCheckList{}
	require.NoError(t, c.List(t.Context(), list, client.MatchingLabels{clusterv1.ClusterNameLabel: s.Name}))
	require.Len(t, list.Items, 2, "the cluster comes with health checks for the control plane and for the workers")
	for i := range list.Items {
		check := &list.Items[i]
		before := client.MergeFrom(check.DeepCopy())
		for j := range check.Spec.Checks.UnhealthyNodeConditions {
			if condition := &check.Spec.Checks.UnhealthyNodeConditions[j]; condition.Status == corev1.ConditionUnknown {
				condition.TimeoutSeconds = ptr.To[int32](5)
			}
		}
		require.NoError(t, c.Patch(t.Context(), check, before))
	}
}

// expectMembers compares etcd's list of members with the living control plane nodes.
func (w *world) expectMembers(t *testing.T, s site) {
	t.Helper()
	vms := w.controlPlane(s)
	require.Len(t, vms, s.ControlPlane)
	const pki = "/etc/kubernetes/pki/etcd/"
	for _, vm := range vms {
		programs.Eventually(t, "the members that etcd lists on "+vm.Name, func() (bool, string) {
			out, err := w.inVM(vm.Name, "curl", "--silent", "--fail", "--noproxy", "*", "--cacert", pki+"ca.crt", "--cert", pki+"healthcheck-client.crt",
				"--key", pki+"healthcheck-client.key", "--data", "{}", "https://127.0.0.1:2379/v3/cluster/member/list")
			if err != nil {
				return false, err.Error()
			}
			var list struct {
				Members []struct {
					Name      string
					IsLearner bool
				}
			}
			if err := json.Unmarshal([]byte(out), &list); err != nil {
				return false, out
			}
			voting := map[string]bool{}
			for _, m := range list.Members {
				voting[m.Name] = !m.IsLearner
			}
			want := map[string]bool{}
			for _, name := range names(vms) {
				want[name] = true
			}
			return len(list.Members) == len(vms) && maps.Equal(voting, want), out
		})
	}
}

// expectLists reads what each control plane node's load balancer goes by: it names the other living ones, and nobody else.
func (w *world) expectLists(t *testing.T, s site) {
	t.Helper()
	begin := time.Now()
	nodes := w.nodes(s)
	vms := w.controlPlane(s)
	require.Len(t, vms, s.ControlPlane)
	for _, vm := range vms {
		var others []string
		for _, other := range vms {
			if other.ID != vm.ID {
				others = append(others, internalAddress(nodes[other.Name]))
			}
		}
		slices.Sort(others)
		for _, path := range []string{"/etc/keepalived/keepalived.conf", "/etc/ocne/nginx/nginx.conf"} {
			programs.Eventually(t, path+" of "+vm.Name+" names the others", func() (bool, string) {
				file, err := w.fileIn(vm, path)
				require.NoError(t, err)
				text, err := os.ReadFile(file)
				listed := listedIn(string(text))
				return err == nil && slices.Equal(listed, others), fmt.Sprint("lists ", listed, " instead of ", others, " ", err)
			})
		}
	}
	t.Logf("the load balancers' lists are right after %.0f s more", time.Since(begin).Seconds())
}

// listedIn are the addresses between the marks that the load balancer's refresh keeps.
func listedIn(text string) []string {
	_, rest, _ := strings.Cut(text, "# others\n")
	between, _, _ := strings.Cut(rest, "# end of others")
	found := regexp.MustCompile(`\b\d+\.\d+\.\d+\.\d+\b`).FindAllString(between, -1)
	slices.Sort(found)
	return found
}
