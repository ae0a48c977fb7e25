package boot

import (
	"fmt"
	"path"
	"strings"

	"github.com/coreos/ignition/v2/config/v3_4/types"
)

// proxyDropin is a drop-in of each service that uses the proxy. The existing ocne's has the same name.
const proxyDropin = "proxy.conf"

// Outside is how an image reaches what is outside of the cluster's network.
type Outside struct {
	// ProxyUnits are the services that do so.
	ProxyUnits []string   `json:"proxyUnits"`
	Registries registries `json:"registries"`
}

// registries is where the container runtime is told of registries: one of the two files is set.
type registries struct {
	Configuration string   `json:"configuration"` // registries.conf of CRI-O and Podman
	Hosts         string   `json:"hosts"`         // directory of containerd's hosts.toml files
	Mirrored      []string `json:"mirrored"`      // registries of the images that ocne and the node image use
}

// Proxy is an HTTP proxy.
type Proxy struct {
	HTTPS, HTTP string   // URLs, for requests with and without TLS; empty for none
	NoProxy     []string // host names, domains, addresses and subnets that are reached directly
}

// ProxyConfig makes the services of an image use a proxy. It is an empty document without one.
func (o Outside) ProxyConfig(p Proxy) types.Config {
	config := types.Config{Ignition: types.Ignition{Version: types.MaxVersion.String()}}
	if p.HTTPS == "" && p.HTTP == "" {
		return config
	}
	var text strings.Builder
	text.WriteString("[Service]\n")
	for _, variable := range []struct{ name, value string }{
		{"HTTPS_PROXY", p.HTTPS}, {"HTTP_PROXY", p.HTTP}, {"NO_PROXY", strings.Join(p.NoProxy, ",")},
	} {
		if variable.value == "" {
			continue
		}
		// Programs differ in which spelling they read.
		for _, name := range []string{variable.name, strings.ToLower(variable.name)} {
			fmt.Fprintf(&text, "Environment=%s\n", systemdQuote(name+"="+variable.value))
		}
	}
	for _, name := range o.ProxyUnits {
		config.Systemd.Units = append(config.Systemd.Units, types.Unit{
			Name: name, Dropins: []types.Dropin{{Name: proxyDropin, Contents: new(text.String())}},
		})
	}
	return config
}

// systemdQuote makes one word of a unit file's setting, in which systemd expands nothing.
func systemdQuote(word string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `%`, `%%`).Replace(word) + `"`
}

// RegistryConfig makes the container runtime ask another registry first, a host with or without a port. It is an empty document without one.
func (o Outside) RegistryConfig(registry string) types.Config {
	config := types.Config{Ignition: types.Ignition{Version: types.MaxVersion.String()}}
	if registry == "" {
		return config
	}
	if o.Registries.Configuration != "" {
		setFile(&config, o.Registries.Configuration, 0o644, registriesConf(registry, o.Registries.Mirrored))
	}
	if o.Registries.Hosts != "" {
		for _, mirrored := range o.Registries.Mirrored {
			setFile(&config, path.Join(o.Registries.Hosts, mirrored, "hosts.toml"), 0o644, hostsTOML(registry, mirrored))
		}
	}
	return config
}

// registriesConf is registries.conf(5), version 2. Names without a registry are searched for in this one only.
func registriesConf(registry string, mirrored []string) string {
	var text strings.Builder
	fmt.Fprintf(&text, "unqualified-search-registries = [%q]\n", registry)
	for _, m := range mirrored {
		if m != registry {
			fmt.Fprintf(&text, "\n[[registry]]\nprefix = %[1]q\nlocation = %[1]q\n\n[[registry.mirror]]\nlocation = %[2]q\n", m, registry)
		}
	}
	return text.String()
}

// hostsTOML is containerd's docs/hosts.md. What the registry does not have is asked of the mirrored one.
func hostsTOML(registry, mirrored string) string {
	return fmt.Sprintf("server = %q\n\n[host.%q]\ncapabilities = [\"pull\", \"resolve\"]\n", "https://"+mirrored, "https://"+registry)
}
