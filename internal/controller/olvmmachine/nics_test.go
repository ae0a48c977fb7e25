package olvmmachine

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/boot"
	"github.com/ocne-project/ocne/internal/claim"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

func wonNICs() won {
	of := func(prefix string) taken { return taken{prefix: netip.MustParsePrefix(prefix)} }
	return won{ipv4: of("192.0.2.7/24"), additional: []won{{ipv4: of("198.51.100.7/24"), ipv6: of("fd00::7/64")}, {}}}
}

func TestWhatANICWonIsInTheMarkAndInTheGuest(t *testing.T) {
	d := machine.Desired{Owner: machine.Mark{Cluster: "c", Machine: "m"}}
	d.Place.NetworkID = "net"
	for _, name := range []string{"nic2", "nic3"} {
		d.AdditionalNICs = append(d.AdditionalNICs, machine.AdditionalNIC{NIC: ovirt.NIC{Name: name}, NetworkID: "net-of-" + name})
	}
	mark := marked(d, wonNICs())
	require.Equal(t, []netip.Addr{netip.MustParseAddr("192.0.2.7")}, mark.Addresses)
	require.Equal(t, []machine.NICAddresses{{
		NIC: "nic2", Network: "net-of-nic2", Addresses: []netip.Addr{netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("fd00::7")},
	}}, mark.Additional, "a NIC without an address is not in it")

	nics := []infrav1.AdditionalNIC{
		{VNICName: "nic2", Interface: "enp2s0", MTU: 9000, Routes: []infrav1.Route{{To: "203.0.113.9/24", Via: "198.51.100.1", Metric: 5}}},
		{VNICName: "nic3", Interface: "enp3s0", IPv6: &infrav1.IPv6{AutoConf: true}},
	}
	guests, err := guestNICs(nics, wonNICs().additional)
	require.NoError(t, err)
	require.Equal(t, []boot.NIC{
		{
			Device: "enp2s0", MTU: 9000, IPv4: netip.MustParsePrefix("198.51.100.7/24"), IPv6: netip.MustParsePrefix("fd00::7/64"),
			Routes: []boot.Route{{To: netip.MustParsePrefix("203.0.113.0/24"), Via: netip.MustParseAddr("198.51.100.1"), Metric: 5}},
		},
		{Device: "enp3s0", IPv6AutoConf: true},
	}, guests)
	nics[0].Routes[0].Via = "router"
	_, err = guestNICs(nics, wonNICs().additional)
	require.ErrorContains(t, err, `additional NIC nic2: route to 203.0.113.9/24: the next hop "router"`)

	t.Run("and the mark tells the status, also after a move", func(t *testing.T) {
		status := nicStatus(nics, nil, machine.Desired{}, machine.Observation{Ours: true, Mark: mark})
		require.Equal(t, []infrav1.NICStatus{
			{VNICName: "nic2", NetworkID: "net-of-nic2", IPAddresses: []string{"198.51.100.7", "fd00::7"}}, {VNICName: "nic3"},
		}, status)
		require.Equal(t, status, nicStatus(nics, status, machine.Desired{}, machine.Observation{}), "what is not seen stays")
		require.Nil(t, nicStatus(nil, status, machine.Desired{}, machine.Observation{}))
	})
}

func TestNamesOfClaimsDifferByNIC(t *testing.T) {
	olvm := &infrav1.OLVMMachine{}
	olvm.Name = "demo-1"
	names := map[string]bool{}
	for _, claims := range []string{olvm.Name, nicClaims(olvm, 0), nicClaims(olvm, 1)} {
		for _, family := range []infrav1.AddressFamily{infrav1.IPv4Family, infrav1.IPv6Family} {
			w := wanted{claims: claims}
			w.Family = family
			names[w.claimName()] = true
		}
	}
	require.Len(t, names, 6)
	require.Contains(t, names, "demo-1-ipv4", "as it was")
	require.Contains(t, names, "demo-1-nic2-ipv4")
}

func TestAnAdditionalNICTakesAnyFamilyFromPools(t *testing.T) {
	got, err := oneOfEach([]claim.Address{given("fd00::7/64", "fd00::1")})
	require.NoError(t, err)
	require.Len(t, got.list(), 1)
	_, err = oneOfEach([]claim.Address{given("192.0.2.7/24", ""), given("192.0.2.8/24", "")})
	require.ErrorContains(t, err, "name one pool of each family")
}

func TestATemplatesNICServesMachinesOfItsNetworkOnly(t *testing.T) {
	of := func(change func(*infrav1.AdditionalNIC)) infrav1.AdditionalNIC {
		n := infrav1.AdditionalNIC{NetworkName: "storage", IPv4: &infrav1.IPv4{Subnet: "198.51.100.0/24"}, IPv6: &infrav1.IPv6{}}
		change(&n)
		return n
	}
	for name, tc := range map[string]struct {
		change func(*infrav1.AdditionalNIC)
		want   bool
	}{
		"more addresses":     {func(n *infrav1.AdditionalNIC) { n.IPv4.IPAddresses = []string{"198.51.100.9"} }, true},
		"the subnet in full": {func(n *infrav1.AdditionalNIC) { n.IPv4.Subnet = "198.51.100.7/24" }, true},
		"a larger MTU":       {func(n *infrav1.AdditionalNIC) { n.MTU = 9000 }, true},
		"no IPv4":            {func(n *infrav1.AdditionalNIC) { n.IPv4 = nil }, true},
		"another network":    {func(n *infrav1.AdditionalNIC) { n.NetworkName = "backup" }, false},
		"another subnet":     {func(n *infrav1.AdditionalNIC) { n.IPv4.Subnet = "198.51.0.0/16" }, false},
		"another prefix":     {func(n *infrav1.AdditionalNIC) { n.IPv6.PrefixLength = 56 }, false},
		"an IPAM provider":   {func(n *infrav1.AdditionalNIC) { n.AddressesFromPools = []infrav1.PoolReference{{Name: "p"}} }, false},
	} {
		require.Equal(t, tc.want, sameNICNetwork(of(func(*infrav1.AdditionalNIC) {}), of(tc.change)), name)
	}
}
