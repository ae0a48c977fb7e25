package guest

import (
	"context"
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/ocne-project/ocne/pkg/olvmsim"
)

const testNetwork = `{"links":[{"id":"enp1s0","name":"enp1s0","type":"vif"}],"networks":[
	{"id":"enp1s0","link":"enp1s0","type":"ipv4","ip_address":"10.0.0.20","netmask":"255.255.255.0","gateway":"10.0.0.1"},
	{"id":"enp1s0","link":"enp1s0","type":"ipv6","ip_address":"fd00::20","netmask":"64","gateway":"fd00::1"}]}`

// cloudConfigOf is a worker's user data as the engine delivers it: keys of its own first, of which one comes again.
func cloudConfigOf(kubeadm, more string) []byte {
	return []byte("#cloud-config\nruncmd:\n- 'true'\nwrite_files:\n- path: /run/kubeadm/join.yaml\n  encoding: b64\n  content: " +
		base64.StdEncoding.EncodeToString([]byte(kubeadm)) +
		"\n- path: /etc/ocne/kubeadm.sh\n  permissions: '0700'\n  content: kubeadm join --config /run/kubeadm/join.yaml\n" +
		"runcmd:\n- 'true'\n- [/bin/bash, /etc/ocne/kubeadm.sh]\n" + more)
}

// The host's name is that of the user data, or else of the meta data; the addresses are those of the network data.
func TestCloudConfigMakesAWorker(t *testing.T) {
	g, s := newGuests(t), newSite(t)
	newClusterAt(t, g, s, "cp-0")
	s.createToken(t)
	kubeadm := s.joinConfiguration(s.ca.pin()) + "nodeRegistration:\n  kubeletExtraArgs:\n  - name: provider-id\n    value: olvm://w\n" +
		"  - name: node-ip\n    value: 10.0.0.20,fd00::20\n"
	for name, more := range map[string]string{"by-user-data": "hostname: by-user-data\n", "by-meta-data": ""} {
		con := &serialConsole{}
		require.NoError(t, g.Start(context.Background(), olvmsim.GuestVM{
			ID: name, Name: name, Console: con, UserData: cloudConfigOf(kubeadm, more),
			MetaData: []byte(`{"hostname":"by-meta-data"}`), NetworkData: []byte(testNetwork),
		}))
		con.shows(t, "kubelet: registered worker node "+name)
		n := getNode(t, s, name)
		require.Equal(t, "olvm://w", n.Spec.ProviderID)
		require.Equal(t, []corev1.NodeAddress{
			{Type: corev1.NodeInternalIP, Address: "10.0.0.20"}, {Type: corev1.NodeInternalIP, Address: "fd00::20"},
			{Type: corev1.NodeHostName, Address: name},
		}, n.Status.Addresses)
	}
}

func TestCloudConfigThatIsOfNoUseSaysWhy(t *testing.T) {
	for name, tc := range map[string]struct{ userData, network, console string }{
		"not YAML":        {"#cloud-config\na: b: PRIVATE KEY\n", testNetwork, "cloud-init: failed loading yaml blob"},
		"Ignition in it":  {"#cloud-config\nchpasswd: {expire: false}\n{\"ignition\":{}}", testNetwork, "cloud-init: failed loading yaml blob"},
		"bad base64":      {"#cloud-config\nwrite_files: [{path: /a, encoding: b64, content: '%'}]\n", testNetwork, "/a: content is not base64"},
		"no network":      {"#cloud-config\nhostname: x\n", "", "NetworkManager: no connection with a static address"},
		"kubeadm is idle": {"#cloud-config\nhostname: x\nruncmd: ['true']\n", testNetwork, "this machine does not become a node"},
		"bad network data": {
			"#cloud-config\nhostname: x\n", `{"links":[{"id":"a","name":"a"}],"networks":[{"link":"a","type":"ipv4"}]}`, "network_data.json: a: netmask",
		},
	} {
		t.Run(name, func(t *testing.T) {
			g, con := newGuests(t), &serialConsole{}
			require.NoError(t, g.Start(context.Background(), olvmsim.GuestVM{
				ID: "vm", Name: "vm", Console: con, UserData: []byte(tc.userData), NetworkData: []byte(tc.network),
			}))
			con.shows(t, tc.console)
			require.NotContains(t, con.String(), "PRIVATE KEY")
		})
	}
}
