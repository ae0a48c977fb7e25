package preflight

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

func TestReasonsOfConditionsAreTheNamesOfChecks(t *testing.T) {
	for check, want := range map[Check]string{
		VNICProfile: "VNICProfile", VirtualIP: "VirtualIP", DataCenter: "DataCenter", Template: "Template",
	} {
		require.Equal(t, want, check.Reason())
	}
	for _, check := range Checks() {
		require.Regexp(t, `^[A-Za-z]+$`, check.Reason(), "as the API demands of a reason")
	}
}

// Machines that are alike ask the engine together.
func TestAlikeMachinesAskOnce(t *testing.T) {
	sim := olvmsim.New(t)
	engine, err := ovirt.New(ovirt.Config{URL: sim.URL(), Username: sim.Username(), Password: sim.Password(), CA: sim.CA()})
	require.NoError(t, err)
	t.Cleanup(engine.Close)
	group := Group{Path: "spec.", Cluster: "Default", Network: "ovirtmgmt", VNICProfile: "ovirtmgmt", Template: "okc", NIC: "nic1"}
	var memory Memory
	ask := func() {
		findings, err := memory.Machines(context.Background(), engine, Wanted{DataCenter: "Default"}, group)
		require.NoError(t, err)
		require.Len(t, findings, 1)
		require.Equal(t, Template, findings[0].Check)
		require.Contains(t, Summary(findings), `spec.vmTemplateName: `)
	}
	ask()
	once := len(sim.Requests())
	var machines sync.WaitGroup
	for range 20 {
		machines.Go(ask)
	}
	machines.Wait()
	require.Len(t, sim.Requests(), once)
	group.Template = "ock"
	findings, err := memory.Machines(context.Background(), engine, Wanted{DataCenter: "Default"}, group)
	require.NoError(t, err)
	require.Empty(t, findings)
	require.Greater(t, len(sim.Requests()), once, "another place is asked about")
}

// Waiting for an engine that does not answer takes half a minute: twenty machines do not do it one after the other.
func TestAnEngineThatDoesNotAnswerIsWaitedForOnce(t *testing.T) {
	asked := 0
	sim := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		http.Error(w, "busy", http.StatusServiceUnavailable)
	}))
	t.Cleanup(sim.Close)
	engine, err := ovirt.New(ovirt.Config{URL: sim.URL + "/ovirt-engine", Username: "admin@internal", Password: "x", InsecureSkipTLSVerify: true})
	require.NoError(t, err)
	t.Cleanup(engine.Close)
	var memory Memory
	for range 20 {
		_, err := memory.Machines(context.Background(), engine, Wanted{DataCenter: "Default"}, Group{Cluster: "Default"})
		require.Error(t, err)
	}
	require.Equal(t, 1, asked)
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = memory.Machines(ended, engine, Wanted{DataCenter: "Other"}, Group{Cluster: "Default"})
	require.ErrorIs(t, err, context.Canceled)
}
