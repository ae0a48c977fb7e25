package olvmsim_test

import (
	"bytes"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/olvmsim/inventory"
)

func stepped(t *testing.T) (*olvmsim.Simulator, *client) {
	t.Helper()
	s := olvmsim.New(t, olvmsim.Options{Clock: olvmsim.Stepped, Seed: 7})
	return s, newClient(t, s)
}

func TestAPatternSaysWhichCallsAreHit(t *testing.T) {
	for _, c := range []struct {
		match        olvmsim.Match
		method, path string
		body         string
		hit          bool
	}{
		{olvmsim.Match{}, http.MethodGet, "/vms", "", true},
		{olvmsim.Match{Method: "get"}, http.MethodGet, "/vms", "", true},
		{olvmsim.Match{Method: "POST"}, http.MethodGet, "/vms", "", false},
		{olvmsim.Match{Path: "vms"}, http.MethodGet, "//vms", "", true},
		{olvmsim.Match{Path: "vms"}, http.MethodGet, "/v4/vms", "", true},
		{olvmsim.Match{Path: "vms"}, http.MethodGet, "/vms/" + vmID, "", false},
		{olvmsim.Match{Path: "vms/*"}, http.MethodGet, "/vms/" + vmID, "", true},
		{olvmsim.Match{Path: "vms/{vm}"}, http.MethodGet, "/vms/" + vmID, "", true},
		{olvmsim.Match{Path: "vms/" + vmID}, http.MethodGet, "/vms/" + vmID, "", true},
		{olvmsim.Match{Path: "vms/*"}, http.MethodGet, "/vms/" + vmID + "/nics", "", false},
		{olvmsim.Match{Path: "vms/**"}, http.MethodGet, "/vms/" + vmID + "/nics", "", true},
		{olvmsim.Match{Path: "disks|vms"}, http.MethodGet, "/vms", "", true},
		{olvmsim.Match{User: "admin@*"}, http.MethodGet, "/vms", "", true},
		{olvmsim.Match{User: "other"}, http.MethodGet, "/vms", "", false},
		{olvmsim.Match{VM: "n?"}, http.MethodGet, "/vms/" + vmID, "", true},
		{olvmsim.Match{VM: "n2"}, http.MethodGet, "/vms/" + vmID, "", false},
		{olvmsim.Match{VM: "n2"}, http.MethodPost, "/vms", vmBody(`,"name":"n2"`), true},
		{olvmsim.Match{VM: "n2"}, http.MethodGet, "/vms", "", false},
		{olvmsim.Match{Body: `"b1"`}, http.MethodPost, "/vms", vmBody(`,"name":"n2","comment":"b1"`), true},
		{olvmsim.Match{Body: "b2"}, http.MethodPost, "/vms", vmBody(`,"name":"n2","comment":"b1"`), false},
	} {
		s, api := stepped(t)
		api.must(http.StatusAccepted, http.MethodPost, "/vms", vmBody(`,"id":"`+vmID+`","name":"n1"`))
		_, err := s.Inject(olvmsim.Fault{Match: c.match, Effect: olvmsim.Effect{Kind: olvmsim.Unavailable}})
		require.NoError(t, err)
		a := api.call(c.method, c.path, c.body)
		require.Equal(t, c.hit, a.status == http.StatusServiceUnavailable, "%+v %s %s", c.match, c.method, c.path)
	}
}

func TestXMLNamesTheVMAsWell(t *testing.T) {
	s, api := stepped(t)
	_, err := s.Inject(olvmsim.Fault{Match: olvmsim.Match{VM: "n1"}, Effect: olvmsim.Effect{Kind: olvmsim.Unavailable}})
	require.NoError(t, err)
	body := `<vm><cluster><name>Default</name></cluster><name>n1</name></vm>`
	api.must(http.StatusServiceUnavailable, http.MethodPost, "/vms", body, "Content-Type", "application/xml")
}

