package olvmsim_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/olvmsim/inventory"
)

const vmID = "9d5ff9f5-1d2c-4a4e-8f1e-0123456789ab"

func vmBody(more string) string {
	return `{"cluster":{"name":"Default"},"template":{"name":"ock"}` + more + `}`
}

// A request that is sent twice is told about its name first (locked, then taken) and about its id only when the name is
// free: whoever repeats a create must recognise its own VM behind all three answers.
func TestRepeatedCreateIsRefusedInTheEnginesOrder(t *testing.T) {
	body := vmBody(`,"name":"n1","id":"` + vmID + `"`)
	slow := newClient(t, olvmsim.New(t, olvmsim.Options{TimeScale: frozen}))
	slow.must(http.StatusAccepted, http.MethodPost, "/vms", body)
	a := slow.must(http.StatusConflict, http.MethodPost, "/vms", body)
	require.Equal(t, "[Cannot add VM. Related operation is currently in progress. Please try again later.]", a.text("detail"))

	c := newClient(t, olvmsim.New(t))
	c.must(http.StatusAccepted, http.MethodPost, "/vms", body)
	c.waitStatus("/vms/"+vmID, "down")
	a = c.must(http.StatusConflict, http.MethodPost, "/vms", body)
	require.Equal(t, "[Cannot add VM. The VM name is already in use, please choose a unique name and try again.]", a.text("detail"))
	require.Equal(t, "Operation Failed", a.text("reason"))
	a = c.must(http.StatusBadRequest, http.MethodPost, "/vms", vmBody(`,"name":"n2","id":"`+strings.ToUpper(vmID)+`"`))
	require.Equal(t, "[Cannot add VM. VM with the given Id already exists in the system.]", a.text("detail"))
}

func TestNameIsUniquePerDataCenter(t *testing.T) {
	inv := inventory.Default()
	inv.DataCenters = append(inv.DataCenters, inventory.DataCenter{Name: "Other"})
	inv.Clusters = append(inv.Clusters, inventory.Cluster{Name: "Elsewhere", DataCenter: "Other"})
	c := newClient(t, olvmsim.New(t, olvmsim.Options{Inventory: &inv}))
	c.addVM("n1", "")
	c.must(http.StatusCreated, http.MethodPost, "/vms", `{"name":"n1","cluster":{"name":"Elsewhere"},"template":{"name":"Blank"}}`)
	a := c.must(http.StatusBadRequest, http.MethodPost, "/vms", `{"name":"n2","cluster":{"name":"Elsewhere"},"template":{"name":"ock"}}`)
	require.Equal(t, "[Cannot add VM. The Template doesn't exist in the Data Center of the selected Cluster.]", a.text("detail"))
}

