package config_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/config"
)

const (
	machines = "providers.olvm.controlPlaneMachine"
	network  = machines + ".virtualMachine.network"
	engine   = "providers.olvm.olvmOvirtAPIServer"
)

// on puts a value at a key path.
func on(keyPath, value string) string {
	var b strings.Builder
	keys := strings.Split(keyPath, ".")
	for i, key := range keys {
		b.WriteString(strings.Repeat("  ", i) + key + ":")
		if i < len(keys)-1 {
			b.WriteString("\n")
		}
	}
	return b.String() + " " + value + "\n"
}

// valid is a configuration in which each case below spoils one thing.
func valid(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("testdata/required.yaml")
	require.NoError(t, err)
	return string(b)
}

// rule is a change that makes the configuration invalid, the key that is then reported, and a part of the message.
type rule struct{ name, change, key, want string }

func checkRules(t *testing.T, rules []rule) {
	t.Helper()
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			c, _ := load(t, valid(t), r.change, config.Flags{})
			var invalid *config.ValidationError
			require.ErrorAs(t, c.Validate(), &invalid)
			var messages []string
			for _, p := range invalid.Problems {
				if p.Key == r.key {
					messages = append(messages, p.Message)
				}
			}
			require.Contains(t, strings.Join(messages, "\n"), r.want, "all problems: %v", invalid)
		})
	}
}

func TestRulesOfCluster(t *testing.T) {
	checkRules(t, []rule{
		{"name", "name: Demo_1", "name", `"Demo_1" cannot be a cluster's name`},
		{"long name", "name: " + strings.Repeat("a", 41), "name", "has 41 characters: write at most 40"},
		{"provider", "provider: oci", "provider", `"oci" is not implemented by this version: write olvm or libvirt`},
		{"version", "kubernetesVersion: latest", "kubernetesVersion", "write a release such as 1.33 or 1.33.10"},
		{"old version", "kubernetesVersion: 1.30", "kubernetesVersion", "write a release from 1.31 to 1.36"},
		{"new version", "kubernetesVersion: v1.37.0", "kubernetesVersion", "write a release from 1.31 to 1.36"},
		{"minor without a known patch", "kubernetesVersion: 1.34", "kubernetesVersion", "write the whole version of your VM template"},
		{"even control plane", "controlPlaneNodes: 4", "controlPlaneNodes", "needs an odd number to keep its majority: write 3 or 5"},
		{"no control plane", "controlPlaneNodes: 0", "controlPlaneNodes", "write 1, 3, 5 or 7"},
		{"negative workers", "workerNodes: -1", "workerNodes", "write a number from 0 to 5000"},
		{"too many workers", "workerNodes: 5001", "workerNodes", "write a number from 0 to 5000"},
		{"large control plane", "controlPlaneNodes: 9", "controlPlaneNodes", "write 1, 3, 5 or 7"},
		{"port", "kubeApiServerBindPort: 70000", "kubeApiServerBindPort", "write a port from 1 to 65535"},
		{"image profile", "providers: {olvm: {workerMachine: {imageProfile: flatcar}}}", "providers.olvm.workerMachine.imageProfile", "use ock or plain"},
		{"load balancer", "controlPlaneLoadBalancer: {type: Internal}", "controlPlaneLoadBalancer.type", "write BuiltIn, or External"},
		{"virtual router id", "controlPlaneLoadBalancer: {virtualRouterID: 256}", "controlPlaneLoadBalancer.virtualRouterID", "write 1 to 255"},
		{"adverts in odd milliseconds", "controlPlaneLoadBalancer: {advertIntervalMilliseconds: 255}",
			"controlPlaneLoadBalancer.advertIntervalMilliseconds", "write a multiple of 10"},
		{"one port for both", "kubeApiServerBindPortAlt: 6443", "kubeApiServerBindPortAlt", "write another port"},
		{"two ports for one", "kubeApiServerBindPortAlt: 7444\n" + on("providers.olvm.localAPIEndpoint.bindPort", "6444"),
			"providers.olvm.localAPIEndpoint.bindPort", "they mean the same port"},
		{"network add-on", "cni: calico", "cni", "write flannel, or none"},
		{"cipher suite", "cipherSuites: TLS_AES_128_GCM_SHA256,AES", "cipherSuites", `"AES" is not known: write names such as TLS_`},
		{"proxy mode", "kubeProxyMode: userspace", "kubeProxyMode", "write iptables"},
	})
}

