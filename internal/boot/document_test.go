package boot_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/coreos/ignition/v2/config/v3_4"
	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/stretchr/testify/require"
	"github.com/vincent-petithory/dataurl"

	"github.com/ocne-project/ocne/internal/boot"
)

// The bootstrap data in testdata/bootstrap was rendered by Cluster API 1.14.2 (bootstrap/kubeadm/pkg/ignition) with placeholders for
// certificates and keys:
//   - init.json: kubeadm v1beta4; additionalConfig is a Container Linux Config that repeats kubeadm.service and /etc/kubeadm.sh.
//   - join-control-plane.json: v1beta3; additionalConfig is additional.json, Ignition 3.4, as rendered (mangled) by stock bootstrap.
//   - worker.json: v1beta4, no additionalConfig.

const secret = "not-a-key-of-ca" // stands in the cluster CA's key file

func read(t testing.TB, elements ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(append([]string{"testdata"}, elements...)...))
	require.NoError(t, err)
	return b
}

func input(t testing.TB, bootstrap string) boot.Input {
	t.Helper()
	return boot.Input{
		Bootstrap: read(t, "bootstrap", bootstrap),
		Format:    boot.FormatIgnition,
		Identity:  boot.Identity{ProviderID: "olvm://0a0b0c0d-1111-4222-8333-444455556666", Hostname: "demo-control-plane-x7k2p"},
		Network: boot.Network{
			Device:      "enp1s0",
			IPv4:        netip.MustParsePrefix("192.0.2.161/24"),
			Gateway:     netip.MustParseAddr("192.0.2.1"),
			Nameservers: []string{"192.0.2.53"},
		},
	}
}

func parse(t *testing.T, doc []byte) types.Config {
	t.Helper()
	config, report, err := v3_4.Parse(doc)
	require.NoError(t, err, report.String())
	return config
}

func document(t *testing.T, in boot.Input) types.Config {
	t.Helper()
	doc, err := boot.Document(in)
	require.NoError(t, err)
	return parse(t, doc)
}

func file(t *testing.T, config types.Config, path string) (text string, mode int) {
	t.Helper()
	for _, f := range config.Storage.Files {
		if f.Path == path {
			url, err := dataurl.DecodeString(*f.Contents.Source)
			require.NoError(t, err)
			require.NotNil(t, f.Mode, path)
			return string(url.Data), *f.Mode
		}
	}
	require.Fail(t, "the document has no file "+path)
	return "", 0
}

func unit(t *testing.T, config types.Config, name string) types.Unit {
	t.Helper()
	for _, u := range config.Systemd.Units {
		if u.Name == name {
			return u
		}
	}
	require.Fail(t, "the document has no unit "+name)
	return types.Unit{}
}

func dropins(u types.Unit) map[string]string {
	out := map[string]string{}
	for _, d := range u.Dropins {
		out[d.Name] = *d.Contents
	}
	return out
}

// inline is an Ignition 3.4 document with one file.
func inline(t *testing.T, path, text string) []byte {
	t.Helper()
	doc, err := json.Marshal(types.Config{
		Ignition: types.Ignition{Version: "3.4.0"},
		Storage: types.Storage{Files: []types.File{{
			Node:          types.Node{Path: path, Overwrite: new(true)},
			FileEmbedded1: types.FileEmbedded1{Mode: new(0o600), Contents: types.Resource{Source: new("data:," + dataurl.EscapeString(text))}},
		}}},
	})
	require.NoError(t, err)
	return doc
}

// UPDATE_GOLDEN=1 in the environment writes the golden files anew.
func TestGoldenDocuments(t *testing.T) {
	dualStack := func(in *boot.Input) {
		in.Profile = boot.ProfilePlain
		in.Identity.Hostname = "demo-md-0-v5xsk-hsbcw"
		in.Network = boot.Network{
			Device: "ens3", MTU: 9000,
			IPv4: netip.MustParsePrefix("192.0.2.201/24"), Gateway: netip.MustParseAddr("192.0.2.1"),
			IPv6: netip.MustParsePrefix("fd00::10/64"), IPv6Gateway: netip.MustParseAddr("fd00::1"),
			Nameservers:   []string{"192.0.2.53", "fd00::53", "192.0.2.54"},
			SearchDomains: []string{"example.com", "lab.example.com"},
			NTPServers:    []string{"ntp1.example.com", "192.0.2.123"},
		}
	}
	for name, tc := range map[string]struct {
		bootstrap string
		change    func(*boot.Input)
	}{
		"init-control-plane": {"init.json", func(in *boot.Input) { in.LoadBalancer = loadBalancer() }},
		"join-control-plane": {"join-control-plane.json", func(in *boot.Input) {
			in.Additional, in.LoadBalancer = read(t, "additional.json"), loadBalancer()
		}},
		"init-control-plane-plain": {"init.json", func(in *boot.Input) { in.LoadBalancer, in.Profile = loadBalancer(), boot.ProfilePlain }},
		"worker":                   {"worker.json", func(in *boot.Input) { in.Identity.Hostname = "demo-md-0-v5xsk-hsbcw" }},
		"worker-dual-stack":        {"worker.json", dualStack},
		"worker-data-disks": {"worker.json", func(in *boot.Input) {
			in.Disks = []boot.Disk{mounted(), {
				Device: "/dev/disk/by-id/virtio-0a0b0c0d-1111-5222-8", Label: "logs", MountPath: "/var/log/pods", Filesystem: "ext4",
			}}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			in := input(t, tc.bootstrap)
			tc.change(&in)
			got, err := boot.Document(in)
			require.NoError(t, err)
			parse(t, got)
			t.Logf("%d bytes from %d bytes of bootstrap data", len(got), len(in.Bootstrap))

			var pretty bytes.Buffer
			require.NoError(t, json.Indent(&pretty, got, "", "  "))
			pretty.WriteString("\n")
			golden := filepath.Join("testdata", "golden", name+".json")
			if os.Getenv("UPDATE_GOLDEN") != "" {
				require.NoError(t, os.MkdirAll(filepath.Dir(golden), 0o755))
				require.NoError(t, os.WriteFile(golden, pretty.Bytes(), 0o644))
			}
			require.Equal(t, string(read(t, "golden", name+".json")), pretty.String())
		})
	}
}