func TestCreateIsRefused(t *testing.T) {
	c := newClient(t, olvmsim.New(t))
	const missingID = "11111111-2222-3333-4444-555555555555"
	for name, test := range map[string]struct {
		body           string
		status         int
		reason, detail string
	}{
		"without name": {vmBody(``), 400, "Incomplete parameters", "Vm [name] required for add"},
		"without anything": {`{}`, 400, "Incomplete parameters",
			"Vm [name cluster.id|name template.id|name] required for add"},
		"special characters": {vmBody(`,"name":"a b"`), 400, "Operation Failed",
			"[Can not add VM. The given name contains special characters. Only lower-case and upper-case letters, numbers, '_', '-', '.' are allowed.]"},
		"name of 65 characters": {vmBody(`,"name":"` + strings.Repeat("a", 65) + `"`), 400, "Operation Failed",
			"[Cannot add VM. The given name is too long.]"},
		"guaranteed memory above memory": {vmBody(`,"name":"n","memory":"1073741824","memory_policy":{"guaranteed":"2147483648"}`), 400,
			"Operation Failed", "[Cannot add VM. Physical Memory Guaranteed cannot exceed Memory Size.]"},
		"memory above maximum": {vmBody(`,"name":"n","memory":"4294967296","memory_policy":{"max":"1073741824"}`), 409,
			"Operation Failed", "[Cannot add VM. Memory size (4096MB) cannot exceed maximum memory size (1024MB).]"},
		"memory not in MiB": {vmBody(`,"name":"n","memory":1073741825`), 400,
			"Operation Failed", "[Cannot add VM. Memory size must be a multiple of 1 MiB.]"},
		"unknown template": {`{"name":"n","cluster":{"name":"Default"},"template":{"name":"x"}}`, 404,
			"Operation Failed", "Entity not found: Template: name=x"},
		"unknown cluster": {`{"name":"n","cluster":{"id":"` + missingID + `"},"template":{"name":"ock"}}`, 404,
			"Operation Failed", "Entity not found: Cluster: id=" + missingID},
		"malformed id":    {vmBody(`,"name":"n","id":"42"`), 400, "Operation failed", "Invalid UUID string: 42"},
		"bad enumeration": {vmBody(`,"name":"n","type":"mainframe"`), 400, "Invalid value", "mainframe is not a member of VmType"},
		"bad number":      {vmBody(`,"name":"n","memory":"much"`), 400, "Invalid value", `much is not an integer`},
		"unknown property": {vmBody(`,"name":"n","colour":"blue"`), 400, "Request syntactically incorrect.",
			"For correct usage, see: https://HOST/ovirt-engine/apidoc#services/vms/methods/add"},
		"unknown nested property": {vmBody(`,"name":"n","os":{"colour":"blue"}`), 400, "Request syntactically incorrect.",
			"For correct usage, see: https://HOST/ovirt-engine/apidoc#services/vms/methods/add"},
		"not JSON": {`<vm/>`, 400, "Request syntactically incorrect.",
			"For correct usage, see: https://HOST/ovirt-engine/apidoc#services/vms/methods/add"},
	} {
		t.Run(name, func(t *testing.T) {
			a := c.call(http.MethodPost, "/vms", test.body)
			require.Equal(t, test.status, a.status, a.raw)
			require.Equal(t, test.reason, a.text("reason"))
			host := strings.TrimSuffix(strings.TrimPrefix(c.url, "https://"), "/ovirt-engine")
			require.Equal(t, strings.ReplaceAll(test.detail, "HOST", host), a.text("detail"))
		})
	}
	require.Empty(t, c.get("/vms").json, "nothing was created")
}

