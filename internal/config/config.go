// Package config reads the defaults file, the cluster file and the command line, validates the result as a whole, and maps it to
// the objects that make a cluster. It never talks to the engine or to Kubernetes.
package config

import (
	"cmp"
	"path/filepath"
	"strings"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/boot"
)

// Values of the key provider.
const (
	ProviderOLVM    = "olvm"    // VMs of an engine
	ProviderLibvirt = "libvirt" // VMs of a libvirt host
)

// Config is the merged configuration with its defaults applied. Relative paths have been made absolute.
type Config struct {
	// Name of the cluster and the stem of all its objects' names.
	Name string
	// Namespace of the cluster's objects in the management cluster.
	Namespace string
	// Provider of the machines.
	Provider string
	// KubernetesVersion in the form v1.33.10; as it was written when it could not be understood, which Validate reports.
	KubernetesVersion string
	// ControlPlaneNodes is odd, because every control plane node holds an etcd member.
	ControlPlaneNodes int
	// WorkerNodes is the size of the first worker pool; it may be 0.
	WorkerNodes int
	// VirtualIP is the IPv4 address that the cluster's API is reached at.
	VirtualIP string
	// LoadBalancer says how the virtual IP reaches the API servers.
	LoadBalancer infrav1.LoadBalancer
	// APIServerPort is the port of the virtual IP.
	APIServerPort int
	// APIServerPortAlt is the port that each API server listens on, behind the load balancer.
	APIServerPortAlt int
	// PodSubnets in CIDR notation.
	PodSubnets []string
	// ServiceSubnets in CIDR notation.
	ServiceSubnets []string
	// CNI is the network add-on: flannel, or none.
	CNI string
	// KubeProxyMode is kube-proxy's mode, such as iptables.
	KubeProxyMode string
	// AddonsByKubeadm leaves CoreDNS and kube-proxy to kubeadm on every image: for objects that are applied without ocne.
	AddonsByKubeadm bool
	// CipherSuites restricts the TLS cipher suites of every Kubernetes component (IANA names).
	CipherSuites []string
	// SelfManaged moves the cluster's objects and the controllers into the cluster itself, once it runs.
	SelfManaged bool
	// Quiet asks for less output.
	Quiet bool
	// Management says which management cluster to use.
	Management Management
	// Backup is about the backups of the embedded management cluster.
	Backup Backup
	// Node is what every node gets beyond what the provider gives it.
	Node Node
	// OLVM is where the machines are made.
	OLVM OLVM
	// Libvirt is where machines of the provider libvirt are made.
	Libvirt Libvirt
	// Ephemeral is the management cluster that is made when none is named.
	Ephemeral Ephemeral
	// Image is what a missing VM template is made of.
	Image Image

	homeDir       string
	keys          keys
	namesProvider bool // somebody has named the provider; else it is the built-in one
}

// OnLibvirt says whether the cluster's nodes are said to be VMs of a libvirt host. It is not so where nobody names a provider: commands for
// clusters that exist take them for those of management clusters then.
func (c *Config) OnLibvirt() bool { return c.Provider == ProviderLibvirt && c.namesProvider }

// Management says which management cluster to use.
type Management struct {
	// Kubeconfig is a path; empty when no file names one.
	Kubeconfig string
}

// Backup is about the backups of the embedded management cluster.
type Backup struct {
	// Directory holds those that are made after every command that changed a cluster.
	Directory string
	// Keep is how many of them are kept, at least 1.
	Keep int
	// KeyFile decrypts them; it is made when it is missing.
	KeyFile string
	// Disabled turns them off.
	Disabled bool
}

// Node is what every node gets beyond what the provider gives it.
type Node struct {
	// SSHPublicKey of the user ocne, in the format of authorized_keys. It goes before SSHPublicKeyPath.
	SSHPublicKey string
	// SSHPublicKeyPath is a file that holds such a key.
	SSHPublicKeyPath string
	// ExtraIgnition are the user's own Butane or Ignition documents; a later one wins over an earlier one.
	ExtraIgnition []Document
	// Proxy is what the files say; NoProxy has not got the cluster's own networks yet.
	Proxy boot.Proxy
	// Registry is a host, with or without a port, that is asked for container images first; empty for none.
	Registry string
}

// OLVM says where machines are made.
type OLVM struct {
	// DatacenterName is the engine's data center.
	DatacenterName string
	// APIServer is the engine.
	APIServer APIServer
	// ControlPlaneMachine is the shape of the control plane nodes.
	ControlPlaneMachine Machine
	// WorkerMachine is the shape of the first worker pool's nodes.
	WorkerMachine Machine
	// WorkerPools are further groups of workers, in the file's order.
	WorkerPools []WorkerPool
	// FailureDomains that machines may be spread over.
	FailureDomains []infrav1.FailureDomain
}

// APIServer says how to reach the engine.
type APIServer struct {
	// ServerURL is the engine's base URL, which ends with /ovirt-engine.
	ServerURL string `json:"serverURL"`
	// ServerCA holds PEM certificates to trust; ServerCAPath names files that do. At most one of the two is set.
	ServerCA     string `json:"serverCA"`
	ServerCAPath []Path `json:"serverCAPath"`
	// InsecureSkipTLSVerify turns the verification of the engine's certificate off.
	InsecureSkipTLSVerify bool `json:"insecureSkipTLSVerify"`
	// CredentialsSecret and CAConfigMap are complete after Load.
	CredentialsSecret infrav1.ObjectReference `json:"credentialsSecret"`
	CAConfigMap       infrav1.ObjectReference `json:"caConfigMap"`
	// CredentialsFile holds username, password and scope for those who do not want them in the environment.
	CredentialsFile Path `json:"credentialsFile"`
}

