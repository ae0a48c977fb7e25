package olvmsim_test

import (
	"encoding/xml"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
)

const xmlHeader = "<?xml version='1.0' encoding='UTF-8' standalone='yes'?>\n"

func TestReplyIsInTheFormatThatTheCallerAccepts(t *testing.T) {
	const isXML, isJSON, none = "application/xml;charset=UTF-8", "application/json", ""
	c := newClient(t, olvmsim.New(t))
	for _, test := range []struct{ accept, query, want string }{
		{"", "", isXML},
		{"*/*", "", isXML},
		{"application/*", "", isXML},
		{"application/xml", "", isXML},
		{"application/json", "", isJSON},
		{"application/json, text/plain", "", isJSON},
		{"application/json, text/plain, */*", "", isJSON},
		{"application/json;q=0.5, application/xml", "", isXML},
		{"application/xml;q=0.5, application/json", "", isJSON},
		{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "", isXML},
		{"application/xml", "?accept=application/json", isJSON},
		{"text/plain", "", none},
		{"image/*", "", none},
	} {
		a := c.call(http.MethodGet, "/clusters"+test.query, "", "Accept", test.accept)
		if test.want == none {
			require.Equal(t, http.StatusNotAcceptable, a.status, test.accept)
			continue
		}
		require.Equal(t, http.StatusOK, a.status, test.accept)
		require.Equal(t, test.want, a.header.Get("Content-Type"), test.accept)
	}
}

func TestBodyIsReadByItsContentTypeAndAnsweredByAccept(t *testing.T) {
	c := newClient(t, olvmsim.New(t))
	body := `<vm><name>x1</name><comment>a &amp; b</comment><cluster><name>Default</name></cluster><template id="` + blankID + `"/>` +
		`<memory>2147483648</memory><custom_properties><custom_property><name>a</name><value>b</value></custom_property></custom_properties></vm>`
	a := c.must(http.StatusCreated, http.MethodPost, "/vms", body, "Content-Type", "application/xml; charset=utf-8")
	require.Equal(t, "2147483648", a.text("memory"))
	require.Equal(t, "a & b", a.text("comment"))
	x := c.call(http.MethodPost, "/vms", strings.Replace(body, "x1", "x2", 1), "Content-Type", "text/xml", "Accept", "")
	require.Equal(t, http.StatusCreated, x.status)
	require.True(t, strings.HasPrefix(x.raw, xmlHeader+`<vm href="/ovirt-engine/api/vms/`), x.raw)
	x = c.call(http.MethodPost, "/vms", `{"name":"x3","cluster":{"name":"Default"},"template":{"id":"`+blankID+`"}}`, "Accept", "")
	require.Contains(t, x.raw, "<name>x3</name>")
	for _, contentType := range []string{"text/plain", "application/x-www-form-urlencoded", ""} {
		require.Equal(t, http.StatusUnsupportedMediaType, c.call(http.MethodPost, "/vms", body, "Content-Type", contentType).status)
	}
	for _, start := range []string{"", "<action/>", "<action></action>"} {
		answer := c.call(http.MethodPost, "/vms/"+a.text("id")+"/start", start, "Content-Type", "application/xml")
		require.Contains(t, answer.text("fault.detail"), "bootable disk", "an empty action is a complete one")
	}
	require.Equal(t, http.StatusBadRequest, c.call(http.MethodGet, "/vms", "", "Version", "3").status)
	require.Equal(t, http.StatusOK, c.call(http.MethodGet, "/vms", "", "Version", "4").status)
}