// Every wrong-state refusal, with where its fault sits: inside the action for actions, bare for everything else.
func TestCommandsInTheWrongState(t *testing.T) {
	running := newClient(t, olvmsim.New(t))
	up, down := running.addVM("up", ""), running.addVM("down", "")
	running.start(up)
	blank := "/vms/" + running.must(http.StatusCreated, http.MethodPost, "/vms",
		`{"name":"blank","cluster":{"name":"Default"},"template":{"name":"Blank"}}`).text("id")
	protected := running.addVM("protected", `"delete_protected":"true",`)
	frozenClock := newClient(t, olvmsim.New(t, olvmsim.Options{TimeScale: frozen}))
	locked := "/vms/" + frozenClock.must(http.StatusAccepted, http.MethodPost, "/vms", vmBody(`,"name":"locked"`)).text("id")
	upDisk := running.get(up + "/diskattachments").text("disk_attachment.0.id")
	lockedDisk := frozenClock.get(locked + "/diskattachments").text("disk_attachment.0.id")
	template := running.search("templates", "name=ock").text("template.0.id")
	templateDisk := running.get("/templates/" + template + "/diskattachments").text("disk_attachment.0.id")
	post, del := http.MethodPost, http.MethodDelete

	for _, test := range []struct {
		client             *client
		method, path, body string
		status             int
		detail             string
	}{
		{running, post, up + "/start", "", 409, "[Cannot run VM. VM is running.]"},
		{frozenClock, post, locked + "/start", "", 409, "[Cannot run VM: VM is locked. Please try again in a few minutes.]"},
		{running, post, blank + "/start", "{}", 409, "[Cannot run VM without at least one bootable disk.\nAlternatives:\n" +
			"- Create a disk for this VM, and rerun the VM.\n- Change the boot sequence using the Edit VM command (Boot Option Sub-Tab).\n" +
			"- Use the Run-Once command to select a different boot option and rerun the VM.]"},
		{running, post, down + "/start", `{"use_cloud_init":true,"use_ignition":true}`, 409, ""},
		{frozenClock, post, locked + "/stop", "", 409, "[Cannot stop VM. VM is not running.]"},
		{frozenClock, post, locked + "/shutdown", "", 409, "[Cannot shutdown VM. VM is not running.]"},
		{running, del, up, "", 409, "[Cannot remove VM. VM is running.]"},
		{frozenClock, del, locked, "", 409, "[Cannot remove VM: VM is locked. Please try again in a few minutes.]"},
		{running, del, protected, "", 409, "[Cannot remove VM. Delete protection is enabled. In order to delete, disable Delete protection first.]"},
		{running, del, down + "?detach_only", "", 409, "[Cannot remove VM with detaching disks, VM is based from template.]"},
		{frozenClock, http.MethodPut, locked, `{"comment":"x"}`, 409, "[Cannot edit VM: VM is locked. Please try again in a few minutes.]"},
		{running, http.MethodPut, down, `{"name":"up"}`, 409,
			"[Cannot edit VM. The VM name is already in use, please choose a unique name and try again.]"},
		{frozenClock, post, locked + "/diskattachments", `{"bootable":false,"disk":{"id":"` + lockedDisk + `"}}`, 409,
			"[Cannot attach Virtual Disk because the VM is in Image Locked status.]"},
		{running, post, down + "/diskattachments", `{"bootable":false,"disk":{"id":"` + upDisk + `"}}`, 409,
			"[Cannot attach Virtual Disk. The disk is not shareable and is already attached to a VM.]"},
		{running, post, down + "/diskattachments", `{"bootable":true,"disk":{"format":"cow","provisioned_size":1,
			"storage_domains":{"storage_domain":[{"name":"data"}]}}}`,
			409, "[Cannot add Virtual Disk. Disk down_Disk1 in VM down is already marked as boot.]"},
		{running, del, "/disks/" + upDisk, "", 409, "[Cannot remove Virtual Disk. At least one of the VMs is not down.]"},
		{frozenClock, del, "/disks/" + lockedDisk, "", 409,
			"[Cannot remove Virtual Disk: The following disks are locked: locked_Disk1. Please try again in a few minutes.]"},
		{running, del, "/disks/" + templateDisk, "", 400,
			"[Cannot remove Virtual Disk. A storage domain must be specified when deleting one of a template's disk's copies.]"},
		{running, del, "/templates/" + template, "", 409,
			"[Cannot delete Template. Template is being used by the following VMs: down, protected, up.]"},
		{running, del, "/templates/" + blankID, "", 409, "[Cannot remove Template. Removing Blank Template is not allowed.]"},
	} {
		t.Run(fmt.Sprintf("%s %s", test.method, test.detail), func(t *testing.T) {
			a := test.client.must(test.status, test.method, test.path, test.body)
			requireFault(t, a, regexp.MustCompile(`/(start|stop|shutdown)$`).MatchString(test.path), test.detail)
		})
	}
}

// requireFault looks for a fault where the engine puts it.
func requireFault(t *testing.T, a answer, ofAction bool, detail string) {
	t.Helper()
	fault := ""
	if ofAction {
		require.Equal(t, "failed", a.text("status"))
		fault = "fault."
	}
	require.Equal(t, "Operation Failed", a.text(fault+"reason"), a.raw)
	require.Equal(t, detail, a.text(fault+"detail"))
}