// What is injected without a path does not keep callers from signing on; with a path, it does.
func TestTheSignOnIsHitByItsPathOnly(t *testing.T) {
	s, _ := stepped(t)
	inject := func(path string) {
		_, err := s.Inject(olvmsim.Fault{Match: olvmsim.Match{Path: path}, Effect: olvmsim.Effect{Kind: olvmsim.Unavailable}})
		require.NoError(t, err)
	}
	inject("")
	newClient(t, s)
	inject("/ovirt-engine/sso/**")
	require.Equal(t, http.StatusServiceUnavailable, signOn(t, anonymous(t, s), s).status)
}

func TestLatenciesComeOnTopOfAnotherFault(t *testing.T) {
	s, api := stepped(t)
	for _, e := range []olvmsim.Effect{
		{Kind: olvmsim.Latency, Delay: olvmsim.Duration(time.Millisecond)}, {Kind: olvmsim.Forbidden}, {Kind: olvmsim.Locked},
		{Kind: olvmsim.Latency, Delay: olvmsim.Duration(time.Millisecond)},
	} {
		_, err := s.Inject(olvmsim.Fault{Effect: e})
		require.NoError(t, err)
	}
	api.must(http.StatusForbidden, http.MethodGet, "/vms", "")
	all := s.Requests()
	require.Equal(t, "latency+forbidden+latency", all[len(all)-1].Fault)
	hits := []int{}
	for _, f := range s.Faults() {
		hits = append(hits, f.Hits)
	}
	require.Equal(t, []int{1, 1, 0, 1}, hits)
}

func TestAnEffectOnTheInstallationHappensOnceBeforeItsCall(t *testing.T) {
	s, api := stepped(t)
	_, err := s.Inject(olvmsim.Fault{
		Match: olvmsim.Match{Path: "hosts"}, Count: 1, Effect: olvmsim.Effect{Kind: olvmsim.StorageFull, StorageDomain: "data"},
	})
	require.NoError(t, err)
	api.must(http.StatusAccepted, http.MethodPost, "/vms", vmBody(`,"name":"n1"`))
	api.get("/hosts")
	api.must(http.StatusConflict, http.MethodPost, "/vms", vmBody(`,"name":"n2"`))
	require.NoError(t, s.Clear(""))
	require.Empty(t, s.Faults())
	api.must(http.StatusAccepted, http.MethodPost, "/vms", vmBody(`,"name":"n2"`))
	require.ErrorIs(t, s.Clear("f1"), olvmsim.ErrNotFound)
}

func TestCallsAreCountedByAMatch(t *testing.T) {
	s, api := stepped(t)
	api.must(http.StatusAccepted, http.MethodPost, "/vms", vmBody(`,"id":"`+vmID+`","name":"n1"`))
	api.must(http.StatusConflict, http.MethodPost, "/vms", vmBody(`,"name":"n1"`))
	api.get("/vms/" + vmID)
	for want, m := range map[string]olvmsim.Match{
		"all":     {},
		"created": {Method: http.MethodPost, Path: "vms", Status: http.StatusAccepted},
		"posted":  {Method: http.MethodPost, Path: "vms"},
		"of n1":   {VM: "n1"},
		"read":    {Path: "vms/{vm}", Method: http.MethodGet},
		"signed":  {Path: "/ovirt-engine/sso/oauth/token"},
	} {
		count := map[string]int{"all": 4, "created": 1, "posted": 2, "of n1": 2, "read": 1, "signed": 1}[want]
		require.Equal(t, count, s.Count(m), want)
	}
}

