package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/config"
)

func TestRulesOfClusterNetwork(t *testing.T) {
	checkRules(t, []rule{
		{"pod subnet", "podSubnet: 10.244.0.0", "podSubnet", "write CIDR notation"},
		{"no pod subnet", `podSubnet: ""`, "podSubnet", "is required"},
		{"pods on IPv6 alone", "podSubnet: fd00::/64", "podSubnet", "has only IPv6"},
		{"two IPv4 pod subnets", "podSubnet: 10.1.0.0/16,10.2.0.0/16", "podSubnet", "several subnets of one family"},
		{"services on IPv6 alone", "serviceSubnet: fd00::/112", "serviceSubnet", "has only IPv6"},
		{"IPv6 first", "podSubnet: fd00::/56,10.244.0.0/16", "podSubnet", "write the IPv4 subnet first, as in 10.244.0.0/16,fd00::/56"},
		{"pod subnet for one node", "podSubnet: 10.244.0.0/24", "podSubnet",
			"10.244.0.0/24 has room for 1 node, because each gets a /24 of it, but there are 2"},
		{"pod subnet for no node", "podSubnet: 10.244.0.0/25", "podSubnet", "is too small: each node gets a /24 of it"},
		{"pod subnet beyond Kubernetes", "podSubnet: 10.0.0.0/7", "podSubnet", "is too large: each node gets a /24 of it, so write a /8"},
		{"tiny IPv6 pod subnet", "podSubnet: 10.244.0.0/16,fd00::/121", "podSubnet", "fd00::/121 is too small: each node gets a /120 of it"},
		{"service subnet beyond Kubernetes", "serviceSubnet: 10.96.0.0/11", "serviceSubnet", "is too large: Kubernetes takes a /12"},
		{"IPv6 service subnet beyond Kubernetes", "serviceSubnet: 10.96.0.0/12,fd00::/64", "serviceSubnet",
			"fd00::/64 is too large: Kubernetes takes a /108"},
		{"tiny service subnet", "serviceSubnet: 10.96.0.0/29", "serviceSubnet", "is too small: write a /28"},
		{"services among pods", "serviceSubnet: 10.244.8.0/24", "serviceSubnet", "overlaps 10.244.0.0/16 of podSubnet"},
		{"nodes among pods", "podSubnet: 192.0.0.0/16", network + ".ipv4.subnet", "192.0.2.0/24 overlaps 192.0.0.0/16 of podSubnet"},
	})
}

func TestRulesOfNodeAddresses(t *testing.T) {
	checkRules(t, []rule{
		{"no subnet", on(network+".ipv4.subnet", `""`), network + ".ipv4.subnet", "is required"},
		{"subnet", on(network+".ipv4.subnet", "192.0.2.0"), network + ".ipv4.subnet", "write CIDR notation"},
		{"subnet of IPv6", on(network+".ipv4.subnet", "fd00::/64"), network + ".ipv4.subnet", "IPv6 alone is not supported"},
		{"gateway of the network", on(network+".gateway", "192.0.2.0"), network + ".gateway", "is the network's own or the broadcast address"},
		{"gateway", on(network+".gateway", "router"), network + ".gateway", "is not an IPv4 address"},
		{"gateway elsewhere", on(network+".gateway", "198.51.100.1"), network + ".gateway", "is not in the subnet"},
		{"no addresses", on(network+".ipv4.ipAddresses", `""`), network + ".ipv4.ipAddresses", "are required"},
		{"addresses", on(network+".ipv4.ipAddresses", "192.0.2.20-192.0.2.10"), network + ".ipv4.ipAddresses", "192.0.2.20-192.0.2.10"},
		{"addresses elsewhere", on(network+".ipv4.ipAddresses", "192.0.2.250-192.0.3.5"), network + ".ipv4.ipAddresses", "192.0.3.0 is not in the subnet"},
		{"overlapping ranges", on(network+".ipv4.ipAddresses", "192.0.2.10-192.0.2.20, 192.0.2.20-192.0.2.30"), network + ".ipv4.ipAddresses",
			`"192.0.2.10-192.0.2.20" and "192.0.2.20-192.0.2.30" overlap`},
		{"malformed range", on(network+".ipv4.ipAddresses", "192.0.2.10-20"), network + ".ipv4.ipAddresses", `"192.0.2.10-20" are not a range`},
		{"the second malformed range too", on(network+".ipv4.ipAddresses", "192.0.2.10-20, 192.0.2.x"), network + ".ipv4.ipAddresses",
			`"192.0.2.x" are not`},
		{"all of IPv4", on(network+".ipv4.ipAddresses", "0.0.0.0/0"), network + ".ipv4.ipAddresses", "0.0.0.0 is not in the subnet"},
		{"two families", on(network+".ipv4.ipAddresses", "192.0.2.10, fd00::1"), network + ".ipv4.ipAddresses", "one pool holds one family"},
		{"too few in several ranges", "controlPlaneNodes: 5\n" + on(network+".ipv4.ipAddresses", "192.0.2.10-192.0.2.11, 192.0.2.20-192.0.2.21"),
			network + ".ipv4.ipAddresses", "hold 4 usable addresses"},
		{"addresses of IPv6", on(network+".ipv4.ipAddresses", "fd00::1"), network + ".ipv4.ipAddresses", "is not an IPv4 address"},
		{"too few addresses", "controlPlaneNodes: 3\n" + on(network+".ipv4.ipAddresses", "192.0.2.160-192.0.2.162"), network + ".ipv4.ipAddresses",
			"hold 2 usable addresses (without gateway, virtual IP, network and broadcast address) for 3 control plane nodes: add 1 or more"},
		{"too few shared addresses", "controlPlaneNodes: 3\nworkerNodes: 20\n" + on(network+".ipv4.ipAddresses", "192.0.2.200-192.0.2.220"),
			"providers.olvm.workerMachine.virtualMachine.network.ipv4.ipAddresses", "for 3 control plane nodes and 20 worker nodes, which share them"},
	})
}

