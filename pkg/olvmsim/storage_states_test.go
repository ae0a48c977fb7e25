package olvmsim_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/olvmsim/inventory"
)

// change is an object's status while a command's job runs, and when it is done; "gone" means that it does not exist.
type change struct{ path, during, after string }

// Every command of storage that takes time: what is locked meanwhile, and what becomes of it. The job starts with the
// command and ends when everything is unlocked.
func TestStorageCommandsLockWhatTheyWorkOn(t *testing.T) {
	inv := inventory.Default()
	inv.StorageDomains = append(inv.StorageDomains, inventory.StorageDomain{Name: "lun", Type: "iscsi"})
	s := newSite(t, olvmsim.Options{Inventory: &inv})
	id := func(path string) string { return path[strings.LastIndex(path, "/")+1:] }
	domain := s.search("storagedomains", "name=data2").text("storage_domain.0.id")
	template, templateDisk := s.templateOf("t1", s.disk("cow", ""))
	vm := "/vms/" + s.search("vms", "name=of-t1").text("vm.0.id")
	vmDisk := "/disks/" + s.get(vm+"/diskattachments").text("disk_attachment.0.id")
	disk := s.disk("cow", "")
	block := "/disks/" + s.must(http.StatusAccepted, http.MethodPost, "/disks", newDisk("lun", "b", "cow", "")).text("id")
	s.pass(time.Second)
	const made = "7d5ff9f5-1d2c-4a4e-8f1e-0123456789ab"
	const attached = "8d5ff9f5-1d2c-4a4e-8f1e-0123456789ab"
	post, put, del := http.MethodPost, http.MethodPut, http.MethodDelete

	for i, test := range []struct {
		method, path, body string
		status             int
		changes            []change
	}{
		{post, "/disks", newDisk("data", "new", "raw", `"id":"`+made+`",`), http.StatusAccepted, []change{{"/disks/" + made, "locked", "ok"}}},
		{put, "/disks/" + made, `{"provisioned_size":4294967296}`, http.StatusOK, []change{{"/disks/" + made, "locked", "ok"}}},
		{put, "/disks/" + made, `{"alias":"renamed"}`, http.StatusOK, []change{{"/disks/" + made, "ok", "ok"}}},
		{post, vm + "/diskattachments", `{"bootable":false,"disk":` + newDisk("data", "second", "raw", "") + `}`, http.StatusAccepted, nil},
		{post, disk + "/copy", `{"storage_domain":{"name":"data2"}}`, http.StatusOK, []change{{disk, "locked", "ok"}}},
		{post, disk + "/move", `{"storage_domain":{"name":"data2"}}`, http.StatusOK, []change{{disk, "locked", "ok"}}},
		{post, disk + "/sparsify", ``, http.StatusOK, []change{{disk, "locked", "ok"}}},
		{post, disk + "/convert", `{"disk":{"format":"raw"}}`, http.StatusOK, []change{{disk, "locked", "ok"}}},
		{post, block + "/reduce", ``, http.StatusOK, []change{{block, "locked", "ok"}}},
		{post, templateDisk + "/copy", `{"storage_domain":{"name":"data2"}}`, http.StatusOK, []change{{templateDisk, "locked", "ok"}}},
		{del, "/storagedomains/" + domain + templateDisk, ``, http.StatusOK, []change{{templateDisk, "locked", "ok"}}},
		{post, "/templates", `{"name":"t2","vm":{"id":"` + id(vm) + `"}}`, http.StatusAccepted, []change{
			{vm, "image_locked", "down"}, {vmDisk, "locked", "ok"}, {template, "ok", "ok"},
		}},
		{post, "/vms", `{"id":"` + attached + `","name":"thin","cluster":{"name":"Default"},"template":{"name":"t2"}}`, http.StatusAccepted, []change{
			{"/vms/" + attached, "image_locked", "down"},
		}},
		{del, vm + "/diskattachments/" + id(vmDisk) + "?detach_only=false", ``, http.StatusOK, []change{{vmDisk, "locked", "gone"}, {vm, "down", "down"}}},
		{del, template, ``, http.StatusOK, []change{{template, "locked", "gone"}, {templateDisk, "locked", "gone"}}},
		{del, disk, ``, http.StatusOK, []change{{disk, "locked", "gone"}}},
	} {
		correlation := fmt.Sprintf("command-%d", i)
		a := s.must(test.status, test.method, test.path, test.body, "Correlation-Id", correlation)
		changes := test.changes
		if strings.HasSuffix(test.path, "/diskattachments") {
			changes = append(changes, change{"/disks/" + a.text("id"), "locked", "ok"}, change{vm, "down", "down"})
		}
		if test.path == "/templates" {
			changes = append(changes, change{"/templates/" + a.text("id"), "locked", "ok"})
		}
		s.requireChanges(correlation, test.method+" "+test.path, changes)
	}
}

// requireChanges watches a command until its job is done.
func (s site) requireChanges(correlation, name string, changes []change) {
	s.t.Helper()
	job := func() string { return s.search("jobs", "correlation_id="+correlation).text("job.0.status") }
	running := "finished"
	for _, c := range changes {
		require.Equal(s.t, c.during, s.get(c.path).text("status"), "%s: %s meanwhile", name, c.path)
		if c.during != c.after {
			running = "started"
		}
	}
	require.Equal(s.t, running, job(), name)
	for second := 0; job() == "started"; second++ {
		require.Less(s.t, second, 60, name)
		s.pass(time.Second)
	}
	for _, c := range changes {
		if c.after == "gone" {
			require.Equal(s.t, http.StatusNotFound, s.get(c.path).status, "%s: %s when the job has ended", name, c.path)
			continue
		}
		require.Equal(s.t, c.after, s.get(c.path).text("status"), "%s: %s when the job has ended", name, c.path)
	}
}

// A host that is lost takes its transfers along: they are paused by the system and go on elsewhere when they are resumed.
func TestALostHostPausesItsTransfers(t *testing.T) {
	s := newSite(t, olvmsim.Options{})
	disk := s.disk("raw", "")
	a := s.transfer(disk, "upload", "raw", "")
	path := "/imagetransfers/" + a.text("id")
	require.NoError(t, s.s.Engine().HostDown(s.get("/hosts/"+a.text("host.id")).text("name"), false))
	require.Equal(t, "paused_system", s.get(path).text("phase"))
	require.Equal(t, http.StatusForbidden, s.raw(http.MethodOptions, a.text("transfer_url"), "").status)
	s.must(http.StatusOK, http.MethodPost, path+"/resume", "")
	s.pass(time.Second)
	resumed := s.get(path)
	require.Equal(t, "transferring", resumed.text("phase"))
	require.NotEqual(t, a.text("host.id"), resumed.text("host.id"))
	for _, host := range []string{"host2", "host3"} {
		require.NoError(t, s.s.Engine().HostDown(host, false))
	}
	s.must(http.StatusOK, http.MethodPost, path+"/resume", "")
	s.pass(time.Second)
	require.Equal(t, "paused_system", s.get(path).text("phase"), "there is no host to resume on")
	require.Equal(t, "locked", s.get(disk).text("status"))
}
