package olvmmachine

import (
	"testing"

	"github.com/stretchr/testify/require"

	infrav1 "github.com/ocne-project/ocne/api/v1"
)

func TestPoolsHoldWhatMachinesMayTake(t *testing.T) {
	ipv4 := infrav1.IPv4{Subnet: "192.0.2.0/24", IPAddresses: []string{"192.0.2.0/29"}}
	for name, tc := range map[string]struct {
		network infrav1.Network
		want    []string
		err     string
	}{
		"without network address, gateway and virtual IP": {infrav1.Network{IPv4: ipv4}, []string{"192.0.2.2-192.0.2.4, 192.0.2.6-192.0.2.7"}, ""},
		"one pool of each family": {
			infrav1.Network{IPv4: ipv4, IPv6: &infrav1.IPv6{IPAddresses: []string{"fd00::/125"}, Gateway: "fd00::3"}},
			[]string{"192.0.2.2-192.0.2.4, 192.0.2.6-192.0.2.7", "fd00::1-fd00::2, fd00::4-fd00::7"}, "",
		},
		"an address that configures itself needs no pool": {
			infrav1.Network{IPv4: ipv4, IPv6: &infrav1.IPv6{AutoConf: true}}, []string{"192.0.2.2-192.0.2.4, 192.0.2.6-192.0.2.7"}, "",
		},
		"IPv6 alone":         {infrav1.Network{IPv6: &infrav1.IPv6{AutoConf: true}}, nil, "ipv4.subnet"},
		"outside the subnet": {infrav1.Network{IPv4: infrav1.IPv4{Subnet: "192.0.2.0/24", IPAddresses: []string{"192.0.3.1"}}}, nil, "192.0.3.1 is not in"},
		"IPv6 in the IPv4 pool": {
			infrav1.Network{IPv4: infrav1.IPv4{Subnet: "192.0.2.0/24", IPAddresses: []string{"fd00::1"}}}, nil,
			"ipv4.ipAddresses holds fd00::1, an address of the other family",
		},
		"IPv6 pool of two subnets": {
			infrav1.Network{IPv4: ipv4, IPv6: &infrav1.IPv6{IPAddresses: []string{"fd00::1", "fd01::1"}}}, nil,
			"ipv6.ipAddresses: fd01::1 is not in the subnet fd00::/64",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := subject{olvm: &infrav1.OLVMMachine{}, infra: &infrav1.OLVMCluster{}}
			s.olvm.Spec.VirtualMachine.Network = tc.network
			s.infra.Spec.ControlPlaneEndpoint.Host = "192.0.2.5"
			list, err := pools(s)
			if tc.err != "" {
				require.ErrorContains(t, err, tc.err)
				return
			}
			require.NoError(t, err)
			var got []string
			for _, w := range list {
				got = append(got, w.pool.String())
			}
			require.Equal(t, tc.want, got)
		})
	}
}
