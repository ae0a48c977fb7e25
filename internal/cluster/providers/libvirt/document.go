package libvirt

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"

	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/vincent-petithory/dataurl"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"

	"github.com/ocne-project/ocne/internal/boot"
)

// Kubernetes says what runs on the nodes.
type Kubernetes struct {
	// Version of Kubernetes, v1.34.4, which the image has.
	Version string
	// Profile of the node image: boot.ProfileOCK when empty, or boot.ProfilePlain.
	Profile string
	// User is Ignition 3.x that goes over everything else: the user's keys, proxies and registries; it may be nil.
	User []byte
}

// ProviderID is that of a node: the domain's UUID, which is the node's system UUID too.
func ProviderID(id string) string { return "libvirt://" + id }

// documents makes the boot documents of a cluster's nodes.
func (s StartOptions) documents(id identity, server string) machineDocument {
	return func(n node, l lan) ([]byte, error) {
		address, err := netip.ParsePrefix(n.Address)
		if err != nil {
			return nil, fmt.Errorf("read its address: %w", err)
		}
		bootstrap, err := s.bootstrap(n, l, id, server)
		if err != nil {
			return nil, err
		}
		return boot.Document(boot.Input{
			Bootstrap: bootstrap, Format: boot.FormatIgnition, Profile: s.Kubernetes.Profile, User: s.Kubernetes.User,
			Identity: boot.Identity{ProviderID: ProviderID(n.id.String()), Hostname: n.name()},
			Network: boot.Network{
				Device: l.device(), IPv4: address, Gateway: l.gateway, Nameservers: []string{l.dns.String()},
			},
		})
	}
}

// bootstrap is what Cluster API's kubeadm bootstrap provider would write for the node.
func (s StartOptions) bootstrap(n node, l lan, id identity, server string) ([]byte, error) {
	k, err := s.kubeadm(n, l, id, server)
	if err != nil {
		return nil, err
	}
	first := n.Role == RoleControlPlane && n.Index == 1
	text, command := "", "init"
	if first {
		text, err = k.initConfiguration()
	} else {
		text, err = k.joinConfiguration(n.Role)
		command = "join"
	}
	if err != nil {
		return nil, err
	}
	files := []bootstrapv1.File{
		{Path: "/etc/kubeadm.yml", Permissions: "0600", Content: text},
		{Path: "/etc/kubeadm.sh", Permissions: "0700", Content: kubeadmScript(command, k.endpoint)},
	}
	if n.Role == RoleControlPlane {
		files = append(files, id.certificates.AsFiles()...)
	}
	config := types.Config{Ignition: types.Ignition{Version: types.MaxVersion.String()}}
	for _, f := range files {
		var mode int
		if _, err := fmt.Sscanf(f.Permissions, "%o", &mode); err != nil {
			return nil, fmt.Errorf("mode of %s: %w", f.Path, err)
		}
		config.Storage.Files = append(config.Storage.Files, types.File{
			Node: types.Node{Path: f.Path, Overwrite: new(true)},
			FileEmbedded1: types.FileEmbedded1{
				Mode: &mode, Contents: types.Resource{Source: new("data:," + dataurl.EscapeString(f.Content))},
			},
		})
	}
	config.Systemd.Units = []types.Unit{{Name: "kubeadm.service", Enabled: new(true), Contents: new(kubeadmUnit)}}
	return json.Marshal(config)
}

// kubeadmUnit is as Cluster API's, and tells the console what kubeadm says.
const kubeadmUnit = `[Unit]
Description=kubeadm
# Run only once: after success, the file is moved away.
ConditionPathExists=/etc/kubeadm.yml
After=network.target
[Service]
Type=oneshot
StandardOutput=journal+console
StandardError=journal+console
ExecStart=/bin/bash /etc/kubeadm.sh
[Install]
WantedBy=multi-user.target
`

// kubeadmScript waits with joining for the API: all machines start at the same time.
func kubeadmScript(command, endpoint string) string {
	wait := ""
	if host, port, err := net.SplitHostPort(endpoint); err == nil && command == "join" {
		wait = fmt.Sprintf("until (exec 3<>/dev/tcp/%s/%s) 2>/dev/null; do sleep 2; done\n", host, port)
	}
	return "#!/bin/bash\nset -e\n" + wait + "kubeadm " + command + " --config /etc/kubeadm.yml\nmv /etc/kubeadm.yml /tmp/\n"
}

// kubeadm is the configuration of kubeadm for a node.
func (s StartOptions) kubeadm(n node, l lan, id identity, server string) (kubeadmConfig, error) {
	image, err := boot.LoadImage(s.Kubernetes.Profile)
	if err != nil {
		return kubeadmConfig{}, err
	}
	hashes, err := id.authorityHashes()
	if err != nil {
		return kubeadmConfig{}, err
	}
	endpoint := server
	if l.name == "" { // the forwarded port is not there inside
		endpoint = hostPort(l.userAddress().Addr().String(), l.apiPort)
	}
	return kubeadmConfig{
		Kubernetes: s.Kubernetes, cluster: s.Cluster, endpoint: endpoint, image: image.Kubeadm,
		addons: cmp.Or(image.Addons.KubeProxy, image.Addons.CoreDNS) == "", bindPort: l.apiPort,
		podSubnets: s.PodSubnets, serviceSubnets: s.ServiceSubnets, names: []string{"localhost", loopback},
		schedulable: n.Role == RoleControlPlane && s.WorkerNodes == 0,
		token:       id.token(), authorityHashes: hashes,
	}, nil
}
