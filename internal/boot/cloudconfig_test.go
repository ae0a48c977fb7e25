package boot_test

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/ocne-project/ocne/internal/boot"
)

// The bootstrap data in testdata/bootstrap/*.cloud-config was rendered by Cluster API 1.14.2 (bootstrap/kubeadm/pkg/cloudinit) with
// placeholders for certificates and keys; worker.cloud-config has a file, commands, a user, time servers, and names that Jinja is to fill in.

func cloudInput(t testing.TB, bootstrap string) boot.Input {
	t.Helper()
	in := input(t, bootstrap)
	in.Format = boot.FormatCloudConfig
	return in
}

// cloudConfig is what cloud-init reads of a document.
type cloudConfig struct {
	Hostname   string `json:"hostname"`
	WriteFiles []struct {
		Path        string `json:"path"`
		Owner       string `json:"owner"`
		Permissions string `json:"permissions"`
		Content     string `json:"content"`
	} `json:"write_files"`
	RunCmd []string `json:"runcmd"`
	NTP    struct {
		Enabled bool     `json:"enabled"`
		Servers []string `json:"servers"`
	} `json:"ntp"`
	Users []map[string]any `json:"users"`
}

// delivered parses a document as the engine hands it to the guest: behind keys of its own.
func delivered(t *testing.T, doc []byte) cloudConfig {
	t.Helper()
	const engine = "#cloud-config\nruncmd:\n- engine's own\nchpasswd: {expire: false}\nssh_pwauth: true\n"
	var config cloudConfig
	require.NoError(t, yaml.Unmarshal(append([]byte(engine), doc...), &config))
	require.NotContains(t, config.RunCmd, "engine's own", "of two keys the later one counts")
	return config
}

func cloudDocument(t *testing.T, in boot.Input) cloudConfig {
	t.Helper()
	doc, err := boot.Document(in)
	require.NoError(t, err)
	return delivered(t, doc)
}

func (c cloudConfig) file(t *testing.T, path string) (text, permissions string) {
	t.Helper()
	for _, f := range slices.Backward(c.WriteFiles) {
		if f.Path == path {
			require.Equal(t, "root:root", f.Owner, path)
			return f.Content, f.Permissions
		}
	}
	require.Fail(t, "the document has no file "+path)
	return "", ""
}

// UPDATE_GOLDEN=1 in the environment writes the golden files anew.
func TestGoldenCloudConfig(t *testing.T) {
	for name, tc := range map[string]struct {
		bootstrap string
		change    func(*boot.Input)
	}{
		"worker": {"worker.cloud-config", func(in *boot.Input) { in.Identity.Hostname = "demo-md-0-v5xsk-hsbcw" }},
		"worker-dual-stack": {"worker.cloud-config", func(in *boot.Input) {
			in.Identity.Hostname, in.Network.IPv6AutoConf = "demo-md-0-v5xsk-hsbcw", true
			in.Network.NTPServers = []string{"ntp1.example.com", "192.0.2.123"}
		}},
		"init-control-plane": {"init.cloud-config", func(in *boot.Input) { in.LoadBalancer = loadBalancer() }},
	} {
		t.Run(name, func(t *testing.T) {
			in := cloudInput(t, tc.bootstrap)
			tc.change(&in)
			got, err := boot.Document(in)
			require.NoError(t, err)
			delivered(t, got)
			golden := filepath.Join("testdata", "golden", name+".cloud-config")
			if os.Getenv("UPDATE_GOLDEN") != "" {
				require.NoError(t, os.WriteFile(golden, got, 0o600))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), string(got))
		})
	}
}

// What the bootstrap provider wrote stays, and kubeadm's configuration gets the provider ID and the node IP.
func TestCloudConfigSaysWhoTheMachineIs(t *testing.T) {
	in := cloudInput(t, "worker.cloud-config")
	in.Network.IPv6, in.Network.IPv6Gateway = netip.MustParsePrefix("fd00::10/64"), netip.MustParseAddr("fd00::1")
	doc := cloudDocument(t, in)
	require.Equal(t, in.Identity.Hostname, doc.Hostname)
	kubeadm, permissions := doc.file(t, "/run/kubeadm/kubeadm-join-config.yaml")
	require.Equal(t, "0640", permissions)
	require.Contains(t, kubeadm, "name: provider-id\n    value: "+in.Identity.ProviderID+"\n")
	require.Contains(t, kubeadm, "name: node-ip\n    value: 192.0.2.161,fd00::10\n")
	require.Contains(t, kubeadm, "name: '"+in.Identity.Hostname+"'\n", "Jinja is not run behind the engine's header, so its work is done here")
	motd, _ := doc.file(t, "/etc/motd")
	require.Equal(t, "Node "+in.Identity.Hostname+"\n", motd)
	require.Equal(t, []string{"ntp.example.com"}, doc.NTP.Servers, "the KubeadmConfig's own")
	require.Len(t, doc.Users, 1)
}

