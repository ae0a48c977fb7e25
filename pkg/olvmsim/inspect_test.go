package olvmsim_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
)

func TestJournalCountsTheCallsOfEachVM(t *testing.T) {
	s := olvmsim.New(t)
	c := newClient(t, s)
	c.must(http.StatusAccepted, http.MethodPost, "/vms", vmBody(`,"id":"`+vmID+`","name":"n1"`), "Correlation-Id", "x1")
	c.get("/vms/" + vmID)
	c.get("/vms/" + vmID + "/nics")
	c.get("/vms/" + vmID + "/reporteddevices")
	c.get("/vms")
	c.must(http.StatusConflict, http.MethodPost, "/vms/"+vmID+"/reboot", "")
	require.Equal(t, 5, s.RequestCount(vmID))
	require.Zero(t, s.RequestCount("other"))

	var lines []string
	for _, r := range s.Requests() {
		require.False(t, r.Time.IsZero())
		lines = append(lines, strings.Join([]string{r.Method, r.Path, http.StatusText(r.Status)}, " "))
	}
	require.Equal(t, []string{
		"POST /ovirt-engine/sso/oauth/token OK",
		"POST vms Accepted",
		"GET vms/{vm} OK",
		"GET vms/{vm}/nics OK",
		"GET vms/{vm}/reporteddevices OK",
		"GET vms OK",
		"POST vms/{vm}/reboot Conflict",
	}, lines)
	require.Equal(t, "x1", s.Requests()[1].CorrelationID)
	require.Equal(t, vmID, s.Requests()[1].VMID)
}

func TestOtherProcessesReadStateAndJournal(t *testing.T) {
	s := olvmsim.New(t, olvmsim.Options{Password: "pw"})
	c := newClient(t, s)
	c.addVM("n1", `"comment":"mark",`)
	control := &client{t: t, http: c.http, url: strings.TrimSuffix(c.url, "/ovirt-engine"), token: c.token}
	read := func(path string) answer {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, control.url+path, http.NoBody)
		require.NoError(t, err)
		r.SetBasicAuth("admin@internal", "pw")
		return control.do(r)
	}
	var state olvmsim.State
	require.NoError(t, json.Unmarshal([]byte(read(olvmsim.StatePath).raw), &state))
	// The times of the jobs differ in their representation only.
	require.Len(t, state.Jobs, 1)
	state.Jobs = nil
	require.Equal(t, olvmsim.State{VMs: s.VMs(), Disks: s.Disks(), NICs: s.NICs()}, state)
	require.Equal(t, "mark", state.VMs[0].Comment)
	require.Equal(t, []string{state.VMs[0].ID}, state.Disks[0].VMIDs)
	require.NotEmpty(t, state.Disks[1].TemplateID)

	var requests []olvmsim.Request
	require.NoError(t, json.Unmarshal([]byte(read(olvmsim.RequestsPath).raw), &requests))
	require.Len(t, requests, len(s.Requests()), "reading the journal is not part of it")
	require.Equal(t, http.StatusNotFound, read("/olvmsim/v1/nothing").status)

	s.ExpireTokens()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, control.url+olvmsim.StatePath, http.NoBody)
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, control.do(r).status)
}

func TestStateIsPrivateAndTemporaryByDefault(t *testing.T) {
	s, err := olvmsim.Start(t.Context(), olvmsim.Options{})
	require.NoError(t, err)
	require.NotEmpty(t, s.Password())
	require.FileExists(t, s.CAFile())
	s.Stop()
	require.NoDirExists(t, s.StateDir())
}

func TestPortInUseIsSaidClearly(t *testing.T) {
	s := olvmsim.New(t)
	address := strings.TrimSuffix(strings.TrimPrefix(s.URL(), "https://"), "/ovirt-engine")
	_, err := olvmsim.Start(t.Context(), olvmsim.Options{Listen: address})
	require.ErrorContains(t, err, "listen on "+address+": the port is in use")
}
