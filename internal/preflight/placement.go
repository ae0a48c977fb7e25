package preflight

import (
	"context"
	"fmt"
	"slices"

	"github.com/ocne-project/ocne/pkg/ovirt"
)

// checkPlacement looks for the hosts and affinity labels that machines name. An account that sees no host is told so elsewhere.
func (s *survey) checkPlacement(ctx context.Context, p *place, _ inventory) error {
	existing := names(p.hosts, func(h ovirt.Host) string { return h.Name })
	for _, host := range p.group.Hosts {
		if len(p.hosts) > 0 && !slices.Contains(existing, host) {
			s.missing(Placement, p.group.placementKey()+"hosts", fmt.Sprintf("host of cluster %q with the name", p.cluster.Name), host, existing)
		}
	}
	if len(p.group.AffinityLabels) == 0 {
		return nil
	}
	subject := p.group.placementKey() + "affinityLabels"
	labels, err := s.engine.AffinityLabels(ctx)
	if err != nil {
		return s.unread(Placement, subject, err)
	}
	existing = names(labels, func(l ovirt.AffinityLabel) string { return l.Name })
	for _, label := range p.group.AffinityLabels {
		if !slices.Contains(existing, label) {
			s.missing(Placement, subject, "affinity label", label, existing)
		}
	}
	return nil
}

// apart are nodes of which no two may be on one host of a cluster.
type apart struct {
	subject, cluster string // the cluster by its id
}

// checkApart compares the hosts with the nodes that must be on different ones. Failure domains may share a cluster: their nodes count
// together.
func (s *survey) checkApart() {
	nodes := map[apart]int{}
	for i := range s.places {
		p := &s.places[i]
		if !p.group.Apart || p.cluster == nil || len(p.hosts) == 0 {
			continue
		}
		one := apart{p.group.placementKey() + "antiAffinity", p.cluster.ID}
		nodes[one] += p.group.Here
		if s.laterPlace(i, one) {
			continue
		}
		up := 0
		for _, h := range p.hosts {
			if h.Status == statusUp && (len(p.group.Hosts) == 0 || slices.Contains(p.group.Hosts, h.Name)) {
				up++
			}
		}
		cause := fmt.Sprintf("anti-affinity is hard: %d nodes must be on different hosts of cluster %q, and %d of its hosts that they may be on are up",
			nodes[one], p.cluster.Name, up)
		switch {
		case nodes[one] > up:
			s.report(Placement, one.subject, cause, "Add or activate hosts in the engine, want fewer nodes, or write soft.")
		case nodes[one] == up && up > 0:
			s.warn(Placement, one.subject, cause,
				"Upgrades and repairs make a new node before they remove an old one: it will wait until there is one more host.")
		}
	}
}

// laterPlace says whether a place after that one counts with it.
func (s *survey) laterPlace(i int, one apart) bool {
	return slices.ContainsFunc(s.places[i+1:], func(p place) bool {
		return p.cluster != nil && one == apart{p.group.placementKey() + "antiAffinity", p.cluster.ID}
	})
}
