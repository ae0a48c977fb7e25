package libvirt

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"github.com/vincent-petithory/dataurl"

	"github.com/ocne-project/ocne/internal/boot"
)

// documentOf makes the boot document of a node and returns the text files in it.
func documentOf(t *testing.T, s StartOptions, id identity, n node, l lan) (raw []byte, files map[string]string) {
	t.Helper()
	require.NoError(t, s.check())
	raw, err := s.documents(id, "192.168.130.10:7443")(n, l)
	require.NoError(t, err)
	var config types.Config
	require.NoError(t, json.Unmarshal(raw, &config))
	files = map[string]string{}
	for _, f := range config.Storage.Files {
		url, err := dataurl.DecodeString(*f.Contents.Source)
		require.NoError(t, err)
		files[f.Path] = string(url.Data)
	}
	return raw, files
}

func nodeOf(role Role, index int) node {
	return node{
		id:   uuid.MustParse("0a0b0c0d-1111-4222-8333-444455556666"),
		mark: mark{Cluster: "demo", Role: role, Index: index, Address: "192.168.130.10/24", MAC: "52:54:00:00:00:01"},
	}
}

func TestTheFirstNodesDocumentHoldsTheClustersIdentity(t *testing.T) {
	id, err := newIdentity()
	require.NoError(t, err)
	router := netip.MustParseAddr("192.168.130.1")
	bridged := lan{name: "ocne-demo", subnet: netip.MustParsePrefix("192.168.130.0/24"), gateway: router, dns: router, apiPort: 7443}
	for _, profile := range []string{boot.ProfileOCK, boot.ProfilePlain} {
		s := StartOptions{
			Options:    Options{Cluster: "demo", ControlPlaneNodes: 1, WorkerNodes: 1},
			Kubernetes: Kubernetes{Version: "v1.34.4", Profile: profile},
		}
		raw, files := documentOf(t, s, id, nodeOf(RoleControlPlane, 1), bridged)
		read, err := readIdentity(raw)
		require.NoError(t, err)
		require.Equal(t, id.token(), read.token())
		require.Regexp(t, `^[a-z0-9]{6}\.[a-z0-9]{16}$`, id.token(), "kubeadm's form of a token")
		kubeadm := files["/etc/kubeadm.yml"]
		require.Contains(t, kubeadm, "controlPlaneEndpoint: 192.168.130.10:7443")
		require.Contains(t, kubeadm, "bindPort: 7443", "L6")
		require.Contains(t, kubeadm, "libvirt://0a0b0c0d-1111-4222-8333-444455556666")
		require.Contains(t, kubeadm, "token: "+id.token())
		require.NotContains(t, kubeadm, "taints", "there are workers")
		require.Equal(t, profile == boot.ProfileOCK, strings.Contains(kubeadm, "addon/coredns"), "on OCK, ocne installs it")
		require.Equal(t, "demo-control-plane-1\n", files["/etc/hostname"])

		worker, files := documentOf(t, s, id, nodeOf(RoleWorker, 1), bridged)
		require.NotContains(t, string(worker), "PRIVATE", "workers get no keys")
		require.Contains(t, files["/etc/kubeadm.yml"], "apiServerEndpoint: 192.168.130.10:7443")
		require.Contains(t, files["/etc/kubeadm.sh"], "/dev/tcp/192.168.130.10/7443")
		_, err = readIdentity(worker)
		require.ErrorIs(t, err, errNoIdentity)
	}
}

// The existing ocne put a monitor of its load balancer on nodes that have none, and its pod never started.
func TestE7NodesOnLibvirtHaveNothingOfALoadBalancer(t *testing.T) {
	id, err := newIdentity()
	require.NoError(t, err)
	router := netip.MustParseAddr("192.168.130.1")
	bridged := lan{name: "ocne-demo", subnet: netip.MustParsePrefix("192.168.130.0/24"), gateway: router, dns: router, apiPort: 6443}
	forwarded := lan{subnet: defaultUserSubnet(), gateway: router, dns: router, apiPort: 6443, hostPort: 6450}
	for _, l := range []lan{bridged, forwarded} {
		s := StartOptions{
			Options:    Options{Cluster: "demo", ControlPlaneNodes: 1},
			Kubernetes: Kubernetes{Version: "v1.34.4", Profile: boot.ProfileOCK},
		}
		raw, files := documentOf(t, s, id, nodeOf(RoleControlPlane, 1), l)
		for path := range files {
			require.NotRegexp(t, "keepalived|nginx|load-balancer|manifests", path)
		}
		var config types.Config
		require.NoError(t, json.Unmarshal(raw, &config))
		for _, unit := range config.Systemd.Units {
			require.NotRegexp(t, "keepalived|nginx|load-balancer", unit.Name)
		}
	}
}

func TestANodeBehindAForwardedPortKnowsItsOwnAddress(t *testing.T) {
	id, err := newIdentity()
	require.NoError(t, err)
	l := lan{subnet: defaultUserSubnet(), apiPort: 6443, hostPort: 6450}
	l.gateway, l.dns = l.number(2).Addr(), l.number(3).Addr()
	n := nodeOf(RoleControlPlane, 1)
	n.Address = l.userAddress().String()
	s := StartOptions{
		Options:    Options{Cluster: "demo", ControlPlaneNodes: 1},
		Kubernetes: Kubernetes{Version: "v1.30.3", Profile: boot.ProfilePlain},
	}
	_, files := documentOf(t, s, id, n, l)
	require.Contains(t, files["/etc/kubeadm.yml"], "controlPlaneEndpoint: 10.0.2.15:6443")
	require.Contains(t, files["/etc/kubeadm.yml"], "kubeadm.k8s.io/v1beta3")
	require.Contains(t, files["/etc/kubeadm.yml"], "taints: []", "the only node runs any pod")
	require.Contains(t, files["/etc/kubeadm.yml"], "- 127.0.0.1", "the API server's certificate is for the forwarded port too")
	require.Contains(t, files["/etc/NetworkManager/system-connections/enp0s16.nmconnection"], "address1=10.0.2.15/24,10.0.2.2")
}

func TestAConsolesLastLinesAreReadable(t *testing.T) {
	require.Equal(t, []string{"one", "two three"}, lastLines("\x1b[2J\x1b[01;01Hone\r\n\r\n\x1b[0mtwo three\x00\r\n"))
	require.Empty(t, lastLines(""))
	require.Equal(t, []string{"kubeadm join 192.0.2.1:6443 --token (hidden) \\"},
		lastLines("kubeadm join 192.0.2.1:6443 --token abcdef.0123456789abcdef \\\n"), "kubeadm init says its token")
}
