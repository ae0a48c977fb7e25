package olvmsim_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/olvmsim/inventory"
)

const gib = int64(1) << 30

// refused calls and requires a refusal in these words.
func (c *client) refused(status int, detail, method, path, body string, headers ...string) {
	c.t.Helper()
	a := c.must(status, method, path, body, headers...)
	key := "detail"
	if a.at("fault") != nil {
		key = "fault.detail"
	}
	require.Equal(c.t, detail, a.text(key), a.raw)
}

func TestNothingIsWrittenToANearlyFullStorageDomain(t *testing.T) {
	s := olvmsim.New(t)
	c := newClient(t, s)
	vm := c.addVM("n1", "")
	newDisk := `{"bootable":false,"disk":{"format":"cow","provisioned_size":"1073741824","storage_domains":{"storage_domain":[{"name":"data"}]}}}`

	require.NoError(t, s.SetStorageAvailable("data", 5*gib-1))
	c.refused(http.StatusConflict, "[Cannot add VM. Low disk space on Storage Domain data.]", http.MethodPost, "/vms", vmBody(`,"name":"n2"`))
	c.refused(http.StatusConflict, "[Cannot add Virtual Disk. Low disk space on Storage Domain data.]",
		http.MethodPost, vm+"/diskattachments", newDisk)
	c.refused(http.StatusConflict, "[Cannot run VM. Low disk space on Storage Domain data.]", http.MethodPost, vm+"/start", "{}")
	require.Len(t, s.VMs(), 1)
	require.Len(t, s.Disks(), 2, "the template's and the first VM's")
	c.must(http.StatusOK, http.MethodDelete, vm, "")
	c.waitGone(vm)

	require.NoError(t, s.SetStorageAvailable("data", 6*gib))
	c.start(c.addVM("n2", ""))
	require.ErrorIs(t, s.SetStorageAvailable("nothing", 0), olvmsim.ErrNotFound)
}

func TestFreeSpaceOfTheInventoryIsBesideItsTemplates(t *testing.T) {
	inv := inventory.Default()
	inv.StorageDomains[0].AvailableBytes = 7 * gib
	c := newClient(t, olvmsim.New(t, olvmsim.Options{Inventory: &inv}))
	a := c.search("storagedomains", "name=data")
	require.Equal(t, "7516192768", a.text("storage_domain.0.available"))
	require.Equal(t, "2147483648", a.text("storage_domain.0.used"))
}

func TestVMsRunOnHostsThatAreUp(t *testing.T) {
	s := olvmsim.New(t)
	c := newClient(t, s)
	vm := c.addVM("n1", "")
	for _, host := range []string{"host1", "host2", "host3"} {
		require.NoError(t, s.SetHostStatus(host, "maintenance"))
	}
	c.refused(http.StatusConflict, "[Cannot run VM. There is no host that satisfies current scheduling constraints. See below for details:]",
		http.MethodPost, vm+"/start", "{}")
	require.NoError(t, s.SetHostStatus("host2", "up"))
	c.start(vm)
	require.Equal(t, "host2", s.VMs()[0].Host)
	require.ErrorContains(t, s.SetHostStatus("host2", "away"), `host host2: status "away": must be one of connecting, down`)
	require.ErrorIs(t, s.SetHostStatus("host9", "up"), olvmsim.ErrNotFound)
}

func TestTemplatesThatAreNotOKMakeNoVMs(t *testing.T) {
	inv := inventory.Default()
	inv.Templates[0].Status = "locked"
	s := olvmsim.New(t, olvmsim.Options{Inventory: &inv})
	c := newClient(t, s)
	c.refused(http.StatusConflict, "[Cannot add VM. Related operation is currently in progress. Please try again later.]",
		http.MethodPost, "/vms", vmBody(`,"name":"n1"`))
	require.NoError(t, s.SetTemplateStatus("ock", "illegal"))
	c.refused(http.StatusBadRequest, "[Template's Image is invalid (temporarily).]", http.MethodPost, "/vms", vmBody(`,"name":"n1"`))
	require.NoError(t, s.SetTemplateStatus("ock", "ok"))
	c.addVM("n1", "")
	require.ErrorIs(t, s.SetTemplateStatus("nothing", "ok"), olvmsim.ErrNotFound)
	require.ErrorContains(t, s.SetTemplateStatus("ock", "broken"), "must be one of illegal, locked, ok")
}

