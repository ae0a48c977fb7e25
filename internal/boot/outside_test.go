package boot_test

import (
	"encoding/json"
	"testing"

	"github.com/coreos/ignition/v2/config/v3_4"
	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/pelletier/go-toml/v2"
	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/boot"
)

// outside is the document of a worker of a profile, to which the CLI has added a proxy and a registry.
func outside(t *testing.T, profile string, proxy boot.Proxy, registry string) types.Config {
	t.Helper()
	image, err := boot.LoadImage(profile)
	require.NoError(t, err)
	in := input(t, "worker.json")
	in.Profile = profile
	in.User, err = json.Marshal(v3_4.Merge(image.ProxyConfig(proxy), image.RegistryConfig(registry)))
	require.NoError(t, err)
	return document(t, in)
}

func TestServicesThatReachOutsideUseTheProxy(t *testing.T) {
	proxy := boot.Proxy{HTTPS: "http://proxy.example.com:3128", HTTP: "http://proxy.example.com:3129", NoProxy: []string{"localhost", "192.0.2.0/24"}}
	const want = `[Service]
Environment="HTTPS_PROXY=http://proxy.example.com:3128"
Environment="https_proxy=http://proxy.example.com:3128"
Environment="HTTP_PROXY=http://proxy.example.com:3129"
Environment="http_proxy=http://proxy.example.com:3129"
Environment="NO_PROXY=localhost,192.0.2.0/24"
Environment="no_proxy=localhost,192.0.2.0/24"
`
	for profile, units := range map[string][]string{
		boot.ProfileOCK:   {"crio.service", "kubelet.service", "ocne-update.service", "rpm-ostreed.service"},
		boot.ProfilePlain: {"containerd.service", "kubelet.service"},
	} {
		config := outside(t, profile, proxy, "")
		for _, name := range units {
			require.Equal(t, want, dropins(unit(t, config, name))["proxy.conf"], "%s of %s", name, profile)
		}
		require.True(t, *unit(t, config, "kubelet.service").Enabled, "the profile's settings of the unit stay")
		for _, u := range config.Systemd.Units {
			if u.Name == "kubeadm.service" {
				require.NotContains(t, dropins(u), "proxy.conf", "kubeadm would hand it on to the API server")
			}
		}
	}
}

func TestSystemdReadsTheProxyAsItWasWritten(t *testing.T) {
	config := outside(t, boot.ProfilePlain, boot.Proxy{HTTPS: `http://me:p%40s"\$s@proxy.example.com`}, "")
	got := dropins(unit(t, config, "containerd.service"))["proxy.conf"]
	require.Equal(t, `[Service]
Environment="HTTPS_PROXY=http://me:p%%40s\"\\$s@proxy.example.com"
Environment="https_proxy=http://me:p%%40s\"\\$s@proxy.example.com"
`, got)
}

func TestWithoutProxyAndRegistryNothingIsAdded(t *testing.T) {
	for _, profile := range []string{boot.ProfileOCK, boot.ProfilePlain} {
		in := input(t, "worker.json")
		in.Profile = profile
		require.Equal(t, document(t, in), outside(t, profile, boot.Proxy{NoProxy: []string{"localhost"}}, ""))
	}
}

func TestCRIOAndPodmanAskTheRegistryFirst(t *testing.T) {
	text, mode := file(t, outside(t, boot.ProfileOCK, boot.Proxy{}, "registry.example.com:5000"), "/etc/containers/registries.conf")
	require.Equal(t, 0o644, mode)
	type mirror struct {
		Location string `toml:"location"`
	}
	var got struct {
		Search     []string `toml:"unqualified-search-registries"`
		Registries []struct {
			Prefix   string   `toml:"prefix"`
			Location string   `toml:"location"`
			Mirrors  []mirror `toml:"mirror"`
		} `toml:"registry"`
	}
	require.NoError(t, toml.Unmarshal([]byte(text), &got))
	require.Equal(t, []string{"registry.example.com:5000"}, got.Search)
	require.Len(t, got.Registries, 1)
	require.Equal(t, "container-registry.oracle.com", got.Registries[0].Prefix)
	require.Equal(t, "container-registry.oracle.com", got.Registries[0].Location, "is asked for what the other one does not have")
	require.Equal(t, []mirror{{"registry.example.com:5000"}}, got.Registries[0].Mirrors)

	// Configurations of the existing ocne may name what is its default.
	text, _ = file(t, outside(t, boot.ProfileOCK, boot.Proxy{}, "container-registry.oracle.com"), "/etc/containers/registries.conf")
	require.Equal(t, "unqualified-search-registries = [\"container-registry.oracle.com\"]\n", text)
}

func TestContainerdAsksTheRegistryFirst(t *testing.T) {
	config := outside(t, boot.ProfilePlain, boot.Proxy{}, "registry.example.com:5000")
	for _, mirrored := range []string{"registry.k8s.io", "ghcr.io"} {
		text, mode := file(t, config, "/etc/containerd/certs.d/"+mirrored+"/hosts.toml")
		require.Equal(t, 0o644, mode)
		type host struct {
			Capabilities []string `toml:"capabilities"`
		}
		var got struct {
			Server string          `toml:"server"`
			Hosts  map[string]host `toml:"host"`
		}
		require.NoError(t, toml.Unmarshal([]byte(text), &got))
		require.Equal(t, "https://"+mirrored, got.Server)
		require.Equal(t, map[string]host{"https://registry.example.com:5000": {[]string{"pull", "resolve"}}}, got.Hosts)
	}
}

func TestUsersOwnDropinWinsOverTheProxy(t *testing.T) {
	image, err := boot.LoadImage(boot.ProfileOCK)
	require.NoError(t, err)
	own := types.Config{Ignition: types.Ignition{Version: "3.4.0"}, Systemd: types.Systemd{Units: []types.Unit{
		{Name: "crio.service", Dropins: []types.Dropin{{Name: "proxy.conf", Contents: new("[Service]\n")}}},
	}}}
	merged := v3_4.Merge(image.ProxyConfig(boot.Proxy{HTTP: "http://proxy.example.com"}), own)
	require.Equal(t, "[Service]\n", dropins(merged.Systemd.Units[0])["proxy.conf"])
}
