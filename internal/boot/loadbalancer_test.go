package boot_test

import (
	"strings"
	"testing"

	"github.com/coreos/ignition/v2/config/v3_4"
	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/stretchr/testify/require"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/boot"
)

const keepalivedConf = "/etc/keepalived/keepalived.conf"

func loadBalancer() *boot.LoadBalancer {
	return &boot.LoadBalancer{Endpoint: "192.0.2.160", Port: 6443}
}

// kubeadm is bootstrap data that holds kubeadm's configuration and nothing else.
func kubeadm(t *testing.T, configuration string) boot.Input {
	t.Helper()
	in := input(t, "worker.json")
	in.Bootstrap = inline(t, "/etc/kubeadm.yml", "apiVersion: kubeadm.k8s.io/v1beta4\n"+configuration)
	in.LoadBalancer = loadBalancer()
	return in
}

const joinAt6444 = "kind: JoinConfiguration\ncontrolPlane:\n  localAPIEndpoint:\n    bindPort: 6444\n"

// expectNoLoadBalancer checks that nothing of ours is in a document.
func expectNoLoadBalancer(t *testing.T, config types.Config) {
	t.Helper()
	for _, f := range config.Storage.Files {
		require.NotContains(t, f.Path, "load-balancer")
		require.NotContains(t, f.Path, "nginx")
		require.NotContains(t, f.Path, "check-eligible")
	}
	for _, u := range config.Systemd.Units {
		require.NotContains(t, u.Name, "load-balancer")
		require.NotContains(t, u.Name, "nginx")
		if u.Name == "keepalived.service" {
			require.Empty(t, u.Dropins)
		}
	}
}

func TestControlPlaneNodesGetTheLoadBalancer(t *testing.T) {
	for _, profile := range []string{boot.ProfileOCK, boot.ProfilePlain} {
		t.Run(profile, func(t *testing.T) {
			in := kubeadm(t, joinAt6444)
			in.Profile = profile
			config := document(t, in)
			keepalived, mode := file(t, config, keepalivedConf)
			require.Equal(t, 0o644, mode)
			for _, line := range []string{"interface enp1s0\n", "192.0.2.160/32 dev enp1s0\n", "unicast_src_ip 192.0.2.161\n", "virtual_router_id 160\n"} {
				require.Contains(t, keepalived, line)
			}
			nginx, _ := file(t, config, "/etc/ocne/nginx/nginx.conf")
			require.Contains(t, nginx, "server 127.0.0.1:6444 max_fails=0;\n")
			require.Contains(t, nginx, "listen 6443 ")
			_, mode = file(t, config, "/etc/keepalived/check-eligible.sh")
			require.Equal(t, 0o755, mode)
			for _, name := range []string{"keepalived.service", "ocne-nginx.service", "ocne-load-balancer.timer"} {
				require.True(t, *unit(t, config, name).Enabled, name)
			}
			require.Nil(t, unit(t, config, "keepalived.service").Contents, "the image's own unit")
			raw, err := boot.Document(in)
			require.NoError(t, err)
			_, report, err := v3_4.Parse(raw)
			require.NoError(t, err)
			require.Empty(t, report.Entries, "Ignition does not warn of anything, either")
			require.Contains(t, dropins(unit(t, config, "keepalived.service"))["50-ocne-load-balancer.conf"], "ExecStart=/usr/sbin/keepalived ")
		})
	}
}

func TestNodesWithoutTheVirtualIPGetNoLoadBalancer(t *testing.T) {
	worker := input(t, "worker.json")
	external := input(t, "init.json")
	other := input(t, "worker.json")
	other.Bootstrap, other.LoadBalancer = []byte(`{"ignition":{"version":"3.4.0"}}`), loadBalancer()
	for name, in := range map[string]boot.Input{"worker": worker, "external": external, "not made by kubeadm": other} {
		t.Run(name, func(t *testing.T) { expectNoLoadBalancer(t, document(t, in)) })
	}
}

