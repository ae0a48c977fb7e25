package integration

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/ovirt"
	"github.com/ocne-project/ocne/test/programs"
)

// subnet is the first three numbers of the nodes' addresses.
func (w *world) subnet() string {
	w.t.Helper()
	text, err := os.ReadFile(w.config)
	require.NoError(w.t, err)
	found := regexp.MustCompile(`virtualIp: (127\.\d+\.\d+)\.100`).FindSubmatch(text)
	require.NotNil(w.t, found)
	return string(found[1])
}

// foreignVM makes a VM of a cluster of another management cluster.
func (w *world) foreignVM(cluster, address string) string {
	w.t.Helper()
	ctx := context.Background()
	dataCenter, err := w.engine.DataCenterByName(ctx, "Default")
	require.NoError(w.t, err)
	place, err := w.engine.ClusterByName(ctx, dataCenter.ID, "Default")
	require.NoError(w.t, err)
	network, err := w.engine.NetworkByName(ctx, dataCenter.ID, "ovirtmgmt")
	require.NoError(w.t, err)
	template, err := w.engine.TemplateByName(ctx, dataCenter.ID, "ock")
	require.NoError(w.t, err)
	mark := machine.Mark{Cluster: cluster, Machine: "elsewhere/node", Network: network.ID, Addresses: []netip.Addr{netip.MustParseAddr(address)}}
	vm, err := w.engine.AddVM(ctx, ovirt.AddVM{
		ID: uuid.NewString(), Name: "foreign", Comment: mark.Comment(), ClusterID: place.ID, TemplateID: template.ID,
		Memory: 1 << 30, GuaranteedMemory: 1 << 30, MaxMemory: 1 << 30, CPU: ovirt.CPUTopology{Cores: 1, Sockets: 1, Threads: 1},
	}, "foreign")
	require.NoError(w.t, err)
	return vm.ID
}

func (w *world) removeVM(id string) {
	w.t.Helper()
	programs.Eventually(w.t, "the VM is removed", func() (bool, string) {
		if err := w.engine.RemoveVM(context.Background(), id); err != nil && ovirt.KindOf(err) != ovirt.NotFound {
			return false, err.Error()
		}
		_, err := w.engine.VM(context.Background(), id)
		return ovirt.KindOf(err) == ovirt.NotFound, fmt.Sprint(err)
	})
}

// site is the management cluster as a test sees it.
type site struct {
	client.Client
	t *testing.T
}

func (s site) cluster() *infrav1.OLVMCluster {
	s.t.Helper()
	list := &infrav1.OLVMClusterList{}
	require.NoError(s.t, s.List(context.Background(), list))
	require.Len(s.t, list.Items, 1)
	return &list.Items[0]
}

func (s site) machines() map[string]infrav1.OLVMMachine {
	s.t.Helper()
	list, byName := &infrav1.OLVMMachineList{}, map[string]infrav1.OLVMMachine{}
	require.NoError(s.t, s.List(context.Background(), list))
	for _, m := range list.Items {
		byName[m.Name] = m
	}
	return byName
}

func (s site) claims() []ipamv1.IPAddressClaim {
	s.t.Helper()
	list := &ipamv1.IPAddressClaimList{}
	require.NoError(s.t, s.List(context.Background(), list))
	return list.Items
}

func (s site) addresses() []ipamv1.IPAddress {
	s.t.Helper()
	list := &ipamv1.IPAddressList{}
	require.NoError(s.t, s.List(context.Background(), list))
	return list.Items
}

// condition waits until the cluster has it, and returns its message.
func (s site) condition(kind, reason string) (message string) {
	s.t.Helper()
	programs.Eventually(s.t, kind+" is "+reason, func() (bool, string) {
		c := conditions.Get(s.cluster(), kind)
		if c == nil {
			return false, "none"
		}
		message = c.Message
		return c.Reason == reason, fmt.Sprintf("%+v", *c)
	})
	return message
}

// waiting waits for a machine that says why it has no address, and returns the message.
func (s site) waiting(reason string) (message string) {
	s.t.Helper()
	programs.Eventually(s.t, "a machine waits: "+reason, func() (bool, string) {
		var seen []string
		for name, m := range s.machines() {
			c := conditions.Get(&m, infrav1.AddressesWonCondition)
			if c != nil && c.Reason == reason {
				message = c.Message
				return true, ""
			}
			seen = append(seen, fmt.Sprintf("%s %+v", name, c))
		}
		return false, strings.Join(seen, "\n")
	})
	return message
}

