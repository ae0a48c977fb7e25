package config

import (
	"net/netip"
	"net/url"
	"path/filepath"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/ocne-project/ocne/internal/boot"
)

// Types of an ephemeral management cluster.
const (
	EphemeralLibvirt  = "libvirt"  // a VM on a libvirt host
	EphemeralEmbedded = "embedded" // processes on this machine
)

const (
	libvirtKey   = "providers.libvirt"
	ephemeralKey = "ephemeralCluster"
)

// Ephemeral is the management cluster that is made when none is named. Nothing of the cluster that it will manage applies to it.
type Ephemeral struct {
	// Type is one of the Ephemeral constants; empty for libvirt where it can be used, else embedded.
	Type string
	Name string
	// Preserve keeps it when it manages nothing any more.
	Preserve bool
	Node     Shape
}

// Libvirt is where machines of the provider libvirt are made.
type Libvirt struct {
	// URI is one of libvirt's, such as qemu:///system.
	URI string
	// StoragePool of the disks.
	StoragePool string
	// Network is one of libvirt's with DHCP. When it is empty, the cluster gets one of its own, or user-mode networking in a session.
	Network              string
	ControlPlane, Worker Shape
	ImageProfile         string
	// DomainType is kvm or qemu; empty to find out what the host can do.
	DomainType string
	// UserSubnet is that of user-mode networks, which each VM has for itself.
	UserSubnet netip.Prefix
}

// Shape of a VM.
type Shape struct {
	CPUs int
	// Memory and Storage are in bytes.
	Memory, Storage int64
}

func (k nodeKeys) shape() Shape {
	return Shape{CPUs: k.CPU, Memory: quantity(k.Memory), Storage: quantity(k.Storage)}
}

// quantity is 0 for what is none, which shape reports.
func quantity(text string) int64 {
	q, err := resource.ParseQuantity(text)
	if err != nil {
		return 0
	}
	return q.Value()
}

func (k keys) ephemeral() Ephemeral {
	e := k.EphemeralCluster
	return Ephemeral{Type: e.Type, Name: e.Name, Preserve: e.Preserve, Node: e.Node.shape()}
}

func (k keys) libvirt() Libvirt {
	l := k.Providers.Libvirt
	subnet, _ := netip.ParsePrefix(l.SlirpSubnet) // Validate reports it
	return Libvirt{
		URI: l.URI, StoragePool: l.StoragePool, Network: l.Network, ControlPlane: l.ControlPlaneNode.shape(), Worker: l.WorkerNode.shape(),
		ImageProfile: l.ImageProfile, DomainType: l.DomainType, UserSubnet: subnet,
	}
}

// EphemeralKubeconfigPath is where the kubeconfig of an ephemeral management cluster is written.
func (c *Config) EphemeralKubeconfigPath() string {
	return filepath.Join(c.homeDir, ".kube", "kubeconfig."+c.Ephemeral.Name)
}

// NodeNetworks are the IPv4 subnets of the machines on OLVM, and the virtual IP.
func (c *Config) NodeNetworks() []netip.Prefix {
	var networks []netip.Prefix
	for _, m := range c.machines() {
		if p, err := m.VirtualMachine.Network.SubnetPrefix(); err == nil {
			networks = append(networks, p.Masked())
		}
	}
	if a, err := netip.ParseAddr(c.VirtualIP); err == nil {
		networks = append(networks, netip.PrefixFrom(a, a.BitLen()))
	}
	return networks
}

// UserIgnition is what every node on a libvirt host boots with beyond what the provider gives it; nil when there is nothing.
func (c *Config) UserIgnition() ([]byte, error) {
	image, err := boot.LoadImage(c.Libvirt.ImageProfile)
	if err != nil {
		return nil, err
	}
	text, err := c.ignition(image, false)
	if err != nil || text == "" {
		return nil, err
	}
	return []byte(text), nil
}

