package engine

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

func simulated(t *testing.T) (*olvmsim.Simulator, *Engines, Account) {
	t.Helper()
	sim := olvmsim.New(t)
	return sim, &Engines{}, Account{URL: sim.URL(), Username: sim.Username(), Password: sim.Password(), CA: sim.CA()}
}

func lists(sim *olvmsim.Simulator) int {
	n := 0
	for _, r := range sim.Requests() {
		if r.Method == http.MethodGet && r.Path == "vms" {
			n++
		}
	}
	return n
}

func TestConnectionsAreSharedByAccount(t *testing.T) {
	_, engines, account := simulated(t)
	first, err := engines.For(account)
	require.NoError(t, err)
	again, err := engines.For(account)
	require.NoError(t, err)
	require.Same(t, first, again)

	account.Password = "rotated"
	other, err := engines.For(account)
	require.NoError(t, err)
	require.NotSame(t, first, other, "rotated credentials lead to a new connection")
}

func TestOneListServesManyMachines(t *testing.T) {
	sim, engines, account := simulated(t)
	e, err := engines.For(account)
	require.NoError(t, err)
	notBefore := time.Now()
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			_, err := e.Snapshot(context.Background(), notBefore)
			require.NoError(t, err)
		})
	}
	wg.Wait()
	require.Equal(t, 1, lists(sim))
}

func TestAListThatBeganBeforeAChangeDoesNotTellAboutIt(t *testing.T) {
	sim, engines, account := simulated(t)
	e, err := engines.For(account)
	require.NoError(t, err)
	_, err = e.Lately(context.Background(), "mine", time.Hour)
	require.NoError(t, err)
	e.Touch("mine")
	_, err = e.Lately(context.Background(), "another", time.Hour)
	require.NoError(t, err)
	require.Equal(t, 1, lists(sim), "others may use the old list")
	_, err = e.Lately(context.Background(), "mine", time.Hour)
	require.NoError(t, err)
	require.Equal(t, 2, lists(sim))
}

func TestAnErrorIsNotAnObservation(t *testing.T) {
	_, engines, account := simulated(t)
	account.Password = "wrong"
	e, err := engines.For(account)
	require.NoError(t, err)
	snapshot, err := e.Snapshot(context.Background(), time.Now())
	require.Nil(t, snapshot)
	require.Equal(t, ovirt.Auth, ovirt.KindOf(err))
}

func TestResolveNamesWhatTheEngineDoesNotHave(t *testing.T) {
	sim, engines, account := simulated(t)
	e, err := engines.For(account)
	require.NoError(t, err)
	names := PlaceNames{DataCenter: "Default", Cluster: "Default", Network: "ovirtmgmt", VNICProfile: "ovirtmgmt", Template: "ock"}
	place, err := e.Resolve(context.Background(), names)
	require.NoError(t, err)
	require.NotContains(t, []string{place.ClusterID, place.NetworkID, place.VNICProfileID, place.TemplateID}, "")

	before := len(sim.Requests())
	_, err = e.Resolve(context.Background(), names)
	require.NoError(t, err)
	require.Len(t, sim.Requests(), before, "ids are remembered")

	for _, wrong := range []struct {
		change func(*PlaceNames)
		says   string
	}{
		{func(n *PlaceNames) { n.DataCenter = "Elsewhere" }, `data center "Elsewhere"`},
		{func(n *PlaceNames) { n.Cluster = "gpu" }, `cluster "gpu"`},
		{func(n *PlaceNames) { n.Network = "vlan7" }, `network "vlan7"`},
		{func(n *PlaceNames) { n.VNICProfile = "fast" }, `vNIC profile "fast"`},
		{func(n *PlaceNames) { n.Template = "ock-9" }, `template "ock-9"`},
	} {
		other := names
		wrong.change(&other)
		_, err := e.Resolve(context.Background(), other)
		require.ErrorContains(t, err, wrong.says)
		require.Equal(t, ovirt.NotFound, ovirt.KindOf(err))
	}
}
