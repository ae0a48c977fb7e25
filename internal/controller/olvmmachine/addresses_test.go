package olvmmachine

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/address"
	"github.com/ocne-project/ocne/internal/claim"
	"github.com/ocne-project/ocne/internal/machine"
)

func TestMachinesThatMetBeginAtDifferentPlaces(t *testing.T) {
	pool, err := address.ParsePool([]string{"192.0.2.10-192.0.2.209"})
	require.NoError(t, err)
	first := func(olvm *infrav1.OLVMMachine) netip.Addr {
		for a := range candidates(olvm, pool) {
			return a
		}
		return netip.Addr{}
	}
	starts := map[netip.Addr]bool{}
	for n := range 10 {
		olvm := &infrav1.OLVMMachine{Spec: infrav1.OLVMMachineSpec{ProviderID: machine.ProviderID(fmt.Sprintf("00000000-0000-4000-8000-%012d", n))}}
		require.Equal(t, "192.0.2.10", first(olvm).String(), "the lowest free address, as long as nobody is in the way")
		conflict(olvm, "VM other carries it, too")
		chosen(olvm, won{})
		starts[first(olvm)] = true
	}
	require.Greater(t, len(starts), 5)
}

func TestAConditionOfAnEmptyPoolEndsWhenAnAddressIsChosen(t *testing.T) {
	olvm := &infrav1.OLVMMachine{}
	_, err := noAddress(olvm, fmt.Errorf("%w in the pool", errPoolExhausted))
	require.NoError(t, err)
	require.Equal(t, infrav1.PoolExhaustedReason, conditions.GetReason(olvm, infrav1.AddressesWonCondition))
	chosen(olvm, won{ipv4: taken{prefix: netip.MustParsePrefix("192.0.2.7/24")}, ipv6: taken{prefix: netip.MustParsePrefix("fd00::7/64")}})
	c := conditions.Get(olvm, infrav1.AddressesWonCondition)
	require.Equal(t, infrav1.ChosenReason, c.Reason)
	require.Equal(t, "192.0.2.7 fd00::7: won when the VM starts", c.Message)
	show(olvm, machine.Plan{Running: true, Status: metav1.ConditionTrue, Reason: infrav1.RunningReason})
	require.True(t, conditions.IsTrue(olvm, infrav1.AddressesWonCondition))
}

func given(prefix, gateway string) claim.Address {
	a := claim.Address{Prefix: netip.MustParsePrefix(prefix)}
	a.Gateway, _ = netip.ParseAddr(gateway)
	return a
}

func TestAddressesOfAnIPAMProvider(t *testing.T) {
	four, six := given("192.0.2.7/25", "192.0.2.1"), given("fd00::7/56", "")
	for name, tc := range map[string]struct {
		got     []claim.Address
		network infrav1.Network
		want    []string // address and gateway of each family
		err     string
	}{
		"IPv4":                              {[]claim.Address{four}, infrav1.Network{}, []string{"192.0.2.7/25 192.0.2.1"}, ""},
		"both families, in any order":       {[]claim.Address{six, four}, infrav1.Network{}, []string{"192.0.2.7/25 192.0.2.1", "fd00::7/56 invalid IP"}, ""},
		"the spec's gateway is stronger":    {[]claim.Address{four}, infrav1.Network{Gateway: "192.0.2.2"}, []string{"192.0.2.7/25 192.0.2.2"}, ""},
		"IPv6 alone":                        {[]claim.Address{six}, infrav1.Network{}, nil, "IPv6 alone is not supported"},
		"two of one family":                 {[]claim.Address{four, given("192.0.2.8/25", "")}, infrav1.Network{}, nil, "192.0.2.7 and 192.0.2.8; name one pool of each family"},
		"a gateway that cannot be a router": {[]claim.Address{four}, infrav1.Network{Gateway: "router"}, nil, `gateway "router" is not an IPv4 address`},
	} {
		t.Run(name, func(t *testing.T) {
			w, err := together(tc.got, tc.network)
			if tc.err != "" {
				require.ErrorContains(t, err, tc.err)
				return
			}
			require.NoError(t, err)
			var got []string
			for _, t := range []taken{w.ipv4, w.ipv6} {
				if t.prefix.IsValid() {
					got = append(got, t.prefix.String()+" "+t.gateway.String())
				}
			}
			require.Equal(t, tc.want, got)
			require.Len(t, w.list(), len(tc.want))
		})
	}
}

