package olvmsim_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
)

func TestLinksAreFollowed(t *testing.T) {
	c := newClient(t, olvmsim.New(t))
	vm := c.addVM("n1", "")
	c.must(http.StatusCreated, http.MethodPost, vm+"/nics", `{"name":"nic1"}`)
	for _, follow := range []string{"nics,disk_attachments.disk,cluster", "NICs,diskattachments.disk,Cluster"} {
		for _, test := range []struct{ path, at string }{{vm, ""}, {"/vms", "vm.0."}} {
			a := c.get(test.path + "?follow=" + follow)
			require.Equal(t, "nic1", a.text(test.at+"nics.nic.0.name"), a.raw)
			require.Equal(t, "n1_Disk1", a.text(test.at+"disk_attachments.disk_attachment.0.disk.alias"))
			require.Equal(t, "Default", a.text(test.at+"cluster.name"))
			require.Equal(t, "n1", a.text(test.at+"name"))
		}
	}
	plain := c.get(vm)
	require.Nil(t, plain.at("nics"))
	require.Nil(t, plain.at("cluster.name"))
	x := c.call(http.MethodGet, vm+"?follow=nics", "", "Accept", "application/xml").raw
	require.Contains(t, strings.NewReplacer("\n", "", "    ", "").Replace(x), "<nics><nic ")
	require.Equal(t, http.StatusBadRequest, c.get(vm+"?follow=colour").status)
	require.Equal(t, plain.raw, c.get(vm+"?follow=").raw)
}

func TestRemovalIsAnAction(t *testing.T) {
	c := newClient(t, olvmsim.New(t, olvmsim.Options{TimeScale: 1000}))
	vm := c.addVM("n1", "")
	nic := c.must(http.StatusCreated, http.MethodPost, vm+"/nics", `{"name":"nic1"}`).text("id")
	require.Equal(t, "complete", c.must(http.StatusOK, http.MethodDelete, vm+"/nics/"+nic, "").text("status"))
	a := c.must(http.StatusOK, http.MethodDelete, vm, "", "Correlation-Id", "bye", "Accept", "application/json")
	require.Equal(t, "complete", a.text("status"))
	job := c.search("jobs", "correlation_id=bye").text("job.0.id")
	require.NotEmpty(t, job)
	require.Equal(t, job, a.text("job.id"))
	require.Equal(t, "/ovirt-engine/api/jobs/"+job, a.text("job.href"))
	vm = c.addVM("n2", "")
	x := c.must(http.StatusAccepted, http.MethodDelete, vm+"?async=true", "", "Accept", "application/xml")
	require.Regexp(t, `(?s)<action>.*<job href="/ovirt-engine/api/jobs/.*" id=".*"/>.*<status>complete</status>.*</action>`, x.raw)
}

func TestAdditionSaysWhetherItIsDone(t *testing.T) {
	c := newClient(t, olvmsim.New(t, olvmsim.Options{TimeScale: 1000}))
	body := func(name, template string) string {
		return `{"name":"` + name + `","cluster":{"name":"Default"},"template":{"name":"` + template + `"}}`
	}
	a := c.must(http.StatusAccepted, http.MethodPost, "/vms", body("n1", "ock"))
	require.Equal(t, "in_progress", a.text("creation_status"))
	links, _ := a.at("link").([]any)
	last := links[len(links)-1].(map[string]any)
	require.Equal(t, "creation_status", last["rel"])
	c.waitStatus(strings.TrimPrefix(last["href"].(string), "/ovirt-engine/api"), "complete")
	require.Nil(t, c.get("/vms/"+a.text("id")).at("creation_status"))
	blank := c.must(http.StatusCreated, http.MethodPost, "/vms", body("n2", "Blank"))
	require.Nil(t, blank.at("creation_status"))
	require.Equal(t, c.url+"/api/vms/"+blank.text("id"), blank.header.Get("Location"))
	require.Empty(t, a.header.Get("Location"))
}

func TestExpectedCreationIsWaitedFor(t *testing.T) {
	c := newClient(t, olvmsim.New(t, olvmsim.Options{TimeScale: 1000}))
	body := `{"name":"n1","cluster":{"name":"Default"},"template":{"name":"ock"}}`
	a := c.must(http.StatusCreated, http.MethodPost, "/vms", body, "X-Ovirt-Expect", "201-created", "Correlation-Id", "wait")
	require.Equal(t, "down", a.text("status"))
	require.Equal(t, "finished", c.search("jobs", "correlation_id=wait").text("job.0.status"))
	body = strings.Replace(body, "n1", "n2", 1)
	c.must(http.StatusAccepted, http.MethodPost, "/vms", body, "X-Ovirt-Expect", "202-accepted")
	require.Equal(t, http.StatusExpectationFailed, c.call(http.MethodPost, "/vms", body, "Expect", "201-created").status, "as Apache does")
}

