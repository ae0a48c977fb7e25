package config_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/coreos/ignition/v2/config/v3_4"
	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/stretchr/testify/require"
	"github.com/vincent-petithory/dataurl"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/config"
)

// templates are the nodes' Ignition documents by the names of the machine templates, and kubeadm's cluster configuration.
func templates(t *testing.T, c *config.Config) (map[string]types.Config, bootstrapv1.ClusterConfiguration) {
	t.Helper()
	require.NoError(t, c.Validate())
	objects, err := c.Objects()
	require.NoError(t, err)
	ignition := map[string]types.Config{}
	var cluster bootstrapv1.ClusterConfiguration
	for _, o := range objects {
		switch o := o.(type) {
		case *infrav1.OLVMMachineTemplate:
			require.NotNil(t, o.Spec.Template.Spec.Ignition)
			parsed, report, err := v3_4.Parse([]byte(o.Spec.Template.Spec.Ignition.Inline))
			require.NoError(t, err, report.String())
			ignition[o.Name] = parsed
		case *controlplanev1.KubeadmControlPlane:
			cluster = o.Spec.KubeadmConfigSpec.ClusterConfiguration
		}
	}
	return ignition, cluster
}

// proxyVariables are what a service has in its environment by the proxy's drop-in.
func proxyVariables(t *testing.T, c types.Config, service string) map[string]string {
	t.Helper()
	variables := map[string]string{}
	for _, u := range c.Systemd.Units {
		if u.Name != service {
			continue
		}
		for line := range strings.Lines(*u.Dropins[0].Contents) {
			if word, ok := strings.CutPrefix(strings.TrimSpace(line), "Environment="); ok {
				name, value, _ := strings.Cut(strings.Trim(word, `"`), "=")
				variables[name] = value
			}
		}
	}
	return variables
}

func TestProxyOfTheClusterFileReachesEveryNodeAndLeavesTheClustersOwnNetworksOut(t *testing.T) {
	c, warnings := load(t, valid(t), `
name: demo
proxy: {httpsProxy: "http://proxy.example.com:3128", noProxy: ".example.com,192.0.2.0/24"}
podSubnet: 10.244.0.0/16,fd00:10:244::/56
serviceSubnet: 10.96.0.0/12,fd00:10:96::/112
providers:
  olvm:
    controlPlaneMachine: &m
      virtualMachine: {network: {ipv6: {ipAddresses: "2001:db8::110-2001:db8::139", prefixLength: 64, gateway: "2001:db8::1"}}}
    workerMachine: *m
    workerPools:
    - name: plain
      machine: {imageProfile: plain, virtualMachine: {network: {ipv4: {subnet: 198.51.100.0/24, ipAddresses: 198.51.100.10-198.51.100.20}}}}
`, config.Flags{})
	for _, w := range warnings {
		require.NotContains(t, w.Keys, "proxy")
	}
	nodes, _ := templates(t, c)
	require.Len(t, nodes, 3)
	control := proxyVariables(t, nodes["demo-control-plane"], "crio.service")
	require.Equal(t, "http://proxy.example.com:3128", control["HTTPS_PROXY"])
	require.NotContains(t, control, "HTTP_PROXY")
	require.Equal(t, []string{
		".example.com", "192.0.2.0/24", "localhost", "127.0.0.1", "::1", "192.0.2.160", "2001:db8::/64", "198.51.100.0/24",
		"10.244.0.0/16", "fd00:10:244::/56", "10.96.0.0/12", "fd00:10:96::/112", ".svc", ".cluster.local", "169.254.169.254",
	}, strings.Split(control["NO_PROXY"], ","))
	require.Equal(t, control, proxyVariables(t, nodes["demo-md-0"], "crio.service"))
	require.Empty(t, proxyVariables(t, nodes["demo-plain"], "crio.service"))
	require.Equal(t, control, proxyVariables(t, nodes["demo-plain"], "containerd.service"))
}

func TestRegistryOfTheClusterFileReachesRuntimeAndKubeadm(t *testing.T) {
	const registry = "name: demo\nregistry: registry.example.com:5000\n"
	hasFile := func(c types.Config, path string) {
		i := slices.IndexFunc(c.Storage.Files, func(f types.File) bool { return f.Path == path })
		require.GreaterOrEqual(t, i, 0, path)
		text, err := dataurl.DecodeString(*c.Storage.Files[i].Contents.Source)
		require.NoError(t, err)
		require.Contains(t, string(text.Data), "registry.example.com:5000")
	}
	nodes, cluster := templates(t, loadRequired(t, registry))
	hasFile(nodes["demo-control-plane"], "/etc/containers/registries.conf")
	require.Equal(t, "registry.example.com:5000/olcne", cluster.ImageRepository)
	require.Empty(t, cluster.DNS.ImageRepository, "ocne installs CoreDNS")

	nodes, cluster = templates(t, loadRequired(t, registry+
		"providers: {olvm: {controlPlaneMachine: {imageProfile: plain}, workerMachine: {imageProfile: plain}}}\n"))
	hasFile(nodes["demo-md-0"], "/etc/containerd/certs.d/registry.k8s.io/hosts.toml")
	require.Equal(t, "registry.example.com:5000", cluster.ImageRepository)
	require.Equal(t, "registry.example.com:5000/coredns", cluster.DNS.ImageRepository)
}

func TestUsersOwnIgnitionWinsOverProxyAndRegistry(t *testing.T) {
	nodes, _ := templates(t, loadRequired(t, `
name: demo
registry: registry.example.com
extraIgnitionInline:
  variant: fcos
  version: 1.5.0
  storage: {files: [{path: /etc/containers/registries.conf, overwrite: true, contents: {inline: mine}}]}
`))
	files := nodes["demo-control-plane"].Storage.Files
	require.Len(t, files, 1)
	require.Equal(t, "data:,mine", *files[0].Contents.Source)
}

func TestProxyWithCredentialsGivesAWarningWithoutThem(t *testing.T) {
	c, warnings := load(t, valid(t), "proxy: {httpsProxy: 'http://me:hidden@proxy.example.com:3128', httpProxy: 'proxy.example.com:80'}", config.Flags{})
	require.NoError(t, c.Validate())
	i := slices.IndexFunc(warnings, func(w config.Warning) bool { return slices.Equal(w.Keys, []string{"proxy.httpsProxy"}) })
	require.GreaterOrEqual(t, i, 0, warnings)
	require.Contains(t, warnings[i].Message, "credentials")
	require.NotContains(t, warnings[i].Message, "hidden")
}

func TestRulesOfProxyAndRegistry(t *testing.T) {
	checkRules(t, []rule{
		{"no URL", "proxy: {httpsProxy: 'http://'}", "proxy.httpsProxy", "write one such as http://proxy.example.com:3128"},
		{"another scheme", "proxy: {httpProxy: 'ftp://proxy.example.com'}", "proxy.httpProxy", "is not the URL of a proxy"},
		{"two lines", `proxy: {httpProxy: "http://proxy.example.com\nx"}`, "proxy.httpProxy", "is not the URL of a proxy"},
		{"two proxies", `proxy: {httpProxy: "http://a.example.com http://b.example.com"}`, "proxy.httpProxy", "is not the URL of a proxy"},
		{"no host without a proxy", `proxy: {noProxy: ["a b"]}`, "proxy.noProxy", `"a b" is neither a host name`},
		{"URL of a registry", "registry: https://registry.example.com", "registry", "write a host name"},
		{"project of a registry", "registry: registry.example.com/olcne", "registry", "write a host name"},
		{"port of a registry", "registry: registry.example.com:70000", "registry", "write a host name"},
	})
}