func TestGuestsHangUntilTheyMayGoOn(t *testing.T) {
	guests := &recorder{}
	s := olvmsim.New(t, olvmsim.Options{Guests: guests})
	c := newClient(t, s)
	before, hanging, off := c.addVM("before", ""), c.addVM("hanging", ""), c.addVM("off", "")
	c.start(before)
	guests.waitFor(t, "start before")
	s.HangGuests(true)
	c.start(hanging)
	c.start(off)
	require.Eventually(t, func() bool { return consoleOf(t, s, "hanging") == "olvmsim: the guest hangs\n" }, patience, time.Millisecond)
	c.stop(off)
	s.HangGuests(false)
	guests.waitFor(t, "start before", "start hanging")
	c.stop(hanging)
	guests.waitFor(t, "start before", "start hanging", "stop")
	c.start(off)
	guests.waitFor(t, "start before", "start hanging", "stop", "start off")
	require.Equal(t, "olvmsim: the guest hangs\nhello from hanging\n", consoleOf(t, s, "hanging"))
	s.Stop()
	guests.waitFor(t, "start before", "start hanging", "stop", "start off", "stop", "stop", "close")
}

// consoleOf is the console log of the VM of that name, empty while there is none.
func consoleOf(t *testing.T, s *olvmsim.Simulator, name string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.StateDir(), "console", name+"-*.log"))
	require.NoError(t, err)
	if len(files) == 0 {
		return ""
	}
	raw, err := os.ReadFile(files[0])
	require.NoError(t, err)
	return string(raw)
}

func TestOtherProcessesChangeTheEngine(t *testing.T) {
	s := olvmsim.New(t, olvmsim.Options{Password: "pw"})
	c := anonymous(t, s)
	put := func(path, body, password string) answer {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, strings.TrimSuffix(c.url, "/ovirt-engine")+path, strings.NewReader(body))
		require.NoError(t, err)
		r.SetBasicAuth("admin@internal", password)
		return c.do(r)
	}
	for path, body := range map[string]string{
		olvmsim.StorageDomainPath("data"): `{"availableBytes":0}`,
		olvmsim.HostPath("host1"):         `{"status":"non_responsive"}`,
		olvmsim.TemplatePath("ock"):       `{"status":"locked"}`,
		olvmsim.GuestsPath:                `{"hang":true}`,
	} {
		require.Equal(t, http.StatusUnauthorized, put(path, body, "x").status)
		require.Equal(t, http.StatusNoContent, put(path, body, "pw").status, path)
	}
	admin := newClient(t, s)
	require.Equal(t, "0", admin.search("storagedomains", "name=data").text("storage_domain.0.available"))
	require.Equal(t, "non_responsive", admin.search("hosts", "name=host1").text("host.0.status"))
	require.Equal(t, "locked", admin.search("templates", "name=ock").text("template.0.status"))

	for want, call := range map[string][2]string{
		"availableBytes: must be a number of bytes, 0 or more": {olvmsim.StorageDomainPath("data"), `{}`},
		`unknown field "available"`:                            {olvmsim.StorageDomainPath("data"), `{"available":1}`},
		`not found: storage domain "a/b"`:                      {olvmsim.StorageDomainPath("a/b"), `{"availableBytes":1}`},
		`host host1: status "": must be one of`:                {olvmsim.HostPath("host1"), `{}`},
		"hang: must be true or false":                          {olvmsim.GuestsPath, `{}`},
		"not found: /olvmsim/v1/state":                         {olvmsim.StatePath, `{}`},
	} {
		a := put(call[0], call[1], "pw")
		require.GreaterOrEqual(t, a.status, http.StatusBadRequest)
		require.Contains(t, a.raw, want)
	}
}
