package info

import (
	"fmt"
	"strings"

	"github.com/ocne-project/ocne/internal/cluster"
)

func (t *tree) pools() *node {
	if len(t.AddressPools) == 0 {
		return nil
	}
	n := &node{name: "address pools", text: "Address pools"}
	for _, p := range t.AddressPools {
		n.children = append(n.children, t.pool(p))
	}
	return n
}

func (t *tree) pool(p cluster.AddressPool) *node {
	ranges := strings.Join(p.Ranges, ", ")
	usage := fmt.Sprintf("%d of %d used by this cluster", p.Used, p.Total)
	switch {
	case t.wide:
		for _, use := range p.UsedBy {
			if use.Cluster != t.Namespace+"/"+t.Name {
				usage += fmt.Sprintf(", %d by %s", use.Addresses, use.Cluster)
			}
		}
	case p.UsedByOthers > 0:
		usage += fmt.Sprintf(", %d by others", p.UsedByOthers)
	}
	usage += fmt.Sprintf(", %d free", p.Free())
	return &node{
		name: "address pool " + ranges + " on network " + p.Network, text: ranges + " on network " + p.Network,
		notes: []note{{text: usage}, {text: "for " + strings.Join(p.Groups, ", ")}},
	}
}
