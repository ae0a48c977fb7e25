package libvirt

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/ocne-project/ocne/internal/boot"
)

// patient is longer than kubeadm's own limits, which are too short for nodes without the help of the processor.
const patient = "20m0s"

// object is a document of kubeadm's configuration.
type object map[string]any

// kubeadmConfig is what kubeadm init or join of one node reads. endpoint is host:port of the API as nodes reach it.
type kubeadmConfig struct {
	Kubernetes
	cluster, endpoint          string
	image                      boot.Kubeadm
	addons                     bool // kubeadm installs CoreDNS and kube-proxy
	bindPort                   int
	podSubnets, serviceSubnets []netip.Prefix
	names                      []string // further names and addresses of the API server's certificate
	schedulable                bool     // the control plane node runs any pod
	token                      string
	authorityHashes            []string
}

func (k kubeadmConfig) apiVersion() string {
	if minor(k.Version) < 31 {
		return "kubeadm.k8s.io/v1beta3"
	}
	return "kubeadm.k8s.io/v1beta4"
}

// minor of a version such as v1.34.4.
func minor(version string) int {
	parts := strings.Split(strings.TrimPrefix(version, "v"), ".")
	if len(parts) < 2 {
		return 0
	}
	n, err := strconv.Atoi(parts[1])
	if err != nil {
		return 0
	}
	return n
}

// initConfiguration is the configuration of the first node.
func (k kubeadmConfig) initConfiguration() (string, error) {
	server := object{"certSANs": k.names}
	cluster := object{
		"apiVersion": k.apiVersion(), "kind": "ClusterConfiguration",
		"clusterName": k.cluster, "controlPlaneEndpoint": k.endpoint, "kubernetesVersion": k.Version,
		"networking": object{"podSubnet": joined(k.podSubnets), "serviceSubnet": joined(k.serviceSubnets)},
		"apiServer":  server,
	}
	if k.image.ImageRepository != "" {
		cluster["imageRepository"] = k.image.ImageRepository
	}
	if k.apiVersion() == "kubeadm.k8s.io/v1beta3" {
		server["timeoutForControlPlane"] = patient
	}
	skip := slices.Clone(k.image.SkipPhases)
	if !k.addons {
		skip = append(skip, "addon/kube-proxy", "addon/coredns")
	}
	first := k.common("InitConfiguration", skip)
	first["localAPIEndpoint"] = object{"bindPort": k.bindPort}
	first["bootstrapTokens"] = []object{{
		"token": k.token, "ttl": "24h0m0s", "description": "joins the nodes that ocne made with the cluster",
		"usages": []string{"signing", "authentication"}, "groups": []string{"system:bootstrappers:kubeadm:default-node-token"},
	}}
	return documents(cluster, first)
}

// joinConfiguration is the configuration of a further node.
func (k kubeadmConfig) joinConfiguration(role Role) (string, error) {
	next := k.common("JoinConfiguration", k.image.SkipPhases)
	next["discovery"] = object{"bootstrapToken": object{
		"token": k.token, "apiServerEndpoint": k.endpoint, "caCertHashes": k.authorityHashes,
	}}
	if role == RoleControlPlane {
		next["controlPlane"] = object{"localAPIEndpoint": object{"bindPort": k.bindPort}}
	}
	return documents(next)
}

// common is what both have.
func (k kubeadmConfig) common(kind string, skip []string) object {
	registration := object{"criSocket": k.image.CRISocket}
	if k.schedulable {
		registration["taints"] = []object{}
	}
	out := object{"apiVersion": k.apiVersion(), "kind": kind, "nodeRegistration": registration}
	if len(skip) > 0 {
		out["skipPhases"] = skip
	}
	if k.image.Patches != "" {
		out["patches"] = object{"directory": k.image.Patches}
	}
	old := k.apiVersion() == "kubeadm.k8s.io/v1beta3"
	if !old {
		out["timeouts"] = object{
			"controlPlaneComponentHealthCheck": patient, "kubeletHealthCheck": patient, "kubernetesAPICall": patient,
			"etcdAPICall": patient, "tlsBootstrap": patient, "discovery": patient,
		}
	}
	if dir := k.image.VolumePluginDir; dir != "" && old {
		registration["kubeletExtraArgs"] = object{"volume-plugin-dir": dir}
	} else if dir != "" {
		registration["kubeletExtraArgs"] = []object{{"name": "volume-plugin-dir", "value": dir}}
	}
	return out
}

func joined(prefixes []netip.Prefix) string {
	var out []string
	for _, p := range prefixes {
		out = append(out, p.String())
	}
	return strings.Join(out, ",")
}

func documents(all ...object) (string, error) {
	var out strings.Builder
	for _, one := range all {
		text, err := yaml.Marshal(one)
		if err != nil {
			return "", fmt.Errorf("write kubeadm's configuration: %w", err)
		}
		out.WriteString("---\n" + string(text))
	}
	return out.String(), nil
}