func TestSharedAddressesThatAreTooFewAreReportedOnce(t *testing.T) {
	const workers = "providers.olvm.workerMachine.virtualMachine.network.ipv4.ipAddresses"
	shared := "192.0.2.200-192.0.2.229"
	c, _ := load(t, valid(t), on(network+".ipv4.ipAddresses", shared), config.Flags{WorkerNodes: ptr(40)})
	c.OLVM.WorkerMachine.VirtualMachine.Network.IPv4.IPAddresses = []string{shared}
	require.EqualError(t, c.Validate(), workers+": hold 30 usable addresses (without gateway, virtual IP, network and broadcast address) "+
		"for 1 control plane node and 40 worker nodes, which share them: add 11 or more")
}

func TestRulesOfGuestNetwork(t *testing.T) {
	checkRules(t, []rule{
		{"IPv6 alone", on(network, "{ipv4: {subnet: '', ipAddresses: []}, ipv6: {autoConf: true}}"), network + ".ipv6", "stands alone"},
		{"IPv6 twice", on(network+".ipv6", "{autoConf: true, ipAddresses: fd00::1}"), network + ".ipv6.autoConf", "write one of them"},
		{"IPv6 without addresses", on(network+".ipv6", "{autoConf: false}"), network + ".ipv6", "has no addresses"},
		{"IPv6 addresses of IPv4", on(network+".ipv6.ipAddresses", "192.0.2.9"), network + ".ipv6.ipAddresses", "is not an IPv6 address"},
		{"IPv6 addresses", on(network+".ipv6.ipAddresses", "fd00::zz"), network + ".ipv6.ipAddresses", "fd00::zz"},
		{"IPv6 overlap", on(network+".ipv6.ipAddresses", "fd00::1-fd00::9, fd00::5"), network + ".ipv6.ipAddresses", "overlap"},
		{"IPv6 backwards", on(network+".ipv6.ipAddresses", "fd00::9-fd00::1"), network + ".ipv6.ipAddresses", "go backwards"},
		{"too few IPv6 addresses", "controlPlaneNodes: 3\n" + on(network+".ipv6.ipAddresses", "fd00::1-fd00::2"), network + ".ipv6.ipAddresses",
			"hold 2 usable addresses (without gateway and the subnet's first address) for 3 control plane nodes: add 1 or more"},
		{"IPv6 of two subnets", on(network+".ipv6.ipAddresses", "fd00::9, fd00:0:0:1::1"), network + ".ipv6.ipAddresses", "not in the subnet fd00::/64"},
		{"link-local IPv6", on(network+".ipv6.ipAddresses", "fe80::9"), network + ".ipv6.ipAddresses", "is link-local or no address of a machine"},
		{"IPv6 gateway elsewhere", on(network+".ipv6", "{ipAddresses: fd00::9, gateway: 'fd01::1'}"), network + ".ipv6.gateway",
			"fd01::1 is not in the subnet fd00::/64"},
		{"IPv6 gateway of SLAAC", on(network+".ipv6", "{autoConf: true, gateway: 'fd01::1'}"), network + ".ipv6.gateway", "leave it out"},
		{"nodes among IPv6 services", "serviceSubnet: 10.96.0.0/12,fd00::/112\n" + on(network+".ipv6.ipAddresses", "fd00::9-fd00::20"),
			network + ".ipv6.ipAddresses", "overlaps fd00::/112 of serviceSubnet"},
		{"IPv6 prefix", on(network+".ipv6", "{autoConf: true, prefixLength: 200}"), network + ".ipv6.prefixLength", "write 1 to 128"},
		{"IPv6 gateway", on(network+".ipv6", "{autoConf: true, gateway: 192.0.2.1}"), network + ".ipv6.gateway", "is not an IPv6 address"},
		{"DNS server", on(network+".nameservers", "dns.example.com"), network + ".nameservers", "write the DNS server's address"},
		{"DNS server of IPv6", on(network+".nameservers", "fd00::53"), network + ".nameservers", "the nodes have no IPv6"},
		{"search domain", on(network+".searchDomains", "'example.com lab'"), network + ".searchDomains", "is not a name"},
		{"time server", on(network+".ntpServers", "https://ntp"), network + ".ntpServers", "is not a name"},
		{"MTU", on(network+".mtu", "100"), network + ".mtu", "576 to 65520"},
		{"NIC", on(network+".interface", "averyveryverylongname"), network + ".interface", "longer than 15 characters"},
		{"NIC with a path", on(network+".interface", "a/b"), network + ".interface", "is not the name of a NIC"},
	})
}

