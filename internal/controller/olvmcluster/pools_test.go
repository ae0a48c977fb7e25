package olvmcluster

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/address"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

const engineURL = "https://engine.example.com/ovirt-engine"

// template has a pool of ten addresses, of which two are the gateway and the virtual IP.
func template(name, network string, ipv6 *infrav1.IPv6) infrav1.OLVMMachineTemplate {
	t := infrav1.OLVMMachineTemplate{ObjectMeta: metav1.ObjectMeta{Namespace: "olvm", Name: name}}
	t.Spec.Template.Spec.OLVMNetwork.NetworkName = network
	t.Spec.Template.Spec.VirtualMachine.Network = infrav1.Network{
		Gateway: "192.0.2.169", IPv6: ipv6,
		IPv4: infrav1.IPv4{Subnet: "192.0.2.0/24", IPAddresses: []string{"192.0.2.160-192.0.2.164", "192.0.2.165-192.0.2.169"}},
	}
	return t
}

func taken(namespace, cluster, ip, networkID string) ipamv1.IPAddress {
	a := ipamv1.IPAddress{ObjectMeta: metav1.ObjectMeta{
		Namespace: namespace, Name: address.Name(netip.MustParseAddr(ip), engineURL, networkID),
		Labels: map[string]string{clusterv1.ClusterNameLabel: cluster},
	}}
	a.Spec.Address, a.Spec.PoolRef.APIGroup, a.Spec.PoolRef.Kind = ip, infrav1.Group, "OLVMMachine"
	return a
}

func marked(cluster, networkID string, ips ...string) ovirt.VM {
	m := machine.Mark{Cluster: cluster, Machine: "m", Network: networkID}
	for _, ip := range ips {
		m.Addresses = append(m.Addresses, netip.MustParseAddr(ip))
	}
	return ovirt.VM{ID: cluster + ips[0], Comment: m.Comment()}
}

func each(vms ...ovirt.VM) func(func(ovirt.VM)) {
	return func(f func(ovirt.VM)) {
		for _, vm := range vms {
			f(vm)
		}
	}
}

func counted(templates []infrav1.OLVMMachineTemplate, known []ipamv1.IPAddress, vms ...ovirt.VM) []infrav1.AddressPoolStatus {
	held := append(carried(each(vms...)), claimed(known, engineURL)...)
	return pools(templates, "192.0.2.160", map[string]string{"kvm": "n1"}, held)
}

func TestAPoolThatTemplatesShareIsCountedOnce(t *testing.T) {
	got := counted(
		[]infrav1.OLVMMachineTemplate{template("b", "kvm", nil), template("a", "kvm", nil)},
		[]ipamv1.IPAddress{
			taken("olvm", "demo", "192.0.2.161", "n1"), taken("olvm", "demo", "192.0.2.162", "n1"), // of which one has its VM already
			taken("olvm", "prod", "192.0.2.163", "n1"),
			taken("other", "demo", "192.0.2.165", "n2"), // the same address on another network is another one
			taken("olvm", "prod", "192.0.2.180", "n1"),  // not of the pool
			taken("olvm", "demo", "192.0.2.169", "n1"),  // the gateway
		},
		marked("olvm/demo", "n1", "192.0.2.161"), marked("elsewhere/demo", "n1", "192.0.2.164", "192.0.2.166"),
		marked("elsewhere/demo", "n2", "192.0.2.167"), ovirt.VM{ID: "x", Comment: "192.0.2.168"},
	)
	require.Equal(t, []infrav1.AddressPoolStatus{{
		Network: "kvm", Family: infrav1.IPv4Family, Ranges: []string{"192.0.2.160-192.0.2.164", "192.0.2.165-192.0.2.169"}, Groups: []string{"a", "b"},
		Total: 8, Used: 5, Free: 3,
		UsedBy: []infrav1.AddressPoolUse{{Cluster: "elsewhere/demo", Addresses: 2}, {Cluster: "olvm/demo", Addresses: 2}, {Cluster: "olvm/prod", Addresses: 1}},
	}}, got)
}

func TestPoolsDifferByNetworkFamilyAndRanges(t *testing.T) {
	other := template("c", "kvm", nil)
	other.Spec.Template.Spec.VirtualMachine.Network.IPv4.IPAddresses = []string{"192.0.2.10"}
	broken := template("d", "kvm", nil)
	broken.Spec.Template.Spec.VirtualMachine.Network.IPv4.IPAddresses = []string{"192.0.3.10"}
	external := template("e", "kvm", nil)
	external.Spec.Template.Spec.VirtualMachine.Network = infrav1.Network{AddressesFromPools: []infrav1.PoolReference{{Kind: "Pool", Name: "p"}}}
	got := counted([]infrav1.OLVMMachineTemplate{
		template("a", "kvm", &infrav1.IPv6{IPAddresses: []string{"2001:db8::1-2001:db8::4"}, Gateway: "2001:db8::1"}),
		template("b", "other", &infrav1.IPv6{AutoConf: true}), other, broken, external,
	}, []ipamv1.IPAddress{taken("olvm", "demo", "2001:db8::2", "n1")}, marked("x/y", "n9", "192.0.2.161"))
	require.Len(t, got, 4)
	require.Equal(t, infrav1.AddressPoolStatus{
		Network: "kvm", Family: infrav1.IPv6Family, Ranges: []string{"2001:db8::1-2001:db8::4"}, Groups: []string{"a"}, Total: 3, Used: 1, Free: 2,
		UsedBy: []infrav1.AddressPoolUse{{Cluster: "olvm/demo", Addresses: 1}},
	}, got[1])
	require.Zero(t, got[0].Used, "the VM is on another network")
	require.EqualValues(t, 1, got[2].Used, "before a machine is placed, nobody knows the id of network other")
	require.EqualValues(t, 1, got[3].Total)
}

