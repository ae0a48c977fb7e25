package olvmsim_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/olvmsim/inventory"
)

const (
	refusedQuery   = "query execution failed due to insufficient permissions."
	refusedCommand = "[User is not authorized to perform this action.]"
)

// operatorRoles are what an account needs that makes VMs from the template ock.
func operatorRoles() []inventory.Role {
	return []inventory.Role{
		{Name: "Creator", Permits: []string{"create_vm"}, On: inventory.Object{Type: "cluster", Name: "Default"}},
		{Name: "Creator", On: inventory.Object{Type: "template", Name: "ock"}},
		{Name: "DiskCreator", Permits: []string{"create_disk"}, On: inventory.Object{Type: "storageDomain", Name: "data"}},
		{Name: "Connector", Permits: []string{"configure_vm_network"}, On: inventory.Object{Type: "vnicProfile", Name: "ovirtmgmt"}},
	}
}

// newEngineFor has the default inventory with further clusters, and the user operator@internal with these roles.
func newEngineFor(t *testing.T, roles ...inventory.Role) *olvmsim.Simulator {
	t.Helper()
	inv := inventory.Default()
	inv.DataCenters = append(inv.DataCenters, inventory.DataCenter{Name: "Other"})
	inv.Clusters = append(inv.Clusters, inventory.Cluster{Name: "Second"}, inventory.Cluster{Name: "Foreign", DataCenter: "Other"})
	inv.Users = []inventory.User{
		{Name: "operator@internal", Password: "op", Roles: roles},
		{Name: "auditor@internal", Password: "au", Admin: true},
	}
	return olvmsim.New(t, olvmsim.Options{Inventory: &inv})
}

// as signs the user on.
func as(t *testing.T, s *olvmsim.Simulator, user, password string) *client {
	t.Helper()
	c := anonymous(t, s)
	c.token = c.form("/sso/oauth/token", url.Values{
		"grant_type": {"password"}, "username": {user}, "password": {password}, "scope": {"ovirt-app-api"},
	}, "application/json").text("access_token")
	require.NotEmpty(t, c.token)
	return c
}

// filtered is the client as it is when it asks for a plain user's view in every call.
func (c *client) filtered() *client {
	f := *c
	f.headers = []string{"Filter", "true"}
	return &f
}

func TestPlainUsersAskWithTheFilterOnly(t *testing.T) {
	s := newEngineFor(t, operatorRoles()...)
	c := as(t, s, "operator@internal", "op")
	vm := newClient(t, s).addVM("n1", "")
	for _, path := range []string{"", "/vms", vm, "/clusters", "/jobs", "/users"} {
		c.refused(http.StatusForbidden, refusedQuery, http.MethodGet, path, "")
	}
	c.refused(http.StatusForbidden, refusedQuery, http.MethodPost, "/vms", vmBody(`,"name":"n2"`))
	c.refused(http.StatusForbidden, refusedQuery, http.MethodPut, vm, `{"comment":"x"}`)
	require.Equal(t, "Operation Failed", c.get("/vms").text("reason"))
	for _, path := range []string{"/clusters?filter=true", "/clusters;filter=true", "/clusters?filter"} {
		c.must(http.StatusOK, http.MethodGet, path, "")
	}
	c.must(http.StatusOK, http.MethodGet, "/clusters", "", "Filter", "true")
	c.must(http.StatusForbidden, http.MethodGet, "/clusters", "", "Filter", "false")

	for _, asked := range []*client{c.filtered(), newClient(t, s).filtered()} {
		asked.refused(http.StatusForbidden, refusedQuery, http.MethodGet, "/jobs", "")
	}
	as(t, s, "auditor@internal", "au").must(http.StatusOK, http.MethodGet, "/jobs", "")
}

