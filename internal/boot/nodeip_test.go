package boot_test

import (
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/boot"
)

func slaac(t *testing.T) boot.Input {
	t.Helper()
	in := input(t, "worker.json")
	in.Network.IPv6AutoConf = true
	return in
}

func TestKubeletOfANodeWithSLAACLearnsTheAddressBeforeItStarts(t *testing.T) {
	for _, profile := range []string{boot.ProfileOCK, boot.ProfilePlain} {
		in := slaac(t)
		in.Profile = profile
		doc := document(t, in)
		_, mode := file(t, doc, "/etc/ocne/node-ip.sh")
		require.Equal(t, 0o755, mode)
		kubelet := unit(t, doc, "kubelet.service")
		require.True(t, *kubelet.Enabled, "what the image's profile says stays")
		require.Contains(t, dropins(kubelet)["20-node-ip.conf"],
			"\nExecStartPre=-/bin/bash /etc/ocne/node-ip.sh enp1s0 192.0.2.161 /var/lib/kubelet/kubeadm-flags.env\n")
		kubeadm, _ := file(t, doc, "/etc/kubeadm.yml")
		require.Contains(t, kubeadm, "name: node-ip\n    value: 192.0.2.161\n", "what the script adds to")
	}
}

func TestOnlySLAACNeedsTheScript(t *testing.T) {
	static := input(t, "worker.json")
	static.Network.IPv6 = netip.MustParsePrefix("fd00::10/64")
	for _, in := range []boot.Input{input(t, "worker.json"), static} {
		doc := document(t, in)
		require.Empty(t, dropins(unit(t, doc, "kubelet.service")))
		for _, f := range doc.Storage.Files {
			require.NotContains(t, f.Path, "node-ip")
		}
	}
}

const (
	ipv4Only     = `KUBELET_KUBEADM_ARGS="--node-ip=192.0.2.161 --provider-id=olvm://x"`
	bothFamilies = `KUBELET_KUBEADM_ARGS="--node-ip=192.0.2.161,fd00::5054:ff:fe12:3456 --provider-id=olvm://x"`
)

func bashHere(t *testing.T) string {
	t.Helper()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("the script is one of bash, which is not there")
	}
	return bash
}

// The script of the document runs here with an ip(8) that shows what is given.
func TestNodeIPScript(t *testing.T) {
	bash := bashHere(t)
	const (
		stable    = "2: enp1s0    inet6 fd00::5054:ff:fe12:3456/64 scope global dynamic noprefixroute \\       valid_lft 86394sec preferred_lft 14394sec\n"
		tentative = "2: enp1s0    inet6 fd00::1/64 scope global tentative dynamic \\       valid_lft 86394sec preferred_lft 14394sec\n"
		temporary = "2: enp1s0    inet6 fd00::2/64 scope global temporary dynamic \\       valid_lft 86394sec preferred_lft 14394sec\n"
	)
	for name, tc := range map[string]struct{ shows, flags, want string }{
		"the address is added":              {stable, ipv4Only, bothFamilies},
		"at the end of the arguments":       {stable, `A="--node-ip=192.0.2.161"`, `A="--node-ip=192.0.2.161,fd00::5054:ff:fe12:3456"`},
		"again, and nothing changes":        {stable, bothFamilies, bothFamilies},
		"another prefix replaces the first": {stable, strings.ReplaceAll(bothFamilies, "fd00::5054", "fd01::5054"), bothFamilies},
		"addresses that do not last":        {tentative + temporary + stable, ipv4Only, bothFamilies},
		"somebody's own node IP stays":      {stable, `A="--node-ip=192.0.2.16"`, `A="--node-ip=192.0.2.16"`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			text, _ := file(t, document(t, slaac(t)), "/etc/ocne/node-ip.sh")
			write := func(name, text string) string {
				path := filepath.Join(dir, name)
				require.NoError(t, os.WriteFile(path, []byte(text), 0o755))
				return path
			}
			shown := write("shown", tc.shows)
			write("ip", "#!"+bash+"\n[ \"$*\" = '-6 -o address show dev enp1s0 scope global' ] && cat "+shown+"\n")
			flags := write("flags", tc.flags+"\n")
			command := exec.Command(bash, write("node-ip.sh", text), "enp1s0", "192.0.2.161", flags)
			command.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
			out, err := command.CombinedOutput()
			require.NoError(t, err, string(out))
			require.Empty(t, string(out))
			got, err := os.ReadFile(flags)
			require.NoError(t, err)
			require.Equal(t, tc.want+"\n", string(got))
		})
	}
	t.Run("before kubeadm ran there is nothing to do", func(t *testing.T) {
		text, _ := file(t, document(t, slaac(t)), "/etc/ocne/node-ip.sh")
		command := exec.Command(bash, "-c", text, "node-ip.sh", "enp1s0", "192.0.2.161", filepath.Join(t.TempDir(), "missing"))
		out, err := command.CombinedOutput()
		require.NoError(t, err, string(out))
		require.Empty(t, string(out))
	})
}

func TestNodeWithoutAnIPv6AddressReportsIPv4AndSaysSo(t *testing.T) {
	bash := bashHere(t)
	dir := t.TempDir()
	text, _ := file(t, document(t, slaac(t)), "/etc/ocne/node-ip.sh")
	flags := filepath.Join(dir, "flags")
	require.NoError(t, os.WriteFile(flags, []byte(bothFamilies+"\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "ip"), []byte("#!"+bash+"\n"), 0o755))
	command := exec.Command(bash, "-c", strings.ReplaceAll(text, "/dev/console", "/dev/null"), "node-ip.sh", "enp1s0", "192.0.2.161", flags)
	command.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "SECONDS=30"} // the time that it has waited
	out, err := command.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "enp1s0 has no global IPv6 address")
	got, err := os.ReadFile(flags)
	require.NoError(t, err)
	require.Equal(t, ipv4Only+"\n", string(got), "the kubelet refuses an address that the node does not have")
}
