package integration

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/test/programs"
)

const (
	dualSubnets = "podSubnet: 10.244.0.0/16,fd00:10:244::/64\nserviceSubnet: 10.96.0.0/12,fd00:10:96::/112\n"
	// advertised is the prefix that the simulated network's router advertises.
	advertised = "fd6f:6c76:6d00::/64"
)

// rewrite changes the cluster file.
func (w *world) rewrite(pairs ...string) {
	w.t.Helper()
	text, err := os.ReadFile(w.config)
	require.NoError(w.t, err)
	changed := strings.NewReplacer(pairs...).Replace(string(text))
	require.NotEqual(w.t, string(text), changed)
	require.NoError(w.t, os.WriteFile(w.config, []byte(changed), 0o600))
}

// dualStack gives the nodes IPv6, written as the key ipv6 of their network, and the pods and services too.
func (w *world) dualStack(ipv6 string) {
	w.rewrite("provider: olvm\n", "provider: olvm\n"+dualSubnets, "          nameservers:", "          ipv6: "+ipv6+"\n          nameservers:")
}

// expectBothFamilies checks what every node reports, and returns the IPv6 addresses by node.
func (w *world) expectBothFamilies(subnet string) map[string]netip.Addr {
	w.t.Helper()
	controlPlane, workers := w.nodes()
	found, holders := map[string]netip.Addr{}, map[netip.Addr]string{}
	var podCIDRs []string
	for _, node := range append(controlPlane, workers...) {
		addresses := internalIPs(w.t, node)
		require.Len(w.t, addresses, 2, "node %s", node.Name)
		require.True(w.t, addresses[0].Is4() && addresses[1].Is6(), "node %s: %s", node.Name, addresses)
		require.True(w.t, netip.MustParsePrefix(subnet).Contains(addresses[1]), "node %s: %s", node.Name, addresses)
		for _, a := range addresses {
			require.Empty(w.t, holders[a], "%s is an address of two nodes", a)
			holders[a] = node.Name
		}
		found[node.Name] = addresses[1]
		require.Len(w.t, node.Spec.PodCIDRs, 2, "pod subnets of node %s", node.Name)
		for _, cidr := range node.Spec.PodCIDRs {
			require.NotContains(w.t, podCIDRs, cidr)
		}
		podCIDRs = append(podCIDRs, node.Spec.PodCIDRs...)
	}
	return found
}

func internalIPs(t *testing.T, node corev1.Node) []netip.Addr {
	t.Helper()
	var list []netip.Addr
	for _, a := range node.Status.Addresses {
		if a.Type == corev1.NodeInternalIP {
			ip, err := netip.ParseAddr(a.Address)
			require.NoError(t, err)
			list = append(list, ip)
		}
	}
	return list
}

// Both addresses of a node come from ranges, and the engine arbitrates both.
func TestDualStackWithAddressesFromRanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.dualStack(`{ipAddresses: "fd00:40::110-fd00:40::119", gateway: "fd00:40::1"}`)
	w.ocne("cluster", "start", "--provider", "olvm", "-c", w.config)
	w.expectNodes(1, 2)
	ipv6 := w.expectBothFamilies("fd00:40::/64")
	c := programs.Management(t, filepath.Join(w.managementDir(), "controlplane", "kubeconfig"))

	t.Run("the engine's marks and the objects tell the same", func(t *testing.T) {
		machines, claims := &infrav1.OLVMMachineList{}, &ipamv1.IPAddressList{}
		require.NoError(t, c.List(context.Background(), machines))
		require.NoError(t, c.List(context.Background(), claims))
		require.Len(t, machines.Items, 3)
		require.Len(t, claims.Items, 6, "each machine holds one address of each family")
		vms := w.vms()
		for _, m := range machines.Items {
			a := ipv6[m.Name]
			mark, ours := machine.ParseMark(vms[m.Name].Comment)
			require.True(t, ours)
			require.Contains(t, mark.Addresses, a)
			require.Equal(t, a.String(), m.Status.OLVM.IPv6Address)
			require.Contains(t, m.Status.Addresses, clusterv1.MachineAddress{Type: clusterv1.MachineInternalIP, Address: a.String()})
		}
	})
	t.Run("the API server refuses IPv6 alone", func(t *testing.T) { expectIPv6AloneRefused(t, c) })
	t.Run("delete gives everything back", func(*testing.T) {
		w.ocne("cluster", "delete", "-c", w.config)
		w.expectEmptyEngine()
	})
}