func TestDocumentWithItsOwnKeepalivedKeepsIt(t *testing.T) {
	const own = "vrrp_instance mine {\n}\n"
	t.Run("in additionalConfig", func(t *testing.T) {
		in := input(t, "join-control-plane.json")
		in.Additional, in.LoadBalancer = read(t, "additional.json"), loadBalancer()
		config := document(t, in)
		text, _ := file(t, config, keepalivedConf)
		require.Equal(t, "vrrp_instance VI_1 {\n}\n", text)
		expectNoLoadBalancer(t, config)
	})
	t.Run("in the user's Ignition", func(t *testing.T) {
		in := kubeadm(t, joinAt6444)
		in.User = inline(t, keepalivedConf, own)
		config := document(t, in)
		text, _ := file(t, config, keepalivedConf)
		require.Equal(t, own, text)
		expectNoLoadBalancer(t, config)
	})
	t.Run("with kubeadm settings that the built-in one refuses", func(t *testing.T) {
		in := kubeadm(t, "kind: InitConfiguration\n")
		in.LoadBalancer.Endpoint = "api.example.com"
		in.User = inline(t, keepalivedConf, own)
		expectNoLoadBalancer(t, document(t, in))
	})
}

func TestUserMayReplaceOneFileOfTheLoadBalancer(t *testing.T) {
	in := kubeadm(t, joinAt6444)
	in.User = inline(t, "/etc/ocne/nginx/nginx.conf", "events {}\n")
	config := document(t, in)
	text, _ := file(t, config, "/etc/ocne/nginx/nginx.conf")
	require.Equal(t, "events {}\n", text)
	unit(t, config, "ocne-load-balancer.timer")
}

func TestOnlyTheNodeThatMakesTheClusterIsFirst(t *testing.T) {
	has := func(in boot.Input) bool {
		for _, f := range document(t, in).Storage.Files {
			if strings.HasSuffix(f.Path, "/load-balancer/first") {
				return true
			}
		}
		return false
	}
	require.False(t, has(kubeadm(t, joinAt6444)))
	require.True(t, has(kubeadm(t, "kind: ClusterConfiguration\n---\nkind: InitConfiguration\nlocalAPIEndpoint: {bindPort: 6444}\n")))
}

func TestPortsComeFromTheClusterAndFromKubeadm(t *testing.T) {
	in := kubeadm(t, "kind: JoinConfiguration\ncontrolPlane: {localAPIEndpoint: {bindPort: 7444}}\n")
	in.LoadBalancer.Port = 7443
	in.LoadBalancer.Settings = infrav1.LoadBalancer{VirtualRouterID: 9}
	config := document(t, in)
	nginx, _ := file(t, config, "/etc/ocne/nginx/nginx.conf")
	require.Contains(t, nginx, "server 127.0.0.1:7444 ")
	require.Contains(t, nginx, "listen 7443 ")
	settings, _ := file(t, config, "/etc/ocne/load-balancer/settings")
	require.Contains(t, settings, "\nAPI_PORT=7444\n")
	keepalived, _ := file(t, config, keepalivedConf)
	require.Contains(t, keepalived, "virtual_router_id 9\n")
}

func TestLoadBalancerThatCannotWorkIsRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		configuration, endpoint, want string
	}{
		"kubeadm's default port, which is the endpoint's": {"kind: InitConfiguration\n", "192.0.2.160", "set localAPIEndpoint.bindPort"},
		"a join with that port":                           {"kind: JoinConfiguration\ncontrolPlane: {}\n", "192.0.2.160", "set localAPIEndpoint.bindPort"},
		"a name":                                          {joinAt6444, "api.example.com", "not an IPv4 address"},
		"no port":                                         {"kind: InitConfiguration\nlocalAPIEndpoint: {bindPort: x}\n", "192.0.2.160", "is not a port"},
		"no node":                                         {"kind: ClusterConfiguration\n", "192.0.2.160", "neither an InitConfiguration nor a JoinConfiguration"},
	} {
		t.Run(name, func(t *testing.T) {
			in := kubeadm(t, tc.configuration)
			in.LoadBalancer.Endpoint = tc.endpoint
			_, err := boot.Document(in)
			requireLayer(t, err, boot.LayerBalancer, tc.want)
		})
	}
}
