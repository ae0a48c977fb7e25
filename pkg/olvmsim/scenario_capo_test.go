package olvmsim_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/olvmsim/inventory"
)

// What OpenShift's provider does with a machine, from its template to its end (section 3.1 of the reference).
func TestOpenShiftsProviderMakesAMachine(t *testing.T) {
	inv := inventory.Default()
	inv.Templates[0].NICs = []inventory.NIC{{Name: "nic1", VNICProfile: "ovirtmgmt"}}
	c := newStepper(t, olvmsim.Options{Inventory: &inv, Guests: &recorder{}})
	profile := c.get("/vnicprofiles").text("vnic_profile.0.id")
	c.must(http.StatusCreated, http.MethodPost, "/tags", `{"name":"cluster-1"}`)
	group := c.groups() + "/" + c.must(http.StatusCreated, http.MethodPost, c.groups(),
		`{"name":"workers","vms_rule":{"enabled":"true","positive":"false","enforcing":"true"}}`).text("id")
	template := c.search("templates", "name=ock and cluster=Default").text("template.0.id")

	made := c.must(http.StatusAccepted, http.MethodPost, "/vms?clone=true", `{"name":"m1","type":"high_performance","cluster":{"name":"Default"},
		"template":{"id":"`+template+`"},"initialization":{"custom_script":"{}","host_name":"m1"}}`, "Correlation-Id", "make")
	vm := "/vms/" + made.text("id")
	c.pass(10 * time.Second)
	require.Equal(t, "down", c.status(vm))
	require.Equal(t, "finished", c.search("jobs", "correlation_id=make").text("job.0.status"))

	for _, console := range c.get(vm + "/graphicsconsoles").json["graphics_console"].([]any) {
		c.must(http.StatusOK, http.MethodDelete, vm+"/graphicsconsoles/"+console.(map[string]any)["id"].(string), "")
	}
	attachment := c.get(vm + "/diskattachments")
	require.Equal(t, "true", attachment.text("disk_attachment.0.bootable"))
	disk := attachment.text("disk_attachment.0.id")
	c.must(http.StatusOK, http.MethodPut, vm+"/diskattachments/"+disk, `{"disk":{"provisioned_size":"32212254720"}}`)
	c.pass(10 * time.Second)
	require.Equal(t, []any{"ok", "32212254720"}, []any{c.get("/disks/" + disk).at("status"), c.get("/disks/" + disk).at("provisioned_size")})

	for _, nic := range c.get(vm + "/nics").json["nic"].([]any) {
		c.must(http.StatusOK, http.MethodDelete, vm+"/nics/"+nic.(map[string]any)["id"].(string), "")
	}
	c.must(http.StatusCreated, http.MethodPost, vm+"/nics", `{"name":"nic1","vnic_profile":{"id":"`+profile+`"}}`)
	c.must(http.StatusOK, http.MethodPost, vm+"/autopincpuandnumanodes", `{"optimize_cpu_settings":"true"}`)
	c.must(http.StatusCreated, http.MethodPost, vm+"/tags", `{"name":"cluster-1"}`)
	c.must(http.StatusCreated, http.MethodPost, group+"/vms", `{"id":"`+idOf(vm)+`"}`)
	c.must(http.StatusOK, http.MethodPost, vm+"/start", "")
	c.pass(time.Minute)
	require.Equal(t, "up", c.status(vm))
	require.Equal(t, "192.0.2.7", c.get(vm+"/reporteddevices").text("reported_device.0.ips.ip.0.address"))
	require.Equal(t, idOf(vm), c.search("vms", "tag=cluster-1 and status=up").text("vm.0.id"))

	require.Equal(t, idOf(vm), c.search("vms", "name=m1").text("vm.0.id"))
	c.must(http.StatusOK, http.MethodPost, vm+"/stop", `{"force":"true"}`)
	c.pass(time.Second)
	c.must(http.StatusOK, http.MethodDelete, vm, "")
	c.pass(time.Second)
	require.Empty(t, c.search("vms", "name=m1").json)
	require.Equal(t, http.StatusNotFound, c.get("/disks/"+disk).status)
	c.must(http.StatusOK, http.MethodDelete, "/templates/"+template, "")
}
