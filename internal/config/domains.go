package config

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/utils/ptr"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/spelling"
)

const (
	failureDomainsKey = "providers.olvm.failureDomains"
	// Lengths of the engine's names, and numbers of them, which OLVMMachine and OLVMCluster repeat.
	maxHostName          = 255
	maxAffinityLabelName = 50
	maxFailureDomains    = 32
	maxHosts             = 64
	maxAffinityLabels    = 16
)

// DomainsFor are the positions of the failure domains that a group of machines can be in: of workers the one that they name, of control plane
// nodes all that are not kept from them. There are none when the machines are where they say themselves.
func DomainsFor(all []infrav1.FailureDomain, name string, controlPlane bool) []int {
	var positions []int
	for i, d := range all {
		if controlPlane && ptr.Deref(d.ControlPlane, true) || !controlPlane && name != "" && d.Name == name {
			positions = append(positions, i)
		}
	}
	return positions
}

// FailureDomainKey is where a failure domain stands in the configuration.
func FailureDomainKey(position int) string { return fmt.Sprintf("%s[%d]", failureDomainsKey, position) }

// HostCluster is the engine's cluster that machines name, or that of the first failure domain that they can be in.
func (c *Config) HostCluster(m Machine, controlPlane bool) string {
	if m.OLVMOvirtClusterName != "" {
		return m.OLVMOvirtClusterName
	}
	for _, i := range DomainsFor(c.OLVM.FailureDomains, m.FailureDomain, controlPlane) {
		return c.OLVM.FailureDomains[i].OLVMOvirtClusterName
	}
	return ""
}

func (v *validator) failureDomains() {
	var names []string
	if n := len(v.config.OLVM.FailureDomains); n > maxFailureDomains {
		v.report(failureDomainsKey, "are %d: write at most %d", n, maxFailureDomains)
	}
	for i, d := range v.config.OLVM.FailureDomains {
		key := FailureDomainKey(i)
		if v.required(key+".name", d.Name, "a name for this part of the data center, such as room-1") && slices.Contains(names, d.Name) {
			v.report(key+".name", "%q is taken: write another name", d.Name)
		}
		names = append(names, d.Name)
		if v.required(key+".olvmOvirtClusterName", d.OLVMOvirtClusterName, "the engine's (host) cluster of the machines in this domain") {
			v.atMost(key+".olvmOvirtClusterName", d.OLVMOvirtClusterName, maxOvirtCluster)
		}
		v.atMost(key+".storageDomainName", d.StorageDomainName, maxStorageDomain)
		v.atMost(key+".vnicProfileName", d.VNICProfileName, maxVNICProfileName)
	}
}

// placement checks where a group of machines shall be.
func (v *validator) placement(key string, m Machine) {
	var names []string
	for _, d := range v.config.OLVM.FailureDomains {
		names = append(names, d.Name)
	}
	switch {
	case m.FailureDomain == "":
	case key == controlPlaneKey:
		v.report(key+".failureDomain", "is for workers only: control plane nodes are spread over all failure domains; write controlPlane: false into "+
			"those that they shall not be in")
	case len(names) == 0:
		v.report(key+".failureDomain", "is %q, and there are no %s: write them, or leave this out", m.FailureDomain, failureDomainsKey)
	case !slices.Contains(names, m.FailureDomain):
		v.report(key+".failureDomain", "%q is not among %s: write one of %s", m.FailureDomain, failureDomainsKey,
			strings.Join(spelling.NearestFirst(m.FailureDomain, names), ", "))
	}
	switch m.Placement.AntiAffinity {
	case "", infrav1.SoftAntiAffinity, infrav1.HardAntiAffinity, infrav1.NoAntiAffinity:
	default:
		v.report(key+".placement.antiAffinity", "%q is not known: write %s, %s or %s", m.Placement.AntiAffinity,
			infrav1.SoftAntiAffinity, infrav1.HardAntiAffinity, infrav1.NoAntiAffinity)
	}
	v.namesInEngine(key+".placement.hosts", m.Placement.Hosts, maxHosts, maxHostName)
	v.namesInEngine(key+".placement.affinityLabels", m.Placement.AffinityLabels, maxAffinityLabels, maxAffinityLabelName)
}

// namesInEngine checks a set of names.
func (v *validator) namesInEngine(key string, names []string, most, length int) {
	if len(names) > most {
		v.report(key, "are %d names: write at most %d", len(names), most)
	}
	for i, name := range names {
		if v.required(fmt.Sprintf("%s[%d]", key, i), name, "a name as the engine shows it") {
			v.atMost(fmt.Sprintf("%s[%d]", key, i), name, length)
		}
		if slices.Contains(names[:i], name) {
			v.report(fmt.Sprintf("%s[%d]", key, i), "%q is there twice: write it once", name)
		}
	}
}