func TestAnExhaustedPoolIsNamedUntilSomethingIsFree(t *testing.T) {
	small := template("a", "kvm", nil)
	small.Spec.Template.Spec.VirtualMachine.Network.IPv4.IPAddresses = []string{"192.0.2.161-192.0.2.162"}
	full := []ipamv1.IPAddress{taken("olvm", "demo", "192.0.2.161", "n1"), taken("olvm", "demo", "192.0.2.162", "n1")}
	olvm := &infrav1.OLVMCluster{}
	show := func(known []ipamv1.IPAddress, templates ...infrav1.OLVMMachineTemplate) *metav1.Condition {
		olvm.Status.AddressPools = counted(slices.Clone(templates), known)
		available(olvm)
		return conditions.Get(olvm, infrav1.AddressesAvailableCondition)
	}
	require.Nil(t, show(nil), "without a pool there is nothing to tell")
	require.Equal(t, metav1.ConditionTrue, show(full[:1], small).Status)
	c := show(full, small)
	require.Equal(t, metav1.ConditionFalse, c.Status)
	require.Equal(t, infrav1.PoolExhaustedReason, c.Reason)
	for _, want := range []string{"IPv4 pool 192.0.2.161-192.0.2.162 of network kvm", "of 2 usable: 2 by olvm/demo", "OLVMMachineTemplate a wait"} {
		require.Contains(t, c.Message, want)
	}
	since := c.LastTransitionTime
	require.Equal(t, since, show(full, small).LastTransitionTime, "what has not changed is not written")
	require.Equal(t, infrav1.AvailableReason, show(full[1:], small).Reason)
}

func TestTemplatesOfAClusterCarryItsNameOrAreOwnedByIt(t *testing.T) {
	cluster := &clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: "olvm", Name: "demo"}}
	labelled, owned, foreign := template("a", "kvm", nil), template("b", "kvm", nil), template("c", "kvm", nil)
	labelled.Labels = map[string]string{clusterv1.ClusterNameLabel: "demo"}
	owned.OwnerReferences = []metav1.OwnerReference{{APIVersion: clusterv1.GroupVersion.String(), Kind: "Cluster", Name: "demo"}}
	foreign.OwnerReferences = []metav1.OwnerReference{
		{APIVersion: clusterv1.GroupVersion.String(), Kind: "Cluster", Name: "prod"}, {APIVersion: "example.com/v1", Kind: "Cluster", Name: "demo"},
	}
	require.True(t, belongs(&labelled, cluster))
	require.True(t, belongs(&owned, cluster))
	require.False(t, belongs(&foreign, cluster))
}

func TestPoolsOfAdditionalNICsAreCountedOnTheirNetwork(t *testing.T) {
	nic := infrav1.AdditionalNIC{VNICName: "nic2", NetworkName: "storage", IPv4: &infrav1.IPv4{
		Subnet: "198.51.100.0/24", IPAddresses: []string{"198.51.100.1-198.51.100.4"},
	}}
	other := nic
	other.VNICName = "nic3"
	a, b := template("a", "kvm", nil), template("b", "kvm", nil)
	a.Spec.Template.Spec.VirtualMachine.AdditionalNICs = []infrav1.AdditionalNIC{nic, other, {VNICName: "nic4", NetworkName: "backup"}}
	b.Spec.Template.Spec.VirtualMachine.AdditionalNICs = []infrav1.AdditionalNIC{nic}
	mark := machine.Mark{Cluster: "elsewhere/demo", Network: "n1", Additional: []machine.NICAddresses{
		{NIC: "nic2", Network: "n2", Addresses: []netip.Addr{netip.MustParseAddr("198.51.100.2")}},
		{NIC: "nic3", Network: "n9", Addresses: []netip.Addr{netip.MustParseAddr("198.51.100.3")}},
	}}
	known := []ipamv1.IPAddress{taken("olvm", "demo", "198.51.100.1", "n2"), taken("olvm", "demo", "198.51.100.4", "n1")}
	held := append(carried(each(ovirt.VM{ID: "x", Comment: mark.Comment()})), claimed(known, engineURL)...)
	got := pools([]infrav1.OLVMMachineTemplate{a, b}, "192.0.2.160", map[string]string{"kvm": "n1", "storage": "n2"}, held)
	require.Len(t, got, 2)
	require.Equal(t, infrav1.AddressPoolStatus{
		Network: "storage", Family: infrav1.IPv4Family, Ranges: nic.IPv4.IPAddresses, Groups: []string{"a", "b"}, Total: 4, Used: 2, Free: 2,
		UsedBy: []infrav1.AddressPoolUse{{Cluster: "elsewhere/demo", Addresses: 1}, {Cluster: "olvm/demo", Addresses: 1}},
	}, got[1])
}