const (
	dualPods     = "podSubnet: 10.244.0.0/16,fd00:10:244::/56\n"
	dualServices = "serviceSubnet: 10.96.0.0/12,fd00:10:96::/112\n"
	ipv6OfNodes  = "providers: {olvm: {controlPlaneMachine: {virtualMachine: {network: {ipv6: {autoConf: true}}}},\n" +
		"  workerMachine: {virtualMachine: {network: {ipv6: {ipAddresses: 'fd00::1-fd00::9', gateway: 'fe80::1'}}}}}}\n"
	ipv6OfControlPlane = "providers: {olvm: {controlPlaneMachine: {virtualMachine: {network: {ipv6: {autoConf: true}}}}}}\n"
)

func TestDualStackNeedsBothFamiliesOfNodesPodsAndServices(t *testing.T) {
	const worker = "providers.olvm.workerMachine.virtualMachine.network"
	for name, tc := range map[string]struct {
		text string
		want map[string]string
	}{
		"everywhere":   {dualPods + dualServices + ipv6OfNodes, nil},
		"nowhere":      {"", nil},
		"services not": {dualPods + ipv6OfNodes, map[string]string{"serviceSubnet": "podSubnet, " + network + ".ipv6 and " + worker + ".ipv6 have"}},
		"pods not":     {dualServices + ipv6OfNodes, map[string]string{"podSubnet": "add one such as fd00:10:244::/56"}},
		"workers not": {dualPods + dualServices + ipv6OfControlPlane, map[string]string{
			worker + ".ipv6": "write ipAddresses, or autoConf: true, or remove IPv6 everywhere",
		}},
		"nodes only": {ipv6OfNodes, map[string]string{"podSubnet": "has no IPv6", "serviceSubnet": "has no IPv6"}},
		"pods only": {dualPods, map[string]string{
			"serviceSubnet": "has no IPv6, but podSubnet has", network + ".ipv6": "podSubnet has", worker + ".ipv6": "podSubnet has",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := load(t, valid(t), tc.text, config.Flags{})
			err := c.Validate()
			if tc.want == nil {
				require.NoError(t, err)
				return
			}
			var invalid *config.ValidationError
			require.ErrorAs(t, err, &invalid)
			require.Len(t, invalid.Problems, len(tc.want), err)
			for _, p := range invalid.Problems {
				require.Contains(t, tc.want, p.Key)
				require.Contains(t, p.Message, tc.want[p.Key])
			}
		})
	}
}

func TestEachNodeGetsAPartOfTheIPv6PodSubnet(t *testing.T) {
	for subnet, mask := range map[string]string{
		"fd00:10:244::/56": "", "fd00:10:244::/48": "", // the default, /64
		"fd00:10:244::/64": "80", "fd01:10::/32": "48", "fd00:10:244::/112": "120",
	} {
		c, _ := load(t, valid(t), "podSubnet: 10.244.0.0/16,"+subnet+"\n"+dualServices+ipv6OfNodes, config.Flags{})
		require.NoError(t, c.Validate(), subnet)
		objects := string(asYAML(t, c))
		if mask == "" {
			require.NotContains(t, objects, "node-cidr-mask-size", subnet)
			continue
		}
		require.Contains(t, objects, "name: node-cidr-mask-size-ipv6\n          value: \""+mask+"\"", subnet)
	}
}

func TestRulesOfPoolsOfAnIPAMProvider(t *testing.T) {
	const pool = "{apiGroup: ipam.example.com, kind: Pool, name: p}"
	from := func(pools string) string { return on(network+".addressesFromPools", pools) }
	checkRules(t, []rule{
		{"ranges beside", from("[" + pool + "]"), network + ".addressesFromPools", "takes the place of ipv4"},
		{"three pools", from("[" + pool + ", " + pool + ", " + pool + "]"), network + ".addressesFromPools", "names 3 pools"},
		{"a pool without a kind", from("[{apiGroup: ipam.example.com, name: p}]"), network + ".addressesFromPools", "write all three"},
	})
}
