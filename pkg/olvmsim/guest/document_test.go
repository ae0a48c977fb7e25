package guest

import (
	"testing"

	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/stretchr/testify/require"
)

// A document that a real machine could not use gives no node, and the console says why.
func TestUnusableDocumentsSayWhyOnTheConsole(t *testing.T) {
	for name, tc := range unusableDocuments(t) {
		t.Run(name, func(t *testing.T) {
			g := newGuests(t)
			con := powerOn(t, g, "vm", tc.userData)
			con.shows(t, tc.console)
			g.Stop("vm")
			require.NotContains(t, con.String(), "registered")
			require.NotContains(t, con.String(), "PRIVATE KEY")
		})
	}
}

type unusable struct {
	userData []byte
	console  string
}

func unusableDocuments(t *testing.T) map[string]unusable {
	s := newSite(t)
	doc := func() *bootDoc { return s.initDoc("cp-0", "10.0.0.10") }
	openKeyfile := doc()
	openKeyfile.modes = nil
	merge := `{"ignition":{"version":"3.4.0","config":{"merge":[{"source":"http://example.test/x"}]}}}`
	return map[string]unusable{
		"no config drive": {nil, "ignition: no config drive found"},
		"empty user data": {[]byte("\n"), "ignition: config is empty"},
		"cloud-config":    {[]byte("#cloud-config\nhostname: x\n"), "NetworkManager: no connection with a static address"},
		"not JSON":        {[]byte("hello"), "ignition: failed to parse config: config is not valid"},
		"Ignition 2.3":    {[]byte(`{"ignition":{"version":"2.3.0"}}`), "ignition: config of version 2.3.0 refused: unsupported config version"},
		"Ignition 3.9":    {[]byte(`{"ignition":{"version":"3.9.0"}}`), "ignition: config of version 3.9.0 refused: unsupported config version"},
		"duplicate file": {
			[]byte(`{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/a"},{"path":"/a"}]}}`),
			"ignition: config of version 3.4.0 refused: config is not valid",
		},
		"config merge": {[]byte(merge), "ignition: ignition.config.merge and ignition.config.replace are not simulated"},
		"no network": {
			doc().without("/etc/NetworkManager/system-connections/ens3.nmconnection").json(t),
			"NetworkManager: no connection with a static address",
		},
		"DHCP": {
			doc().with("/etc/NetworkManager/system-connections/ens3.nmconnection", "[ipv4]\nmethod=auto\n").json(t),
			"NetworkManager: no connection with a static address",
		},
		"keyfile that others may read": {openKeyfile.json(t), "is ignored: file permissions (0644) are insecure"},
		"keyfile with a bad address": {
			doc().with("/etc/NetworkManager/system-connections/ens3.nmconnection", "[ipv4]\nmethod=manual\naddress1=10.0.0.300/24\n").json(t),
			`is ignored: ipv4.address1: invalid address "10.0.0.300/24"`,
		},
		"no kubeadm.yml": {doc().without("/etc/kubeadm.yml").json(t), "kubeadm: /etc/kubeadm.yml does not exist"},
		"no ClusterConfiguration": {
			doc().with("/etc/kubeadm.yml", "kind: InitConfiguration\n").json(t),
			"kubeadm: /etc/kubeadm.yml has an InitConfiguration, but no ClusterConfiguration",
		},
		"neither init nor join": {
			doc().with("/etc/kubeadm.yml", s.clusterConfiguration()).json(t),
			"kubeadm: /etc/kubeadm.yml has neither an InitConfiguration nor a JoinConfiguration",
		},
		"no host name": {doc().without("/etc/hostname").json(t), "kubeadm: init: the machine has no host name"},
		"bad host name": {
			doc().with("/etc/hostname", "no_underscores").json(t), `kubeadm: init: node name "no_underscores" is not valid`,
		},
		"no CA": {
			doc().without("/etc/kubernetes/pki/ca.crt").without("/etc/kubernetes/pki/ca.key").json(t),
			"kubeadm: init: couldn't load the certificate file /etc/kubernetes/pki/ca.crt",
		},
		"key of another CA": {
			doc().with("/etc/kubernetes/pki/ca.key", string(s.etcd.keyPEM)).json(t), "kubeadm: /etc/kubernetes/pki/ca.key does not belong to",
		},
	}
}

func TestCompressedFilesAreRead(t *testing.T) {
	s, g := newSite(t), newGuests(t)
	doc := s.initDoc("cp-0", "10.0.0.10")
	doc.gzip = true
	powerOn(t, g, "vm", doc.json(t)).shows(t, "kubelet: registered control plane node cp-0")
}

