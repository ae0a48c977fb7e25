package integration

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/test/programs"
)

// An IPAM provider gives the addresses of both families, and the virtual IP of another cluster.
func TestAddressesFromPoolsOfAnIPAMProvider(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	kubeconfig := startManagement(t, "ReconcilerRateLimiting=false")
	s := site{programs.Management(t, kubeconfig), t}
	subnet := w.subnet()
	w.rewrite("provider: olvm\n", "provider: olvm\n"+dualSubnets, "workerNodes: 2", "workerNodes: 1",
		fmt.Sprintf(`ipv4: {subnet: %[1]s.0/24, ipAddresses: "%[1]s.110-%[1]s.139"}`, subnet),
		fmt.Sprintf("addressesFromPools: [{apiGroup: %[1]s, kind: Pool, name: six}, {apiGroup: %[1]s, kind: Pool, name: four}]", programs.IPAMGroup))
	provider := programs.StartIPAM(s.t, s)
	provider.Fill("four", "", 24, subnet+".120")
	provider.Fill("six", "fd00:50::1", 64, "fd00:50::a", "fd00:50::b")
	start := w.launch("cluster", "start", "--kubeconfig", kubeconfig, "-c", w.config)

	require.Contains(t, s.waiting(infrav1.PoolExhaustedReason), "to Pool four: PoolExhausted: the test has no more")
	provider.Fill("four", "", 24, subnet+".120", subnet+".121")
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
					return !a.DeletionTimestamp.IsZero() && !slices.Contains(a.Finalizers, programs.IPAMFinalizer), "not yet"
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
	t.Parallel()
	w := newWorld(t)
	kubeconfig := startManagement(t, "ReconcilerRateLimiting=false")
	s := site{programs.Management(t, kubeconfig), t}
	vip := w.subnet() + ".100"
	provider := programs.StartIPAM(s.t, s)
	documents := strings.Split(w.ocne("cluster", "template", "-c", w.config, "-w", "1"), "\n---\n")
	for _, document := range documents[1:] { // the first is what the command says of the others
		object := &unstructured.Unstructured{}
		require.NoError(t, yaml.Unmarshal([]byte(document), &object.Object))
		switch object.GetKind() {
		case "Secret":
			object.Object["stringData"] = map[string]any{"username": w.username, "password": w.password}
		case "OLVMCluster":
			unstructured.RemoveNestedField(object.Object, "spec", "controlPlaneEndpoint")
			pool := map[string]any{"apiGroup": programs.IPAMGroup, "kind": "Pool", "name": "vip"}
			require.NoError(t, unstructured.SetNestedMap(object.Object, pool, "spec", "controlPlaneEndpointFromPool"))
		}
		require.NoError(t, s.Create(context.Background(), object), "%s %s", object.GetKind(), object.GetName())
	}
	require.Contains(t, s.condition(infrav1.ReadyCondition, infrav1.PoolExhaustedReason), "no virtual IP: IPAddressClaim demo-control-plane-endpoint to Pool vip")
	require.Empty(t, w.vms(), "no machine before there is an endpoint")

	provider.Fill("vip", "", 24, vip)
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
			var err error
			programs.Eventually(t, "the change is refused or not", func() (bool, string) {
				cluster := s.cluster()
				change(cluster)
				err = s.Update(context.Background(), cluster)
				return !apierrors.IsConflict(err), "its controller was faster"
			})
			require.ErrorContains(t, err, "cannot change")
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
	t.Parallel()
	s := site{programs.Management(t, startManagement(t, "ReconcilerRateLimiting=false")), t}
	pool := infrav1.PoolReference{APIGroup: programs.IPAMGroup, Kind: "Pool", Name: "p"}
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
		"a pool without a kind":      {infrav1.Network{AddressesFromPools: []infrav1.PoolReference{{APIGroup: programs.IPAMGroup, Name: "p"}}}, "kind"},
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
