package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/cluster"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/ovirt"
	"github.com/ocne-project/ocne/test/programs"
)

// rooms are three oVirt clusters with two hosts each.
const rooms = `
dataCenters: [{name: Default}]
clusters: [{name: One}, {name: Two}, {name: Three}]
hosts:
- {name: one-1, cluster: One}
- {name: one-2, cluster: One}
- {name: two-1, cluster: Two}
- {name: two-2, cluster: Two}
- {name: three-1, cluster: Three}
- {name: three-2, cluster: Three}
storageDomains: [{name: data}]
networks: [{name: ovirtmgmt}]
vnicProfiles: [{name: ovirtmgmt}, {name: fast, network: ovirtmgmt}]
templates: [{name: ock, osType: rhcos_x64, kubernetesVersion: v1.33.10, disks: [{alias: ock-boot}]}]
affinityLabels: [{name: gpu, hosts: [two-2]}]
`

const domains = `
    failureDomains:
    - {name: room-1, olvmOvirtClusterName: One}
    - {name: room-2, olvmOvirtClusterName: Two, vnicProfileName: fast}
    - {name: room-3, olvmOvirtClusterName: Three}
`

// newPlacedWorld is a world with an inventory, whose cluster file is changed and completed.
func newPlacedWorld(t *testing.T, inventory string, controlPlane, workers int, change func(string) string) *world {
	t.Helper()
	file := filepath.Join(t.TempDir(), "inventory.yaml")
	require.NoError(t, os.WriteFile(file, []byte(inventory), 0o600))
	w := newWorld(t, "--inventory", file)
	w.config = programs.WriteClusterFile(t, w.home, w.sim, controlPlane, workers)
	text, err := os.ReadFile(w.config)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(w.config, []byte(change(string(text))), 0o600))
	return w
}

func (w *world) watchable(t *testing.T) client.WithWatch {
	t.Helper()
	return programs.Management(t, filepath.Join(w.managementDir(), "controlplane", "kubeconfig"))
}

// hostClusters are the names of the oVirt clusters by their ids.
func (w *world) hostClusters() map[string]string {
	w.t.Helper()
	dataCenter, err := w.engine.DataCenterByName(context.Background(), "Default")
	require.NoError(w.t, err)
	list, err := w.engine.Clusters(context.Background(), dataCenter.ID)
	require.NoError(w.t, err)
	names := map[string]string{}
	for _, c := range list {
		names[c.ID] = c.Name
	}
	return names
}

// affinityGroups are ours, by name.
func (w *world) affinityGroups() map[string]ovirt.AffinityGroup {
	w.t.Helper()
	ours := map[string]ovirt.AffinityGroup{}
	for id := range w.hostClusters() {
		groups, err := w.engine.AffinityGroups(context.Background(), id)
		require.NoError(w.t, err)
		for _, g := range groups {
			if _, ok := machine.ParseGroupMark(g.Description); ok {
				ours[g.Name] = g
			}
		}
	}
	return ours
}

// hostOf is the name of the host that a VM runs on.
func (w *world) hostOf(vm ovirt.VM) string {
	w.t.Helper()
	hosts, err := w.engine.Hosts(context.Background(), vm.ClusterID)
	require.NoError(w.t, err)
	for _, h := range hosts {
		if h.ID == vm.HostID {
			return h.Name
		}
	}
	return ""
}

func (w *world) details() (d cluster.Details) {
	w.t.Helper()
	require.NoError(w.t, json.Unmarshal([]byte(w.stdout("cluster", "info", "-C", "demo", "-o", "json")), &d))
	return d
}

// expectInDomains compares where the control plane nodes' VMs are with the domains of their Machines.
func (w *world) expectInDomains(t *testing.T, want map[string]int) {
	t.Helper()
	where := map[string]string{"room-1": "One", "room-2": "Two", "room-3": "Three"}
	vms, names, have := w.vms(), w.hostClusters(), map[string]int{}
	for _, m := range w.details().Machines {
		if m.Role != cluster.ControlPlaneRole {
			continue
		}
		have[m.FailureDomain]++
		require.Equal(t, where[m.FailureDomain], names[vms[m.Name].ClusterID], "oVirt cluster of %s in %s", m.Name, m.FailureDomain)
	}
	require.Equal(t, want, have)
}