func TestPoweringDownVMCannotBeStarted(t *testing.T) {
	c := newClient(t, olvmsim.New(t, olvmsim.Options{TimeScale: frozen}))
	vm := "/vms/" + c.must(http.StatusCreated, http.MethodPost, "/vms", `{"name":"n1","cluster":{"name":"Default"},"template":{"name":"Blank"},
		"os":{"boot":{"devices":{"device":["cdrom"]}}}}`).text("id")
	c.must(http.StatusOK, http.MethodPost, vm+"/start", "")
	require.Equal(t, "wait_for_launch", c.get(vm).text("status"))
	c.must(http.StatusOK, http.MethodPost, vm+"/shutdown", "")
	require.Equal(t, "powering_down", c.get(vm).text("status"))
	a := c.must(http.StatusConflict, http.MethodPost, vm+"/start", "")
	require.Equal(t, "[Cannot run VM because the VM is in Powering Down status.]", a.text("fault.detail"))
	a = c.must(http.StatusConflict, http.MethodPost, vm+"/shutdown", "")
	require.Equal(t, "[Cannot shutdown VM because the VM is in Powering Down status.]", a.text("fault.detail"))
	c.must(http.StatusOK, http.MethodPost, vm+"/stop", "")
}

func TestNICIsRefused(t *testing.T) {
	c := newClient(t, olvmsim.New(t))
	vm := c.addVM("n1", "")
	mac := c.must(http.StatusCreated, http.MethodPost, vm+"/nics", `{"name":"nic1"}`).text("mac.address")
	for body, detail := range map[string]string{
		`{"name":"nic1"}`: "[Network interface name is already in use]",
		`{"name":"nic2","mac":{"address":"` + strings.ToUpper(mac) + `"}}`: "[MAC Address " + strings.ToUpper(mac) +
			" is already in use by VM or snapshot: n1.]",
		`{"name":"nic2","vnic_profile":{"id":"` + vmID + `"}}`: "[Cannot add Interface. The specified VM network interface profile doesn't exist.]",
		`{}`: "Nic [name] required for add",
		`{"name":"nic2","interface":"token_ring"}`: "token_ring is not a member of NicInterface",
	} {
		a := c.call(http.MethodPost, vm+"/nics", body)
		require.Equal(t, detail, a.text("detail"), body)
		require.Contains(t, []int{http.StatusBadRequest, http.StatusConflict}, a.status)
	}
	c.must(http.StatusOK, http.MethodPost, vm+"/start", "")
	c.waitStatus(vm, "up")
	nic := c.get(vm + "/nics").text("nic.0.id")
	a := c.must(http.StatusConflict, http.MethodDelete, vm+"/nics/"+nic, "")
	require.Equal(t, "[Cannot remove Interface. The VM Network Interface is plugged to a running VM.]", a.text("detail"))
}

func TestNoUpHostNoRun(t *testing.T) {
	inv := inventory.Default()
	inv.Hosts = nil
	c := newClient(t, olvmsim.New(t, olvmsim.Options{Inventory: &inv}))
	vm := c.addVM("n1", "")
	a := c.must(http.StatusConflict, http.MethodPost, vm+"/start", "")
	require.Contains(t, a.text("fault.detail"), "There is no host that satisfies current scheduling constraints.")
}

func TestMissingEntityIsAnEmpty404(t *testing.T) {
	c := newClient(t, olvmsim.New(t))
	for _, call := range []struct{ method, path string }{
		{http.MethodGet, "/vms/" + vmID},
		{http.MethodDelete, "/vms/" + vmID},
		{http.MethodPut, "/vms/" + vmID},
		{http.MethodPost, "/vms/" + vmID + "/start"},
		{http.MethodGet, "/vms/" + vmID + "/nics"},
		{http.MethodGet, "/vms/" + vmID + "/reporteddevices"},
		{http.MethodGet, "/disks/" + vmID},
		{http.MethodGet, "/templates/" + vmID},
		{http.MethodGet, "/jobs/" + vmID},
		{http.MethodGet, "/datacenters/" + vmID + "/clusters"},
	} {
		a := c.must(http.StatusNotFound, call.method, call.path, "")
		require.Empty(t, a.raw, call.path)
	}
	a := c.must(http.StatusBadRequest, http.MethodGet, "/vms/42", "")
	require.Equal(t, "Operation failed", a.text("reason"))
}