// onLibvirt checks a cluster whose nodes are VMs of a libvirt host.
func (v *validator) onLibvirt() {
	c := v.config
	if !c.namesProvider && c.keys.Providers.OLVM.APIServer.ServerURL != "" {
		v.report("provider", "is not given, which means %s, but the configuration names an engine: write provider: %s, or give --provider %s; or %s",
			ProviderLibvirt, ProviderOLVM, ProviderOLVM, ProviderLibvirt)
	}
	if c.ControlPlaneNodes > 1 {
		v.report("controlPlaneNodes", "is %d: clusters on libvirt have one, for they have no virtual IP", c.ControlPlaneNodes)
	}
	for key, values := range map[string][]string{"podSubnet": c.PodSubnets, "serviceSubnet": c.ServiceSubnets} {
		if subnets := v.subnets(key, values, "10.244.0.0/16"); len(subnets) > 1 {
			v.report(key, "holds an IPv6 subnet: networks on libvirt have IPv4 alone")
		}
	}
	v.libvirtHost()
	v.outside()
	if image, err := boot.LoadImage(c.Libvirt.ImageProfile); err == nil { // libvirtHost reports it
		v.nodeFiles([]boot.Image{image})
	}
}

// libvirtHost checks where VMs are made.
func (v *validator) libvirtHost() {
	k := v.config.keys.Providers.Libvirt
	if u, err := url.Parse(k.URI); err != nil || u.Scheme == "" {
		v.report(libvirtKey+".uri", "%q is not a URI of libvirt: write qemu:///system or qemu:///session", k.URI)
	}
	v.required(libvirtKey+".storagePool", k.StoragePool, "its name in libvirt")
	if k.SecureBoot || k.SMM {
		v.report(libvirtKey+".secureBoot", "and smm are not implemented: leave them out, or write false")
	}
	switch k.DomainType {
	case "", "kvm", "qemu":
	default:
		v.report(libvirtKey+".domainType", "%q is not known: write kvm, qemu, or nothing to use what the host can do", k.DomainType)
	}
	if p, err := netip.ParsePrefix(k.SlirpSubnet); err != nil || !p.Addr().Is4() || !p.Addr().IsPrivate() || p.Bits() > 28 {
		v.report(libvirtKey+".slirpSubnet", "%q is not a private IPv4 subnet of at least 16 addresses: write one such as 10.0.2.0/24", k.SlirpSubnet)
	}
	if _, err := boot.LoadImage(k.ImageProfile); err != nil {
		v.report(libvirtKey+".imageProfile", "%v", err)
	}
	v.shape(libvirtKey+".controlPlaneNode", k.ControlPlaneNode)
	v.shape(libvirtKey+".workerNode", k.WorkerNode)
}

// ephemeral checks the management cluster that is made when none is named.
func (v *validator) ephemeral() {
	k := v.config.keys.EphemeralCluster
	switch k.Type {
	case "", EphemeralLibvirt, EphemeralEmbedded:
	default:
		v.report(ephemeralKey+".type", "%q is not known: write %s or %s", k.Type, EphemeralLibvirt, EphemeralEmbedded)
	}
	v.name(ephemeralKey+".name", k.Name)
	if c := v.config; c.Provider == ProviderOLVM && k.Type != EphemeralEmbedded {
		if k.Name == c.Name {
			v.report(ephemeralKey+".name", "is the cluster's own name: write another one, because both have a kubeconfig that is named after them")
		}
		v.libvirtHost()
	}
	v.shape(ephemeralKey+".node", k.Node)
}

// What a node of a control plane needs at least: memory by kubeadm's own check of a host. That of its processors is left out on the images, and one is
// enough to try things.
const (
	minCPUs   = 1
	minMemory = 1700 << 20
)

func (v *validator) shape(key string, k nodeKeys) {
	if k.CPU < minCPUs || k.CPU > maxCores {
		v.report(key+".cpu", "is %d: write %d to %d", k.CPU, minCPUs, maxCores)
	}
	s := k.shape()
	if s.Memory < minMemory {
		v.report(key+".memory", "%q is no quantity of 1700Mi or more: write one such as 4Gi", k.Memory)
	}
	if s.Storage <= 0 {
		v.report(key+".storage", "%q is no quantity: write one such as 20Gi", k.Storage)
	}
}
