package olvmsim_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/olvmsim/inventory"
)

// frozen is a time scale at which nothing that takes time happens during a test.
const frozen = 1e-6

func TestVMLivesFromCreateToRemove(t *testing.T) {
	s := olvmsim.New(t)
	c := newClient(t, s)
	id := "9d5ff9f5-1d2c-4a4e-8f1e-0123456789ab"

	created := c.must(http.StatusAccepted, http.MethodPost, "/vms",
		`{"id":"`+id+`","name":"n1","comment":"mark","cluster":{"name":"Default"},"template":{"name":"ock"}}`, "Correlation-Id", "create-n1")
	require.Equal(t, "image_locked", created.text("status"))
	require.Equal(t, id, created.text("id"))
	require.Equal(t, "mark", created.text("comment"))

	down := c.waitStatus("/vms/"+id, "down")
	require.Nil(t, down.at("host"), "a VM that is down has no host")
	disks := c.get("/vms/" + id + "/diskattachments")
	disk := "/disks/" + disks.text("disk_attachment.0.id")
	require.Equal(t, "true", disks.text("disk_attachment.0.bootable"))
	require.Equal(t, "ok", c.get(disk).text("status"))
	require.Equal(t, "finished", c.search("jobs", "correlation_id=create-n1").text("job.0.status"))

	started := c.must(http.StatusOK, http.MethodPost, "/vms/"+id+"/start", `{}`)
	require.Equal(t, "complete", started.text("status"))
	require.NotEmpty(t, started.text("job.id"))
	up := c.waitStatus("/vms/"+id, "up")
	require.NotNil(t, up.at("start_time"))
	host := c.get("/hosts/" + up.text("host.id"))
	require.Equal(t, "up", host.text("status"))

	c.must(http.StatusOK, http.MethodPost, "/vms/"+id+"/shutdown", `{"reason":"bye"}`)
	down = c.waitStatus("/vms/"+id, "down")
	require.Nil(t, down.at("host"))
	require.Equal(t, "bye", down.text("stop_reason"))

	c.must(http.StatusOK, http.MethodDelete, "/vms/"+id, "")
	c.waitGone("/vms/" + id)
	require.Equal(t, http.StatusNotFound, c.get(disk).status, "the VM's disks go with it")
	require.Empty(t, s.VMs())
	require.Empty(t, s.NICs())
	require.Len(t, s.Disks(), 1, "only the template's disk is left")
}

// A frozen clock shows the states that last only moments otherwise.
func TestWhatIsLockedStaysLockedUntilItsTime(t *testing.T) {
	s := olvmsim.New(t, olvmsim.Options{TimeScale: frozen})
	c := newClient(t, s)
	a := c.must(http.StatusAccepted, http.MethodPost, "/vms", `{"name":"n1","cluster":{"name":"Default"},"template":{"name":"ock"}}`,
		"Correlation-Id", "x")
	require.Equal(t, "image_locked", a.text("status"))
	disk := c.get("/vms/" + a.text("id") + "/diskattachments").text("disk_attachment.0.id")
	require.Equal(t, "locked", c.get("/disks/"+disk).text("status"))
	job := c.search("jobs", "correlation_id=x and status=started")
	require.Equal(t, "started", job.text("job.0.status"))
	require.Equal(t, job.text("job.0.id"), c.get("/jobs/"+job.text("job.0.id")).text("id"))
}

func TestJobEndsLast(t *testing.T) {
	c := newClient(t, olvmsim.New(t))
	a := c.must(http.StatusAccepted, http.MethodPost, "/vms", `{"name":"n1","cluster":{"name":"Default"},"template":{"name":"ock"}}`,
		"Correlation-Id", "x")
	require.Eventually(t, func() bool {
		return c.search("jobs", "correlation_id=x").text("job.0.status") == "finished"
	}, patience, time.Millisecond)
	require.Equal(t, "down", c.get("/vms/"+a.text("id")).text("status"))
	disk := c.get("/vms/" + a.text("id") + "/diskattachments").text("disk_attachment.0.id")
	require.Equal(t, "ok", c.get("/disks/"+disk).text("status"))
}

