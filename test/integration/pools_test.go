package integration

import (
	"context"
	"fmt"
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
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

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
	t.Run("a machine goes on by itself when its template grows", func(t *testing.T) {
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

// expectQuiet makes the cluster's controller look again, and sees that it writes nothing.
func (s site) expectQuiet(w *world) {
	s.t.Helper()
	looks := func() int {
		n := 0
		for _, r := range w.sim.Requests(s.t) {
			if r.Path == "datacenters" {
				n++
			}
		}
		return n
	}
	version, before := s.cluster().ResourceVersion, looks()
	// An address that is none of the cluster's pools, so that nothing is to be told.
	probe := &ipamv1.IPAddress{ObjectMeta: metav1.ObjectMeta{
		Namespace: "ocne", Name: "probe", Labels: map[string]string{clusterv1.ClusterNameLabel: "demo"},
	}, Spec: s.addresses()[0].Spec}
	probe.Spec.PoolRef.APIGroup = providerGroup
	require.NoError(s.t, s.Create(context.Background(), probe))
	require.NoError(s.t, s.Delete(context.Background(), probe))
	programs.Eventually(s.t, "the controller has looked", func() (bool, string) { return looks() > before, "" })
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

// An IPAM provider gives the addresses of both families, and the virtual IP of another cluster.
func TestAddressesFromPoolsOfAnIPAMProvider(t *testing.T) {
	w := newWorld(t)
	kubeconfig := startManagement(t, "ReconcilerRateLimiting=false")
	s := site{programs.Management(t, kubeconfig), t}
	subnet := w.subnet()
	w.rewrite("provider: olvm\n", "provider: olvm\n"+dualSubnets, "workerNodes: 2", "workerNodes: 1",
		fmt.Sprintf(`ipv4: {subnet: %[1]s.0/24, ipAddresses: "%[1]s.110-%[1]s.139"}`, subnet),
		fmt.Sprintf("addressesFromPools: [{apiGroup: %[1]s, kind: Pool, name: six}, {apiGroup: %[1]s, kind: Pool, name: four}]", providerGroup))
	provider := startProvider(s)
	provider.fill("four", "", 24, subnet+".120")
	provider.fill("six", "fd00:50::1", 64, "fd00:50::a", "fd00:50::b")
	start := w.launch("cluster", "start", "--kubeconfig", kubeconfig, "-c", w.config)

	require.Contains(t, s.waiting(infrav1.PoolExhaustedReason), "to Pool four: PoolExhausted: the test has no more")
	provider.fill("four", "", 24, subnet+".120", subnet+".121")
	start.wait(t, 0)
	s.allWon(2)
	w.expectNodes(1, 1)
	ipv6 := w.expectBothFamilies("fd00:50::/64")

	t.Run("claims and marks tell the same", func(t *testing.T) {
		require.Len(t, s.claims(), 4)
		machines, vms := s.machines(), w.vms()
		for _, c := range s.claims() {
			m := machines[strings.TrimSuffix(strings.TrimSuffix(c.Name, "-0"), "-1")]
			require.True(t, metav1.IsControlledBy(&c, &m), "%s", c.Name)
			require.True(t, *c.OwnerReferences[0].BlockOwnerDeletion)
			require.Contains(t, c.Finalizers, infrav1.MachineFinalizer)
			require.Equal(t, "demo", c.Labels[clusterv1.ClusterNameLabel])
		}
		for name, m := range machines {
			mark, ours := machine.ParseMark(vms[name].Comment)
			require.True(t, ours)
			require.Equal(t, []netip.Addr{netip.MustParseAddr(m.Status.OLVM.IPAddress), ipv6[name]}, mark.Addresses)
		}
		require.Empty(t, s.cluster().Status.AddressPools, "pools of others are theirs to count")
	})
	t.Run("a claim that lost its owner gets it back", func(*testing.T) {
		lost := s.claims()[0]
		patch := client.MergeFrom(lost.DeepCopy())
		lost.OwnerReferences = nil
		require.NoError(t, s.Patch(context.Background(), &lost, patch))
		programs.Eventually(t, "the owner is back", func() (bool, string) {
			for _, c := range s.claims() {
				if metav1.GetControllerOf(&c) == nil {
					return false, c.Name
				}
			}
			return true, ""
		})
	})
	t.Run("the address of a VM is kept when its claim is deleted", func(t *testing.T) {
		claim := s.claims()[0]
		require.NoError(t, s.Delete(context.Background(), &claim))
		programs.Eventually(t, "the provider has let the address go", func() (bool, string) {
			for _, a := range s.addresses() {
				if a.Spec.ClaimRef.Name == claim.Name {
					return !a.DeletionTimestamp.IsZero() && !slices.Contains(a.Finalizers, providerFinalizer), "not yet"
				}
			}
			return false, "the address is gone"
		})
		require.Len(t, s.claims(), 4)
		require.Len(t, w.vms(), 2)
	})
	t.Run("delete gives everything back", func(t *testing.T) {
		w.ocne("cluster", "delete", "--kubeconfig", kubeconfig, "-c", w.config)
		w.expectEmptyEngine()
		programs.Eventually(t, "claims and addresses are gone", func() (bool, string) {
			return len(s.claims())+len(s.addresses()) == 0, fmt.Sprint(s.claims(), s.addresses())
		})
	})
}

// The virtual IP comes from a pool, and is written where Cluster API looks for it.
func TestVirtualIPFromAPool(t *testing.T) {
	w := newWorld(t)
	kubeconfig := startManagement(t, "ReconcilerRateLimiting=false")
	s := site{programs.Management(t, kubeconfig), t}
	vip := w.subnet() + ".100"
	provider := startProvider(s)
	documents := strings.Split(w.ocne("cluster", "template", "-c", w.config, "-w", "1"), "\n---\n")
	for _, document := range documents[1:] { // the first is what the command says of the others
		object := &unstructured.Unstructured{}
		require.NoError(t, yaml.Unmarshal([]byte(document), &object.Object))
		switch object.GetKind() {
		case "Secret":
			object.Object["stringData"] = map[string]any{"username": w.username, "password": w.password}
		case "OLVMCluster":
			unstructured.RemoveNestedField(object.Object, "spec", "controlPlaneEndpoint")
			pool := map[string]any{"apiGroup": providerGroup, "kind": "Pool", "name": "vip"}
			require.NoError(t, unstructured.SetNestedMap(object.Object, pool, "spec", "controlPlaneEndpointFromPool"))
		}
		require.NoError(t, s.Create(context.Background(), object), "%s %s", object.GetKind(), object.GetName())
	}
	require.Contains(t, s.condition(infrav1.ReadyCondition, infrav1.PoolExhaustedReason), "no virtual IP: IPAddressClaim demo-control-plane-endpoint to Pool vip")
	require.Empty(t, w.vms(), "no machine before there is an endpoint")

	provider.fill("vip", "", 24, vip)
	s.allWon(2)
	require.Equal(t, clusterv1.APIEndpoint{Host: vip, Port: 6443}, s.cluster().Spec.ControlPlaneEndpoint)
	claims := s.claims()
	require.Len(t, claims, 1)
	require.True(t, metav1.IsControlledBy(&claims[0], s.cluster()))
	programs.Eventually(t, "both nodes joined at the virtual IP", func() (bool, string) {
		machines := &clusterv1.MachineList{}
		require.NoError(t, s.List(context.Background(), machines))
		for _, m := range machines.Items {
			if !m.Status.NodeRef.IsDefined() {
				return false, m.Name
			}
		}
		return len(machines.Items) == 2, fmt.Sprintf("%d machines", len(machines.Items))
	})
	t.Run("it cannot change any more", func(t *testing.T) {
		for _, change := range []func(*infrav1.OLVMCluster){
			func(c *infrav1.OLVMCluster) { c.Spec.ControlPlaneEndpoint.Host = "192.0.2.7" },
			func(c *infrav1.OLVMCluster) { c.Spec.ControlPlaneEndpoint = clusterv1.APIEndpoint{} },
			func(c *infrav1.OLVMCluster) { c.Spec.ControlPlaneEndpointFromPool.Name = "other" },
			func(c *infrav1.OLVMCluster) { c.Spec.ControlPlaneEndpointFromPool = nil },
		} {
			cluster := s.cluster()
			change(cluster)
			require.ErrorContains(t, s.Update(context.Background(), cluster), "cannot change")
		}
	})
	t.Run("it is given back with the cluster, and not before", func(t *testing.T) {
		cluster := &clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: "ocne", Name: "demo"}}
		require.NoError(t, s.Delete(context.Background(), cluster))
		programs.Eventually(t, "everything is gone", func() (bool, string) {
			claimed := len(s.claims()) > 0
			if vms := w.vms(); len(vms) > 0 {
				require.True(t, claimed, "VMs use the virtual IP")
				return false, fmt.Sprint(names(vms))
			}
			return !claimed && len(s.addresses()) == 0, "the virtual IP is still claimed"
		})
		w.expectEmptyEngine()
	})
}

// The API server says what does not go together.
func TestAddressesComeFromOnePlaceOnly(t *testing.T) {
	s := site{programs.Management(t, startManagement(t, "ReconcilerRateLimiting=false")), t}
	pool := infrav1.PoolReference{APIGroup: providerGroup, Kind: "Pool", Name: "p"}
	one, two := []infrav1.PoolReference{pool}, []infrav1.PoolReference{pool, pool}
	ipv4 := infrav1.IPv4{Subnet: "192.0.2.0/24", IPAddresses: []string{"192.0.2.10"}}
	for name, tc := range map[string]struct {
		network infrav1.Network
		want    string
	}{
		"a pool":                     {infrav1.Network{AddressesFromPools: one}, ""},
		"two pools":                  {infrav1.Network{AddressesFromPools: two}, ""},
		"a pool and SLAAC":           {infrav1.Network{AddressesFromPools: one, IPv6: &infrav1.IPv6{AutoConf: true}}, ""},
		"two pools and SLAAC":        {infrav1.Network{AddressesFromPools: two, IPv6: &infrav1.IPv6{AutoConf: true}}, "leave one pool"},
		"a pool and ranges":          {infrav1.Network{AddressesFromPools: one, IPv4: ipv4}, "takes the place of ipv4: set one of them"},
		"a pool and ranges of IPv6":  {infrav1.Network{AddressesFromPools: one, IPv6: &infrav1.IPv6{IPAddresses: []string{"fd00::1"}}}, "takes the place of ipv6.ipAddresses"},
		"three pools":                {infrav1.Network{AddressesFromPools: append(two, pool)}, "must have at most 2 items"},
		"a pool without a kind":      {infrav1.Network{AddressesFromPools: []infrav1.PoolReference{{APIGroup: providerGroup, Name: "p"}}}, "kind"},
		"an empty list and no range": {infrav1.Network{AddressesFromPools: []infrav1.PoolReference{}}, "ipv4 is required"},
	} {
		t.Run(name, func(t *testing.T) {
			m := &infrav1.OLVMMachine{ObjectMeta: metav1.ObjectMeta{Namespace: "default", GenerateName: "m-"}}
			m.Spec = infrav1.OLVMMachineSpec{
				VMTemplateName: "ock", OLVMNetwork: infrav1.OLVMNetwork{NetworkName: "ovirtmgmt", VNICProfileName: "ovirtmgmt"},
				VirtualMachine: infrav1.VirtualMachine{Memory: "2GB", Network: tc.network},
			}
			err := s.Create(context.Background(), m, client.DryRunAll)
			if tc.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.want)
		})
	}
}
