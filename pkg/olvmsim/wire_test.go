package olvmsim_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/olvmsim/inventory"
)

// golden compares a reply with testdata, after the ids and dates that differ from run to run were replaced.
func golden(t *testing.T, name string, a answer, replace ...string) {
	t.Helper()
	want, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	require.Equal(t, string(want), strings.NewReplacer(replace...).Replace(a.raw))
}

func TestRepresentationsAreTheEngines(t *testing.T) {
	c := newClient(t, olvmsim.New(t))
	vm := c.addVM("n1", `"id":"`+vmID+`","comment":"mark","memory":4294967296,`)
	profile := c.get("/vnicprofiles").text("vnic_profile.0.id")
	nic := c.must(http.StatusCreated, http.MethodPost, vm+"/nics", `{"name":"nic1","vnic_profile":{"id":"`+profile+`"}}`)
	attachments := c.get(vm + "/diskattachments")
	diskID := attachments.text("disk_attachment.0.id")
	disk := c.get("/disks/" + diskID)
	representation := c.get(vm)

	golden(t, "vm.json", representation, fmt.Sprint(representation.at("creation_time")), "1767630835851")
	golden(t, "nics.json", c.get(vm+"/nics"), nic.text("id"), "NIC")
	golden(t, "diskattachments.json", attachments, diskID, "DISK")
	golden(t, "disk.json", disk, diskID, "DISK", disk.text("image_id"), "IMAGE")
	golden(t, "networks.json", c.get("/networks"))
	golden(t, "storagedomains.json", c.search("storagedomains", "name=data2"))
}

func TestRootNamesProductAndSpecialObjects(t *testing.T) {
	c := newClient(t, olvmsim.New(t))
	for _, root := range []string{"", "/", "/v4", "/v4/"} {
		a := c.get(root)
		require.Equal(t, http.StatusOK, a.status, root)
		require.Equal(t, "oVirt Engine", a.text("product_info.name"))
		require.Equal(t, "4", a.text("product_info.version.major"))
		require.Equal(t, blankID, a.text("special_objects.blank_template.id"))
		require.Equal(t, "3", a.text("summary.hosts.active"))
	}
}

func TestRequestsMayUseNumbersOrStrings(t *testing.T) {
	c := newClient(t, olvmsim.New(t))
	for name, memory := range map[string]string{"plain": `2147483648`, "string": `"2147483648"`} {
		for _, protected := range []string{`true`, `"true"`, `"TRUE"`} {
			a := c.must(http.StatusCreated, http.MethodPost, "/vms", `{"name":"`+strings.NewReplacer(`"`, "").Replace(name+protected)+`",
				"cluster":{"name":"Default"},"template":{"id":"`+blankID+`"},"memory":`+memory+`,"delete_protected":`+protected+`}`)
			require.Equal(t, "2147483648", a.text("memory"))
			require.Equal(t, "true", a.text("delete_protected"))
			c.must(http.StatusOK, http.MethodPut, "/vms/"+a.text("id"), `{"delete_protected":"false","name":"`+a.text("id")+`"}`)
		}
	}
}

func TestComplaintAboutAnActionsBodyIsBare(t *testing.T) {
	c := newClient(t, olvmsim.New(t))
	a := c.must(http.StatusBadRequest, http.MethodPost, c.addVM("n1", "")+"/start", `{"colour":"blue"}`)
	require.Equal(t, "Request syntactically incorrect.", a.text("reason"))
	require.Regexp(t, `^For correct usage, see: https://.*/ovirt-engine/apidoc#services/vm/methods/start$`, a.text("detail"))
}

func TestWholeObjectsMayBePostedBack(t *testing.T) {
	c := newClient(t, olvmsim.New(t))
	vm := c.addVM("n1", `"custom_properties":{"custom_property":[{"name":"a","value":"b"}]},"soundcard_enabled":false,`)
	whole := c.get(vm)
	require.Equal(t, whole.raw, c.must(http.StatusOK, http.MethodPut, vm, whole.raw).raw)
	nic := c.must(http.StatusCreated, http.MethodPost, vm+"/nics", `{"name":"nic1"}`)
	c.must(http.StatusOK, http.MethodPut, vm+"/nics/"+nic.text("id"), nic.raw)
}

func TestPathsAreTakenAsClientsSendThem(t *testing.T) {
	c := newClient(t, olvmsim.New(t))
	vm := c.addVM("n1", "")
	for _, path := range []string{"//vms", "/vms/", "/v4/vms", "//v4///vms//", "/vms;max=1", "/vms?max=1", "/vms?search=", "/vms;search=name%3Dn1"} {
		require.Equal(t, []string{"n1"}, c.must(http.StatusOK, http.MethodGet, path, "").names("vm"), path)
	}
	c.must(http.StatusOK, http.MethodPost, "/"+vm+"//start/", `{}`)
}