func TestTheJournalSaysWhatACallChanged(t *testing.T) {
	s, api := stepped(t)
	secret := `,"id":"` + vmID + `","name":"n1","initialization":{"custom_script":"kubeadm join --token abc","root_password":"pw1"}`
	api.must(http.StatusAccepted, http.MethodPost, "/vms", vmBody(secret), "Correlation-Id", "c1")
	require.NoError(t, s.Advance(time.Minute))
	api.must(http.StatusCreated, http.MethodPost, "/vms/"+vmID+"/nics", `{"name":"eth0"}`)
	api.must(http.StatusConflict, http.MethodPost, "/vms/"+vmID+"/reboot", "")
	api.must(http.StatusOK, http.MethodDelete, "/vms/"+vmID+"?detach_only=false", "")
	byPath := map[string]olvmsim.Request{}
	for _, r := range s.Requests() {
		byPath[r.Method+" "+r.Path] = r
	}
	kinds := func(r olvmsim.Request) (out []string) {
		for _, c := range r.Changes {
			out = append(out, c.Op+" "+c.Kind)
		}
		return out
	}
	created := byPath["POST vms"]
	require.ElementsMatch(t, []string{"created vm", "created disk", "created job"}, kinds(created))
	require.Equal(t, "c1", created.CorrelationID)
	require.Equal(t, "n1", created.VM)
	require.Contains(t, created.Body, `"custom_script":"[24 bytes, sha256 `)
	require.NotContains(t, created.Body, "kubeadm")
	require.NotContains(t, created.Body, "pw1")
	require.Equal(t, "application/json", created.Headers["Content-Type"])
	require.Equal(t, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), created.EngineTime)
	require.ElementsMatch(t, []string{"changed vm", "created nic"}, kinds(byPath["POST vms/{vm}/nics"]))
	require.Empty(t, kinds(byPath["POST vms/{vm}/reboot"]), "it was refused")
	removed := byPath["DELETE vms/{vm}"]
	require.Subset(t, kinds(removed), []string{"changed vm", "created job"})
	require.Equal(t, "detach_only=false", removed.Query)
	require.Equal(t, "/ovirt-engine/api/vms/"+vmID, removed.RealPath)
	require.Empty(t, byPath["POST /ovirt-engine/sso/oauth/token"].Body)
}

func TestSecretsInXMLAreNotKept(t *testing.T) {
	s, api := stepped(t)
	body := `<vm><name>n1</name><cluster><name>Default</name></cluster><template><name>ock</name></template><initialization>` +
		"<custom_script><![CDATA[kubeadm\njoin]]></custom_script><root_password>pw1</root_password></initialization></vm>"
	api.must(http.StatusAccepted, http.MethodPost, "/vms", body, "Content-Type", "application/xml")
	all := s.Requests()
	kept := all[len(all)-1].Body
	require.Contains(t, kept, "<name>n1</name>")
	require.Contains(t, kept, "<root_password>[3 bytes, sha256 ")
	require.NotContains(t, kept, "kubeadm")
	require.NotContains(t, kept, "pw1")
	api.call(http.MethodPost, "/vms", `{"custom_script":"half`)
	all = s.Requests()
	require.NotContains(t, all[len(all)-1].Body, "half", "what cannot be read is replaced whole")
}

func TestAReplayNeedsASteppedClock(t *testing.T) {
	s := olvmsim.New(t)
	require.ErrorIs(t, s.Advance(time.Second), olvmsim.ErrClock)
	_, err := s.Replay(t.Context(), []olvmsim.Request{{EngineTime: time.Now().Add(24 * time.Hour)}})
	require.ErrorIs(t, err, olvmsim.ErrClock)
}

func TestAReplayLeadsToTheSameState(t *testing.T) {
	inv := inventory.Default()
	inv.Users = []inventory.User{{Name: "operator@internal", Password: "pw", Admin: true, Roles: []inventory.Role{{Name: "SuperUser"}}}}
	start := func() *olvmsim.Simulator {
		return olvmsim.New(t, olvmsim.Options{Clock: olvmsim.Stepped, Seed: 7, Inventory: &inv})
	}
	s := start()
	api := newClient(t, s)
	api.must(http.StatusAccepted, http.MethodPost, "/vms", vmBody(`,"id":"`+vmID+`","name":"n1"`))
	require.NoError(t, s.Advance(time.Minute))
	api.must(http.StatusOK, http.MethodPost, "/vms/"+vmID+"/start", "{}")
	require.NoError(t, s.Advance(2*time.Minute))
	_, err := s.Inject(olvmsim.Fault{Effect: olvmsim.Effect{Kind: olvmsim.HostDown, Host: "host1"}})
	require.NoError(t, err)
	require.NoError(t, s.SetHostStatus("host2", "maintenance"))
	api.must(http.StatusOK, http.MethodPost, "/vms/"+vmID+"/start", "{}")
	require.NoError(t, s.Advance(2*time.Minute))

	var lines bytes.Buffer
	require.NoError(t, olvmsim.WriteJournal(&lines, s.Requests()))
	journal, err := olvmsim.ReadJournal(&lines)
	require.NoError(t, err)
	again := start()
	differences, err := again.Replay(t.Context(), journal)
	require.NoError(t, err)
	require.Empty(t, differences)
	require.NoError(t, again.Advance(s.Now().Sub(again.Now())))
	require.Equal(t, s.State(), again.State())
	require.Equal(t, "host3", again.VMs()[0].Host)

	journal[len(journal)-1].Status = http.StatusTeapot
	differences, err = start().Replay(t.Context(), journal)
	require.NoError(t, err)
	require.Len(t, differences, 1)
	require.Contains(t, differences[0].String(), "POST vms/{vm}/start: status 200, was status 418")
}