func TestWhatRolesShow(t *testing.T) {
	on := func(kind, name string, permits ...string) inventory.Role {
		return inventory.Role{Name: "R", Permits: permits, On: inventory.Object{Type: kind, Name: name}}
	}
	for name, test := range map[string]struct {
		role inventory.Role
		want map[string][]string
	}{
		"making VMs in a cluster shows nothing below it": {on("cluster", "Default", "create_vm"), map[string][]string{
			"datacenters": {"Default"}, "clusters": {"Default"}, "hosts": {"host1", "host2", "host3"},
		}},
		"running VMs in a cluster shows them and its networks": {on("cluster", "Default", "create_vm", "run_vm"), map[string][]string{
			"datacenters": {"Default"}, "clusters": {"Default"}, "hosts": {"host1", "host2", "host3"},
			"networks": {"ovirtmgmt"}, "vnicprofiles": {"ovirtmgmt"}, "vms": {"n1"}, "disks": {"n1_Disk1"},
		}},
		"a template shows its disks and their storage domain": {on("template", "ock", "create_vm"), map[string][]string{
			"clusters": {"Default"}, "storagedomains": {"data"}, "templates": {"ock"}, "disks": {"ock-boot"},
		}},
		"a storage domain": {on("storageDomain", "data2", "create_disk"), map[string][]string{"storagedomains": {"data2"}}},
		"a vNIC profile shows its network": {on("vnicProfile", "ovirtmgmt", "configure_vm_network"), map[string][]string{
			"networks": {"ovirtmgmt"}, "vnicprofiles": {"ovirtmgmt"},
		}},
		"a data center": {on("dataCenter", "Default", "run_vm"), map[string][]string{
			"datacenters": {"Default"}, "clusters": {"Default", "Second"}, "hosts": {"host1", "host2", "host3"}, "networks": {"ovirtmgmt"},
			"vnicprofiles": {"ovirtmgmt"}, "storagedomains": {"data", "data2"}, "templates": {"Blank", "ock"}, "vms": {"n1"},
			"disks": {"n1_Disk1", "ock-boot"},
		}},
		"making VMs anywhere": {on("system", "", "create_vm"), map[string][]string{
			"datacenters": {"Default", "Other"}, "clusters": {"Default", "Second", "Foreign"}, "hosts": {"host1", "host2", "host3"},
			"storagedomains": {"data", "data2"},
		}},
		"administrators' roles do not count": {inventory.Role{Name: "SuperUser"}, map[string][]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newEngineFor(t, test.role)
			newClient(t, s).addVM("n1", "")
			c := as(t, s, "operator@internal", "op").filtered()
			for collection, key := range map[string]string{
				"datacenters": "data_center", "clusters": "cluster", "hosts": "host", "networks": "network", "vnicprofiles": "vnic_profile",
				"storagedomains": "storage_domain", "templates": "template", "vms": "vm", "disks": "disk",
			} {
				want := test.want[collection]
				if want == nil {
					want = []string{}
				}
				require.Equal(t, want, c.search(collection, "name=nothing").names(key), "%s, searches are not looked at", collection)
			}
		})
	}
}

func TestWhatIsNotVisibleIsNotThere(t *testing.T) {
	s := newEngineFor(t, operatorRoles()...)
	admin := newClient(t, s)
	vm := admin.addVM("n1", "")
	c := as(t, s, "operator@internal", "op").filtered()
	foreign := admin.search("clusters", "name=Foreign").text("cluster.0.id")
	for _, path := range []string{vm, vm + "/nics", vm + "/diskattachments", "/clusters/" + foreign, "/disks/" + s.Disks()[0].ID} {
		c.must(http.StatusNotFound, http.MethodGet, path, "")
	}
	c.must(http.StatusOK, http.MethodGet, "/clusters/"+admin.search("clusters", "name=Default").text("cluster.0.id"), "")
}

func TestTheOneWhoMakesAVMOwnsIt(t *testing.T) {
	s := newEngineFor(t, operatorRoles()...)
	admin := newClient(t, s)
	profile := admin.search("vnicprofiles", "").text("vnic_profile.0.id")
	c := as(t, s, "operator@internal", "op").filtered()
	vm := c.addVM("n1", "")
	shown := c.must(http.StatusOK, http.MethodPost, vm+"/start", "{}")
	require.Equal(t, "complete", shown.text("status"))
	c.waitRunning(vm)
	own := c.get(vm)
	require.Nil(t, own.at("host"), "plain users do not see where VMs run")
	require.Nil(t, own.at("placement_policy"))
	require.NotEmpty(t, admin.get(vm).text("host.id"))
	require.Equal(t, []string{"n1"}, c.get("/vms").names("vm"))
	require.Equal(t, []string{"n1_Disk1", "ock-boot"}, c.get("/disks").names("disk"))
	c.must(http.StatusOK, http.MethodPut, vm, `{"comment":"mine"}`)
	c.stop(vm)
	c.must(http.StatusCreated, http.MethodPost, vm+"/nics", `{"name":"nic1","vnic_profile":{"id":"`+profile+`"}}`)
	disk := c.must(http.StatusAccepted, http.MethodPost, vm+"/diskattachments",
		`{"bootable":false,"disk":{"format":"cow","provisioned_size":"1073741824","storage_domains":{"storage_domain":[{"name":"data"}]}}}`).text("id")
	c.waitStatus("/disks/"+disk, "ok")
	c.must(http.StatusOK, http.MethodDelete, vm+"/diskattachments/"+disk+"?detach_only=true", "")
	c.must(http.StatusOK, http.MethodGet, "/disks/"+disk, "")
	c.must(http.StatusOK, http.MethodDelete, "/disks/"+disk, "")
	c.must(http.StatusOK, http.MethodDelete, vm, "")
	c.waitGone(vm)
	me := c.get("").text("authenticated_user.id")
	require.Len(t, c.get("/users/"+me+"/permissions").at("permission"), 4, "the permissions on what is gone are gone")
}