func (s site) allWon(n int) {
	s.t.Helper()
	programs.Eventually(s.t, "every machine has won its addresses", func() (bool, string) {
		machines := s.machines()
		for name, m := range machines {
			if !conditions.IsTrue(&m, infrav1.AddressesWonCondition) || !conditions.IsTrue(&m, infrav1.ReadyCondition) {
				return false, fmt.Sprintf("%s %+v", name, m.Status.Conditions)
			}
		}
		return len(machines) == n, fmt.Sprintf("%d machines", len(machines))
	})
}

func names[V any](m map[string]V) []string {
	var list []string
	for name := range m {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

// An administrator whose pool is too small, because somebody else has taken some of it, makes it larger and goes on.
func TestAPoolGrowsWithoutReplacingMachines(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	kubeconfig := startManagement(t, "ReconcilerRateLimiting=false")
	s := site{programs.Management(t, kubeconfig), t}
	subnet := w.subnet()
	pool := subnet + ".110-" + subnet + ".112"
	w.rewrite(subnet+".110-"+subnet+".139", pool)
	foreign := w.foreignVM("elsewhere/prod", subnet+".111")
	start := []string{"cluster", "start", "--kubeconfig", kubeconfig, "-c", w.config}

	out := w.launch(append(start, "--skip-preflight", "addresses")...).wait(t, 1)
	require.Contains(t, out, "no address is free in the IPv4 pool "+pool+" of network ovirtmgmt")
	require.Contains(t, out, "Add addresses to ipAddresses in the cluster file and start it again")
	before, machines := ids(w.vms()), names(s.machines())
	require.Len(t, machines, 3)

	t.Run("conditions name the pool and who uses it", func(t *testing.T) {
		message := s.waiting(infrav1.PoolExhaustedReason)
		require.Contains(t, message, pool+" of network ovirtmgmt (3 addresses)")
		require.Contains(t, message, "add addresses to ipAddresses of OLVMMachineTemplate demo-md-0")
		require.Contains(t, message, "no machine is replaced")
		message = s.condition(infrav1.AddressesAvailableCondition, infrav1.PoolExhaustedReason)
		require.Contains(t, message, pool+" of network ovirtmgmt (of 3 usable: 1 by elsewhere/prod, 2 by ocne/demo)")
		require.Contains(t, message, "OLVMMachineTemplate demo-control-plane, demo-md-0")
		require.Equal(t, []infrav1.AddressPoolStatus{{
			Network: "ovirtmgmt", Family: infrav1.IPv4Family, Ranges: []string{pool}, Groups: []string{"demo-control-plane", "demo-md-0"},
			Total: 3, Used: 3, Free: 0,
			UsedBy: []infrav1.AddressPoolUse{{Cluster: "elsewhere/prod", Addresses: 1}, {Cluster: "ocne/demo", Addresses: 2}},
		}}, s.cluster().Status.AddressPools)
	})
	t.Run("the same machines go on when the cluster file has more", func(t *testing.T) {
		w.rewrite(pool, subnet+".110-"+subnet+".113")
		w.ocne(start...)
		s.allWon(3)
		require.Equal(t, machines, names(s.machines()), "no machine was replaced")
		after := ids(w.vms())
		for name, id := range before {
			require.Equal(t, id, after[name])
		}
		require.Len(t, after, 4)
		controlPlane, workers := w.nodes()
		require.Len(t, controlPlane, 1)
		require.Len(t, workers, 2)
	})
	t.Run("an exact pool is one that has nothing free", func(*testing.T) {
		s.condition(infrav1.AddressesAvailableCondition, infrav1.PoolExhaustedReason)
	})
	t.Run("a machine goes on by itself when its template grows", func(*testing.T) {
		s.scaleWorkers(3)
		s.waiting(infrav1.PoolExhaustedReason)
		s.setRanges("demo-md-0", subnet+".110-"+subnet+".114")
		s.allWon(4)
	})
	t.Run("and when an address is given back", func(t *testing.T) {
		s.scaleWorkers(4)
		s.waiting(infrav1.PoolExhaustedReason)
		w.removeVM(foreign)
		s.allWon(5)
		s.setRanges("demo-md-0", subnet+".110-"+subnet+".115")
		s.setRanges("demo-control-plane", subnet+".110-"+subnet+".115")
		want := []infrav1.AddressPoolStatus{{
			Network: "ovirtmgmt", Family: infrav1.IPv4Family, Ranges: []string{subnet + ".110-" + subnet + ".115"},
			Groups: []string{"demo-control-plane", "demo-md-0"}, Total: 6, Used: 5, Free: 1,
			UsedBy: []infrav1.AddressPoolUse{{Cluster: "ocne/demo", Addresses: 5}},
		}}
		programs.Eventually(t, "the pools are counted", func() (bool, string) {
			have := s.cluster().Status.AddressPools
			return equality.Semantic.DeepEqual(want, have), fmt.Sprintf("%+v", have)
		})
		s.condition(infrav1.AddressesAvailableCondition, infrav1.AvailableReason)
	})
	t.Run("a status that says the same is not written", func(*testing.T) { s.expectQuiet(w) })
	t.Run("owners that were lost are written again", func(*testing.T) { s.expectOwnersRestored() })
	t.Run("delete gives everything back", func(t *testing.T) {
		w.ocne("cluster", "delete", "--kubeconfig", kubeconfig, "-c", w.config)
		w.expectEmptyEngine()
		require.Empty(t, s.addresses())
	})
}

func (s site) scaleWorkers(n int) {
	s.t.Helper()
	deployment := &clusterv1.MachineDeployment{ObjectMeta: metav1.ObjectMeta{Namespace: "ocne", Name: "demo-md-0"}}
	patch := fmt.Sprintf(`{"spec":{"replicas":%d}}`, n)
	require.NoError(s.t, s.Patch(context.Background(), deployment, client.RawPatch(types.MergePatchType, []byte(patch))))
}

func (s site) setRanges(template, ranges string) {
	s.t.Helper()
	object := &infrav1.OLVMMachineTemplate{ObjectMeta: metav1.ObjectMeta{Namespace: "ocne", Name: template}}
	patch := fmt.Sprintf(`{"spec":{"template":{"spec":{"virtualMachine":{"network":{"ipv4":{"ipAddresses":[%q]}}}}}}}`, ranges)
	require.NoError(s.t, s.Patch(context.Background(), object, client.RawPatch(types.MergePatchType, []byte(patch))))
}

// expectQuiet gives the cluster's controller a reason to look again, and the time to do so, and sees that it writes nothing. It looks in
// any case more often than twice the list of VMs is read.
func (s site) expectQuiet(w *world) {
	s.t.Helper()
	looks := func() int {
		n := 0
		for _, r := range w.sim.Requests(s.t) {
			if r.Path == "vms" && r.Method == http.MethodGet {
				n++
			}
		}
		return n
	}
	looked := func() {
		before := looks()
		programs.Eventually(s.t, "the controller has looked", func() (bool, string) { return looks() > before+2, "" })
	}
	var version string
	programs.Eventually(s.t, "all that the changes before had to tell is told", func() (bool, string) {
		before := s.cluster().ResourceVersion
		looked()
		version = s.cluster().ResourceVersion
		return version == before, version
	})
	// An address that is none of the cluster's pools, so that nothing is to be told.
	probe := &ipamv1.IPAddress{ObjectMeta: metav1.ObjectMeta{
		Namespace: "ocne", Name: "probe", Labels: map[string]string{clusterv1.ClusterNameLabel: "demo"},
	}, Spec: s.addresses()[0].Spec}
	probe.Spec.PoolRef.APIGroup = programs.IPAMGroup
	require.NoError(s.t, s.Create(context.Background(), probe))
	require.NoError(s.t, s.Delete(context.Background(), probe))
	looked()
	require.Equal(s.t, version, s.cluster().ResourceVersion)
}

// expectOwnersRestored takes the owners off all addresses, as a restored backup has none.
func (s site) expectOwnersRestored() {
	s.t.Helper()
	for _, a := range s.addresses() {
		patch := client.MergeFrom(a.DeepCopy())
		a.OwnerReferences = nil
		require.NoError(s.t, s.Patch(context.Background(), &a, patch))
	}
	for _, m := range s.machines() {
		patch := client.MergeFrom(m.DeepCopy())
		m.Annotations["test/look"] = "again"
		require.NoError(s.t, s.Patch(context.Background(), &m, patch))
	}
	programs.Eventually(s.t, "every address has its machine as owner", func() (bool, string) {
		machines := s.machines()
		for _, a := range s.addresses() {
			m := machines[a.Spec.PoolRef.Name]
			if !metav1.IsControlledBy(&a, &m) {
				return false, a.Name
			}
		}
		return true, ""
	})
}
