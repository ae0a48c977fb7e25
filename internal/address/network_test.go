package address_test

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/address"
)

func TestPoolsHoldWhatMachinesMayTake(t *testing.T) {
	const usable = "192.0.2.2-192.0.2.4, 192.0.2.6-192.0.2.7"
	ipv4 := infrav1.IPv4{Subnet: "192.0.2.0/24", IPAddresses: []string{"192.0.2.0/29"}}
	dual := infrav1.Network{IPv4: ipv4, IPv6: &infrav1.IPv6{IPAddresses: []string{"fd00::/125"}, Gateway: "fd00::3"}}
	for name, tc := range map[string]struct {
		network infrav1.Network
		more    []infrav1.Network
		want    []string
		err     string
	}{
		"without network address, gateway and virtual IP": {infrav1.Network{IPv4: ipv4}, nil, []string{usable}, ""},
		"one pool of each family":                         {dual, nil, []string{usable, "fd00::1-fd00::2, fd00::4-fd00::7"}, ""},
		"an address that configures itself needs no pool": {
			infrav1.Network{IPv4: ipv4, IPv6: &infrav1.IPv6{AutoConf: true}}, nil, []string{usable}, "",
		},
		"ranges that came later, each address once": {
			dual, []infrav1.Network{{
				IPv4: infrav1.IPv4{IPAddresses: []string{"192.0.2.0/29", "192.0.2.5-192.0.2.9"}},
				IPv6: &infrav1.IPv6{IPAddresses: []string{"fd00::20"}},
			}},
			[]string{usable + ", 192.0.2.8-192.0.2.9", "fd00::1-fd00::2, fd00::4-fd00::7, fd00::20"}, "",
		},
		"a second family that came later is none of a machine with one": {
			infrav1.Network{IPv4: ipv4}, []infrav1.Network{dual}, []string{usable}, "",
		},
		"IPv6 alone": {infrav1.Network{IPv6: &infrav1.IPv6{AutoConf: true}}, nil, nil, "ipv4.subnet"},
		"outside the subnet": {
			infrav1.Network{IPv4: infrav1.IPv4{Subnet: "192.0.2.0/24", IPAddresses: []string{"192.0.3.1"}}}, nil, nil, "192.0.3.1 is not in",
		},
		"IPv6 in the IPv4 pool": {
			infrav1.Network{IPv4: infrav1.IPv4{Subnet: "192.0.2.0/24", IPAddresses: []string{"fd00::1"}}}, nil, nil,
			"ipv4.ipAddresses holds fd00::1, an address of the other family",
		},
		"IPv6 pool of two subnets": {
			infrav1.Network{IPv4: ipv4, IPv6: &infrav1.IPv6{IPAddresses: []string{"fd00::1", "fd01::1"}}}, nil, nil,
			"ipv6.ipAddresses: fd01::1 is not in the subnet fd00::/64",
		},
	} {
		t.Run(name, func(t *testing.T) {
			list, err := address.NodePools(tc.network, "192.0.2.5", tc.more...)
			if tc.err != "" {
				require.ErrorContains(t, err, tc.err)
				return
			}
			require.NoError(t, err)
			var got []string
			for _, p := range list {
				got = append(got, p.Pool.String())
			}
			require.Equal(t, tc.want, got)
		})
	}
	require.Equal(t, []string{"192.0.2.0/29"}, ipv4.IPAddresses, "the spec is as before")
}

func TestAPoolInAMessageIsShort(t *testing.T) {
	n := infrav1.Network{IPv4: infrav1.IPv4{Subnet: "192.0.2.0/24"}}
	for i := range 10 {
		n.IPv4.IPAddresses = append(n.IPv4.IPAddresses, fmt.Sprintf("192.0.2.%d", 10+i))
	}
	list, err := address.NodePools(n, "")
	require.NoError(t, err)
	require.Equal(t, "192.0.2.10, 192.0.2.11, 192.0.2.12, 192.0.2.13, 192.0.2.14, 192.0.2.15, 192.0.2.16, 192.0.2.17 and 2 more", list[0].Summary())
	list, err = address.NodePools(infrav1.Network{IPv4: infrav1.IPv4{Subnet: "192.0.2.0/24"}}, "")
	require.NoError(t, err)
	require.NotNil(t, list[0].Ranges, "an API server refuses null where a list must be")
}