func TestCommandsNeedPermits(t *testing.T) {
	lacking := func(name string) []inventory.Role {
		return slices.DeleteFunc(operatorRoles(), func(r inventory.Role) bool { return r.Name == name || r.On.Name == name })
	}
	for name, roles := range map[string][]inventory.Role{
		"cluster":        {{Name: "Creator", Permits: []string{"create_vm"}, On: inventory.Object{Type: "template", Name: "ock"}}, operatorRoles()[2]},
		"template":       {operatorRoles()[0], operatorRoles()[2]},
		"storage domain": lacking("DiskCreator"),
	} {
		t.Run("adding without "+name, func(t *testing.T) {
			c := as(t, newEngineFor(t, roles...), "operator@internal", "op").filtered()
			c.refused(http.StatusForbidden, refusedCommand, http.MethodPost, "/vms", vmBody(`,"name":"n1"`))
		})
	}
	t.Run("above is as good", func(t *testing.T) {
		roles := []inventory.Role{{Name: "R", Permits: []string{"create_vm", "create_disk"}, On: inventory.Object{Type: "dataCenter", Name: "Default"}}}
		c := as(t, newEngineFor(t, roles...), "operator@internal", "op").filtered()
		c.addVM("n1", "")
	})
	t.Run("a template is not below its cluster", func(t *testing.T) {
		permits := []string{"create_vm", "create_disk", "run_vm"}
		roles := []inventory.Role{{Name: "R", Permits: permits, On: inventory.Object{Type: "cluster", Name: "Default"}}}
		c := as(t, newEngineFor(t, roles...), "operator@internal", "op").filtered()
		c.refused(http.StatusForbidden, refusedCommand, http.MethodPost, "/vms", vmBody(`,"name":"n1"`))
	})
	t.Run("a vNIC profile needs its own", func(t *testing.T) {
		s := newEngineFor(t, lacking("Connector")...)
		profile := newClient(t, s).search("vnicprofiles", "").text("vnic_profile.0.id")
		c := as(t, s, "operator@internal", "op").filtered()
		vm := c.addVM("n1", "")
		c.refused(http.StatusForbidden, refusedCommand, http.MethodPost, vm+"/nics", `{"name":"nic1","vnic_profile":{"id":"`+profile+`"}}`)
		nic := c.must(http.StatusCreated, http.MethodPost, vm+"/nics", `{"name":"nic1"}`).text("id")
		c.refused(http.StatusForbidden, refusedCommand, http.MethodPut, vm+"/nics/"+nic, `{"vnic_profile":{"id":"`+profile+`"}}`)
	})
}

