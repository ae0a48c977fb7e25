package boot_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/boot"
)

func TestNetworkManagerKeyfile(t *testing.T) {
	const head = "[connection]\nid=enp1s0\ntype=ethernet\ninterface-name=enp1s0\nautoconnect=true\nautoconnect-priority=100\n\n"
	static := "[ipv4]\nmethod=manual\naddress1=192.0.2.161/24,192.0.2.1\ndns=192.0.2.53;\nmay-fail=false\n\n"
	for name, tc := range map[string]struct {
		change func(*boot.Network)
		want   string
	}{
		"IPv4 only": {func(*boot.Network) {}, head + static + "[ipv6]\nmethod=disabled\n"},
		"no gateway, no name server": {func(n *boot.Network) { n.Gateway, n.Nameservers = netip.Addr{}, nil },
			head + "[ipv4]\nmethod=manual\naddress1=192.0.2.161/24\nmay-fail=false\n\n[ipv6]\nmethod=disabled\n"},
		"MTU and search domains": {func(n *boot.Network) { n.MTU, n.SearchDomains = 1400, []string{"a.example", "b.example"} },
			head + "[ethernet]\nmtu=1400\n\n[ipv4]\nmethod=manual\naddress1=192.0.2.161/24,192.0.2.1\ndns=192.0.2.53;\n" +
				"dns-search=a.example;b.example;\nmay-fail=false\n\n[ipv6]\nmethod=disabled\n"},
		"static IPv6 with a gateway": {func(n *boot.Network) {
			n.IPv6, n.IPv6Gateway = netip.MustParsePrefix("fd00::10/64"), netip.MustParseAddr("fd00::1")
			n.Nameservers = append(n.Nameservers, "fd00::53")
		}, head + static + "[ipv6]\nmethod=manual\naddress1=fd00::10/64,fd00::1\ndns=fd00::53;\nmay-fail=false\n"},
		"static IPv6, gateway from advertisements": {func(n *boot.Network) { n.IPv6 = netip.MustParsePrefix("fd00::10/64") },
			head + static + "[ipv6]\nmethod=auto\nip6-privacy=0\naddress1=fd00::10/64\n"},
		"SLAAC": {func(n *boot.Network) { n.IPv6AutoConf = true }, head + static + "[ipv6]\nmethod=auto\nip6-privacy=0\n"},
	} {
		t.Run(name, func(t *testing.T) {
			in := input(t, "worker.json")
			tc.change(&in.Network)
			got, mode := file(t, document(t, in), "/etc/NetworkManager/system-connections/enp1s0.nmconnection")
			require.Equal(t, tc.want, got)
			require.Equal(t, 0o600, mode, "NetworkManager ignores a keyfile that others can read")
		})
	}
}

func TestTimeServersGoWhereTheImageReadsThem(t *testing.T) {
	in := input(t, "worker.json")
	in.Network.NTPServers = []string{"ntp1.example.com", "192.0.2.123"}
	const servers = "server ntp1.example.com iburst\nserver 192.0.2.123 iburst\n"

	whole, _ := file(t, document(t, in), "/etc/chrony.conf")
	require.Contains(t, whole, "makestep")
	require.Contains(t, whole, servers)

	in.Profile = boot.ProfilePlain
	addition, _ := file(t, document(t, in), "/etc/chrony/sources.d/ocne.sources")
	require.Equal(t, servers, addition)
}

func TestWithoutTimeServersTheImageKeepsItsOwn(t *testing.T) {
	for _, f := range document(t, input(t, "worker.json")).Storage.Files {
		require.NotContains(t, f.Path, "chrony")
	}
}
