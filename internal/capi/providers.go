package capi

import (
	"fmt"
	"slices"
	"strings"
)

// Providers says whose controllers a manager runs.
type Providers string

const (
	// OLVM is the infrastructure provider alone, beside a Cluster API that somebody else installed.
	OLVM Providers = "olvm"
	// Bundle adds Cluster API core, kubeadm bootstrap and kubeadm control plane, for management clusters that ocne owns.
	Bundle Providers = "core,bootstrap,control-plane,olvm"
	// ClusterAPI is the bundle without the OLVM provider, which is then installed beside it from its own packages.
	ClusterAPI Providers = "core,bootstrap,control-plane"
)

// HasClusterAPI says whether Cluster API's own controllers and webhooks are among the providers.
func (p Providers) HasClusterAPI() bool { return p != OLVM }

// HasOLVM says whether the OLVM provider is among them.
func (p Providers) HasOLVM() bool { return p != ClusterAPI }

// ParseProviders reads a comma-separated list of providers, in any order. Cluster API's own providers come together or not at
// all: they share one set of CRDs, webhooks and caches.
func ParseProviders(list string) (Providers, error) {
	names := strings.Split(list, ",")
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	slices.Sort(names)
	names = slices.Compact(names)
	for _, known := range []Providers{OLVM, Bundle, ClusterAPI} {
		wanted := strings.Split(string(known), ",")
		slices.Sort(wanted)
		if slices.Equal(names, wanted) {
			return known, nil
		}
	}
	return "", fmt.Errorf("providers %q: choose %q (beside a Cluster API that is already installed), %q (everything in one process) "+
		"or %q (Cluster API alone)", list, OLVM, Bundle, ClusterAPI)
}

// String implements pflag.Value.
func (p *Providers) String() string { return string(*p) }

// Set implements pflag.Value.
func (p *Providers) Set(list string) error {
	parsed, err := ParseProviders(list)
	if err == nil {
		*p = parsed
	}
	return err
}

// Type implements pflag.Value.
func (p *Providers) Type() string { return "providers" }
