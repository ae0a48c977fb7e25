package engine

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/olvmsim/inventory"
)

func TestAffinityGroupsAreReadOnceForAllMachines(t *testing.T) {
	sim := olvmsim.New(t)
	e, err := (&Engines{}).For(Account{URL: sim.URL(), Username: sim.Username(), Password: sim.Password(), CA: sim.CA()})
	require.NoError(t, err)
	dataCenter, err := e.Client().DataCenterByName(t.Context(), "Default")
	require.NoError(t, err)
	cluster, err := e.Client().ClusterByName(t.Context(), dataCenter.ID, "Default")
	require.NoError(t, err)
	for range 5 {
		groups, err := e.AffinityGroups(t.Context(), cluster.ID)
		require.NoError(t, err)
		require.Empty(t, groups)
	}
	require.Equal(t, 1, sim.Count(olvmsim.Match{Path: "clusters/*/affinitygroups"}))
}

func TestHostsAndLabelsAreFoundByName(t *testing.T) {
	have := inventory.Default()
	have.AffinityLabels = []inventory.AffinityLabel{{Name: "gpu"}, {Name: "licensed"}}
	sim := olvmsim.New(t, olvmsim.Options{Inventory: &have})
	e, err := (&Engines{}).For(Account{URL: sim.URL(), Username: sim.Username(), Password: sim.Password(), CA: sim.CA()})
	require.NoError(t, err)
	dataCenter, err := e.Client().DataCenterByName(t.Context(), "Default")
	require.NoError(t, err)
	cluster, err := e.Client().ClusterByName(t.Context(), dataCenter.ID, "Default")
	require.NoError(t, err)

	ids, err := e.HostIDs(t.Context(), cluster.ID, []string{"host3", "host1"})
	require.NoError(t, err)
	hosts, err := e.Client().Hosts(t.Context(), cluster.ID)
	require.NoError(t, err)
	byName := map[string]string{}
	for _, h := range hosts {
		byName[h.Name] = h.ID
	}
	require.Equal(t, []string{byName["host3"], byName["host1"]}, ids)
	_, err = e.HostIDs(t.Context(), cluster.ID, []string{"hots2"})
	require.EqualError(t, err, `the engine has, or shows, no host "hots2"; there are host2, host1, host3`)

	ids, err = e.LabelIDs(t.Context(), []string{"licensed"})
	require.NoError(t, err)
	require.Len(t, ids, 1)
	_, err = e.LabelIDs(t.Context(), []string{"licenced"})
	require.EqualError(t, err, `the engine has, or shows, no affinity label "licenced"; there are licensed, gpu`)
}
