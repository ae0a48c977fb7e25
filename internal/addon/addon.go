// Package addon makes the objects that a cluster needs beside its nodes: the pod network, and, where kubeadm does not install them,
// the cluster's DNS and the Services' proxy. It does no I/O.
package addon

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ocne-project/ocne/internal/manifest"
)

// The names of add-ons, which are also those of their manifests.
const (
	Flannel   = "flannel"
	CoreDNS   = "coredns"
	KubeProxy = "kube-proxy"
)

//go:embed flannel.yaml coredns.yaml kube-proxy.yaml
var manifests embed.FS

// Addon is what one add-on consists of, in the order to apply it.
type Addon struct {
	Name    string
	Objects []*unstructured.Unstructured
}

// Images are what the add-ons' containers run; one without a reference is not installed.
type Images struct {
	Flannel   string `json:"flannel"`
	CoreDNS   string `json:"coreDNS"`
	KubeProxy string `json:"kubeProxy"`
	// FlannelCNIPlugin holds the CNI plugin flannel as /flannel, for nodes whose image does not bring it.
	FlannelCNIPlugin string `json:"flannelCNIPlugin"`
}

// Settings are what the add-ons have to know of their cluster.
type Settings struct {
	// PodSubnets and ServiceSubnets in CIDR notation: one, or one of each address family, the IPv4 one first.
	PodSubnets, ServiceSubnets []string
	// APIServer is the URL that kube-proxy reaches the API server at, which must not be that of a Service.
	APIServer string
	// ProxyMode is kube-proxy's: iptables, ipvs or nftables.
	ProxyMode string
	Images    Images
}

// PodNetwork is the add-on that makes nodes Ready.
func PodNetwork(s Settings) (Addon, error) {
	ipv4, ipv6, err := families(s.PodSubnets)
	if err != nil {
		return Addon{}, fmt.Errorf("pod subnets: %w", err)
	}
	// The format is flannel's own: Documentation/configuration.md of flannel-io/flannel.
	network, err := json.Marshal(struct {
		Network     string            `json:"Network"`
		EnableIPv4  bool              `json:"EnableIPv4"`
		IPv6Network string            `json:"IPv6Network,omitempty"`
		EnableIPv6  bool              `json:"EnableIPv6"`
		Backend     map[string]string `json:"Backend"`
	}{ipv4, true, ipv6, ipv6 != "", map[string]string{"Type": "vxlan"}})
	if err != nil {
		return Addon{}, fmt.Errorf("configuration of flannel: %w", err)
	}
	return render(Flannel, struct {
		Images
		Network string
	}{s.Images, string(network)})
}

// Kubernetes are the add-ons that kubeadm installs elsewhere. OCK's images have tags that are no versions, with which kubeadm could not
// upgrade them, so there Cluster API is told to skip them.
func Kubernetes(s Settings) ([]Addon, error) {
	var list []Addon
	if s.Images.KubeProxy != "" {
		proxy, err := render(KubeProxy, s)
		if err != nil {
			return nil, err
		}
		list = append(list, proxy)
	}
	if s.Images.CoreDNS != "" {
		addresses, err := dnsAddresses(s.ServiceSubnets)
		if err != nil {
			return nil, fmt.Errorf("service subnets: %w", err)
		}
		dns, err := render(CoreDNS, struct {
			Images
			Addresses []string
		}{s.Images, addresses})
		if err != nil {
			return nil, err
		}
		list = append(list, dns)
	}
	return list, nil
}

// families takes subnets apart by address family.
func families(subnets []string) (ipv4, ipv6 string, err error) {
	for _, subnet := range subnets {
		p, err := netip.ParsePrefix(subnet)
		if err != nil {
			return "", "", err
		}
		if p.Addr().Is4() {
			ipv4 = p.String()
		} else {
			ipv6 = p.String()
		}
	}
	if ipv4 == "" {
		return "", "", errors.New("there is no IPv4 one")
	}
	return ipv4, ipv6, nil
}

// dnsAddresses are the tenth of each subnet, which the kubelets are told by kubeadm (constants.GetDNSIP).
func dnsAddresses(subnets []string) ([]string, error) {
	const tenth = 10
	var list []string
	for _, subnet := range subnets {
		p, err := netip.ParsePrefix(subnet)
		if err != nil {
			return nil, err
		}
		address := p.Masked().Addr()
		for range tenth {
			address = address.Next()
		}
		if !p.Contains(address) {
			return nil, fmt.Errorf("%s has no tenth address", subnet)
		}
		list = append(list, address.String())
	}
	return list, nil
}

// render fills a manifest in.
func render(name string, data any) (Addon, error) {
	objects, err := manifest.Objects(manifests, name+".yaml", data)
	if err != nil {
		return Addon{}, fmt.Errorf("add-on %s: %w", name, err)
	}
	return Addon{Name: name, Objects: objects}, nil
}