// The fault is bare for everything but actions, whose representation it is inside of; a missing entity has no body at all.
func TestFaultsStandWhereTheEngineHasThem(t *testing.T) {
	c := newClient(t, olvmsim.New(t))
	vm := c.addVM("n1", "")
	for _, test := range []struct {
		method, path, body, json, xml string
		status                        int
	}{
		{http.MethodPost, vm + "/reboot", "", `{"fault":{"detail":"[Cannot reboot VM. VM is not running.]","reason":"Operation Failed"},"status":"failed"}`,
			"<action><fault><detail>[Cannot reboot VM. VM is not running.]</detail><reason>Operation Failed</reason></fault><status>failed</status></action>", 409},
		{http.MethodDelete, "/templates/" + blankID, "",
			`{"detail":"[Cannot remove Template. Removing Blank Template is not allowed.]","reason":"Operation Failed"}`,
			"<fault><detail>[Cannot remove Template. Removing Blank Template is not allowed.]</detail><reason>Operation Failed</reason></fault>", 409},
		{http.MethodGet, "/vms/no-uuid", "", `{"detail":"Invalid UUID string: no-uuid","reason":"Operation failed"}`,
			"<fault><detail>Invalid UUID string: no-uuid</detail><reason>Operation failed</reason></fault>", 400},
		{http.MethodPost, "/vms", `{"cluster":{"name":"Default"}}`, `{"detail":"Vm [name template.id|name] required for add","reason":"Incomplete parameters"}`,
			"<fault><detail>Vm [name template.id|name] required for add</detail><reason>Incomplete parameters</reason></fault>", 400},
		{http.MethodPost, "/vms", `{"type":"toaster","name":"a","cluster":{"name":"Default"},"template":{"name":"ock"}}`,
			`{"detail":"toaster is not a member of VmType","reason":"Invalid value"}`,
			"<fault><detail>toaster is not a member of VmType</detail><reason>Invalid value</reason></fault>", 400},
		{http.MethodPost, "/vms", `{"memory":"much"}`, `{"detail":"much is not an integer","reason":"Invalid value"}`,
			"<fault><detail>much is not an integer</detail><reason>Invalid value</reason></fault>", 400},
		{http.MethodPost, "/vms", `{"colour":1}`, `{"detail":"For correct usage, see: HOST/ovirt-engine/apidoc#services/vms/methods/add",` +
			`"reason":"Request syntactically incorrect."}`, "<fault><detail>For correct usage, see: HOST/ovirt-engine/apidoc#services/vms/methods/add</detail>" +
			"<reason>Request syntactically incorrect.</reason></fault>", 400},
		{http.MethodGet, "/vms/" + blankID, "", "", "", 404},
		{http.MethodDelete, "/vms/" + blankID, "", "", "", 404},
		{http.MethodPost, "/vms/" + blankID + "/start", "", "", "", 404},
	} {
		host := strings.NewReplacer(strings.TrimSuffix(c.url, "/ovirt-engine"), "HOST")
		j := c.must(test.status, test.method, test.path, test.body)
		x := c.must(test.status, test.method, test.path, test.body, "Accept", "application/xml")
		if test.json == "" {
			require.Empty(t, j.raw+x.raw+j.header.Get("Content-Type"), test.path)
			continue
		}
		require.JSONEq(t, test.json, host.Replace(j.raw), test.path)
		flat := strings.NewReplacer("\n", "", "    ", "").Replace(host.Replace(x.raw))
		require.Equal(t, strings.TrimSpace(xmlHeader)+test.xml, flat, test.path)
	}
}

func TestUnknownElementsAreRefused(t *testing.T) {
	c := newClient(t, olvmsim.New(t))
	vm := c.addVM("n1", "")
	for _, test := range []struct{ method, path, body, doc string }{
		{http.MethodPost, "/vms", "<vm><colour/></vm>", "services/vms/methods/add"},
		{http.MethodPost, "/vms", "<disk/>", "services/vms/methods/add"},
		{http.MethodPost, "/vms", "<vm><name>", "services/vms/methods/add"},
		{http.MethodPut, vm, "<vm><cpu><colour/></cpu></vm>", "services/vm/methods/update"},
		{http.MethodPost, vm + "/start", "<action><colour/></action>", "services/vm/methods/start"},
		{http.MethodPost, vm + "/nics", "<nic><colour/></nic>", "services/vm_nics/methods/add"},
	} {
		a := c.must(http.StatusBadRequest, test.method, test.path, test.body, "Content-Type", "application/xml")
		require.Equal(t, "Request syntactically incorrect.", a.text("reason"))
		require.True(t, strings.HasSuffix(a.text("detail"), "/ovirt-engine/apidoc#"+test.doc), a.raw)
	}
}

func TestWholeObjectsMayBePostedBackInXML(t *testing.T) {
	c := newClient(t, olvmsim.New(t))
	vm := c.addVM("n1", `"initialization":{"host_name":"h","custom_script":"a: <b>\n"},`)
	inXML := []string{"Accept", "application/xml", "Content-Type", "application/xml"}
	whole := c.must(http.StatusOK, http.MethodGet, vm, "", inXML...)
	require.Contains(t, whole.raw, "<custom_script>a: &lt;b&gt;\n</custom_script>")
	c.must(http.StatusOK, http.MethodPut, vm, whole.raw, inXML...)
	require.Equal(t, whole.raw, c.must(http.StatusOK, http.MethodGet, vm, "", inXML...).raw)
}

// Collections have a wrapper, whose name is irregular for some.
func TestCollectionsHaveTheirElements(t *testing.T) {
	c := newClient(t, olvmsim.New(t))
	for path, want := range map[string][2]string{
		"/vms": {"vms", ""}, "/datacenters": {"data_centers", "data_center"}, "/operatingsystems": {"operation_systems", "operating_system"},
		"/vmpools": {"vm_pools", ""}, "/vnicprofiles": {"vnic_profiles", "vnic_profile"}, "/jobs": {"jobs", ""}, "/macpools": {"mac_pools", "mac_pool"},
		"/cpuprofiles": {"cpu_profiles", "cpu_profile"}, "/diskprofiles": {"disk_profiles", "disk_profile"}, "/groups": {"groups", "group"},
		"/storagedomains": {"storage_domains", "storage_domain"}, "/networkfilters": {"network_filters", "network_filter"},
	} {
		var root struct {
			XMLName xml.Name
			Items   []struct{ XMLName xml.Name } `xml:",any"`
		}
		require.NoError(t, xml.Unmarshal([]byte(c.call(http.MethodGet, path, "", "Accept", "application/xml").raw), &root), path)
		require.Equal(t, want[0], root.XMLName.Local, path)
		if want[1] == "" {
			require.Empty(t, root.Items, path)
			continue
		}
		require.NotEmpty(t, root.Items, path)
		require.Equal(t, want[1], root.Items[0].XMLName.Local, path)
	}
}