// A node makes its IPv6 address itself, and nobody else knows it before the node says so.
func TestDualStackWithSLAAC(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.dualStack("{autoConf: true}")
	w.ocne("cluster", "start", "--provider", "olvm", "-w", "1", "-c", w.config)
	w.expectNodes(1, 1)
	ipv6 := w.expectBothFamilies(advertised)
	for name, vm := range w.vms() {
		mark, ours := machine.ParseMark(vm.Comment)
		require.True(t, ours)
		require.Len(t, mark.Addresses, 1, "VM %s", name)
		require.NotContains(t, mark.Addresses, ipv6[name])
	}
	w.ocne("cluster", "delete", "-c", w.config)
	w.expectEmptyEngine()
}

func expectIPv6AloneRefused(t *testing.T, c client.Client) {
	ipv4 := infrav1.IPv4{Subnet: "192.0.2.0/24", IPAddresses: []string{"192.0.2.10"}}
	for name, tc := range map[string]struct {
		network infrav1.Network
		want    string
	}{
		"no IPv4":             {infrav1.Network{IPv6: &infrav1.IPv6{AutoConf: true}}, "ipv4 is required: IPv6 alone is not supported"},
		"IPv6 subnet as IPv4": {infrav1.Network{IPv4: infrav1.IPv4{Subnet: "fd00::/64", IPAddresses: ipv4.IPAddresses}}, "IPv6 alone is not supported"},
		"IPv6 pool as IPv4":   {infrav1.Network{IPv4: infrav1.IPv4{Subnet: ipv4.Subnet, IPAddresses: []string{"fd00::1"}}}, "must be IPv4 addresses"},
		"IPv4 pool as IPv6":   {infrav1.Network{IPv4: ipv4, IPv6: &infrav1.IPv6{IPAddresses: ipv4.IPAddresses}}, "must be IPv6 addresses"},
		"both":                {infrav1.Network{IPv4: ipv4, IPv6: &infrav1.IPv6{IPAddresses: []string{"fd00::1-fd00::9"}}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			spec := infrav1.OLVMMachineSpec{
				OLVMOvirtClusterName: "Default", VMTemplateName: "ock",
				OLVMNetwork:    infrav1.OLVMNetwork{NetworkName: "ovirtmgmt", VNICProfileName: "ovirtmgmt"},
				VirtualMachine: infrav1.VirtualMachine{Memory: "2GB", Network: tc.network},
			}
			meta := metav1.ObjectMeta{Namespace: "default", GenerateName: "ipv6-"}
			template := &infrav1.OLVMMachineTemplate{ObjectMeta: meta}
			template.Spec.Template.Spec = spec
			for _, object := range []client.Object{&infrav1.OLVMMachine{ObjectMeta: meta, Spec: spec}, template} {
				err := c.Create(context.Background(), object, client.DryRunAll)
				if tc.want == "" {
					require.NoError(t, err)
					continue
				}
				require.True(t, apierrors.IsInvalid(err), "%T: %v", object, err)
				require.ErrorContains(t, err, tc.want)
			}
		})
	}
	t.Run("virtual IP", func(t *testing.T) {
		cluster := &infrav1.OLVMCluster{ObjectMeta: metav1.ObjectMeta{Namespace: "default", GenerateName: "ipv6-"}}
		cluster.Spec = infrav1.OLVMClusterSpec{
			ControlPlaneEndpoint: clusterv1.APIEndpoint{Host: "fd00::1", Port: 6443}, OLVMDatacenterName: "Default",
			OLVMOvirtAPIServer: infrav1.OvirtAPIServer{
				ServerURL: "https://engine.example.com/ovirt-engine", CredentialsSecret: infrav1.ObjectReference{Name: "credentials"},
			},
		}
		require.ErrorContains(t, c.Create(context.Background(), cluster, client.DryRunAll), "the virtual IP must be an IPv4 address")
	})
}
