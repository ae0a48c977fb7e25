package olvmsim_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The elements around the parts of a VM, some of which are irregular: a wrong one breaks the SDKs.
func TestPartsOfAVMHaveTheirElementsInXML(t *testing.T) {
	c := newStepper(t)
	vm := c.up("n1", "")
	c.must(http.StatusCreated, http.MethodPost, vm+"/nics", `{"name":"nic1"}`)
	nic := c.get(vm + "/nics").text("nic.0.id")
	c.must(http.StatusCreated, http.MethodPost, c.groups(), `{"name":"g"}`)
	group := c.groups() + "/" + c.get(c.groups()).text("affinity_group.0.id")
	for path, elements := range map[string]string{
		vm + "/numanodes": "vm_numa_nodes", vm + "/sessions": "sessions", vm + "/mediateddevices": "vm_mediated_devices",
		vm + "/applications": "applications", vm + "/hostdevices": "host_devices", vm + "/watchdogs": "watchdogs", vm + "/tags": "tags",
		vm + "/affinitylabels": "affinity_labels", vm + "/permissions": "permissions", vm + "/reporteddevices": "reported_devices",
		vm + "/cdroms": "cdroms cdrom", vm + "/graphicsconsoles": "graphics_consoles graphics_console", vm + "/snapshots": "snapshots snapshot",
		vm + "/statistics": "statistics statistic", vm + "/nics/" + nic + "/statistics": "statistics statistic", vm + "/nics": "nics nic",
		"/tags": "tags tag", "/instancetypes": "instance_types instance_type", group: "affinity_group", group + "/vms": "vms", group + "/hosts": "hosts",
		group + "/vmlabels": "affinity_labels", "/affinitylabels": "affinity_labels",
	} {
		a := c.must(http.StatusOK, http.MethodGet, path, "", "Accept", "application/xml")
		for _, element := range strings.Fields(elements) {
			require.Regexp(t, `<`+element+`[ />]`, a.raw, path)
		}
		require.Regexp(t, `^<\?xml[^>]*>\s*<`+strings.Fields(elements)[0]+`[ />]`, a.raw, path)
	}
}

// Who owns a VM may do with it what the engine's UserVmManager may; tags and affinity groups are for administrators.
func TestWhatTheOwnerOfAVMMayDo(t *testing.T) {
	s := newEngineFor(t, operatorRoles()...)
	admin, c := newClient(t, s), as(t, s, "operator@internal", "op").filtered()
	vm := c.addVM("n1", "")
	admin.must(http.StatusCreated, http.MethodPost, "/tags", `{"name":"blue"}`)
	group := admin.groups() + "/" + admin.must(http.StatusCreated, http.MethodPost, admin.groups(), `{"name":"g"}`).text("id")
	c.refused(http.StatusForbidden, refusedCommand, http.MethodPost, "/tags", `{"name":"red"}`)
	c.refused(http.StatusForbidden, refusedCommand, http.MethodPost, vm+"/tags", `{"name":"blue"}`)
	c.refused(http.StatusForbidden, refusedCommand, http.MethodPost, group+"/vms", `{"id":"`+idOf(vm)+`"}`)
	c.refused(http.StatusForbidden, refusedCommand, http.MethodPost, vm+"/export", "{}")
	host := admin.get("/hosts").text("host.0.id")
	c.refused(http.StatusForbidden, refusedCommand, http.MethodPost, "/hosts/"+host+"/deactivate", "")

	c.must(http.StatusAccepted, http.MethodPost, vm+"/snapshots", `{"description":"s"}`)
	c.waitStatus(vm, "down")
	c.must(http.StatusOK, http.MethodPost, vm+"/start", "")
	shown := c.waitStatus(vm, "up")
	require.Nil(t, shown.at("host"), "where it runs is not for plain users")
	require.Nil(t, shown.at("placement_policy"))
	for _, action := range []string{"ticket", "reboot", "stop"} {
		c.must(http.StatusOK, http.MethodPost, vm+"/"+action, "")
	}
}