func TestCloudConfigRunsOursBeforeKubeadm(t *testing.T) {
	in := cloudInput(t, "worker.cloud-config")
	doc := cloudDocument(t, in)
	require.Equal(t, []string{
		"systemctl enable --now containerd.service", "systemctl enable kubelet.service",
		"echo \"before: " + in.Identity.Hostname + "\"",
		"/bin/bash /etc/ocne/kubeadm-attempts.sh /etc/ocne/kubeadm.sh /run/kubeadm/kubeadm-join-config.yaml /etc/kubernetes " +
			"/var/lib/ocne/kubernetes unix:///run/containerd/containerd.sock",
		"echo after",
	}, doc.RunCmd)
	script, permissions := doc.file(t, "/etc/ocne/kubeadm.sh")
	require.Equal(t, "0700", permissions)
	require.Equal(t, "#!/bin/bash\nkubeadm join --config /run/kubeadm/kubeadm-join-config.yaml  && "+
		"echo success > /run/cluster-api/bootstrap-success.complete\n", script)
	_, permissions = doc.file(t, "/etc/ocne/kubeadm-attempts.sh")
	require.Equal(t, "0755", permissions)
}

// The load balancer and the script for SLAAC are those of an Ignition document.
func TestCloudConfigBringsTheSameFilesAsIgnition(t *testing.T) {
	change := func(in *boot.Input) {
		in.Profile, in.LoadBalancer, in.Network.IPv6AutoConf = boot.ProfilePlain, loadBalancer(), true
	}
	ignition, cloud := input(t, "init.json"), cloudInput(t, "init.cloud-config")
	change(&ignition)
	change(&cloud)
	want, got := document(t, ignition), cloudDocument(t, cloud)
	for _, path := range []string{
		"/etc/keepalived/keepalived.conf", "/etc/keepalived/check-eligible.sh", "/etc/ocne/nginx/nginx.conf", "/etc/ocne/load-balancer/refresh.sh",
		"/etc/ocne/load-balancer/settings", "/etc/ocne/load-balancer/first", "/etc/ocne/node-ip.sh",
	} {
		text, _ := file(t, want, path)
		same, _ := got.file(t, path)
		require.Equal(t, text, same, path)
	}
	for _, name := range []string{"ocne-nginx.service", "ocne-load-balancer.service", "ocne-load-balancer.timer"} {
		same, _ := got.file(t, "/etc/systemd/system/"+name)
		require.Equal(t, *unit(t, want, name).Contents, same)
	}
	dropin, _ := got.file(t, "/etc/systemd/system/kubelet.service.d/20-node-ip.conf")
	require.Equal(t, dropins(unit(t, want, "kubelet.service"))["20-node-ip.conf"], dropin)
	require.Subset(t, got.RunCmd, []string{"systemctl enable keepalived.service", "systemctl restart ocne-nginx.service"})
	require.True(t, strings.HasPrefix(got.RunCmd[len(got.RunCmd)-1], "kubeadm init "), "an init runs once, and last")
}

// A KubeadmConfig that brings a keepalived.conf has a load balancer of its own.
func TestCloudConfigLeavesAForeignLoadBalancerAlone(t *testing.T) {
	in := cloudInput(t, "init.cloud-config")
	in.LoadBalancer = loadBalancer()
	const files = "write_files:\n"
	in.Bootstrap = bytes.Replace(in.Bootstrap, []byte(files), []byte(files+"- path: /etc/keepalived/keepalived.conf\n  content: mine\n"), 1)
	for _, f := range cloudDocument(t, in).WriteFiles {
		require.NotContains(t, f.Path, "load-balancer")
	}
}