func TestCloneIsIndependentOfItsTemplate(t *testing.T) {
	c := newClient(t, olvmsim.New(t))
	template := c.search("templates", "name=ock").text("template.0.id")
	disk := c.get("/templates/" + template + "/diskattachments").text("disk_attachment.0.id")
	a := c.must(http.StatusAccepted, http.MethodPost, "/vms?clone=true", `{"name":"n1","cluster":{"name":"Default"},"template":{"id":"`+template+`"},
		"disk_attachments":{"disk_attachment":[{"disk":{"id":"`+disk+`","format":"raw","sparse":"false",
		"storage_domains":{"storage_domain":[{"name":"data2"}]}}}]}}`)
	vm := "/vms/" + a.text("id")
	require.Equal(t, blankID, a.text("template.id"))
	require.Equal(t, template, a.text("original_template.id"))
	c.waitStatus(vm, "down")
	copied := c.get("/disks/" + c.get(vm+"/diskattachments").text("disk_attachment.0.id"))
	require.Equal(t, "raw", copied.text("format"))
	require.Equal(t, "false", copied.text("sparse"))
	domain := c.get("/storagedomains/" + copied.text("storage_domains.storage_domain.0.id"))
	require.Equal(t, "data2", domain.text("name"))
	c.must(http.StatusOK, http.MethodDelete, "/templates/"+template, "")
	c.waitGone("/templates/" + template)
	require.Equal(t, "down", c.get(vm).text("status"))
}

func TestBlankVMIsDownAtOnce(t *testing.T) {
	c := newClient(t, olvmsim.New(t))
	a := c.must(http.StatusCreated, http.MethodPost, "/vms", `{"name":"n1","cluster":{"name":"Default"},"template":{"name":"Blank"}}`)
	require.Equal(t, "down", a.text("status"))
}

func TestUpdateMergesAndEmptyScriptClears(t *testing.T) {
	s := olvmsim.New(t)
	c := newClient(t, s)
	vm := c.addVM("n1", `"comment":"mark","initialization":{"custom_script":"{}","host_name":"h","root_password":"secret"},`)
	require.True(t, s.VMs()[0].HasCustomScript)
	require.Equal(t, "******", c.get(vm).text("initialization.root_password"))

	a := c.must(http.StatusOK, http.MethodPut, vm, `{"initialization":{"custom_script":""},"description":"d"}`)
	require.Nil(t, a.at("initialization.custom_script"))
	require.Equal(t, "h", a.text("initialization.host_name"), "fields that are not given stay")
	require.Equal(t, "mark", a.text("comment"))
	require.Equal(t, "d", a.text("description"))
	require.False(t, s.VMs()[0].HasCustomScript)

	a = c.must(http.StatusOK, http.MethodPut, vm, `{"memory":8589934592}`)
	require.Equal(t, "8589934592", a.text("memory"))
	require.Equal(t, "8589934592", a.text("memory_policy.guaranteed"))
	require.Equal(t, "34359738368", a.text("memory_policy.max"))
}

func TestNICsAndDisksComeFromTheTemplate(t *testing.T) {
	inv := inventory.Default()
	inv.Templates[0].NICs = []inventory.NIC{{Name: "nic1", VNICProfile: "ovirtmgmt"}}
	s := olvmsim.New(t, olvmsim.Options{Inventory: &inv})
	c := newClient(t, s)
	template := "/templates/" + c.search("templates", "name=ock").text("template.0.id")
	one, two := c.addVM("n1", ""), c.addVM("n2", "")
	ofTemplate, first, second := c.get(template+"/nics"), c.get(one+"/nics"), c.get(two+"/nics")
	require.Equal(t, "nic1", first.text("nic.0.name"))
	require.NotEqual(t, ofTemplate.text("nic.0.id"), first.text("nic.0.id"))
	require.Equal(t, ofTemplate.text("nic.0.vnic_profile.id"), first.text("nic.0.vnic_profile.id"))
	require.Regexp(t, `^56:6f(:[0-9a-f]{2}){4}$`, first.text("nic.0.mac.address"))
	require.NotEqual(t, first.text("nic.0.mac.address"), second.text("nic.0.mac.address"))
	require.Len(t, s.NICs(), 2)
	require.NotEqual(t, c.get(template+"/diskattachments").text("disk_attachment.0.id"), c.get(one+"/diskattachments").text("disk_attachment.0.id"))
}

