package config_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/config"
)

const noAddOns = "headless: true\ncatalog: false\nproviders: {olvm: {ovirtCsiDriver: {install: false}}}\n"

func TestEachGroupOfKeysWithoutEffectGivesOneWarning(t *testing.T) {
	for _, tc := range []struct {
		name, defaults, cluster string
		keys                    []string
		want                    string
	}{
		{"applications", noAddOns, "applications: [{name: a}]\ncatalogs: []\ncommunityCatalog: true",
			[]string{"applications", "catalogs", "communityCatalog"}, "Helm"},
		{"catalog that is asked for", noAddOns, "catalog: true", []string{"catalog"}, "Helm"},
		{"web console", noAddOns, `autoStartUI: "true"`, []string{"autoStartUI"}, "web console"},
		{"certificates of the web console", noAddOns, "certificateInformation: {org: x}", []string{"certificateInformation"}, "web console"},
		{"CSI driver", noAddOns, "providers: {olvm: {ovirtCsiDriver: {install: true, namespace: csi}}}", []string{"providers.olvm.ovirtCsiDriver"}, "CSI"},
		{"other providers", noAddOns, "loadBalancer: 192.0.2.1\nproviders: {oci: {profile: x, any: thing}}",
			[]string{"providers.oci", "loadBalancer"}, "not used with provider olvm"},
		{"proxy of the controllers", noAddOns, "proxy: {httpsProxy: x}\nregistry: example.com\nproviders: {olvm: {proxy: {httpsProxy: x}}}",
			[]string{"providers.olvm.proxy"}, "HTTPS_PROXY"},
		{"images", noAddOns, `osTag: "1.33"`, []string{"osTag"}, "VM template"},
		{"what earlier releases installed unasked", "", "", nil, "headless: true, providers.olvm.ovirtCsiDriver.install: false"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, warnings := load(t, "provider: olvm\n"+tc.defaults, tc.cluster, config.Flags{})
			require.Len(t, warnings, 1)
			require.Equal(t, tc.keys, warnings[0].Keys)
			require.Contains(t, warnings[0].String(), tc.want)
		})
	}
}

func TestWhatIsLeftOutWithEveryProviderIsSaidWithLibvirtToo(t *testing.T) {
	_, warnings := load(t, "provider: libvirt", "applications: [{name: a}]\ncatalogs: []\nheadless: false\nloadBalancer: 192.0.2.1", config.Flags{})
	require.Len(t, warnings, 2)
	require.Equal(t, []string{"applications", "catalogs"}, warnings[0].Keys)
	require.Contains(t, warnings[0].Message, "Helm")
	require.Equal(t, []string{"headless"}, warnings[1].Keys)
	require.Contains(t, warnings[1].Message, "web console")

	_, warnings = load(t, "provider: libvirt", "headless: true\ncatalog: false", config.Flags{})
	require.Empty(t, warnings)
}

func TestTurningLeftOutFeaturesOffIsSilent(t *testing.T) {
	_, warnings := load(t, "provider: olvm\n"+noAddOns, "communityCatalog: false\nautoStartUI: false", config.Flags{})
	require.Empty(t, warnings)
}

// poolWarnings are the warnings about keys of a valid configuration; what it leaves unsaid is not among them.
func poolWarnings(t *testing.T, text string) []config.Warning {
	t.Helper()
	_, warnings := load(t, valid(t), text, config.Flags{})
	return slices.DeleteFunc(warnings, func(w config.Warning) bool { return len(w.Keys) == 0 })
}

func TestPoolWithoutRoomForARolloutGivesAWarning(t *testing.T) {
	warnings := poolWarnings(t, "controlPlaneNodes: 3\n"+on(network+".ipv4.ipAddresses", "192.0.2.161-192.0.2.163"))
	require.Len(t, warnings, 1)
	require.Equal(t, []string{network + ".ipv4.ipAddresses"}, warnings[0].Keys)
	require.Contains(t, warnings[0].Message, "hold exactly 3 usable addresses for 3 control plane nodes")
}

// The documented samples of the existing ocne have the virtual IP inside the pool, so this is no error.
func TestReservedAddressesInsideAPoolGiveAWarningAndAreSkipped(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"virtual IP", "", "hold the virtual IP 192.0.2.160, which no node gets"}, // 192.0.2.161/30 is .160 to .163
		{"gateway", on(network, "{gateway: 192.0.2.12, ipv4: {ipAddresses: 192.0.2.10-192.0.2.20}}"), "hold the gateway 192.0.2.12"},
		{"gateway that is not written", on(network+".ipv4.ipAddresses", "192.0.2.1-192.0.2.20"), "hold the gateway 192.0.2.1,"},
		{"IPv6 gateway", on(network, "{ipv4: {ipAddresses: 192.0.2.10-192.0.2.20}, ipv6: {ipAddresses: 'fd00::1-fd00::9', gateway: 'fd00::2'}}"),
			"hold the IPv6 gateway fd00::2"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			warnings := poolWarnings(t, tc.text)
			require.Len(t, warnings, 1, warnings)
			require.Contains(t, warnings[0].Message, tc.want)
		})
	}
	c, _ := load(t, valid(t), "controlPlaneNodes: 3", config.Flags{})
	require.NoError(t, c.Validate(), "3 of the 4 addresses are left")
}