func TestCloudConfigThatCannotBeMadeSaysWhatToDo(t *testing.T) {
	for name, tc := range map[string]struct {
		change      func(*boot.Input)
		layer, want string
	}{
		"an image without cloud-init": {func(in *boot.Input) { in.Profile = boot.ProfileOCK }, boot.LayerProfile, "set imageProfile to plain"},
		"Ignition beside it": {func(in *boot.Input) {
			in.User = inline(t, "/a", "b")
		}, boot.LayerUser, "use files, users and preKubeadmCommands of the KubeadmConfig"},
		"a disk to mount":   {func(in *boot.Input) { in.Disks = []boot.Disk{mounted()} }, boot.LayerDisks, "use diskSetup and mounts"},
		"a script":          {func(in *boot.Input) { in.Bootstrap = []byte("#!/bin/sh\necho " + secret) }, boot.LayerBootstrap, "it is not"},
		"broken YAML":       {func(in *boot.Input) { in.Bootstrap = []byte("a: [" + secret) }, boot.LayerBootstrap, "it is not YAML"},
		"nothing":           {func(in *boot.Input) { in.Bootstrap = nil }, boot.LayerBootstrap, "it is not cloud-config"},
		"runcmd is no list": {func(in *boot.Input) { in.Bootstrap = []byte("runcmd: " + secret) }, boot.LayerBootstrap, "runcmd is not a list"},
		"other Jinja": {func(in *boot.Input) {
			in.Bootstrap = []byte("## template: jinja\n#cloud-config\na: '{{ ds.meta_data.uuid }}'\n")
		}, boot.LayerBootstrap, "it has {{ ds.meta_data.uuid }}"},
		"Jinja with something in it": {func(in *boot.Input) {
			in.Bootstrap = []byte("## template: jinja\n#cloud-config\na: \"{{ '" + secret + "' }}\"\n")
		}, boot.LayerBootstrap, "it has a Jinja expression"},
		"encoded kubeadm": {func(in *boot.Input) {
			in.Bootstrap = []byte("write_files: [{path: /run/kubeadm/kubeadm.yaml, encoding: b64, content: YQ==}]")
		}, boot.LayerBootstrap, "/run/kubeadm/kubeadm.yaml is not in plain text"},
		"MTU": {func(in *boot.Input) { in.Network.MTU = 9000 }, boot.LayerMachine, "set the MTU of the logical network"},
		"SLAAC beside an address": {func(in *boot.Input) {
			in.Network.IPv6, in.Network.IPv6AutoConf = netip.MustParsePrefix("fd00::10/64"), true
		}, boot.LayerMachine, "set either ipv6.autoConf or an address"},
		"IPv6 without a gateway": {func(in *boot.Input) {
			in.Network.IPv6 = netip.MustParsePrefix("fd00::10/64")
		}, boot.LayerMachine, "set ipv6.gateway"},
		"routes of a further NIC": {func(in *boot.Input) {
			in.NICs = []boot.NIC{{Device: "enp2s0", IPv4: netip.MustParsePrefix("198.51.100.10/24"), Routes: []boot.Route{{
				To: netip.MustParsePrefix("203.0.113.0/24"), Via: netip.MustParseAddr("198.51.100.1"),
			}}}}
		}, boot.LayerMachine, "additional NIC enp2s0: routes are not told"},
		"a further NIC of the same name": {func(in *boot.Input) {
			in.NICs = []boot.NIC{{Device: in.Network.Device}}
		}, boot.LayerMachine, "another NIC has the same interface name"},
		"host name with a line break": {func(in *boot.Input) { in.Identity.Hostname = "a\nb" }, boot.LayerMachine, "host name"},
		"no provider ID":              {func(in *boot.Input) { in.Identity.ProviderID = "" }, boot.LayerMachine, "provider ID is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			in := cloudInput(t, "worker.cloud-config")
			tc.change(&in)
			_, err := boot.Document(in)
			requireLayer(t, err, tc.layer, tc.want)
			require.NotContains(t, err.Error(), secret)
		})
	}
}

// Cluster API's contract: data without a format is cloud-config.
func TestDataWithoutAFormatIsCloudConfig(t *testing.T) {
	in := cloudInput(t, "worker.cloud-config")
	in.Format = ""
	require.NotEmpty(t, cloudDocument(t, in).RunCmd)
}