func TestCorrelationIDIsEchoed(t *testing.T) {
	c := newClient(t, olvmsim.New(t))
	long := strings.Repeat("a", 40)
	require.Equal(t, "my-id_1", c.call(http.MethodGet, "/vms", "", "Correlation-Id", "my-id_1").header.Get("Correlation-Id"))
	require.Equal(t, long[:36], c.call(http.MethodGet, "/vms", "", "Correlation-Id", long).header.Get("Correlation-Id"))
	require.Equal(t, "q", c.get("/vms?correlation_id=q").header.Get("Correlation-Id"))
	require.Len(t, c.call(http.MethodGet, "/vms", "", "Correlation-Id", "not allowed!").header.Get("Correlation-Id"), 36)
	require.Len(t, c.get("/vms").header.Get("Correlation-Id"), 36)
}

func TestWhatIsNotSimulatedIsEmptyOrSaysSo(t *testing.T) {
	c := newClient(t, olvmsim.New(t))
	vm := c.addVM("n1", "")
	for _, collection := range []string{"/bookmarks", "/schedulingpolicies", vm + "/backups", vm + "/mediateddevices"} {
		require.Equal(t, "{}\n", c.must(http.StatusOK, http.MethodGet, collection, "").raw, collection)
	}
	require.Equal(t, xmlHeader+"<vm_mediated_devices/>\n", c.call(http.MethodGet, vm+"/mediateddevices", "", "Accept", "application/xml").raw)
	for _, path := range []string{"/nosuchthing", "/vms/" + blankID + "/backups", "/schedulingpolicies/" + blankID, vm + "/nosuchthing"} {
		a := c.get(path)
		require.Equal(t, http.StatusNotFound, a.status, path)
		require.Empty(t, a.raw, path)
	}
	a := c.must(http.StatusNotImplemented, http.MethodPost, "/schedulingpolicies", `{"name":"x"}`)
	require.Equal(t, "POST /schedulingpolicies is not simulated", a.text("detail"))
}

func TestListsAreSearchedAndPaged(t *testing.T) {
	c := newClient(t, olvmsim.New(t))
	for _, name := range []string{"b2", "a1", "b1", "c1"} {
		c.addVM(name, `"comment":"of `+name+`",`)
	}
	for _, test := range []struct {
		search, more string
		want         []string
	}{
		{"", "", []string{"a1", "b1", "b2", "c1"}},
		{"name=b*", "", []string{"b1", "b2"}},
		{`name="a1" or comment="of c1"`, "", []string{"a1", "c1"}},
		{"status=down and cluster=Default and datacenter=Default and template=ock", "&max=2", []string{"a1", "b1"}},
		{"page 2", "&max=3", []string{"c1"}},
		{"name=b* page 1", "", []string{"b1", "b2"}},
		{"name=b* page 2", "", []string{}},
		{"tag=x", "", []string{}},
		{"name=A1", "&case_sensitive=false", []string{"a1"}},
		{"sortby name desc", "", []string{"c1", "b2", "b1", "a1"}},
		{"name=b* SORTBY name DESC page 1", "&max=1", []string{"b2"}},
		{"sortby name asc page 2", "&max=3", []string{"c1"}},
		{"name>a1 and name<=b2", "", []string{"b1", "b2"}},
		{"", "&max=0", []string{}},
		{"of and name!=a1", "", []string{"b1", "b2", "c1"}},
		{"status!=down", "", []string{}},
	} {
		require.Equal(t, test.want, c.search("vms", test.search, test.more).names("vm"), test.search)
	}
	require.Equal(t, []string{"data"}, c.search("storagedomains", "name=data").names("storage_domain"))
	require.Equal(t, []string{"Default"}, c.search("datacenters", "storage.name=data2").names("data_center"))
	require.Equal(t, []string{"host2"}, c.search("hosts", "status=up and cluster=Default and name=host2").names("host"))
	require.Equal(t, []string{"b1_Disk1"}, c.search("disks", "alias=b1*").names("disk"))
	a := c.must(http.StatusBadRequest, http.MethodGet, "/vms?search=colour%3Dblue", "")
	require.Equal(t, `[Error in Search text: unknown field "colour"]`, a.text("detail"))
}