func TestRulesOfVirtualIP(t *testing.T) {
	checkRules(t, []rule{
		{"no virtual IP", `virtualIp: ""`, "virtualIp", "is required"},
		{"virtual IP of IPv6", "virtualIp: fd00::1", "virtualIp", "fd00::1 is an IPv6 address: write an IPv4 address"},
		{"no address", "virtualIp: api.example.com", "virtualIp", "is not an IPv4 address"},
		{"virtual IP elsewhere", "virtualIp: 198.51.100.1", "virtualIp", "is not in the control plane nodes' subnet 192.0.2.0/24"},
		{"virtual IP of the gateway", "virtualIp: 192.0.2.1", "virtualIp", "is the gateway"},
		{"virtual IP of the network", "virtualIp: 192.0.2.255", "virtualIp", "the broadcast address"},
	})
}

func TestRulesOfEngine(t *testing.T) {
	notPEM := write(t, "ca.pem", "nothing")
	checkRules(t, []rule{
		{"no data center", on("providers.olvm.olvmDatacenterName", `""`), "providers.olvm.olvmDatacenterName", "is required"},
		{"namespace", on("providers.olvm.namespace", "A"), "providers.olvm.namespace", "cannot be a namespace"},
		{"no engine", on(engine+".serverURL", `""`), engine + ".serverURL", "is required"},
		{"engine without TLS", on(engine+".serverURL", "http://e/ovirt-engine"), engine + ".serverURL", "must start with https://"},
		{"engine's other page", on(engine+".serverURL", "https://e:8443/webadmin"), engine + ".serverURL", "write https://e:8443/ovirt-engine"},
		{"no URL", on(engine+".serverURL", "engine"), engine + ".serverURL", "is not a URL"},
		{"CA twice", on(engine, "{serverCA: a, serverCAPath: b}"), engine + ".serverCA", "write one of them"},
		{"no CA in the file", on(engine+".serverCAPath", notPEM), engine + ".serverCAPath", "holds no certificate"},
		{"no such CA file", on(engine+".serverCAPath", "/does/not/exist"), engine + ".serverCAPath", "/does/not/exist"},
		{"name of the Secret", on(engine+".credentialsSecret.name", "A_b"), engine + ".credentialsSecret.name", "cannot be a name in Kubernetes"},
	})
}

func TestRulesOfMachineShape(t *testing.T) {
	checkRules(t, []rule{
		{"no oVirt cluster", on(machines+".olvmOvirtClusterName", `""`), machines + ".olvmOvirtClusterName", "is required"},
		{"no template", on(machines+".vmTemplateName", `""`), machines + ".vmTemplateName", "is required"},
		{"no network", on(machines+".olvmNetwork.networkName", `""`), machines + ".olvmNetwork.networkName", "is required"},
		{"no vNIC profile", on(machines+".olvmNetwork.vnicProfileName", `""`), machines + ".olvmNetwork.vnicProfileName", "is required"},
		{"memory", on(machines+".virtualMachine.memory", "lots"), machines + ".virtualMachine.memory", "is not a number with a unit"},
		{"processor", on(machines+".virtualMachine.cpu.topology.cores", "-1"), machines + ".virtualMachine.cpu.topology.cores",
			"write 0 for the default, or 1 to 254"},
		{"sockets", on(machines+".virtualMachine.cpu.topology.sockets", "17"), machines + ".virtualMachine.cpu.topology.sockets", "or 1 to 16"},
		{"name that the engine cannot have", on(machines+".olvmNetwork.vnicProfileName", strings.Repeat("p", 51)),
			machines + ".olvmNetwork.vnicProfileName", "has 51 characters, but the engine's names have at most 50"},
	})
}

func TestRulesOfFiles(t *testing.T) {
	privateKey := write(t, "id", "-----BEGIN OPENSSH PRIVATE KEY-----\n")
	checkRules(t, []rule{
		{"SSH key", "sshPublicKey: hello", "sshPublicKey", "this is not one SSH public key"},
		{"private SSH key", "sshPublicKeyPath: " + privateKey, "sshPublicKeyPath", "this is a private key"},
		{"no such SSH key", "sshPublicKeyPath: /does/not/exist", "sshPublicKeyPath", "/does/not/exist"},
		{"Ignition", "extraIgnitionInline: {ignition: {version: 9.9.9}}", "extraIgnitionInline", "the document is Ignition 9.9.9"},
		{"unknown key of Butane", "extraIgnition: {variant: fcos, version: 1.5.0, storge: {}}", "extraIgnition", "storge"},
		{"no such Ignition file", "extraIgnition: /does/not/exist", "extraIgnition", "/does/not/exist"},
	})
}