// Machine is the shape of a group of machines, with the names of OLVMMachine's own fields; Format is KubeadmConfig's.
type Machine struct {
	OLVMOvirtClusterName string                 `json:"olvmOvirtClusterName"`
	VMTemplateName       string                 `json:"vmTemplateName"`
	VMTemplateVersion    string                 `json:"vmTemplateVersion"`
	VMTemplateID         string                 `json:"vmTemplateID"`
	ImageProfile         string                 `json:"imageProfile"`
	Format               string                 `json:"format"`
	OLVMNetwork          infrav1.OLVMNetwork    `json:"olvmNetwork"`
	VirtualMachine       infrav1.VirtualMachine `json:"virtualMachine"`
	Tags                 []string               `json:"tags"`
	Placement            infrav1.Placement      `json:"placement"`
	// FailureDomain of workers; Cluster API chooses those of the control plane nodes.
	FailureDomain string `json:"failureDomain"`
}

// KubeconfigPath is where the cluster's kubeconfig is written: ~/.kube/kubeconfig.<name>.
func (c *Config) KubeconfigPath() string {
	return filepath.Join(c.homeDir, ".kube", "kubeconfig."+c.Name)
}

// config applies the defaults that depend on other keys.
func (k keys) config(homeDir string) *Config {
	olvm := k.Providers.OLVM
	c := &Config{
		Name: k.Name, Namespace: olvm.Namespace, Provider: k.Provider, KubernetesVersion: k.KubernetesVersion,
		ControlPlaneNodes: k.ControlPlaneNodes, WorkerNodes: k.WorkerNodes,
		VirtualIP:        k.VirtualIP,
		LoadBalancer:     k.ControlPlaneLoadBalancer,
		APIServerPort:    k.KubeAPIServerBindPort,
		APIServerPortAlt: cmp.Or(k.KubeAPIServerBindPortAlt, olvm.LocalAPIEndpoint.BindPort, 6444),
		PodSubnets:       k.PodSubnet, ServiceSubnets: k.ServiceSubnet,
		CNI: cmp.Or(k.CNI, "flannel"), KubeProxyMode: k.KubeProxyMode, CipherSuites: k.CipherSuites, Quiet: k.Quiet,
		SelfManaged: olvm.SelfManaged,
		Management:  Management{Kubeconfig: string(k.Kubeconfig)},
		Backup: Backup{
			Directory: cmp.Or(string(k.Backup.Directory), filepath.Join(homeDir, ".ocne", "backups")), Keep: max(k.Backup.Keep, 1),
			KeyFile: cmp.Or(string(k.Backup.KeyFile), filepath.Join(homeDir, ".ocne", "backup.key")), Disabled: k.Backup.Disabled,
		},
		Node: Node{
			SSHPublicKey: k.SSHPublicKey, SSHPublicKeyPath: string(k.SSHPublicKeyPath), Registry: k.Registry,
			Proxy: boot.Proxy{HTTPS: k.Proxy.HTTPSProxy, HTTP: k.Proxy.HTTPProxy, NoProxy: k.Proxy.NoProxy},
		},
		OLVM: OLVM{
			DatacenterName: olvm.DatacenterName, APIServer: olvm.APIServer,
			ControlPlaneMachine: olvm.ControlPlaneMachine, WorkerMachine: olvm.WorkerMachine,
			WorkerPools: workerPools(olvm.WorkerPools), FailureDomains: olvm.FailureDomains,
		},
		Libvirt:   k.libvirt(),
		Ephemeral: k.ephemeral(),
		Image:     k.image(),
		homeDir:   homeDir,
		keys:      k,
	}
	if v, err := ResolveVersion(k.KubernetesVersion); err == nil {
		c.KubernetesVersion = v
	}
	for _, d := range []Document{
		{Key: "extraIgnition", Path: k.ExtraIgnition.Path, Inline: k.ExtraIgnition.Inline},
		{Key: "extraIgnitionInline", Path: k.ExtraIgnitionInline.Path, Inline: k.ExtraIgnitionInline.Inline},
	} {
		if d.Path != "" || d.Inline != "" {
			c.Node.ExtraIgnition = append(c.Node.ExtraIgnition, d)
		}
	}
	s := &c.OLVM.APIServer
	s.ServerURL = engineURL(s.ServerURL)
	s.CredentialsSecret.Name = cmp.Or(s.CredentialsSecret.Name, c.Name+"-ovirt-credentials")
	s.CredentialsSecret.Namespace = cmp.Or(s.CredentialsSecret.Namespace, c.Namespace)
	if s.hasCA() {
		s.CAConfigMap.Name = cmp.Or(s.CAConfigMap.Name, c.Name+"-ovirt-ca")
	}
	s.CAConfigMap.Namespace = cmp.Or(s.CAConfigMap.Namespace, c.Namespace)
	return c
}

func (s APIServer) hasCA() bool { return s.ServerCA != "" || len(s.ServerCAPath) > 0 }

// engineURL cuts what users copy along with the base URL: a slash at the end, and /api, the root of the REST API.
func engineURL(u string) string {
	u = strings.TrimRight(strings.TrimSpace(u), "/")
	return strings.TrimRight(strings.TrimSuffix(u, "/api"), "/")
}