func TestAnAddressThatAnotherVMCarriesIsNotTaken(t *testing.T) {
	got := []claim.Address{given("192.0.2.7/25", "")}
	held := map[netip.Addr]string{netip.MustParseAddr("192.0.2.7"): "0815"}
	var pending *claim.PendingError
	require.ErrorAs(t, unheld(got, held, machine.Desired{}), &pending)
	require.Equal(t, infrav1.AddressConflictReason, pending.Reason)
	require.Contains(t, pending.Message, "192.0.2.7, which VM 0815 carries")
	require.NoError(t, unheld(got, held, machine.Desired{Submitted: time.Now()}), "a request of ours may still take effect")
	require.NoError(t, unheld(got, nil, machine.Desired{}))
}

func TestATemplateServesMachinesOfItsNetworkOnly(t *testing.T) {
	spec := func(change func(*infrav1.OLVMMachineSpec)) infrav1.OLVMMachineSpec {
		s := infrav1.OLVMMachineSpec{OLVMNetwork: infrav1.OLVMNetwork{NetworkName: "kvm"}}
		s.VirtualMachine.Network = infrav1.Network{IPv4: infrav1.IPv4{Subnet: "192.0.2.0/24"}, IPv6: &infrav1.IPv6{}}
		change(&s)
		return s
	}
	for name, tc := range map[string]struct {
		change func(*infrav1.OLVMMachineSpec)
		want   bool
	}{
		"more addresses":     {func(s *infrav1.OLVMMachineSpec) { s.VirtualMachine.Network.IPv4.IPAddresses = []string{"192.0.2.9"} }, true},
		"the subnet in full": {func(s *infrav1.OLVMMachineSpec) { s.VirtualMachine.Network.IPv4.Subnet = "192.0.2.7/24" }, true},
		"more memory":        {func(s *infrav1.OLVMMachineSpec) { s.VirtualMachine.Memory = "9GB" }, true},
		"no second stack":    {func(s *infrav1.OLVMMachineSpec) { s.VirtualMachine.Network.IPv6 = nil }, true},
		"another network":    {func(s *infrav1.OLVMMachineSpec) { s.OLVMNetwork.NetworkName = "other" }, false},
		"another subnet":     {func(s *infrav1.OLVMMachineSpec) { s.VirtualMachine.Network.IPv4.Subnet = "192.0.0.0/16" }, false},
		"another prefix":     {func(s *infrav1.OLVMMachineSpec) { s.VirtualMachine.Network.IPv6.PrefixLength = 56 }, false},
		"an IPAM provider":   {func(s *infrav1.OLVMMachineSpec) { s.VirtualMachine.Network.IPv4 = infrav1.IPv4{} }, false},
	} {
		require.Equal(t, tc.want, sameNetwork(spec(func(*infrav1.OLVMMachineSpec) {}), spec(tc.change)), name)
	}
}

func TestWhatAMachineWasClonedFrom(t *testing.T) {
	olvm := &infrav1.OLVMMachine{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{
		clusterv1.TemplateClonedFromNameAnnotation: "a", clusterv1.TemplateClonedFromGroupKindAnnotation: "OLVMMachineTemplate." + infrav1.Group,
	}}}
	require.True(t, clonedFrom(olvm, "a"))
	require.False(t, clonedFrom(olvm, "b"))
	olvm.Annotations[clusterv1.TemplateClonedFromGroupKindAnnotation] = "DevMachineTemplate." + infrav1.Group
	require.False(t, clonedFrom(olvm, "a"), "a template of another kind with the same name")
}