func TestRulesOfKeysNotImplementedYet(t *testing.T) {
	checkRules(t, []rule{
		{"advertised address", on("providers.olvm.localAPIEndpoint.advertiseAddress", "192.0.2.9"),
			"providers.olvm.localAPIEndpoint.advertiseAddress", "not implemented"},
		{"own objects", "clusterDefinition: mine.yaml", "clusterDefinition", "not implemented yet"},
		{"password", "password: $6$x", "password", "not implemented yet"},
		{"IPVS", "kubeProxyMode: ipvs", "kubeProxyMode", "not implemented yet"},
	})
}

func TestRulesOfDisks(t *testing.T) {
	const vm = machines + ".virtualMachine"
	checkRules(t, []rule{
		{"boot disk", on(vm+".bootDiskSize", "big"), vm + ".bootDiskSize", "cannot be read"},
		{"allocation", on(vm+".storageAllocation", "copy"), vm + ".storageAllocation", "write thin or clone"},
		{"storage domain", on(vm+".storageDomainName", strings.Repeat("d", 51)), vm + ".storageDomainName", "50"},
		{"name of a disk", on(vm+".dataDisks", "[{name: Data, size: 1GB}]"), vm + ".dataDisks[0].name", "cannot be a disk's name"},
		{"size of a disk", on(vm+".dataDisks", "[{name: data, size: much}]"), vm + ".dataDisks[0].size", "cannot be read"},
		{"path of a disk", on(vm+".dataDisks", "[{name: data, size: 1GB, mountPath: /etc}]"), vm + ".dataDisks[0].mountPath", "hides files"},
		{"storage domain of a disk", on(vm+".dataDisks", "[{name: data, size: 1GB, storageDomainName: "+strings.Repeat("d", 51)+"}]"),
			vm + ".dataDisks[0].storageDomainName", "50"},
	})
}

func TestWhatIsRequiredIsEnough(t *testing.T) {
	c, _ := load(t, valid(t), "", config.Flags{})
	require.NoError(t, c.Validate())
}

func TestEverythingMissingIsReportedAtOnce(t *testing.T) {
	c, _ := load(t, "", "provider: olvm\ncontrolPlaneNodes: 2", config.Flags{})
	var invalid *config.ValidationError
	require.ErrorAs(t, c.Validate(), &invalid)
	var keys []string
	for _, p := range invalid.Problems {
		keys = append(keys, p.Key)
	}
	const worker = "providers.olvm.workerMachine"
	require.Equal(t, []string{
		"controlPlaneNodes",
		machines + ".olvmNetwork.networkName", machines + ".olvmNetwork.vnicProfileName", machines + ".olvmOvirtClusterName",
		network + ".ipv4.ipAddresses", network + ".ipv4.subnet", machines + ".vmTemplateName",
		"providers.olvm.olvmDatacenterName", engine + ".serverURL",
		worker + ".olvmNetwork.networkName", worker + ".olvmNetwork.vnicProfileName", worker + ".olvmOvirtClusterName",
		worker + ".virtualMachine.network.ipv4.ipAddresses", worker + ".virtualMachine.network.ipv4.subnet", worker + ".vmTemplateName",
		"virtualIp",
	}, keys)
}

func TestPasswordInTheEngineURLIsNotRepeated(t *testing.T) {
	c, _ := load(t, valid(t), on(engine+".serverURL", "https://admin:s3cret@e/ovirt-engine"), config.Flags{})
	err := c.Validate()
	require.ErrorContains(t, err, "holds credentials")
	require.NotContains(t, err.Error(), "s3cret")
}

func TestVersions(t *testing.T) {
	for given, want := range map[string]string{
		"1.31": "v1.31.14", "1.32": "v1.32.13", "1.33": "v1.33.10", "v1.33": "v1.33.10", "1.33.5": "v1.33.5", "v1.36.1": "v1.36.1",
	} {
		c, _ := load(t, valid(t), "kubernetesVersion: "+given, config.Flags{})
		require.NoError(t, c.Validate(), given)
		require.Equal(t, want, c.KubernetesVersion, given)
	}
}
