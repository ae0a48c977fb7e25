package boot_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/boot"
)

func TestKeyfileOfAnAdditionalNIC(t *testing.T) {
	const head = "[connection]\nid=enp2s0\ntype=ethernet\ninterface-name=enp2s0\nautoconnect=true\nautoconnect-priority=100\n\n"
	const no4, no6 = "[ipv4]\nmethod=disabled\nnever-default=true\n\n", "[ipv6]\nmethod=disabled\nnever-default=true\n"
	ipv4, ipv6 := netip.MustParsePrefix("198.51.100.7/24"), netip.MustParsePrefix("fd00::7/64")
	for name, tc := range map[string]struct {
		nic  boot.NIC
		want string
	}{
		"no address":      {boot.NIC{}, head + no4 + no6},
		"MTU":             {boot.NIC{MTU: 9000}, head + "[ethernet]\nmtu=9000\n\n" + no4 + no6},
		"IPv4, no router": {boot.NIC{IPv4: ipv4}, head + "[ipv4]\nmethod=manual\naddress1=198.51.100.7/24\nnever-default=true\n\n" + no6},
		"both families": {boot.NIC{IPv4: ipv4, IPv6: ipv6}, head + "[ipv4]\nmethod=manual\naddress1=198.51.100.7/24\nnever-default=true\n\n" +
			"[ipv6]\nmethod=manual\naddress1=fd00::7/64\nnever-default=true\n"},
		"SLAAC": {boot.NIC{IPv6AutoConf: true}, head + no4 + "[ipv6]\nmethod=auto\nip6-privacy=0\nnever-default=true\nignore-auto-dns=true\n"},
		"routes of both families": {boot.NIC{IPv4: ipv4, IPv6: ipv6, Routes: []boot.Route{
			{To: netip.MustParsePrefix("203.0.113.0/24"), Via: netip.MustParseAddr("198.51.100.1")},
			{To: netip.MustParsePrefix("fd01::/48"), Via: netip.MustParseAddr("fe80::1")},
			{To: netip.MustParsePrefix("10.0.0.0/8"), Via: netip.MustParseAddr("198.51.100.2"), Metric: 50},
		}}, head + "[ipv4]\nmethod=manual\naddress1=198.51.100.7/24\nnever-default=true\nroute1=203.0.113.0/24,198.51.100.1\n" +
			"route2=10.0.0.0/8,198.51.100.2,50\n\n[ipv6]\nmethod=manual\naddress1=fd00::7/64\nnever-default=true\nroute1=fd01::/48,fe80::1\n"},
	} {
		t.Run(name, func(t *testing.T) {
			in := input(t, "worker.json")
			tc.nic.Device = "enp2s0"
			in.NICs = []boot.NIC{tc.nic}
			doc := document(t, in)
			got, mode := file(t, doc, "/etc/NetworkManager/system-connections/enp2s0.nmconnection")
			require.Equal(t, tc.want, got)
			require.Equal(t, 0o600, mode)
			first, _ := file(t, doc, "/etc/NetworkManager/system-connections/enp1s0.nmconnection")
			require.Contains(t, first, "address1=192.0.2.161/24,192.0.2.1\n", "the node's own NIC keeps the default route")
		})
	}
}

func TestAnAdditionalNICThatCannotWorkIsRefused(t *testing.T) {
	ipv4 := netip.MustParsePrefix("198.51.100.7/24")
	route := func(to, via string) []boot.Route {
		return []boot.Route{{To: netip.MustParsePrefix(to), Via: netip.MustParseAddr(via)}}
	}
	for name, tc := range map[string]struct {
		nic  boot.NIC
		want string
	}{
		"the first NIC's name":     {boot.NIC{Device: "enp1s0"}, "two NICs have the interface name enp1s0"},
		"a name with a line's end": {boot.NIC{Device: "a\nb"}, "interface name"},
		"the default route":        {boot.NIC{Device: "enp2s0", IPv4: ipv4, Routes: route("0.0.0.0/0", "198.51.100.1")}, "never has the default route"},
		"a router out of reach": {boot.NIC{Device: "enp2s0", IPv4: ipv4, Routes: route("10.0.0.0/8", "192.0.2.1")},
			"not in the NIC's subnet 198.51.100.0/24"},
		"a route without an address": {boot.NIC{Device: "enp2s0", IPv4: ipv4, Routes: route("fd01::/48", "fd00::1")}, "has no address of its family"},
		"families that differ":       {boot.NIC{Device: "enp2s0", IPv4: ipv4, Routes: route("fd01::/48", "198.51.100.1")}, "not an address of its family"},
	} {
		t.Run(name, func(t *testing.T) {
			in := input(t, "worker.json")
			in.NICs = []boot.NIC{tc.nic}
			_, err := boot.Document(in)
			requireLayer(t, err, boot.LayerMachine, tc.want)
		})
	}
}