// The provider id comes from where a real kubelet would get it, or there is none.
func TestProviderIDComesFromTheDocument(t *testing.T) {
	kubeadm := func(extraArgs string) string {
		return "kind: ClusterConfiguration\n---\nkind: InitConfiguration\nnodeRegistration:\n  kubeletExtraArgs:" + extraArgs + "\n"
	}
	dropin := func(text string) []types.Unit {
		return []types.Unit{{Name: "kubelet.service", Dropins: []types.Dropin{{Name: "20-olvm.conf", Contents: &text}}}}
	}
	for name, tc := range map[string]struct {
		extraArgs string
		files     map[string]string
		units     []types.Unit
		want      string
		console   string
	}{
		"v1beta3 map":  {extraArgs: " {provider-id: 'olvm://a'}", want: "olvm://a"},
		"v1beta4 list": {extraArgs: " [{name: v, value: '2'}, {name: provider-id, value: 'olvm://b'}]", want: "olvm://b"},
		"drop-in of the unit": {
			extraArgs: " {}", want: "olvm://c",
			units: dropin("[Service]\nEnvironment=\"KUBELET_EXTRA_ARGS=--node-labels=a=b --provider-id=olvm://c\"\n"),
		},
		"drop-in as a file": {
			extraArgs: " {}", want: "olvm://d",
			files: map[string]string{"/etc/systemd/system/kubelet.service.d/x.conf": "[Service]\nEnvironment=KUBELET_EXTRA_ARGS=--provider-id=olvm://d\n"},
		},
		"environment file of a drop-in": {
			extraArgs: " {}", units: dropin("[Service]\nEnvironmentFile=-/etc/olvm/kubelet\n"), want: "olvm://e",
			files: map[string]string{"/etc/olvm/kubelet": "KUBELET_EXTRA_ARGS='--provider-id olvm://e'\n"},
		},
		"/etc/sysconfig/kubelet": {
			extraArgs: " {}", want: "olvm://f",
			files: map[string]string{"/etc/sysconfig/kubelet": "KUBELET_EXTRA_ARGS=--provider-id=olvm://f\n"},
		},
		"/etc/default/kubelet wins over kubeadm": {
			extraArgs: " {provider-id: 'olvm://a'}", want: "olvm://g",
			files: map[string]string{"/etc/default/kubelet": "# comment\nKUBELET_EXTRA_ARGS=\"--provider-id=olvm://g\"\n"},
		},
		"variable that no command line has": {
			extraArgs: " {}", units: dropin("[Service]\nEnvironment=OTHER=--provider-id=olvm://h\n"), want: "",
			console: "no provider id in the boot document: node n has none",
		},
		"command line of a drop-in": {
			extraArgs: " {}", want: "olvm://i",
			units: dropin("[Service]\nEnvironment=OTHER=--provider-id=olvm://i\nExecStart=\nExecStart=/usr/bin/kubelet $OTHER\n"),
		},
		"none":          {extraArgs: " {}", want: "", console: "kubelet: no provider id in the boot document: node n has none"},
		"not a literal": {extraArgs: " {provider-id: 'olvm://$(uuid)'}", want: "", console: "is not a literal"},
	} {
		t.Run(name, func(t *testing.T) {
			d := machineDoc("n", "10.0.0.5", kubeadm(tc.extraArgs))
			d.units = tc.units
			for path, text := range tc.files {
				d.with(path, text)
			}
			con := &serialConsole{}
			require.Equal(t, tc.want, kubeletOf(t, d, con).providerID)
			require.Contains(t, con.String(), tc.console)
		})
	}
}

func TestNodeAddressIsNodeIPWhereTheMachineHasIt(t *testing.T) {
	for nodeIP, want := range map[string][]string{
		"":                 {"10.0.0.5"},
		"10.0.0.5":         {"10.0.0.5"},
		"fd00::5":          {"fd00::5"},
		"10.0.0.5,fd00::5": {"10.0.0.5", "fd00::5"},
		"10.0.0.77":        nil, // a real kubelet registers its node without an address then
	} {
		t.Run(nodeIP, func(t *testing.T) {
			d := machineDoc("n", "10.0.0.5", "kind: ClusterConfiguration\n---\nkind: InitConfiguration\n").
				with("/etc/NetworkManager/system-connections/ens3.nmconnection",
					"[ipv4]\nmethod=manual\naddress1=10.0.0.5/24\n[ipv6]\nmethod=manual\naddress1=fd00::5/64\n").
				with("/etc/sysconfig/kubelet", "KUBELET_EXTRA_ARGS=--node-ip="+nodeIP)
			require.Equal(t, want, kubeletOf(t, d, &serialConsole{}).addresses)
		})
	}
}

func TestNodeNameIsTheHostNameUnlessKubeadmNamesOne(t *testing.T) {
	for reg, want := range map[string]string{
		"{}":                       "host-1",
		"{name: other}":            "other",
		"{name: '$(hostname -f)'}": "host-1",
		"{name: '{{ ds.meta }}'}":  "host-1",
	} {
		d := machineDoc("HOST-1", "10.0.0.5", "kind: ClusterConfiguration\n---\nkind: InitConfiguration\nnodeRegistration: "+reg+"\n")
		require.Equal(t, want, kubeletOf(t, d, &serialConsole{}).name, reg)
	}
}

// kubeletOf reads a document of kubeadm init as a boot does.
func kubeletOf(t *testing.T, d *bootDoc, con *serialConsole) kubelet {
	t.Helper()
	g, m := &Instant{}, &machine{}
	vm := olvmsimVM(d.json(t))
	require.True(t, g.provision(m, vm, console{con}), con)
	k, err := newKubelet(m.system, m.system.kubeadm.init.NodeRegistration, true, vm, console{con})
	require.NoError(t, err)
	return k
}