// Three control plane nodes are in three failure domains; what is lost is made again where it may be.
func TestControlPlanesAreSpreadOverFailureDomains(t *testing.T) {
	t.Parallel()
	w := newPlacedWorld(t, rooms, 3, 1, func(text string) string {
		text = strings.Replace(text, "olvmOvirtClusterName: Default", `olvmOvirtClusterName: ""`, 1)
		return strings.Replace(text, "    workerMachine: *machine\n", `    workerMachine: {<<: *machine, failureDomain: room-2}`+domains, 1)
	})
	w.ocne("cluster", "start", "-c", w.config)
	w.expectNodes(3, 1)
	c := w.watchable(t)
	even := map[string]int{"room-1": 1, "room-2": 1, "room-3": 1}
	t.Run("spread", func(t *testing.T) {
		w.expectInDomains(t, even)
		require.Contains(t, w.stdout("cluster", "info", "-C", "demo"), "machines in each failure domain: room-1 1, room-2 1, room-3 1")
		s := site{c, t}
		require.Len(t, s.cluster().Status.FailureDomains, 3)
		for name, m := range s.machines() {
			require.NotEmpty(t, m.Status.FailureDomain, name)
			require.Equal(t, m.Status.FailureDomain == "room-2", m.Status.OLVM.VNICProfileName == "fast", name)
			require.Contains(t, w.affinityGroups(), m.Status.OLVM.AffinityGroupName)
		}
		require.Len(t, w.affinityGroups(), 4, "of the control plane in three oVirt clusters, and of the workers")
	})
	t.Run("a host is lost", func(t *testing.T) {
		victim := w.inDomain("room-1")
		host := w.hostOf(w.vms()[victim])
		w.sim.Inject(t, olvmsim.Fault{Effect: olvmsim.Effect{Kind: olvmsim.HostDown, Host: host}})
		w.replace(t, c, victim)
		w.expectInDomains(t, even)
		require.NotEqual(t, host, w.hostOf(w.vms()[w.inDomain("room-1")]))
	})
	t.Run("a whole domain is lost", func(t *testing.T) {
		victim := w.inDomain("room-3")
		for _, host := range []string{"three-1", "three-2"} {
			w.sim.Inject(t, olvmsim.Fault{Effect: olvmsim.Effect{Kind: olvmsim.HostDown, Host: host}})
		}
		infra := site{c, t}.cluster() // the administrator takes it out
		kept := slices.DeleteFunc(slices.Clone(infra.Spec.FailureDomains), func(d infrav1.FailureDomain) bool { return d.Name == "room-3" })
		before := infra.DeepCopy()
		infra.Spec.FailureDomains = kept
		require.NoError(t, c.Patch(t.Context(), infra, client.MergeFrom(before)))
		programs.Eventually(t, "Cluster API knows two domains", func() (bool, string) {
			found := &clusterv1.Cluster{}
			require.NoError(t, c.Get(t.Context(), client.ObjectKey{Namespace: "ocne", Name: "demo"}, found))
			return len(found.Status.FailureDomains) == 2, fmt.Sprintf("%+v", found.Status.FailureDomains)
		})
		w.replace(t, c, victim)
		have := map[string]int{}
		for _, m := range w.details().Machines {
			if m.Role == cluster.ControlPlaneRole {
				have[m.FailureDomain]++
			}
		}
		require.Equal(t, 3, have["room-1"]+have["room-2"], "%v", have)
		require.Positive(t, have["room-1"]*have["room-2"], "%v", have)
	})
	w.ocne("cluster", "delete", "-C", "demo")
	w.expectEmptyEngine()
}

// inDomain is the name of the one control plane machine in a domain.
func (w *world) inDomain(domain string) string {
	w.t.Helper()
	for _, m := range w.details().Machines {
		if m.Role == cluster.ControlPlaneRole && m.FailureDomain == domain {
			return m.Name
		}
	}
	require.FailNow(w.t, "no control plane machine in "+domain)
	return ""
}

// replace deletes a Machine and waits for a cluster that is whole without it.
func (w *world) replace(t *testing.T, c client.Client, name string) {
	t.Helper()
	require.NoError(t, c.Delete(t.Context(), &clusterv1.Machine{ObjectMeta: metav1.ObjectMeta{Namespace: "ocne", Name: name}}))
	programs.Eventually(t, name+" is replaced", func() (bool, string) {
		_, there := w.vms()[name]
		d := w.details()
		return !there && d.Ready && d.ControlPlane.Ready == 3, fmt.Sprintf("%v\n%v", there, d.Conditions)
	})
}

// Fifty machines join one affinity group, which engines let only one do at a time, and none of them ever says so.
func TestFiftyMachinesAtOnceJoinOneGroup(t *testing.T) {
	t.Parallel()
	const many = 50
	w := newWorld(t)
	text, err := os.ReadFile(w.config)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(w.config, []byte(strings.Replace(string(text), ".139\"", ".219\"", 1)), 0o600))
	w.ocne("cluster", "start", "-c", w.config, "-w", "0")
	seen := w.watchConditions(t)
	w.sim.Inject(t, olvmsim.Fault{
		Match: olvmsim.Match{Method: "POST", Path: "clusters/*/affinitygroups/**"}, Probability: 0.2, Effect: olvmsim.Effect{Kind: olvmsim.Locked},
	})
	w.ocne("cluster", "start", "-c", w.config, "-w", fmt.Sprint(many))
	w.expectNodes(1, many)
	groups := w.affinityGroups()
	require.Len(t, groups["ocne-demo-demo-md-0-Default"].VMIDs, many)
	require.Len(t, groups["ocne-demo-demo-control-plane-Default"].VMIDs, 1)
	for message := range seen() {
		for _, words := range []string{"400", "409", "locked", "in progress", "Affinity Group"} {
			require.NotContains(t, message, words)
		}
	}
	w.ocne("cluster", "delete", "-C", "demo")
	w.expectEmptyEngine()
}

