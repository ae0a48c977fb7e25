package config

import (
	"net"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/coreos/ignition/v2/config/v3_4/types"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/ocne-project/ocne/internal/boot"
)

// outside is what an image's nodes boot with to reach what is outside of the cluster's network.
func (c *Config) outside(image boot.Image) []types.Config {
	var layers []types.Config
	if p := c.Node.Proxy; p.HTTPS != "" || p.HTTP != "" {
		p.NoProxy = c.noProxy()
		layers = append(layers, image.ProxyConfig(p))
	}
	if c.Node.Registry != "" {
		layers = append(layers, image.RegistryConfig(c.Node.Registry))
	}
	return layers
}

// noProxy is what nodes reach directly: what the files say, the node itself and the cluster's own addresses and names.
func (c *Config) noProxy() []string {
	direct := append(slices.Clone(c.Node.Proxy.NoProxy), "localhost", "127.0.0.1", "::1", c.VirtualIP)
	for _, m := range c.machines() {
		for _, subnet := range nodeSubnets(m.VirtualMachine.Network) {
			direct = append(direct, subnet.Masked().String())
		}
	}
	direct = append(direct, slices.Concat(c.PodSubnets, c.ServiceSubnets)...)
	direct = append(direct, ".svc", ".cluster.local", "169.254.169.254") // the last is where clouds have their metadata; earlier releases add it
	var once []string
	for _, item := range direct {
		if item != "" && !slices.Contains(once, item) {
			once = append(once, item)
		}
	}
	return once
}

// imageRepository is where kubeadm takes container images from; empty for its own default. The registry stands for that of the image's
// repository. Where kubeadm installs the add-ons, their tags are those of its default.
func (c *Config) imageRepository(image boot.Image) string {
	repository := image.Kubeadm.ImageRepository
	if c.AddonsByKubeadm {
		repository = ""
	}
	if c.Node.Registry == "" {
		return repository
	}
	_, project, _ := strings.Cut(repository, "/")
	return path.Join(c.Node.Registry, project)
}

// dnsRepository is that of CoreDNS where kubeadm installs it from a registry. With its default repository, and no other, kubeadm looks
// for CoreDNS in coredns/coredns: in a copy of that repository it is there as well.
func (c *Config) dnsRepository(image boot.Image) string {
	if c.Node.Registry == "" || c.installs(image.Addons.CoreDNS) {
		return ""
	}
	return path.Join(c.Node.Registry, "coredns")
}

func (v *validator) outside() {
	p := v.config.Node.Proxy
	for key, value := range map[string]string{"proxy.httpsProxy": p.HTTPS, "proxy.httpProxy": p.HTTP} {
		if _, ok := parseProxy(value); !ok {
			v.report(key, "is not the URL of a proxy: write one such as http://proxy.example.com:3128")
		}
	}
	direct := regexp.MustCompile(`^[A-Za-z0-9.:/*_-]+$`)
	for _, item := range p.NoProxy {
		if !direct.MatchString(item) {
			v.report("proxy.noProxy", "%q is neither a host name, a domain, an address nor a subnet: write items such as .example.com or 192.0.2.0/24", item)
		}
	}
	if r := v.config.Node.Registry; r != "" && !isRegistry(r) {
		v.report("registry", "%q is not a registry: write a host name, with a port where it is not 443, such as registry.example.com:5000", r)
	}
}

// parseProxy accepts what programs accept: without a scheme, http is meant. An empty value is no proxy, and right.
func parseProxy(value string) (*url.URL, bool) {
	if value == "" {
		return &url.URL{}, true
	}
	if strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return nil, false
	}
	if !strings.Contains(value, "://") {
		value = "http://" + value
	}
	u, err := url.Parse(value)
	if err != nil || u.Hostname() == "" || !slices.Contains([]string{"http", "https", "socks5"}, u.Scheme) {
		return nil, false
	}
	return u, true
}

// isRegistry accepts a host with or without a port, and no path: registries.conf takes none where it searches for names.
func isRegistry(value string) bool {
	host, port, err := net.SplitHostPort(value)
	if err != nil {
		host, port = value, "443"
	}
	n, err := strconv.Atoi(port)
	return err == nil && n > 0 && n < 65536 && len(validation.IsDNS1123Subdomain(host)) == 0
}

// proxyWarnings tell of passwords.
func (c *Config) proxyWarnings() []Warning {
	var keys []string
	for _, p := range []struct{ key, value string }{{"proxy.httpsProxy", c.Node.Proxy.HTTPS}, {"proxy.httpProxy", c.Node.Proxy.HTTP}} {
		if u, ok := parseProxy(p.value); ok && u.User != nil {
			keys = append(keys, p.key)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	return []Warning{{Keys: keys, Message: "hold credentials, which stand readable in the OLVMMachineTemplates and on the nodes: " +
		"let the proxy know the nodes by their addresses instead"}}
}
