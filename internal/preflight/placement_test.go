package preflight

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
	contents "github.com/ocne-project/ocne/pkg/olvmsim/inventory"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

func TestPlacementIsCheckedBeforeAVMIsMade(t *testing.T) {
	have := contents.Default()
	have.AffinityLabels = []contents.AffinityLabel{{Name: "gpu"}}
	sim := olvmsim.New(t, olvmsim.Options{Inventory: &have})
	engine, err := ovirt.New(ovirt.Config{URL: sim.URL(), Username: sim.Username(), Password: sim.Password(), CA: sim.CA()})
	require.NoError(t, err)
	t.Cleanup(engine.Close)
	for name, test := range map[string]struct {
		change   func(*Group)
		severity Severity
		want     []string
	}{
		"hosts and labels that exist": {change: func(g *Group) { g.Hosts, g.AffinityLabels = []string{"host2"}, []string{"gpu"} }},
		"a host that does not": {func(g *Group) { g.Hosts = []string{"hots2"} }, Error,
			[]string{"spec.placement.hosts", `host of cluster "Default" with the name "hots2"; it sees "host2", "host1", "host3"`}},
		"a label that does not": {func(g *Group) { g.AffinityLabels = []string{"gpus"} }, Error,
			[]string{"spec.placement.affinityLabels", `no affinity label "gpus"; it sees "gpu"`}},
		"more hosts than nodes": {change: func(g *Group) { g.Apart, g.Here = true, 2 }},
		"as many hosts as nodes": {func(g *Group) { g.Apart, g.Here = true, 3 }, Warning,
			[]string{"spec.placement.antiAffinity", "3 nodes must be on different hosts", "3 of its hosts", "one more host"}},
		"fewer hosts than nodes": {func(g *Group) { g.Apart, g.Here = true, 4 }, Error, []string{"4 nodes must be on different hosts"}},
		"fewer hosts than nodes, of those that they may be on": {func(g *Group) { g.Apart, g.Here, g.Hosts = true, 2, []string{"host1"} }, Error,
			[]string{"2 nodes must be on different hosts", "1 of its hosts"}},
	} {
		t.Run(name, func(t *testing.T) {
			group := Group{Path: "spec.", Cluster: "Default", Network: "ovirtmgmt", VNICProfile: "ovirtmgmt", Template: "ock", NIC: "nic1"}
			test.change(&group)
			findings, err := Machines(t.Context(), engine, Wanted{DataCenter: "Default", Username: "admin", Groups: []Group{group}})
			require.NoError(t, err)
			if test.severity == "" {
				require.Empty(t, findings)
				return
			}
			require.Len(t, findings, 1)
			require.Equal(t, Placement, findings[0].Check)
			require.Equal(t, test.severity, findings[0].Severity)
			for _, words := range test.want {
				require.Contains(t, Summary(findings), words)
			}
		})
	}
}

func TestFailureDomainsInOneClusterShareItsHosts(t *testing.T) {
	sim := olvmsim.New(t)
	engine, err := ovirt.New(ovirt.Config{URL: sim.URL(), Username: sim.Username(), Password: sim.Password(), CA: sim.CA()})
	require.NoError(t, err)
	t.Cleanup(engine.Close)
	group := Group{Path: "spec.", Cluster: "Default", Network: "ovirtmgmt", VNICProfile: "ovirtmgmt", Template: "ock", NIC: "nic1", Apart: true, Here: 2}
	findings, err := Machines(t.Context(), engine, Wanted{DataCenter: "Default", Groups: []Group{group, group}})
	require.NoError(t, err)
	require.Len(t, findings, 1)
	require.Contains(t, Summary(findings), "4 nodes must be on different hosts")
}