func TestEqualInputsGiveEqualBytes(t *testing.T) {
	in := input(t, "join-control-plane.json")
	in.Additional = read(t, "additional.json")
	first, err := boot.Document(in)
	require.NoError(t, err)
	for range 5 {
		again, err := boot.Document(in)
		require.NoError(t, err)
		require.Equal(t, first, again)
	}
}

func TestUnitAndFileThatBootstrapRepeatsAreFolded(t *testing.T) {
	config := document(t, input(t, "init.json"))

	kubeadm := unit(t, config, "kubeadm.service")
	require.Contains(t, *kubeadm.Contents, "ExecStart=/bin/bash /etc/kubeadm.sh", "a repetition with drop-ins only keeps the contents")
	require.True(t, *kubeadm.Enabled)
	require.Contains(t, dropins(kubeadm)["20-proxy.conf"], "HTTPS_PROXY")
	require.Contains(t, dropins(kubeadm)["10-node.conf"], "After=network-online.target crio.service")

	script, mode := file(t, config, "/etc/kubeadm.sh")
	require.Equal(t, "#!/bin/bash\nexec kubeadm init --config /etc/kubeadm.yml", script, "the later file wins whole")
	require.Equal(t, 0o700, mode)
}

func TestAppendedFileIsKeptBelowItsAppendix(t *testing.T) {
	in := input(t, "worker.json")
	in.Bootstrap = []byte(`{"ignition":{"version":"2.3.0"},"storage":{"files":[
		{"filesystem":"root","path":"/etc/motd","mode":420,"contents":{"source":"data:,first%0A"}},
		{"filesystem":"root","path":"/etc/motd","append":true,"contents":{"source":"data:,second%0A"}}]}}`)
	config := document(t, in)

	text, mode := file(t, config, "/etc/motd")
	require.Equal(t, "first\n", text)
	require.Equal(t, 0o644, mode)
	require.Len(t, config.Storage.Files[0].Append, 1)
	require.True(t, *config.Storage.Files[0].Overwrite)
}

func TestAdditionalConfigRepairsWhatStockBootstrapMangled(t *testing.T) {
	in := input(t, "join-control-plane.json")
	before, _ := file(t, document(t, in), "/etc/keepalived/keepalived.conf")
	require.Empty(t, before, "stock bootstrap drops the contents")

	in.Additional = read(t, "additional.json")
	config := document(t, in)
	after, _ := file(t, config, "/etc/keepalived/keepalived.conf")
	require.Equal(t, "vrrp_instance VI_1 {\n}\n", after)
	require.Len(t, config.Passwd.Users, 1)
	require.Equal(t, []types.SSHAuthorizedKey{"ssh-ed25519 AAAATESTKEY admin@example.com"}, config.Passwd.Users[0].SSHAuthorizedKeys)
	require.False(t, *unit(t, config, "ocne.service").Enabled)
}

func TestIgnition3BootstrapDataIsTakenAsItIs(t *testing.T) {
	const kubeadm = "---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\n"
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, err := w.Write([]byte(kubeadm))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	in := input(t, "worker.json")
	in.Bootstrap = []byte(`{"ignition":{"version":"3.3.0"},"storage":{"files":[{"path":"/etc/kubeadm.yml","mode":384,"contents":{
		"compression":"gzip","source":"data:;base64,` + base64.StdEncoding.EncodeToString(zipped.Bytes()) + `"}}]}}`)

	text, mode := file(t, document(t, in), "/etc/kubeadm.yml")
	require.Contains(t, text, "value: "+in.Identity.ProviderID)
	require.Equal(t, 0o600, mode)
}

func TestUserLayerWins(t *testing.T) {
	in := input(t, "worker.json")
	in.User = inline(t, "/etc/hostname", "by-the-user\n")
	text, _ := file(t, document(t, in), "/etc/hostname")
	require.Equal(t, "by-the-user\n", text)

	in.User = []byte(`{"ignition":{"version":"3.1.0"},"systemd":{"units":[{"name":"crio.service","enabled":false}]}}`)
	require.False(t, *unit(t, document(t, in), "crio.service").Enabled)
}

func TestDocumentWithoutKubeadmConfigurationIsLeftAlone(t *testing.T) {
	in := input(t, "worker.json")
	in.Bootstrap = []byte(`{"ignition":{"version":"3.4.0"}}`)
	config := document(t, in)
	for _, f := range config.Storage.Files {
		require.NotEqual(t, "/etc/kubeadm.yml", f.Path)
	}
	hostname, mode := file(t, config, "/etc/hostname")
	require.Equal(t, in.Identity.Hostname+"\n", hostname)
	require.Equal(t, 0o644, mode)
}