func TestStateIsSavedAndLoaded(t *testing.T) {
	s, api := stepped(t)
	api.must(http.StatusAccepted, http.MethodPost, "/vms", vmBody(`,"id":"`+vmID+`","name":"n1"`))
	var saved bytes.Buffer
	require.NoError(t, s.Save(&saved))
	file := t.TempDir() + "/state.json"
	require.NoError(t, os.WriteFile(file, saved.Bytes(), 0o600))
	loaded := olvmsim.New(t, olvmsim.Options{Clock: olvmsim.Stepped, LoadFile: file})
	require.Equal(t, s.State(), loaded.State())
	require.NoError(t, loaded.Advance(time.Minute))
	require.NoError(t, loaded.Check())
	require.Equal(t, "down", loaded.VMs()[0].Status)
	require.Equal(t, "image_locked", s.VMs()[0].Status, "the first one is another engine")
}

func TestControlRefusesWhatItDoesNotKnow(t *testing.T) {
	s, api := stepped(t)
	root := strings.TrimSuffix(api.url, "/ovirt-engine")
	call := func(method, path, body string) answer {
		r, err := http.NewRequestWithContext(t.Context(), method, root+path, strings.NewReader(body))
		require.NoError(t, err)
		r.SetBasicAuth(s.Username(), s.Password())
		return api.do(r)
	}
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{http.MethodPost, olvmsim.FaultsPath, `{"effect":{"kind":"locked"},"when":1}`, http.StatusBadRequest},
		{http.MethodPost, olvmsim.FaultsPath, `{"effect":{"kind":"locked"}}`, http.StatusOK},
		{http.MethodDelete, olvmsim.FaultPath("f9"), "", http.StatusNotFound},
		{http.MethodDelete, olvmsim.FaultPath("f1"), "", http.StatusNoContent},
		{http.MethodDelete, olvmsim.FaultsPath, "", http.StatusNoContent},
		{http.MethodDelete, olvmsim.StatePath, "", http.StatusNotFound},
		{http.MethodPost, olvmsim.StatePath, "{}", http.StatusNotFound},
		{http.MethodPost, olvmsim.ClockPath, `{"advance":"-1s"}`, http.StatusBadRequest},
		{http.MethodPost, olvmsim.ClockPath, `{"advance":"1s"}`, http.StatusOK},
		{http.MethodPatch, olvmsim.ClockPath, `{}`, http.StatusMethodNotAllowed},
		{http.MethodGet, olvmsim.CheckPath, "", http.StatusOK},
		{http.MethodGet, olvmsim.SavePath, "", http.StatusOK},
		{http.MethodGet, olvmsim.RequestsPath + "?format=lines", "", http.StatusOK},
	} {
		require.Equal(t, c.status, call(c.method, c.path, c.body).status, "%s %s", c.method, c.path)
	}
}

