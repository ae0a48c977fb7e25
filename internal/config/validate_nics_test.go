package config_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/config"
)

// nics are additional NICs of the control plane nodes; what is given stands in the first one.
func nics(fields string, others ...string) string {
	items := []string{"{vnicName: nic2, networkName: storage, vnicProfileName: storage, interface: enp2s0" + fields + "}"}
	return on("providers.olvm.controlPlaneMachine.virtualMachine.additionalNICs", "["+strings.Join(append(items, others...), ", ")+"]")
}

func TestRulesOfAdditionalNICs(t *testing.T) {
	const key = "providers.olvm.controlPlaneMachine.virtualMachine.additionalNICs[0]"
	const second = "providers.olvm.controlPlaneMachine.virtualMachine.additionalNICs[1]"
	const ipv4 = `, ipv4: {subnet: 198.51.100.0/24, ipAddresses: "198.51.100.10-198.51.100.20"}`
	other := func(name, device string) string {
		return "{vnicName: " + name + ", networkName: backup, vnicProfileName: backup, interface: " + device + "}"
	}
	checkRules(t, []rule{
		{"no network", on("providers.olvm.controlPlaneMachine.virtualMachine.additionalNICs", "[{vnicName: nic2, vnicProfileName: p, interface: enp2s0}]"),
			key + ".networkName", "is required"},
		{"the first NIC's name", nics("", other("nic1", "enp3s0")), second + ".vnicName", `"nic1" is the name of olvmNetwork.vnicName, too`},
		{"another NIC's name", nics("", other("nic2", "enp3s0")), second + ".vnicName", `"nic2" is the name of additionalNICs[0].vnicName, too`},
		{"the first NIC's interface", nics("", other("nic3", "enp1s0")), second + ".interface", `"enp1s0" is the name of network.interface, too`},
		{"another NIC's interface", nics("", other("nic3", "enp2s0")), second + ".interface", `"enp2s0" is the name of additionalNICs[0].interface, too`},
		{"a long interface", nics("", other("nic3", "enp2s0enp2s0enp2")), second + ".interface", "has 16 characters"},
		{"a subnet", nics(", ipv4: {subnet: storage, ipAddresses: 198.51.100.10}"), key + ".ipv4.subnet", "write CIDR notation"},
		{"addresses elsewhere", nics(", ipv4: {subnet: 198.51.100.0/24, ipAddresses: 203.0.113.1}"), key + ".ipv4.ipAddresses", "is not in the subnet"},
		{"too few addresses", "controlPlaneNodes: 3\n" + nics(`, ipv4: {subnet: 198.51.100.0/24, ipAddresses: "198.51.100.1-198.51.100.3"}`+
			", routes: [{to: 203.0.113.0/24, via: 198.51.100.1}]"), key + ".ipv4.ipAddresses",
			"hold 2 usable addresses (without next hops of routes, virtual IP, network and broadcast address) for 3 control plane nodes"},
		{"two NICs that share addresses", nics(", ipv4: {subnet: 198.51.100.0/24, ipAddresses: 198.51.100.1}",
			"{vnicName: nic3, networkName: storage, vnicProfileName: storage, interface: enp3s0, ipv4: {subnet: 198.51.100.0/24, ipAddresses: 198.51.100.1}}"),
			second + ".ipv4.ipAddresses", "for 1 control plane node and 1 control plane node, which share them: add 1 or more"},
		{"the nodes' own subnet", nics(", ipv4: {subnet: 192.0.2.0/25, ipAddresses: 192.0.2.10}"),
			key + ".ipv4.subnet", "overlaps 192.0.2.0/24 of the first NIC"},
		{"among pods", "podSubnet: 198.51.0.0/16\n" + nics(ipv4), key + ".ipv4.subnet", "overlaps 198.51.0.0/16 of podSubnet"},
		{"among services", "serviceSubnet: 10.96.0.0/12,fd00::/112\n" + nics(", ipv6: {ipAddresses: fd00::9}"), key + ".ipv6.ipAddresses",
			"overlaps fd00::/112 of serviceSubnet"},
		{"an IPv6 gateway", nics(", ipv6: {ipAddresses: fd01::9, gateway: fd01::1}"), key + ".ipv6.gateway", "leave it out, and write routes"},
		{"a route without an address", nics(", routes: [{to: 203.0.113.0/24, via: 198.51.100.1}]"), key + ".routes", "need an address on the NIC"},
		{"the default route", nics(ipv4 + ", routes: [{to: 0.0.0.0/0, via: 198.51.100.1}]"), key + ".routes", "never has the default route"},
		{"a router elsewhere", nics(ipv4 + ", routes: [{to: 203.0.113.0/24, via: 192.0.2.1}]"), key + ".routes", "is not in a subnet of the NIC"},
		{"pools and ranges", nics(ipv4 + ", addressesFromPools: [{apiGroup: g, kind: Pool, name: p}]"),
			key + ".addressesFromPools", "write one of them"},
		{"a pool without a kind", nics(", addressesFromPools: [{apiGroup: g, name: p}]"),
			key + ".addressesFromPools", "without its apiGroup, kind or name"},
		{"MTU", nics(", mtu: 100"), key + ".mtu", "is 100"},
	})
}

func TestAdditionalNICsThatAreFine(t *testing.T) {
	for name, change := range map[string]string{
		"no address": nics(", mtu: 9000"),
		"both families and routes": nics(`, ipv4: {subnet: 198.51.100.0/24, ipAddresses: "198.51.100.10-198.51.100.20"}, ipv6: {autoConf: true}, ` +
			"routes: [{to: 203.0.113.0/24, via: 198.51.100.1, metric: 50}, {to: 'fd01::/48', via: 'fe80::1'}]"),
		"an IPAM provider": nics(", addressesFromPools: [{apiGroup: g, kind: Pool, name: p}], routes: [{to: 203.0.113.0/24, via: 198.51.100.1}]"),
		"the same range on two networks": nics(", ipv4: {subnet: 198.51.100.0/24, ipAddresses: 198.51.100.9}",
			"{vnicName: nic3, networkName: backup, vnicProfileName: backup, interface: enp3s0, ipv4: {subnet: 198.51.100.0/24, ipAddresses: 198.51.100.9}}"),
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := load(t, valid(t), change, config.Flags{})
			require.NoError(t, c.Validate())
		})
	}
}

func TestAdditionalNICsReachTheMachineTemplate(t *testing.T) {
	c, _ := load(t, valid(t), nics(`, ipv4: {subnet: 198.51.100.0/24, ipAddresses: "198.51.100.10, 198.51.100.11"}`), config.Flags{})
	objects, err := c.Objects()
	require.NoError(t, err)
	found := map[string][]infrav1.AdditionalNIC{}
	for _, o := range objects {
		if template, ok := o.(*infrav1.OLVMMachineTemplate); ok {
			found[template.Name] = template.Spec.Template.Spec.VirtualMachine.AdditionalNICs
		}
	}
	require.Equal(t, []infrav1.AdditionalNIC{{
		VNICName: "nic2", NetworkName: "storage", VNICProfileName: "storage", Interface: "enp2s0",
		IPv4: &infrav1.IPv4{Subnet: "198.51.100.0/24", IPAddresses: []string{"198.51.100.10", "198.51.100.11"}},
	}}, found[c.Name+"-control-plane"])
	require.Empty(t, found[c.Name+"-md-0"])
}
