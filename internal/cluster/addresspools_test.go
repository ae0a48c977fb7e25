package cluster

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/pkg/olvmsim"
)

func TestPoolsAreToldAsTheControllerCountedThem(t *testing.T) {
	story := running()
	story.workers[0].Name = "demo-md-0"
	ref := func(name string) clusterv1.ContractVersionedObjectReference {
		return clusterv1.ContractVersionedObjectReference{APIGroup: infrav1.Group, Name: name}
	}
	story.controlPlane.Spec.MachineTemplate.Spec.InfrastructureRef = ref("a")
	story.workers[0].Spec.Template.Spec.InfrastructureRef = ref("b")
	require.NotNil(t, story.infrastructure)
	story.infrastructure.Status.AddressPools = []infrav1.AddressPoolStatus{{
		Network: "kvm", Family: infrav1.IPv4Family, Ranges: []string{"192.0.2.160-192.0.2.169"}, Groups: []string{"a", "b", "old"},
		Total: 8, Used: 4, Free: 4,
		UsedBy: []infrav1.AddressPoolUse{
			{Cluster: "elsewhere/demo", Addresses: 1}, {Cluster: "olvm/demo", Addresses: 2}, {Cluster: "olvm/prod", Addresses: 1},
		},
	}}
	pools := story.addressPools()
	require.Equal(t, []AddressPool{{
		Groups: []string{"control plane", "workers demo-md-0", "old"}, Network: "kvm", Family: "IPv4", Ranges: []string{"192.0.2.160-192.0.2.169"},
		Used: 2, UsedByOthers: 2, Total: 8,
		UsedBy: []AddressPoolUse{{"elsewhere/demo", 1}, {"olvm/demo", 2}, {"olvm/prod", 1}},
	}}, pools)
	require.EqualValues(t, 4, pools[0].Free())

	story.infrastructure = nil
	require.Empty(t, story.addressPools())
}

func TestOnlyThePoolsOfAClusterMayChange(t *testing.T) {
	for name, tc := range map[string]struct {
		change  func(*infrav1.Network)
		allowed bool
	}{
		"more addresses":  {func(n *infrav1.Network) { n.IPv4.IPAddresses = append(n.IPv4.IPAddresses, "192.0.2.200") }, true},
		"other addresses": {func(n *infrav1.Network) { n.IPv4.IPAddresses = []string{"192.0.2.200-192.0.2.220"} }, true},
		"another subnet":  {func(n *infrav1.Network) { n.IPv4.Subnet = "192.0.0.0/16" }, false},
		"another gateway": {func(n *infrav1.Network) { n.Gateway = "192.0.2.77" }, false},
		"a second stack":  {func(n *infrav1.Network) { n.IPv6 = &infrav1.IPv6{IPAddresses: []string{"fd00::1-fd00::9"}} }, false},
		"pools and name server": {func(n *infrav1.Network) {
			n.IPv4.IPAddresses, n.Nameservers = []string{"192.0.2.200"}, []string{"192.0.2.78"}
		}, false},
		"another IPAM": {func(n *infrav1.Network) {
			n.IPv4, n.AddressesFromPools = infrav1.IPv4{}, []infrav1.PoolReference{{APIGroup: "ipam.example.com", Kind: "Pool", Name: "p"}}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			p := order(t, olvmsim.New(t)).plan(t)
			require.NoError(t, s.applyPlan(t.Context(), p, s.report))
			changed := 0
			for _, o := range p.objects {
				if template, ok := o.(*infrav1.OLVMMachineTemplate); ok {
					tc.change(&template.Spec.Template.Spec.VirtualMachine.Network)
					changed++
				}
			}
			require.Equal(t, 2, changed)
			err := s.checkExisting(t.Context(), p)
			if !tc.allowed {
				var advised *AdvisedError
				require.ErrorAs(t, err, &advised)
				require.Contains(t, advised.Advice, "Only ipAddresses may change")
				return
			}
			require.NoError(t, err)
			require.NoError(t, s.applyPlan(t.Context(), p, s.report))
			have := &infrav1.OLVMMachineTemplate{}
			require.NoError(t, s.Client.Get(t.Context(), client.ObjectKey{Namespace: "ocne", Name: "demo-md-0"}, have))
			require.Contains(t, strings.Join(have.Spec.Template.Spec.VirtualMachine.Network.IPv4.IPAddresses, ","), "192.0.2.200")
		})
	}
}

func TestPoolsOfTheSecondStackMayChange(t *testing.T) {
	network := func(ipv6 ...string) *infrav1.OLVMMachineTemplate {
		template := &infrav1.OLVMMachineTemplate{}
		template.Spec.Template.Spec.VirtualMachine.Network.IPv6 = &infrav1.IPv6{IPAddresses: ipv6}
		return template
	}
	have, want := network("fd00::1"), network("fd00::1", "fd00::2")
	require.Equal(t, want.Spec, withPoolsOf(want, have).Spec)
	require.Equal(t, []string{"fd00::1"}, have.Spec.Template.Spec.VirtualMachine.Network.IPv6.IPAddresses, "what is there is not touched")
	auto := network()
	auto.Spec.Template.Spec.VirtualMachine.Network.IPv6.AutoConf = true
	require.NotEqual(t, auto.Spec, withPoolsOf(auto, have).Spec, "from addresses to SLAAC is another machine")
}
