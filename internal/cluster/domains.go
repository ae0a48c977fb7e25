package cluster

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/config"
	"github.com/ocne-project/ocne/internal/preflight"
)

// spread says over which failure domains a group of machines can be spread.
type spread struct {
	all          []infrav1.FailureDomain
	name         string // the one that workers name
	controlPlane bool
	// key is where a domain is written.
	key func(position int) string
}

// over makes a group for each failure domain that its machines can be in; it is the group itself where there is none. The first has the pools
// of addresses, which all share, and all the nodes that need one; of each domain it is told how many nodes are to be in it.
func (s spread) over(g preflight.Group) []preflight.Group {
	positions := config.DomainsFor(s.all, s.name, s.controlPlane)
	if len(positions) == 0 {
		g.Here = g.Nodes
		return []preflight.Group{g}
	}
	var groups []preflight.Group
	for n, i := range positions {
		d, in := s.all[i], g
		in.Cluster, in.ClusterSubject = d.OLVMOvirtClusterName, s.key(i)+".olvmOvirtClusterName"
		if d.VNICProfileName != "" {
			in.VNICProfile, in.VNICProfileSubject = d.VNICProfileName, s.key(i)+".vnicProfileName"
		}
		if d.StorageDomainName != "" {
			in.Disks.Domain, in.StorageDomainSubject = d.StorageDomainName, s.key(i)+".storageDomainName"
		}
		in.Here = g.Nodes / len(positions)
		if n < g.Nodes%len(positions) {
			in.Here++
		}
		if n > 0 {
			in.Nodes, in.Pools = 0, nil
		}
		groups = append(groups, in)
	}
	return groups
}

func (r reserves) spread(g *machineGroup) spread {
	return spread{
		all: r.s.infrastructure.Spec.FailureDomains, name: g.failureDomain, controlPlane: g.controlPlane,
		key: func(i int) string { return fmt.Sprintf("OLVMCluster spec.failureDomains[%d]", i) },
	}
}

// hostCluster is the engine's cluster that the machines of a group name, or that of the first failure domain that they can be in.
func (r reserves) hostCluster(g *machineGroup) string {
	first := r.spread(g).over(preflight.Group{Cluster: g.template.Spec.Template.Spec.OLVMOvirtClusterName})[0]
	return cmp.Or(g.template.Spec.Template.Spec.OLVMOvirtClusterName, first.Cluster)
}

// controlPlaneDomains are the names of the failure domains that control plane nodes may be in.
func (s *snapshot) controlPlaneDomains() []string {
	if s.infrastructure == nil {
		return nil
	}
	var names []string
	all := s.infrastructure.Spec.FailureDomains
	for _, i := range config.DomainsFor(all, "", true) {
		names = append(names, all[i].Name)
	}
	return names
}

// domainOf is the failure domain that a machine is in: what a Machine names is nobody's where the cluster has none.
func (s *snapshot) domainOf(m *clusterv1.Machine) string {
	if im := s.infraMachine(m); im != nil {
		return im.Status.FailureDomain
	}
	return ""
}

// spreadOver counts the machines that are chosen by their failure domains, those of names among them even if no machine is there.
func (s *snapshot) spreadOver(names []string, chosen func(*clusterv1.Machine) bool) []DomainDetails {
	domains := []DomainDetails{}
	for _, name := range names {
		domains = append(domains, DomainDetails{Name: name})
	}
	for i := range s.machines {
		m := &s.machines[i]
		domain := s.domainOf(m)
		if domain == "" || !chosen(m) {
			continue
		}
		at := slices.IndexFunc(domains, func(d DomainDetails) bool { return d.Name == domain })
		if at < 0 {
			at, domains = len(domains), append(domains, DomainDetails{Name: domain})
		}
		domains[at].Machines++
	}
	slices.SortFunc(domains, func(a, b DomainDetails) int { return strings.Compare(a.Name, b.Name) })
	return domains
}
