package config

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Warning says that something in the configuration has no effect, or may not be what was meant. Nothing stops because of it.
type Warning struct {
	// Keys that it is about; none when it is about something that was left unsaid.
	Keys    []string
	Message string
}

func (w Warning) String() string {
	if len(w.Keys) == 0 {
		return w.Message
	}
	return strings.Join(w.Keys, ", ") + ": " + w.Message
}

// feature is something that the existing ocne has and this version leaves out, or does not have yet.
type feature struct {
	keys []string
	// off maps a key to the value that asks for nothing.
	off     map[string]string
	message string
	// anywhere says that it is left out with every provider.
	anywhere bool
}

func features() []feature {
	const olvm = "providers.olvm."
	return []feature{
		{
			keys:    []string{"applications", "catalogs", "catalog", "communityCatalog"},
			off:     map[string]string{"catalog": "false", "communityCatalog": "false"},
			message: "application catalogs are left out of this version: install applications with Helm once the cluster runs", anywhere: true,
		},
		{
			keys:    []string{"autoStartUI", "headless", "certificateInformation"},
			off:     map[string]string{"autoStartUI": "false", "headless": "true"},
			message: "the web console is left out of this version", anywhere: true,
		},
		{
			keys: []string{olvm + "ovirtCsiDriver"},
			message: "the oVirt CSI driver is not installed by this version: install its Helm chart once the cluster runs, " +
				"and write install: false here",
		},
		{
			keys:    []string{"providers.oci", "providers.byo", "providers.none", "loadBalancer"},
			message: "not used with provider olvm",
		},
		{
			keys: []string{olvm + "proxy"},
			message: "not used: the controllers reach the engine through the proxy of the environment (HTTPS_PROXY, NO_PROXY) that they are started in; " +
				"the proxy of the nodes is proxy",
		},
		{
			keys:    []string{"osRegistry", "osTag"},
			message: "not implemented yet: nodes boot from the VM template as it is",
		},
	}
}

// leftOut gives one warning for each group of keys without effect, and one for what the existing ocne installs unasked with OLVM.
func leftOut(provider string, user *yaml.Node) []Warning {
	var warnings []Warning
	for _, f := range features() {
		if provider != ProviderOLVM && !f.anywhere {
			continue
		}
		var given []string
		for _, key := range f.keys {
			if asks(user, key, f.off[key]) {
				given = append(given, key)
			}
		}
		if len(given) > 0 {
			warnings = append(warnings, Warning{Keys: given, Message: f.message})
		}
	}
	if provider != ProviderOLVM {
		return warnings
	}
	var silent []string
	for _, d := range []struct{ key, parent, off string }{
		{"catalog", "catalog", "false"}, {"headless", "headless", "true"},
		{"providers.olvm.ovirtCsiDriver.install", "providers.olvm.ovirtCsiDriver", "false"},
	} {
		if lookup(user, d.parent) == nil {
			silent = append(silent, d.key+": "+d.off)
		}
	}
	if len(silent) > 0 {
		warnings = append(warnings, Warning{Message: fmt.Sprintf("application catalog, web console and oVirt CSI driver, which earlier releases "+
			"installed by default, are not installed; to say that this is meant, write %s", strings.Join(silent, ", "))})
	}
	return warnings
}

// asks says whether the key is there and asks for something.
func asks(user *yaml.Node, key, off string) bool {
	n := lookup(user, key)
	if n == nil {
		return false
	}
	if install := child(n, "install"); install != nil {
		return install.Value != "false"
	}
	return off == "" || n.Value != off
}