// watchConditions collects what the machines' conditions say from now on.
func (w *world) watchConditions(t *testing.T) (stop func() map[string]bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	watch, err := w.watchable(t).Watch(ctx, &infrav1.OLVMMachineList{})
	require.NoError(t, err)
	messages, events := map[string]bool{}, 0
	var reading sync.WaitGroup
	reading.Go(func() {
		for event := range watch.ResultChan() {
			if m, ok := event.Object.(*infrav1.OLVMMachine); ok {
				events++
				for _, c := range m.Status.Conditions {
					messages[c.Message] = true
				}
			}
		}
	})
	return func() map[string]bool {
		cancel()
		watch.Stop()
		reading.Wait()
		require.Positive(t, events)
		return messages
	}
}

// Three nodes that must be apart, on two hosts.
func TestHardAntiAffinityWaitsForAHost(t *testing.T) {
	t.Parallel()
	inventory := strings.Replace(limitedInventory, "hosts: [{name: host1}, {name: host2}]", "hosts: [{name: host1}, {name: host2}, {name: host3, status: maintenance}]", 1)
	w := newPlacedWorld(t, inventory, 1, 3, func(text string) string {
		return strings.Replace(text, "workerMachine: *machine", "workerMachine: {<<: *machine, placement: {antiAffinity: hard}}", 1)
	})
	out := w.launch("cluster", "start", "-c", w.config).wait(t, 1)
	require.Contains(t, out, "providers.olvm.workerMachine.placement.antiAffinity")
	require.Contains(t, out, "3 nodes must be on different hosts")
	require.Empty(t, w.vms())

	start := w.launch("cluster", "start", "-c", w.config, "--skip-preflight=placement", "--timeout", "10m")
	programs.Eventually(t, "one machine waits with the engine's words", func() (bool, string) {
		if !start.runs() {
			return true, ""
		}
		if _, err := os.Stat(filepath.Join(w.managementDir(), "controlplane", "kubeconfig")); err != nil {
			return false, err.Error()
		}
		list, told := &infrav1.OLVMMachineList{}, ""
		if err := w.watchable(t).List(t.Context(), list); err != nil {
			return false, err.Error()
		}
		for i := range list.Items {
			if c := conditions.Get(&list.Items[i], infrav1.VMReadyCondition); c != nil {
				told += c.Message + "\n"
				if c.Reason == infrav1.OutOfCapacityReason && strings.Contains(c.Message, "VmAffinityGroups") {
					return true, ""
				}
			}
		}
		return false, told
	})
	w.set("host", "host3", "--status", "up")
	<-start.ended // it may have ended by itself, because nothing went on
	w.ocne("cluster", "start", "-c", w.config, "--skip-preflight=placement")
	w.expectNodes(1, 3)
	hosts, vms := map[string]bool{}, w.vms()
	_, workers := w.nodes()
	for _, node := range workers {
		hosts[w.hostOf(vms[node.Name])] = true
	}
	require.Len(t, hosts, 3)
	require.Contains(t, w.affinityGroups(), "ocne-demo-demo-md-0-Default-hard")
	w.ocne("cluster", "delete", "-C", "demo")
	w.expectEmptyEngine()
}

// Machines that name their hosts, or labels that hosts have, run there and nowhere else.
func TestMachinesRunOnTheHostsThatTheyName(t *testing.T) {
	t.Parallel()
	w := newPlacedWorld(t, rooms, 1, 1, func(text string) string {
		text = strings.Replace(text, "olvmOvirtClusterName: Default", "olvmOvirtClusterName: Two\n      placement: {hosts: [two-1]}", 1)
		return strings.Replace(text, "workerMachine: *machine", "workerMachine: {<<: *machine, placement: {affinityLabels: [gpu]}}", 1)
	})
	w.ocne("cluster", "start", "-c", w.config)
	w.expectNodes(1, 1)
	controlPlane, workers := w.nodes()
	vms := w.vms()
	require.Equal(t, "two-1", w.hostOf(vms[controlPlane[0].Name]))
	labels, err := w.engine.AffinityLabels(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{vms[workers[0].Name].ID}, labels[0].VMIDs)
	w.ocne("cluster", "delete", "-C", "demo")
	w.expectEmptyEngine()
}