func TestVMsOfOthersAreNotTouched(t *testing.T) {
	roles := []inventory.Role{{Name: "Viewer", Permits: []string{"connect_to_vm"}}}
	s := newEngineFor(t, roles...)
	admin := newClient(t, s)
	vm := admin.addVM("n1", "")
	admin.must(http.StatusCreated, http.MethodPost, vm+"/nics", `{"name":"nic1"}`)
	nic := vm + "/nics/" + s.NICs()[0].ID
	disk := s.Disks()[0].ID
	plain := as(t, s, "operator@internal", "op")
	for _, c := range []*client{plain, plain.filtered(), as(t, s, "auditor@internal", "au")} {
		for _, command := range []string{"start", "stop", "shutdown"} {
			a := c.must(http.StatusForbidden, http.MethodPost, vm+"/"+command, "{}")
			require.Equal(t, refusedCommand, a.text("fault.detail"), "inside the action")
			require.Equal(t, "failed", a.text("status"))
		}
		for _, path := range []string{vm, nic, vm + "/diskattachments/" + disk, "/disks/" + disk} {
			c.refused(http.StatusForbidden, refusedCommand, http.MethodDelete, path, "")
		}
	}
	c := plain.filtered()
	c.refused(http.StatusForbidden, refusedCommand, http.MethodPut, vm, `{"comment":"x"}`)
	c.refused(http.StatusForbidden, refusedCommand, http.MethodPut, nic, `{"linked":false}`)
	c.refused(http.StatusForbidden, refusedCommand, http.MethodPost, vm+"/diskattachments", `{"bootable":false,"disk":{"id":"`+disk+`"}}`)
	c.refused(http.StatusForbidden, refusedCommand, http.MethodDelete, c.templatePath("ock"), "")
	require.Len(t, s.VMs(), 1)
}

func (c *client) templatePath(name string) string {
	c.t.Helper()
	a := c.must(http.StatusOK, http.MethodGet, "/templates", "")
	return "/templates/" + a.text("template."+string(rune('0'+slices.Index(a.names("template"), name)))+".id")
}

func TestUsersReadTheirPermissions(t *testing.T) {
	s := newEngineFor(t, append(operatorRoles(), inventory.Role{Name: "Creator"})...)
	c := as(t, s, "operator@internal", "op").filtered()
	root := c.get("")
	require.Nil(t, root.at("summary"), "not for plain users")
	me := root.text("authenticated_user.id")
	user := c.get("/users/" + me)
	require.Equal(t, "operator", user.text("name"))
	require.Equal(t, "operator@internal-authz", user.text("user_name"))
	require.Equal(t, []string{"operator"}, c.get("/users").names("user"))

	permissions := c.get("/users/" + me + "/permissions")
	require.Len(t, permissions.at("permission"), 5)
	require.Equal(t, c.get("/clusters").text("cluster.0.id"), permissions.text("permission.0.cluster.id"))
	require.Equal(t, c.get("/templates").text("template.0.id"), permissions.text("permission.1.template.id"))
	require.Equal(t, c.get("/storagedomains").text("storage_domain.0.id"), permissions.text("permission.2.storage_domain.id"))
	require.Equal(t, c.get("/vnicprofiles").text("vnic_profile.0.id"), permissions.text("permission.3.vnic_profile.id"))
	onSystem := permissions.at("permission.4").(map[string]any)
	require.ElementsMatch(t, []string{"href", "id", "role", "user"}, keysOf(onSystem), "without an object it is on the system")

	role := permissions.text("permission.2.role.id")
	require.Equal(t, "DiskCreator", c.get("/roles/"+role).text("name"))
	require.Equal(t, []string{"create_disk"}, c.get("/roles/"+role+"/permits").names("permit"))

	admin := newClient(t, s).get("").text("authenticated_user.id")
	require.NotEqual(t, me, admin)
	c.must(http.StatusNotFound, http.MethodGet, "/users/"+admin, "")
	require.Equal(t, "{}\n", c.get("/users/"+admin+"/permissions").raw)
	require.Len(t, newClient(t, s).get("/users").at("user"), 3)
}

func keysOf(m map[string]any) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	return keys
}

func TestJournalSaysWhoCalled(t *testing.T) {
	s := newEngineFor(t, operatorRoles()...)
	c := as(t, s, "operator@internal", "op")
	c.get("/vms")
	newClient(t, s).get("/vms")
	anonymous(t, s).get("/vms")
	var callers []string
	for _, r := range s.Requests() {
		if r.Path == "vms" {
			callers = append(callers, r.User)
		}
	}
	require.Equal(t, []string{"operator@internal", "admin@internal", ""}, callers)
}

func TestControlEndpointIsForTheAdministrator(t *testing.T) {
	s := newEngineFor(t)
	c := anonymous(t, s)
	for _, user := range [][2]string{{"operator@internal", "op"}, {"auditor@internal", "au"}} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.TrimSuffix(c.url, "/ovirt-engine")+olvmsim.StatePath, http.NoBody)
		require.NoError(t, err)
		r.SetBasicAuth(user[0], user[1])
		require.Equal(t, http.StatusForbidden, c.do(r).status)
	}
}
