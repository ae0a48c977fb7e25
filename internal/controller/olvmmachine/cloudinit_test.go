package olvmmachine

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/boot"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

func TestTheEngineIsToldWhatCloudInitNeeds(t *testing.T) {
	network := boot.Network{
		Device: "enp1s0", IPv4: netip.MustParsePrefix("192.0.2.10/25"), Gateway: netip.MustParseAddr("192.0.2.1"),
		Nameservers: []string{"192.0.2.53"}, SearchDomains: []string{"example.com"},
	}
	nic := ovirt.NICConfiguration{
		Name: "enp1s0", OnBoot: true, BootProtocol: "static",
		IPv4: &ovirt.IPConfiguration{Address: "192.0.2.10", Netmask: "255.255.255.128", Gateway: "192.0.2.1"},
	}
	static, slaac := nic, nic
	static.IPv6BootProtocol, static.IPv6 = "static", &ovirt.IPConfiguration{Address: "fd00::10", Netmask: "64", Gateway: "fd00::1"}
	slaac.IPv6BootProtocol = "autoconf"
	further := ovirt.NICConfiguration{
		Name: "enp2s0", OnBoot: true, BootProtocol: "static", IPv4: &ovirt.IPConfiguration{Address: "198.51.100.10", Netmask: "255.255.255.0"},
	}
	nics := []boot.NIC{{Device: "enp2s0", IPv4: netip.MustParsePrefix("198.51.100.10/24")}, {Device: "enp3s0"}}
	for name, test := range map[string]struct {
		change func(*boot.Network)
		want   ovirt.NICConfiguration
	}{
		"IPv4": {func(*boot.Network) {}, nic},
		"IPv6 address": {func(n *boot.Network) {
			n.IPv6, n.IPv6Gateway = netip.MustParsePrefix("fd00::10/64"), netip.MustParseAddr("fd00::1")
		}, static},
		"SLAAC": {func(n *boot.Network) { n.IPv6AutoConf = true }, slaac},
	} {
		t.Run(name, func(t *testing.T) {
			n, vm := network, ovirt.AddVM{OSType: ignitionOS}
			test.change(&n)
			bootDocument{format: boot.FormatCloudConfig, network: n, nics: nics}.deliver(&vm, "node-1", "debian_7")
			require.Equal(t, ovirt.AddVM{Initialization: ovirt.Initialization{
				HostName: "node-1", DNSServers: []string{"192.0.2.53"}, DNSSearch: []string{"example.com"},
				NICs: []ovirt.NICConfiguration{test.want, further},
			}}, vm, "the operating system type is the template's")
		})
	}
}

// The engine decides by the operating system type what kind of document it hands over, whatever the document is.
func TestTheOperatingSystemTypeForIgnitionIsForIgnitionOnly(t *testing.T) {
	for _, templateOS := range []string{"", ignitionOS} {
		vm := ovirt.AddVM{OSType: ignitionOS}
		bootDocument{format: boot.FormatCloudConfig, network: boot.Network{IPv4: netip.MustParsePrefix("192.0.2.10/24")}}.deliver(&vm, "node-1", templateOS)
		require.Equal(t, "other_linux", vm.OSType)
	}
	vm := ovirt.AddVM{OSType: ignitionOS}
	bootDocument{format: boot.FormatIgnition}.deliver(&vm, "node-1", "debian_7")
	require.Equal(t, ovirt.AddVM{OSType: ignitionOS}, vm, "a host name would make the engine write into the document")
}
