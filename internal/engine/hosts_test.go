package engine

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
)

func TestHostsAreReadOnceForAllMachines(t *testing.T) {
	sim := olvmsim.New(t)
	e, err := (&Engines{}).For(Account{URL: sim.URL(), Username: sim.Username(), Password: sim.Password(), CA: sim.CA()})
	require.NoError(t, err)
	dataCenter, err := e.Client().DataCenterByName(t.Context(), "Default")
	require.NoError(t, err)
	cluster, err := e.Client().ClusterByName(t.Context(), dataCenter.ID, "Default")
	require.NoError(t, err)
	hosts, err := e.Client().Hosts(t.Context(), cluster.ID)
	require.NoError(t, err)
	require.NotEmpty(t, hosts)

	asked := func() int { return sim.Count(olvmsim.Match{Method: "GET", Path: "hosts"}) }
	before := asked()
	for range 3 {
		for _, h := range hosts {
			name, err := e.HostName(t.Context(), cluster.ID, h.ID)
			require.NoError(t, err)
			require.Equal(t, h.Name, name)
		}
	}
	require.Equal(t, before+1, asked())
	for range 3 {
		name, err := e.HostName(t.Context(), cluster.ID, "another")
		require.NoError(t, err)
		require.Empty(t, name)
	}
	require.Equal(t, before+1, asked(), "a host that is not known is not looked for with each machine")
}
