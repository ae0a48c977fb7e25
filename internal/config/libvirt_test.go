package config_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/config"
)

func TestTheProviderIsLibvirtWhenNobodyNamesOne(t *testing.T) {
	c, _ := load(t, "", "name: demo", config.Flags{})
	require.Equal(t, config.ProviderLibvirt, c.Provider)
	require.False(t, c.OnLibvirt(), "commands for existing clusters do not look on a libvirt host because nobody has said anything")
	require.Zero(t, c.WorkerNodes, "a node in a session is alone")
	require.NoError(t, c.Validate())

	c, _ = load(t, "provider: libvirt", "name: demo\nworkerNodes: 2", config.Flags{})
	require.True(t, c.OnLibvirt())
	require.Equal(t, 2, c.WorkerNodes)
}

func TestTheShapeOfNodesOnLibvirtAndOfTheEphemeralCluster(t *testing.T) {
	c, _ := load(t, "ephemeralCluster: {name: mine, preserve: true, node: {memory: 3Gi}}",
		"provider: libvirt\nproviders: {libvirt: {uri: 'qemu:///system', network: lab, controlPlaneNode: {cpu: 4}}}",
		config.Flags{LibvirtURI: new("qemu:///session")})
	require.NoError(t, c.Validate())
	require.Equal(t, config.Shape{CPUs: 4, Memory: 4 << 30, Storage: 20 << 30}, c.Libvirt.ControlPlane)
	require.Equal(t, config.Shape{CPUs: 2, Memory: 4 << 30, Storage: 20 << 30}, c.Libvirt.Worker)
	require.Equal(t, "lab", c.Libvirt.Network)
	require.Equal(t, "qemu:///session", c.Libvirt.URI, "a flag wins")
	require.Equal(t, config.Ephemeral{Name: "mine", Preserve: true, Node: config.Shape{CPUs: 2, Memory: 3 << 30, Storage: 30 << 30}}, c.Ephemeral)
}

func TestRulesOfLibvirt(t *testing.T) {
	const host = "providers.libvirt"
	for _, r := range []rule{
		{"three control plane nodes", "controlPlaneNodes: 3", "controlPlaneNodes", "clusters on libvirt have one"},
		{"dual stack", "podSubnet: 10.244.0.0/16,fd00:10:244::/48", "podSubnet", "IPv4 alone"},
		{"no URI", "providers: {libvirt: {uri: here}}", host + ".uri", "write qemu:///system or qemu:///session"},
		{"no pool", "providers: {libvirt: {storagePool: ''}}", host + ".storagePool", "is required"},
		{"domain type", "providers: {libvirt: {domainType: xen}}", host + ".domainType", "write kvm, qemu, or nothing"},
		{"public subnet", "providers: {libvirt: {slirpSubnet: 192.18.255.0/24}}", host + ".slirpSubnet", "is not a private IPv4 subnet"},
		{"secure boot", "providers: {libvirt: {secureBoot: true}}", host + ".secureBoot", "not implemented"},
		{"image profile", "providers: {libvirt: {imageProfile: flatcar}}", host + ".imageProfile", "use ock or plain"},
		{"no CPU", "providers: {libvirt: {controlPlaneNode: {cpu: 0}}}", host + ".controlPlaneNode.cpu", "write 1 to"},
		{"little memory", "providers: {libvirt: {workerNode: {memory: 1Gi}}}", host + ".workerNode.memory", "1700Mi or more"},
		{"no storage", "providers: {libvirt: {workerNode: {storage: much}}}", host + ".workerNode.storage", "is no quantity"},
		{"ephemeral type", "ephemeralCluster: {type: kind}", "ephemeralCluster.type", "write libvirt or embedded"},
		{"ephemeral name", "ephemeralCluster: {name: Mine}", "ephemeralCluster.name", "cannot be a cluster's name"},
		{"ephemeral node", "ephemeralCluster: {node: {cpu: 0}}", "ephemeralCluster.node.cpu", "is 0: write 1 to"},
	} {
		t.Run(r.name, func(t *testing.T) {
			c, _ := load(t, "provider: libvirt", r.change, config.Flags{})
			var invalid *config.ValidationError
			require.ErrorAs(t, c.Validate(), &invalid)
			require.Len(t, invalid.Problems, 1, "%v", invalid)
			require.Equal(t, r.key, invalid.Problems[0].Key)
			require.Contains(t, invalid.Problems[0].Message, r.want)
		})
	}
}

func TestWhatAnEphemeralClusterOnLibvirtNeedsIsCheckedForClustersOnOLVM(t *testing.T) {
	for change, want := range map[string]string{
		"ephemeralCluster: {name: demo}":                                                          "ephemeralCluster.name: is the cluster's own name",
		"providers: {libvirt: {domainType: xen}}":                                                 "providers.libvirt.domainType",
		"ephemeralCluster: {type: embedded, name: demo}\nproviders: {libvirt: {domainType: xen}}": "",
	} {
		c, _ := load(t, valid(t), "name: demo\n"+change, config.Flags{})
		if err := c.Validate(); want == "" {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, want)
		}
	}
}

func TestAConfigurationWithAnEngineMustNameItsProvider(t *testing.T) {
	c, _ := load(t, "", strings.Replace(valid(t), "provider: olvm\n", "", 1), config.Flags{})
	err := c.Validate()
	require.ErrorContains(t, err, "provider: is not given")
	require.ErrorContains(t, err, "write provider: olvm")
}