func TestTheContentOfDisksIsThereAfterALoad(t *testing.T) {
	dir := t.TempDir()
	s := newSite(t, olvmsim.Options{StateDir: dir})
	done, half := s.disk("raw", ""), s.disk("raw", "")
	upload := func(disk string, finish bool) {
		transfer := s.transfer(disk, "upload", "raw", "")
		a := s.raw(http.MethodPut, transfer.text("transfer_url"), strings.Repeat("x", 1<<20))
		require.Equal(t, http.StatusOK, a.status, a.raw)
		if finish {
			s.must(http.StatusOK, http.MethodPost, "/imagetransfers/"+transfer.text("id")+"/finalize", "")
			s.pass(10 * time.Second)
		}
	}
	upload(done, true)
	upload(half, false)
	var saved bytes.Buffer
	require.NoError(t, s.s.Save(&saved))
	s.s.Stop()
	require.NoError(t, os.WriteFile(dir+"/state.json", saved.Bytes(), 0o600))

	s = newSite(t, olvmsim.Options{StateDir: dir, LoadFile: dir + "/state.json"})
	require.NoError(t, s.s.Check())
	a := s.raw(http.MethodGet, s.transfer(done, "download", "raw", "").text("transfer_url"), "")
	require.Equal(t, strings.Repeat("x", 1<<20), a.raw)
	list := s.must(http.StatusOK, http.MethodGet, "/imagetransfers", "")
	require.Equal(t, "paused_system", list.text("image_transfer.1.phase"), "it was under way")
	require.Equal(t, "1048576", list.text("image_transfer.1.transferred"))
	path := "/imagetransfers/" + list.text("image_transfer.1.id")
	s.must(http.StatusOK, http.MethodPost, path+"/resume", "")
	s.pass(10 * time.Second)
	s.must(http.StatusOK, http.MethodPost, path+"/finalize", "")
	s.pass(10 * time.Second)
	require.Equal(t, "ok", s.get(half).text("status"))
}

func TestTheJournalNamesWhatHasNoPermissionsToo(t *testing.T) {
	s, api := stepped(t)
	changes := func() (out []string) {
		all := s.Requests()
		for _, c := range all[len(all)-1].Changes {
			if c.Kind != "job" {
				out = append(out, c.Op+" "+c.Kind)
			}
		}
		return out
	}
	tag := api.must(http.StatusCreated, http.MethodPost, "/tags", `{"name":"t1"}`).text("id")
	require.Equal(t, []string{"created tag"}, changes())
	api.must(http.StatusOK, http.MethodPut, "/tags/"+tag, `{"description":"d"}`)
	require.Equal(t, []string{"changed tag"}, changes())
	api.must(http.StatusOK, http.MethodDelete, "/tags/"+tag, "")
	require.Equal(t, []string{"removed tag"}, changes())
}

func TestFaultsAreSavedAndLoaded(t *testing.T) {
	s, api := stepped(t)
	inject := func(s *olvmsim.Simulator, f olvmsim.Fault) string {
		id, err := s.Inject(f)
		require.NoError(t, err)
		return id
	}
	full := inject(s, olvmsim.Fault{Effect: olvmsim.Effect{Kind: olvmsim.StorageFull, StorageDomain: "data"}})
	inject(s, olvmsim.Fault{Match: olvmsim.Match{Path: "vms"}, After: 2, Effect: olvmsim.Effect{Kind: olvmsim.Unavailable}})
	locked := inject(s, olvmsim.Fault{Effect: olvmsim.Effect{Kind: olvmsim.DiskLocked, Disk: "ock-*"}})
	api.must(http.StatusOK, http.MethodGet, "/vms", "")
	var saved bytes.Buffer
	require.NoError(t, s.Save(&saved))
	file := t.TempDir() + "/state.json"
	require.NoError(t, os.WriteFile(file, saved.Bytes(), 0o600))

	loaded := olvmsim.New(t, olvmsim.Options{Clock: olvmsim.Stepped, LoadFile: file})
	require.Equal(t, s.Faults(), loaded.Faults())
	api = newClient(t, loaded)
	api.must(http.StatusOK, http.MethodGet, "/vms", "")
	api.must(http.StatusServiceUnavailable, http.MethodGet, "/vms", "")
	require.NoError(t, loaded.Advance(time.Minute))
	require.Equal(t, "locked", loaded.Disks()[0].Status)
	require.NoError(t, loaded.Clear(locked))
	require.Equal(t, "ok", loaded.Disks()[0].Status)
	require.NoError(t, loaded.Clear(full))
	require.Equal(t, "1099511627776", api.search("storagedomains", "name=data").text("storage_domain.0.available"))
	require.Equal(t, "f4", inject(loaded, olvmsim.Fault{Effect: olvmsim.Effect{Kind: olvmsim.Forbidden}}))
}