func TestEventsAreReadFromAnIndex(t *testing.T) {
	c := newClient(t, olvmsim.New(t, olvmsim.Options{TimeScale: 1000}))
	c.addVM("n1", "")
	all := c.get("/events")
	newest := all.text("event.0.index")
	require.NotEmpty(t, newest)
	require.Equal(t, all.at("event.0"), c.get("/events/"+newest).value)
	require.Equal(t, newest, all.text("event.0.id"), "the newest comes first")
	require.Empty(t, c.get("/events?from="+newest).json)
	c.addVM("n2", "")
	later := c.get("/events?from=" + newest)
	require.Contains(t, later.text("event.0.description"), "n2")
	require.Len(t, c.get("/events?max=1").at("event"), 1)
	require.Contains(t, c.search("events", "type=34 sortby time desc").text("event.0.description"), "n2")
	require.Contains(t, c.search("events", "type=34 sortby time asc").text("event.0.description"), "n1")
	require.Equal(t, http.StatusNotFound, c.get("/events/999999").status)
}

func TestJobsAreFoundByCorrelationID(t *testing.T) {
	c := newClient(t, olvmsim.New(t, olvmsim.Options{TimeScale: 1000}))
	for _, id := range []string{"one", "two"} {
		c.must(http.StatusAccepted, http.MethodPost, "/vms", `{"name":"`+id+`","cluster":{"name":"Default"},"template":{"name":"ock"}}`, "Correlation-Id", id)
	}
	require.Len(t, c.get("/jobs").at("job"), 2)
	require.Len(t, c.search("jobs", "correlation_id=one").at("job"), 1)
	require.Contains(t, c.search("jobs", `correlation_id="two"`).text("job.0.description"), "two")
	require.Empty(t, c.search("jobs", "correlation_id=three").json)
	require.Len(t, c.search("jobs", "correlation_id=t*").at("job"), 1)
}

func TestVNICProfilesAreAddedAndRemoved(t *testing.T) {
	c := newClient(t, olvmsim.New(t))
	network := c.get("/networks").text("network.0.id")
	a := c.must(http.StatusCreated, http.MethodPost, "/vnicprofiles", `{"name":"p","network":{"id":"`+network+`"},"pass_through":{"mode":"enabled"}}`)
	require.Equal(t, "enabled", a.text("pass_through.mode"))
	path := "/vnicprofiles/" + a.text("id")
	require.Equal(t, "p", c.get(path).text("name"))
	c.must(http.StatusConflict, http.MethodPost, "/vnicprofiles", `{"name":"p","network":{"id":"`+network+`"}}`)
	c.must(http.StatusCreated, http.MethodPost, "/networks/"+network+"/vnicprofiles", `<vnic_profile><name>q</name></vnic_profile>`,
		"Content-Type", "application/xml")
	vm := c.addVM("n1", "")
	nic := c.must(http.StatusCreated, http.MethodPost, vm+"/nics", `{"name":"nic1","vnic_profile":{"id":"`+a.text("id")+`"}}`).text("id")
	c.must(http.StatusConflict, http.MethodDelete, path, "")
	c.must(http.StatusOK, http.MethodDelete, vm+"/nics/"+nic, "")
	c.must(http.StatusOK, http.MethodDelete, path, "")
	require.Equal(t, http.StatusNotFound, c.get(path).status)
	require.Equal(t, "VnicProfile [name network.id] required for add", c.must(http.StatusBadRequest, http.MethodPost, "/vnicprofiles", "{}").text("detail"))
}

func TestCatalogsAreThere(t *testing.T) {
	c := newClient(t, olvmsim.New(t))
	for collection, key := range map[string]string{
		"cpuprofiles": "cpu_profile", "diskprofiles": "disk_profile", "operatingsystems": "operating_system", "macpools": "mac_pool", "groups": "group",
		"permissions": "permission", "domains": "domain",
	} {
		id := c.get("/" + collection).text(key + ".0.id")
		require.NotEmpty(t, id, collection)
		require.Equal(t, "/ovirt-engine/api/"+collection+"/"+id, c.must(http.StatusOK, http.MethodGet, "/"+collection+"/"+id, "").text("href"))
	}
	require.Equal(t, "64", c.get("/options/MaxVmNameLength").text("values.system_option_value.0.value"))
	require.Equal(t, http.StatusNotFound, c.get("/options/NoSuchOption").status)
	require.Equal(t, http.StatusNotFound, c.get("/datacenters/"+blankID+"/quotas").status)
}