func TestNICIsAddedChangedAndRemoved(t *testing.T) {
	s := olvmsim.New(t)
	c := newClient(t, s)
	vm := c.addVM("n1", "")
	profile := c.get("/vnicprofiles").text("vnic_profile.0.id")
	nic := c.must(http.StatusCreated, http.MethodPost, vm+"/nics", `{"name":"nic1","vnic_profile":{"id":"`+profile+`"}}`)
	path := vm + "/nics/" + nic.text("id")
	require.Equal(t, profile, c.get(path).text("vnic_profile.id"))
	require.Equal(t, "virtio", nic.text("interface"))
	changed := c.must(http.StatusOK, http.MethodPut, path, `{"name":"eth0","linked":false}`)
	require.Equal(t, "eth0", changed.text("name"))
	require.Equal(t, "false", changed.text("linked"))
	require.Equal(t, nic.text("mac.address"), changed.text("mac.address"))
	require.Equal(t, []olvmsim.NIC{{
		ID: nic.text("id"), Name: "eth0", MAC: nic.text("mac.address"), VNICProfile: "ovirtmgmt", VMID: s.VMs()[0].ID,
	}}, s.NICs())
	c.must(http.StatusOK, http.MethodDelete, path, "")
	require.Equal(t, http.StatusNotFound, c.get(path).status)
}

func TestForeignDiskSurvivesTheVMWhenDetached(t *testing.T) {
	s := olvmsim.New(t)
	c := newClient(t, s)
	vm := c.addVM("n1", "")
	a := c.must(http.StatusAccepted, http.MethodPost, vm+"/diskattachments",
		`{"bootable":"false","active":"true","interface":"virtio_scsi","disk":{"name":"pv","format":"raw","provisioned_size":"1073741824",
		  "storage_domains":{"storage_domain":[{"name":"data"}]}}}`)
	disk := "/disks/" + a.text("id")
	c.waitStatus(disk, "ok")
	require.Equal(t, "pv", c.get(disk).text("alias"))
	c.must(http.StatusOK, http.MethodDelete, vm+"/diskattachments/"+a.text("id"), "")
	c.must(http.StatusOK, http.MethodDelete, vm, "")
	c.waitGone(vm)
	require.Equal(t, "ok", c.get(disk).text("status"), "a detached disk stays")
	other := c.addVM("n2", "")
	c.must(http.StatusCreated, http.MethodPost, other+"/diskattachments", `{"bootable":false,"disk":{"id":"`+a.text("id")+`"}}`)
	require.Equal(t, "false", c.get(other+"/diskattachments/"+a.text("id")).text("active"), "active is false unless given")
	c.must(http.StatusOK, http.MethodDelete, other+"/diskattachments/"+a.text("id")+"?detach_only=false", "")
	c.waitGone(disk)
}

func TestVMsSpreadOverUpHosts(t *testing.T) {
	inv := inventory.Default()
	inv.Hosts[1].Status = "maintenance"
	s := olvmsim.New(t, olvmsim.Options{Inventory: &inv})
	c := newClient(t, s)
	for _, name := range []string{"n1", "n2"} {
		c.start(c.addVM(name, ""))
	}
	require.Equal(t, []string{"host1", "host3"}, []string{s.VMs()[0].Host, s.VMs()[1].Host})
}

func TestEventsTellWhatHappened(t *testing.T) {
	c := newClient(t, olvmsim.New(t))
	vm := c.addVM("n1", "")
	c.start(vm)
	c.stop(vm)
	a := c.search("events", "severity=normal")
	require.Equal(t, "VM n1 is down.", a.text("event.0.description"), "the newest comes first")
	require.Equal(t, "61", a.text("event.0.code"))
	require.Empty(t, c.get("/events?from="+a.text("event.0.index")).json)
}
