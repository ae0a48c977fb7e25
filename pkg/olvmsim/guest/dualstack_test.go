package guest

import (
	"net/netip"
	"testing"

	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/stretchr/testify/require"
)

const (
	keyfilePath  = "/etc/NetworkManager/system-connections/ens3.nmconnection"
	slaacKeyfile = "[connection]\ninterface-name=ens3\n[ipv4]\nmethod=manual\naddress1=10.0.0.5/24\n[ipv6]\nmethod=auto\n"
	scriptPath   = "/etc/ocne/node-ip.sh"
	scriptText   = "#!/bin/bash\n# node-ip.sh DEVICE IPV4 FLAGS\n"
)

func slaacDoc(t *testing.T, dropin string) *bootDoc {
	t.Helper()
	d := machineDoc("n", "10.0.0.5", "kind: ClusterConfiguration\n---\nkind: InitConfiguration\nnodeRegistration:\n"+
		"  kubeletExtraArgs: [{name: node-ip, value: 10.0.0.5}]\n").with(keyfilePath, slaacKeyfile).with(scriptPath, scriptText)
	text := "[Service]\n" + dropin + "\n"
	d.units = []types.Unit{{Name: "kubelet.service", Dropins: []types.Dropin{{Name: "20-node-ip.conf", Contents: &text}}}}
	return d
}

// Only a document that brings a way to learn it has a kubelet that reports the address of SLAAC.
func TestNodeReportsTheAddressOfSLAACWhenItsDocumentLooksForIt(t *testing.T) {
	const line = "ExecStartPre=-/bin/bash " + scriptPath + " ens3 10.0.0.5 /var/lib/kubelet/kubeadm-flags.env"
	self := autoconfigured("id").Addr().String() // the VM's id in this test
	for name, tc := range map[string]struct {
		doc  *bootDoc
		want []string
	}{
		"with the script":     {slaacDoc(t, line), []string{"10.0.0.5", self}},
		"without the unit":    {slaacDoc(t, ""), []string{"10.0.0.5"}},
		"without the file":    {slaacDoc(t, line).without(scriptPath), []string{"10.0.0.5"}},
		"with another script": {slaacDoc(t, line).with(scriptPath, "#!/bin/bash\nexit 0\n"), []string{"10.0.0.5"}},
		"of another NIC":      {slaacDoc(t, "ExecStartPre=-/bin/bash "+scriptPath+" ens4 10.0.0.5 "+kubeadmFlags), []string{"10.0.0.5"}},
		"of another address":  {slaacDoc(t, "ExecStartPre=-/bin/bash "+scriptPath+" ens3 10.0.0.6 "+kubeadmFlags), []string{"10.0.0.5"}},
		"in another file":     {slaacDoc(t, "ExecStartPre=-/bin/bash "+scriptPath+" ens3 10.0.0.5 /etc/default/kubelet"), []string{"10.0.0.5"}},
		"without advertisements": {slaacDoc(t, line).with(keyfilePath,
			"[ipv4]\nmethod=manual\naddress1=10.0.0.5/24\n[ipv6]\nmethod=disabled\n"), []string{"10.0.0.5"}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tc.want, kubeletOf(t, tc.doc, &serialConsole{}).addresses)
		})
	}
}

func TestAddressOfSLAACIsTheMachinesOwnAndStays(t *testing.T) {
	a, b := autoconfigured("a"), autoconfigured("b")
	require.NotEqual(t, a, b)
	require.Equal(t, a, autoconfigured("a"))
	require.Equal(t, advertisedPrefix(), a.Masked())
}

func TestStaticAddressIsThereBesideAdvertisements(t *testing.T) {
	c, err := readKeyfile("[ipv4]\nmethod=manual\naddress1=10.0.0.5/24\n[ipv6]\nmethod=auto\naddress1=fd00::5/64\n", "vm")
	require.NoError(t, err)
	require.Equal(t, []netip.Prefix{
		netip.MustParsePrefix("10.0.0.5/24"), netip.MustParsePrefix("fd00::5/64"), autoconfigured("vm"),
	}, c.addresses)
}

// Each node gets its own part of every pod subnet.
func TestNodesGetPartsOfThePodSubnets(t *testing.T) {
	s, g := newSite(t), newGuests(t)
	d := s.initDoc("cp-0", "10.0.0.10")
	d.files["/etc/kubeadm.yml"] = "---\n" + s.clusterConfiguration() + "networking:\n  podSubnet: 10.244.0.0/16,fd00:10:244::/64\n" +
		"controllerManager:\n  extraArgs: [{name: node-cidr-mask-size-ipv6, value: '80'}]\n" +
		"---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n" + registration("cp-0")
	powerOn(t, g, "cp-0", d.json(t)).shows(t, "kubelet: registered control plane node cp-0")
	s.createToken(t)
	powerOn(t, g, "w-0", s.workerDoc("w-0", "10.0.0.20").json(t)).shows(t, "kubelet: registered worker node w-0")

	require.Equal(t, []string{"10.244.0.0/24", "fd00:10:244::/80"}, getNode(t, s, "cp-0").Spec.PodCIDRs)
	require.Equal(t, []string{"10.244.1.0/24", "fd00:10:244:0:1::/80"}, getNode(t, s, "w-0").Spec.PodCIDRs)
	require.Equal(t, "10.244.1.0/24", getNode(t, s, "w-0").Spec.PodCIDR)
}

func TestPartsOfPodSubnets(t *testing.T) {
	for name, tc := range map[string]struct {
		subnet string
		mask   int
		taken  []string
		want   string
	}{
		"the first":                  {"10.244.0.0/16", 24, nil, "10.244.0.0/24"},
		"the first that is free":     {"10.244.0.0/16", 24, []string{"10.244.0.0/24", "10.244.2.0/24"}, "10.244.1.0/24"},
		"none left":                  {"10.244.0.0/24", 24, []string{"10.244.0.0/24"}, ""},
		"of IPv6's upper half":       {"fd00:0:0:ff00::/56", 64, []string{"fd00:0:0:ff00::/64"}, "fd00:0:0:ff01::/64"},
		"of IPv6 across both halves": {"fd00::/56", 72, []string{"fd00::/72"}, "fd00::100:0:0:0/72"},
		"of IPv6's lower half":       {"fd00::/112", 120, []string{"fd00::/120"}, "fd00::100/120"},
		"too much for kubeadm":       {"fd00::/40", 64, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			taken := map[string]bool{}
			for _, part := range tc.taken {
				taken[part] = true
			}
			got, ok := freePart(netip.MustParsePrefix(tc.subnet), tc.mask, taken)
			require.Equal(t, tc.want != "", ok)
			require.Equal(t, tc.want, got)
		})
	}
}