func TestCollectionsBelowOthers(t *testing.T) {
	c := newClient(t, olvmsim.New(t))
	dc := "/datacenters/" + c.search("datacenters", "name=Default").text("data_center.0.id")
	require.Equal(t, "up", c.get(dc).text("status"))
	require.Equal(t, []string{"Default"}, c.get(dc+"/clusters").names("cluster"))
	require.Equal(t, []string{"ovirtmgmt"}, c.get(dc+"/networks").names("network"))
	require.Equal(t, "active", c.get(dc+"/storagedomains").text("storage_domain.0.status"))
	require.Nil(t, c.get("/storagedomains").at("storage_domain.0.status"), "the status belongs to a data center")
	network := c.get("/networks").text("network.0.id")
	require.Equal(t, []string{"ovirtmgmt"}, c.get("/networks/"+network+"/vnicprofiles").names("vnic_profile"))
	cluster := c.get("/clusters").text("cluster.0.id")
	require.Equal(t, []string{"ovirtmgmt"}, c.get("/clusters/"+cluster+"/networks").names("network"))
	domain := c.search("storagedomains", "name=data2").text("storage_domain.0.id")
	require.Empty(t, c.get("/storagedomains/"+domain+"/disks").json)
}

// libgovirt announces a body with its GETs and does not always send it.
func TestGETWithABodyIsAnsweredWithoutReadingIt(t *testing.T) {
	s := olvmsim.New(t)
	c := newClient(t, s)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(s.CA()))
	address := strings.TrimSuffix(strings.TrimPrefix(s.URL(), "https://"), "/ovirt-engine")
	dialer := tls.Dialer{Config: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	connection, err := dialer.DialContext(t.Context(), "tcp", address)
	require.NoError(t, err)
	defer func(connection net.Conn) { _ = connection.Close() }(connection)
	_, err = fmt.Fprintf(connection, "GET /ovirt-engine/api HTTP/1.1\r\nHost: %s\r\nAccept: application/json\r\n"+
		"Authorization: Bearer %s\r\nContent-Length: 17\r\n\r\n", address, c.token)
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.True(t, response.Close)
	require.NoError(t, response.Body.Close())
}

func TestNetworksSayWhereTheyComeFromAndProfilesWhatTheyFilter(t *testing.T) {
	inv := inventory.Default()
	inv.Networks = append(inv.Networks, inventory.Network{Name: "overlay", ExternalProvider: "ovirt-provider-ovn"})
	inv.VNICProfiles = append(inv.VNICProfiles, inventory.VNICProfile{Name: "filtered", Network: "overlay", NetworkFilter: "no-ip-spoofing"},
		inventory.VNICProfile{Name: "device", Network: "ovirtmgmt", PassThrough: true})
	c := newClient(t, olvmsim.New(t, olvmsim.Options{Inventory: &inv}))
	require.Nil(t, c.search("networks", "name=ovirtmgmt").at("network.0.external_provider"))
	require.NotEmpty(t, c.search("networks", "name=overlay").text("network.0.external_provider.id"))
	profiles := c.get("/vnicprofiles")
	require.Equal(t, []string{"ovirtmgmt", "filtered", "device"}, profiles.names("vnic_profile"))
	require.Nil(t, profiles.at("vnic_profile.0.network_filter"))
	require.Equal(t, "disabled", profiles.text("vnic_profile.1.pass_through.mode"))
	require.Equal(t, "enabled", profiles.text("vnic_profile.2.pass_through.mode"))
	filter := profiles.text("vnic_profile.1.network_filter.id")
	require.Equal(t, "no-ip-spoofing", c.get("/networkfilters/"+filter).text("name"))
	require.Contains(t, c.get("/networkfilters").names("network_filter"), "vdsm-no-mac-spoofing")
}

func TestVersionsOfATemplateShareItsName(t *testing.T) {
	inv := inventory.Default()
	second := inv.Templates[0]
	second.Version, second.KubernetesVersion = 2, "v1.34.0"
	inv.Templates = append(inv.Templates, second)
	c := newClient(t, olvmsim.New(t, olvmsim.Options{Inventory: &inv}))
	a := c.search("templates", "name=ock")
	require.Equal(t, "1", a.text("template.0.version.version_number"))
	require.Equal(t, "2", a.text("template.1.version.version_number"))
	require.NotEqual(t, a.text("template.0.id"), a.text("template.1.id"))
	require.Equal(t, a.text("template.0.id"), a.text("template.0.version.base_template.id"))
	require.Equal(t, a.text("template.0.id"), a.text("template.1.version.base_template.id"))
	require.NotEqual(t, c.get("/templates/"+a.text("template.0.id")+"/diskattachments").text("disk_attachment.0.id"),
		c.get("/templates/"+a.text("template.1.id")+"/diskattachments").text("disk_attachment.0.id"))
}