func TestAWalkFromAnyPlaceMeetsEachAddressOnce(t *testing.T) {
	p := pool(t, "192.0.2.10-192.0.2.12", "192.0.2.1", "192.0.2.250-192.0.3.5")
	all := slices.Collect(p.All())
	starts := map[netip.Addr]bool{}
	for seed := range 200 {
		got := slices.Collect(p.From(fmt.Sprint(seed)))
		require.ElementsMatch(t, all, got)
		require.Equal(t, got, slices.Collect(p.From(fmt.Sprint(seed))), "the same seed gives the same walk")
		at := slices.Index(all, got[0])
		require.Equal(t, append(slices.Clone(all[at:]), all[:at]...), got, "in the order of the pool")
		starts[got[0]] = true
	}
	require.Len(t, starts, len(all), "every place is a start: %s", slices.Collect(maps.Keys(starts)))
	require.Empty(t, slices.Collect(address.Pool{}.From("x")))
}

func TestAWalkThroughAHugePoolStartsInIt(t *testing.T) {
	for _, items := range []string{"fd00::/48", "::/0", "fd00::ffff:ffff:ffff:fff0-fd00::1:0:0:0:ffff", "0.0.0.0/0"} {
		p := pool(t, items)
		for seed := range 20 {
			for a := range p.From(fmt.Sprint(seed)) {
				require.True(t, p.Contains(a), "%s of %s", a, items)
				break
			}
		}
	}
}

func TestPoolsOfAnAdditionalNIC(t *testing.T) {
	ipv4 := &infrav1.IPv4{Subnet: "198.51.100.0/24", IPAddresses: []string{"198.51.100.0/29"}}
	via := []infrav1.Route{{To: "10.0.0.0/8", Via: "198.51.100.3"}, {To: "fd01::/48", Via: "fd00::2"}}
	for name, tc := range map[string]struct {
		nic  infrav1.AdditionalNIC
		more []infrav1.AdditionalNIC
		want []string
		err  string
	}{
		"none":                            {infrav1.AdditionalNIC{}, nil, nil, ""},
		"the first address is no gateway": {infrav1.AdditionalNIC{IPv4: ipv4}, nil, []string{"198.51.100.1-198.51.100.4, 198.51.100.6-198.51.100.7"}, ""},
		"nobody takes a router's address": {
			infrav1.AdditionalNIC{IPv4: ipv4, Routes: via[:1]}, nil, []string{"198.51.100.1-198.51.100.2, 198.51.100.4, 198.51.100.6-198.51.100.7"}, "",
		},
		"IPv6 alone": {
			infrav1.AdditionalNIC{IPv6: &infrav1.IPv6{IPAddresses: []string{"fd00::1-fd00::3"}}, Routes: via[1:]}, nil, []string{"fd00::1, fd00::3"}, "",
		},
		"an address that configures itself": {infrav1.AdditionalNIC{IPv6: &infrav1.IPv6{AutoConf: true}}, nil, nil, ""},
		"ranges that came later": {
			infrav1.AdditionalNIC{IPv4: &infrav1.IPv4{Subnet: ipv4.Subnet, IPAddresses: []string{"198.51.100.9"}}}, []infrav1.AdditionalNIC{{IPv4: ipv4}},
			[]string{"198.51.100.9, 198.51.100.1-198.51.100.4, 198.51.100.6-198.51.100.7"}, "",
		},
		"outside the subnet": {
			infrav1.AdditionalNIC{IPv4: &infrav1.IPv4{Subnet: "198.51.100.0/24", IPAddresses: []string{"192.0.2.1"}}}, nil, nil,
			"192.0.2.1 is not in the subnet",
		},
		"no subnet": {infrav1.AdditionalNIC{IPv4: &infrav1.IPv4{Subnet: "storage"}}, nil, nil, "is not an IPv4 subnet"},
		"a default route": {
			infrav1.AdditionalNIC{IPv4: ipv4, Routes: []infrav1.Route{{To: "0.0.0.0/0", Via: "198.51.100.1"}}}, nil, nil, "never has the default route",
		},
	} {
		t.Run(name, func(t *testing.T) {
			list, err := address.NICPools(tc.nic, "198.51.100.5", tc.more...)
			if tc.err != "" {
				require.ErrorContains(t, err, tc.err)
				return
			}
			require.NoError(t, err)
			var got []string
			for _, p := range list {
				require.False(t, p.Gateway.IsValid())
				got = append(got, p.Pool.String())
			}
			require.Equal(t, tc.want, got)
		})
	}
}
