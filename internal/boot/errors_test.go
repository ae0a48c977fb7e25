package boot_test

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/boot"
)

func TestOtherFormatsAreRefused(t *testing.T) {
	in := input(t, "worker.json")
	in.Format = "kickstart"
	_, err := boot.Document(in)
	require.ErrorIs(t, err, boot.ErrFormat)
	require.ErrorContains(t, err, "set format: ignition or format: cloud-config in the KubeadmConfig")
}

func TestErrorNamesTheLayerAndWhatToDo(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*boot.Input)
		layer  string
		want   string
	}{
		"bootstrap data that is not JSON": {func(in *boot.Input) {
			in.Bootstrap = []byte("#cloud-config\n")
		}, boot.LayerBootstrap, "no ignition.version"},
		"no bootstrap data": {func(in *boot.Input) { in.Bootstrap = nil }, boot.LayerBootstrap, "no ignition.version"},
		"Ignition 2 that is not valid": {func(in *boot.Input) {
			in.Bootstrap = []byte(`{"ignition":{"version":"2.3.0"},"systemd":{"units":[{"name":"no-suffix"}]}}`)
		}, boot.LayerBootstrap, "invalid systemd unit extension"},
		"Ignition 2 from the user": {func(in *boot.Input) { in.User = []byte(`{"ignition":{"version":"2.3.0"}}`) }, boot.LayerUser, "Ignition 2.3.0"},
		"newer Ignition": {func(in *boot.Input) {
			in.User = []byte(`{"ignition":{"version":"3.5.0"}}`)
		}, boot.LayerUser, "newer than the 3.4.0"},
		"user's file where a unit is": {func(in *boot.Input) {
			in.User = inline(t, "/etc/systemd/system/kubeadm.service", "x")
		}, boot.LayerUser, "systemd"},
		"additionalConfig in Container Linux Config": {func(in *boot.Input) {
			in.Additional = []byte("storage: {}")
		}, boot.LayerAdditional, "no ignition.version"},
		"unknown profile":             {func(in *boot.Input) { in.Profile = "flatcar" }, boot.LayerProfile, `"flatcar": use ock or plain`},
		"no provider ID":              {func(in *boot.Input) { in.Identity.ProviderID = "" }, boot.LayerMachine, "provider ID is empty"},
		"host name with a line break": {func(in *boot.Input) { in.Identity.Hostname = "a\nb" }, boot.LayerMachine, "host name"},
		"device with a slash":         {func(in *boot.Input) { in.Network.Device = "../x" }, boot.LayerMachine, "interface name"},
		"no address": {func(in *boot.Input) {
			in.Network.IPv4 = netip.Prefix{}
		}, boot.LayerMachine, "not an IPv4 address with a prefix length"},
		"IPv6 gateway for IPv4": {func(in *boot.Input) {
			in.Network.Gateway = netip.MustParseAddr("fd00::1")
		}, boot.LayerMachine, "gateway fd00::1"},
		"IPv6 gateway for SLAAC alone": {func(in *boot.Input) {
			in.Network.IPv6AutoConf, in.Network.IPv6Gateway = true, netip.MustParseAddr("fd00::1")
		}, boot.LayerMachine, "IPv6 gateway fd00::1 needs an IPv6 address"},
		"name server by name": {func(in *boot.Input) { in.Network.Nameservers = []string{"dns.example.com"} }, boot.LayerMachine, "not an IP address"},
		"IPv6 name server without IPv6": {func(in *boot.Input) {
			in.Network.Nameservers = []string{"fd00::53"}
		}, boot.LayerMachine, "the machine has no IPv6"},
		"search domain with a separator": {func(in *boot.Input) {
			in.Network.SearchDomains = []string{"example.com;evil"}
		}, boot.LayerMachine, "neither a host name nor a domain"},
		"MTU out of range": {func(in *boot.Input) { in.Network.MTU = 70000 }, boot.LayerMachine, "MTU 70000"},
		"kubeadm configuration from elsewhere": {func(in *boot.Input) {
			in.Bootstrap = []byte(`{"ignition":{"version":"3.4.0"},"storage":{"files":[
				{"path":"/etc/kubeadm.yml","contents":{"source":"https://example.com/k"}}]}}`)
		}, boot.LayerMachine, "one data URL"},
		"kubeadm configuration without a node": {func(in *boot.Input) {
			in.Bootstrap = inline(t, "/etc/kubeadm.yml", "kind: ClusterConfiguration\n")
		}, boot.LayerMachine, "neither an InitConfiguration nor a JoinConfiguration"},
	} {
		t.Run(name, func(t *testing.T) {
			in := input(t, "worker.json")
			tc.change(&in)
			_, err := boot.Document(in)
			requireLayer(t, err, tc.layer, tc.want)
		})
	}
}

// requireLayer wants the error of a layer that says so.
func requireLayer(t *testing.T, err error, layer, says string) {
	t.Helper()
	require.ErrorContains(t, err, says)
	var of *boot.LayerError
	require.ErrorAs(t, err, &of)
	require.Equal(t, layer, of.Layer)
}

func TestErrorsNeverHoldContentsOfTheDocument(t *testing.T) {
	breakIt := func(old, new string) []byte {
		init := read(t, "bootstrap", "init.json")
		require.Contains(t, string(init), old, "the test breaks nothing")
		return bytes.Replace(init, []byte(old), []byte(new), 1)
	}
	for name, bootstrap := range map[string][]byte{
		"broken JSON":           breakIt(`"path"`, `path`),
		"wrong type":            breakIt(`"mode":384`, `"mode":"`+secret+`"`),
		"key in a unit":         breakIt(`[Unit]\nDescription`, `[Unit] `+secret+`\nDescription`),
		"key in a URL":          breakIt(`data:,-----BEGIN`, `://`+secret+`%zz`),
		"key in kubeadm's YAML": inline(t, "/etc/kubeadm.yml", "kind: InitConfiguration\nnodeRegistration: *"+secret+"\n"),
		"key as kubeadm's YAML": inline(t, "/etc/kubeadm.yml", "kind: InitConfiguration\n"+secret+"\n"),
	} {
		t.Run(name, func(t *testing.T) {
			in := input(t, "init.json")
			in.Bootstrap = bootstrap
			_, err := boot.Document(in)
			require.Error(t, err)
			require.NotContains(t, err.Error(), secret)
			t.Log(err)
		})
	}
	for name, doc := range map[string]string{
		"Butane, wrong type":     "variant: fcos\nversion: 1.5.0\nstorage:\n  files: " + secret + "\n",
		"Butane, broken YAML":    "variant: fcos\nversion: 1.5.0\nstorage: [" + secret + "\n",
		"Butane, bad unit":       "variant: fcos\nversion: 1.5.0\nsystemd:\n  units:\n  - name: a.service\n    contents: '[A] " + secret + "'\n",
		"Ignition, wrong type":   `{"ignition":{"version":"3.4.0"},"storage":{"files":"` + secret + `"}}`,
		"neither, just a string": secret,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := boot.ParseUser([]byte(doc))
			require.Error(t, err)
			require.NotContains(t, err.Error(), secret)
			t.Log(err)
		})
	}
}
