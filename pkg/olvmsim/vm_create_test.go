package olvmsim_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/olvmsim/inventory"
)

// The example of the reference: everything that a request for a VM may say, and that it is what the engine then holds.
const wholeVM = `{"name":"n1","description":"d","comment":"{\"a\":1}","type":"high_performance","memory":"8589934592",
	"memory_policy":{"guaranteed":"4294967296","max":"17179869184","ballooning":"false"},
	"cpu":{"architecture":"x86_64","mode":"host_passthrough","topology":{"sockets":"2","cores":"4","threads":"1"}},
	"os":{"type":"rhcos_x64","boot":{"devices":{"device":["hd","network"]}}},"bios":{"type":"q35_secure_boot"},
	"initialization":{"host_name":"h","custom_script":"{}","user_name":"core","root_password":"secret","authorized_ssh_keys":"k1\nk2",
		"regenerate_ssh_keys":"true","dns_servers":"10.0.0.2 10.0.0.3","dns_search":"example.com","timezone":"UTC",
		"cloud_init_network_protocol":"openstack_metadata","nic_configurations":{"nic_configuration":[{"name":"enp1s0","on_boot":"true",
		"boot_protocol":"static","ip":{"address":"10.0.0.5","netmask":"255.255.255.0","gateway":"10.0.0.1","version":"v4"},
		"ipv6_boot_protocol":"autoconf","ipv6":{"address":"2001:db8::5","netmask":"64","gateway":"2001:db8::1","version":"v6"}}]}},
	"placement_policy":{"affinity":"user_migratable","hosts":{"host":[{"name":"host2"}]}},"high_availability":{"enabled":"true","priority":"50"},
	"custom_properties":{"custom_property":[{"name":"hugepages","value":"1048576"}]},"console":{"enabled":"true"},"soundcard_enabled":"true",
	"delete_protected":"true","stateless":"false","cpu_shares":"512","io":{"threads":"2"},"time_zone":{"name":"Etc/UTC"},
	"migration_downtime":"500","cluster":{"name":"Default"},"template":{"name":"ock"}}`

func TestVMIsMadeWithEverythingThatIsSaid(t *testing.T) {
	c := newStepper(t)
	a := c.must(http.StatusAccepted, http.MethodPost, "/vms", wholeVM)
	c.pass(10 * time.Second)
	host := c.search("hosts", "name=host2").text("host.0.id")
	everything := c.must(http.StatusOK, http.MethodGet, "/vms/"+a.text("id"), "", "All-Content", "true")
	for source, vm := range map[string]answer{"the answer": a, "all content": everything} {
		for path, want := range map[string]string{
			"name": "n1", "description": "d", "comment": `{"a":1}`, "type": "high_performance", "memory": "8589934592",
			"memory_policy.guaranteed": "4294967296", "memory_policy.max": "17179869184", "memory_policy.ballooning": "false",
			"cpu.architecture": "x86_64", "cpu.mode": "host_passthrough", "cpu.topology.sockets": "2", "cpu.topology.cores": "4", "cpu.topology.threads": "1",
			"os.type": "rhcos_x64", "os.boot.devices.device.1": "network", "bios.type": "q35_secure_boot",
			"initialization.host_name": "h", "initialization.custom_script": "{}", "initialization.user_name": "core", "initialization.root_password": "******",
			"initialization.authorized_ssh_keys": "k1\nk2", "initialization.regenerate_ssh_keys": "true",
			"initialization.dns_servers": "10.0.0.2 10.0.0.3", "initialization.dns_search": "example.com", "initialization.timezone": "UTC",
			"initialization.cloud_init_network_protocol":                               "openstack_metadata",
			"initialization.nic_configurations.nic_configuration.0.name":               "enp1s0",
			"initialization.nic_configurations.nic_configuration.0.on_boot":            "true",
			"initialization.nic_configurations.nic_configuration.0.boot_protocol":      "static",
			"initialization.nic_configurations.nic_configuration.0.ip.netmask":         "255.255.255.0",
			"initialization.nic_configurations.nic_configuration.0.ip.gateway":         "10.0.0.1",
			"initialization.nic_configurations.nic_configuration.0.ipv6_boot_protocol": "autoconf",
			"initialization.nic_configurations.nic_configuration.0.ipv6.address":       "2001:db8::5",
			"initialization.nic_configurations.nic_configuration.0.ipv6.version":       "v6",
			"placement_policy.affinity":                                                "user_migratable", "placement_policy.hosts.host.0.id": host,
			"high_availability.enabled": "true", "high_availability.priority": "50", "custom_properties.custom_property.0.name": "hugepages",
			"custom_properties.custom_property.0.value": "1048576", "console.enabled": "true", "soundcard_enabled": "true", "delete_protected": "true",
			"cpu_shares": "512", "io.threads": "2", "time_zone.name": "Etc/UTC", "migration_downtime": "500",
		} {
			require.Equal(t, want, vm.text(path), "%s: %s", source, path)
		}
	}
	plain := c.get("/vms/" + a.text("id"))
	require.Nil(t, plain.at("console"), "only with all content")
	require.Nil(t, plain.at("initialization.configuration"))
	whole := c.get("/vms/" + a.text("id") + "?all_content=true")
	require.Equal(t, "ovf", whole.text("initialization.configuration.type"))
	require.Contains(t, whole.text("initialization.configuration.data"), "<Name>n1</Name>")
}

func TestSameVMInXML(t *testing.T) {
	c := newStepper(t)
	const body = `<vm><name>n1</name><cluster><name>Default</name></cluster><template><name>ock</name></template>
		<initialization><host_name>h</host_name><nic_configurations><nic_configuration><name>enp1s0</name><on_boot>true</on_boot>
		<boot_protocol>static</boot_protocol><ip><address>10.0.0.5</address><netmask>255.255.255.0</netmask><gateway/><version>v4</version></ip>
		</nic_configuration></nic_configurations></initialization>
		<placement_policy><hosts><host id="` + "HOST" + `"/></hosts></placement_policy><instance_type><name>Small</name></instance_type>
		<custom_properties><custom_property><name>hugepages</name><value>2048</value></custom_property></custom_properties></vm>`
	host := c.search("hosts", "name=host2").text("host.0.id")
	a := c.must(http.StatusAccepted, http.MethodPost, "/vms", strings.ReplaceAll(body, "HOST", host), "Content-Type", "application/xml")
	require.Equal(t, []any{"enp1s0", "255.255.255.0", "true", host, "2048"}, []any{
		a.at("initialization.nic_configurations.nic_configuration.0.name"),
		a.at("initialization.nic_configurations.nic_configuration.0.ip.netmask"),
		a.at("initialization.nic_configurations.nic_configuration.0.on_boot"), a.at("placement_policy.hosts.host.0.id"),
		a.at("custom_properties.custom_property.0.value"),
	})
	require.Equal(t, []any{"2147483648", "1", "1"}, []any{a.at("memory"), a.at("cpu.topology.sockets"), a.at("cpu.topology.cores")}, "of the instance type")
	require.NotEmpty(t, a.text("instance_type.id"))
	x := c.must(http.StatusOK, http.MethodGet, "/vms/"+a.text("id"), "", "Accept", "application/xml")
	for _, part := range []string{`<nic_configuration>`, `<netmask>255.255.255.0</netmask>`, `<custom_property>`, `<host href="/ovirt-engine/api/hosts/` + host,
		`<comment></comment>`, `<description></description>`, `<fqdn></fqdn>`} {
		require.Contains(t, strings.NewReplacer("<comment/>", "<comment></comment>", "<description/>", "<description></description>",
			"<fqdn/>", "<fqdn></fqdn>").Replace(x.raw), part)
	}
}

// What row 12 of the reference's table says clients rely on, for a VM of which nothing was said.
func TestVMAlwaysSaysWhatClientsRelyOn(t *testing.T) {
	c := newStepper(t)
	a := c.get(c.up("n1", ""))
	for _, path := range []string{
		"id", "href", "name", "comment", "description", "status", "memory", "memory_policy.guaranteed", "memory_policy.max", "memory_policy.ballooning",
		"cpu.topology.cores", "cpu.topology.sockets", "cpu.topology.threads", "os.type", "type", "template.id", "original_template.id", "cluster.id",
		"placement_policy.affinity", "high_availability.enabled", "display.type", "display.monitors", "bios.type", "origin", "stateless",
		"delete_protected", "creation_time", "start_time", "fqdn", "initialization", "host.id", "next_run_configuration_exists",
	} {
		require.NotNil(t, a.at(path), path)
	}
}

func TestDefaultsOfANewVM(t *testing.T) {
	inv := inventory.Default()
	inv.Templates = append(inv.Templates, inventory.Template{Name: "office", VMType: "desktop"})
	for name, test := range map[string]struct{ template, more, path, want string }{
		"memory from the template":            {"Blank", ``, "memory", "1073741824"},
		"type from the template":              {"Blank", ``, "type", "server"},
		"maximum is four times the memory":    {"Blank", `,"memory":"2147483648"`, "memory_policy.max", "8589934592"},
		"maximum has a limit":                 {"Blank", `,"memory":"2199023255552"`, "memory_policy.max", "4398046511104"},
		"all memory is guaranteed":            {"Blank", `,"memory":"2147483648"`, "memory_policy.guaranteed", "2147483648"},
		"given maximum":                       {"Blank", `,"memory":"2147483648","memory_policy":{"max":"4294967296"}`, "memory_policy.max", "4294967296"},
		"no serial console":                   {"Blank", ``, "console.enabled", "false"},
		"sound card of the Blank template":    {"Blank", ``, "soundcard_enabled", "true"},
		"no sound card in servers":            {"ock", ``, "soundcard_enabled", "false"},
		"no sound card in high performance":   {"ock", `,"type":"high_performance"`, "soundcard_enabled", "false"},
		"sound card in desktops":              {"ock", `,"type":"desktop"`, "soundcard_enabled", "true"},
		"sound card of a desktop template":    {"office", ``, "soundcard_enabled", "true"},
		"no sound card where that is said":    {"office", `,"soundcard_enabled":"false"`, "soundcard_enabled", "false"},
		"boots from disk":                     {"Blank", ``, "os.boot.devices.device.0", "hd"},
		"instance type gives memory":          {"Blank", `,"instance_type":{"name":"Large"}`, "memory", "8589934592"},
		"memory wins over the instance type":  {"Blank", `,"instance_type":{"name":"Large"},"memory":"1073741824"`, "memory", "1073741824"},
		"instance type gives sockets":         {"Blank", `,"instance_type":{"name":"XLarge"}`, "cpu.topology.sockets", "4"},
		"not highly available":                {"Blank", ``, "high_availability.enabled", "false"},
		"may migrate":                         {"Blank", ``, "placement_policy.affinity", "migratable"},
		"display type makes the console":      {"Blank", `,"display":{"type":"spice","monitors":"1"}`, "display.type", "spice"},
		"ballooning":                          {"Blank", ``, "memory_policy.ballooning", "true"},
		"guaranteed memory below the maximum": {"Blank", `,"memory_policy":{"guaranteed":"536870912"}`, "memory_policy.guaranteed", "536870912"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newStepper(t, olvmsim.Options{Inventory: &inv})
			a := c.call(http.MethodPost, "/vms", `{"name":"n1","cluster":{"name":"Default"},"template":{"name":"`+test.template+`"}`+test.more+`}`)
			require.Equal(t, test.want, a.text(test.path), a.raw)
		})
	}
}

func TestWrongPartsOfAVMAreRefused(t *testing.T) {
	c := newStepper(t)
	blank := func(more string) string {
		return `{"name":"n1","cluster":{"name":"Default"},"template":{"name":"Blank"}` + more + `}`
	}
	template := c.search("templates", "name=ock").text("template.0.id")
	disk := c.get("/templates/" + template + "/diskattachments").text("disk_attachment.0.id")
	placed := func(disk string) string {
		return `,"name":"n1","disk_attachments":{"disk_attachment":[{"disk":` + disk + `}]}`
	}
	for _, test := range []struct {
		path, body string
		status     int
		detail     string
	}{
		{"/vms", blank(`,"placement_policy":{"hosts":{"host":[{"name":"nowhere"}]}}`), 404, "Entity not found: Host: name=nowhere"},
		{"/vms", blank(`,"placement_policy":{"hosts":{"host":[{"id":"42"}]}}`), 400, "Invalid UUID string: 42"},
		{"/vms", blank(`,"instance_type":{"name":"Huge"}`), 404, "Entity not found: InstanceType: name=Huge"},
		{"/vms", blank(`,"initialization":{"nic_configurations":{"nic_configuration":[{"boot_protocol":"magic"}]}}`), 400,
			"magic is not a member of BootProtocol"},
		{"/vms", blank(`,"initialization":{"cloud_init_network_protocol":"x"}`), 400, "x is not a member of CloudInitNetworkProtocol"},
		{"/vms", blank(`,"display":{"type":"fax"}`), 400, "fax is not a member of DisplayType"},
		{"/vms", vmBody(placed(`{"id":"` + vmID + `"}`)), 404, "Entity not found: Disk: id=" + vmID},
		{"/vms", vmBody(placed(`{"id":"` + disk + `","storage_domains":{"storage_domain":[{"name":"data2"}]}}`)), 400,
			"[Cannot add VM. The Template's disk has no copy on Storage Domain data2.]"},
		{"/vms?clone=true", vmBody(placed(`{"id":"` + disk + `","format":"cow","sparse":"false"}`)), 400, ""},
	} {
		a := c.must(test.status, http.MethodPost, test.path, test.body)
		if test.detail == "" {
			require.Contains(t, a.text("detail"), "is incompatible with the storage domain type")
			continue
		}
		require.Equal(t, test.detail, a.text("detail"))
	}
	require.Empty(t, c.s.VMs())
}

func TestRunOnceIsForOneRunOnly(t *testing.T) {
	guests := &recorder{}
	c := newStepper(t, olvmsim.Options{Guests: guests})
	vm := c.vm("n1", "")
	c.must(http.StatusOK, http.MethodPost, vm+"/start", `{"vm":{"initialization":{"custom_script":"{\"a\":1}"},
		"placement_policy":{"hosts":{"host":[{"name":"host3"}]}}}}`)
	require.Equal(t, "host3", c.s.VMs()[0].Host)
	require.Equal(t, "true", c.get(vm).text("run_once"))
	c.pass(time.Minute)
	require.JSONEq(t, `{"a":1,"ignition":{"version":"2.3.0"}}`, string(guests.boot(t, 1).UserData))
	require.Nil(t, c.get(vm).at("initialization.custom_script"))
	c.must(http.StatusOK, http.MethodPost, vm+"/stop", "")
	c.pass(time.Second)
	require.Equal(t, "false", c.get(vm).text("run_once"))
	c.must(http.StatusOK, http.MethodPost, vm+"/start", "")
	require.Equal(t, "host1", c.s.VMs()[0].Host)
}

func TestGuestReportsItsAddressesWhileTheVMIsUp(t *testing.T) {
	c := newStepper(t, olvmsim.Options{Guests: &recorder{}})
	vm := c.vm("n1", `"initialization":{"host_name":"h.example.com"},`)
	nic := c.must(http.StatusCreated, http.MethodPost, vm+"/nics", `{"name":"nic1"}`)
	other := c.must(http.StatusCreated, http.MethodPost, vm+"/nics", `{"name":"nic2"}`)
	silent := func() {
		t.Helper()
		require.Empty(t, c.get(vm+"/reporteddevices").json)
		require.Equal(t, "", c.get(vm).text("fqdn"))
		require.Empty(t, c.search("vms", "ip=192.0.2.7").names("vm"))
	}
	silent()
	c.must(http.StatusOK, http.MethodPost, vm+"/start", "")
	silent()
	c.pass(time.Minute)
	a := c.get(vm + "/reporteddevices")
	require.Equal(t, []any{"192.0.2.7", "v4", "network", "eth0", nic.at("mac.address")}, []any{
		a.at("reported_device.0.ips.ip.0.address"), a.at("reported_device.0.ips.ip.0.version"), a.at("reported_device.0.type"),
		a.at("reported_device.0.name"), a.at("reported_device.0.mac.address"),
	})
	require.Equal(t, "h.example.com", c.get(vm).text("fqdn"))
	require.Equal(t, []string{"n1"}, c.search("vms", "ip=192.0.2.* and fqdn=h.example.com").names("vm"))
	require.NotEmpty(t, c.get(vm+"/nics/"+nic.text("id")+"/reporteddevices").json)
	require.Empty(t, c.get(vm+"/nics/"+other.text("id")+"/reporteddevices").json)
	c.must(http.StatusOK, http.MethodPost, vm+"/shutdown", "")
	silent()
}

func TestNICsArePlugged(t *testing.T) {
	c := newStepper(t)
	vm := c.up("n1", "")
	nic := c.must(http.StatusCreated, http.MethodPost, vm+"/nics", `{"name":"nic1"}`)
	require.Equal(t, "true", nic.text("on_boot"))
	path := vm + "/nics/" + nic.text("id")
	c.refused(http.StatusConflict, "[Cannot edit Interface. The VM Network Interface is plugged to a running VM.]",
		http.MethodPut, path, `{"mac":{"address":"56:6f:00:00:00:99"}}`)
	c.must(http.StatusOK, http.MethodPost, path+"/deactivate", "")
	require.Equal(t, "false", c.get(path).text("plugged"))
	c.must(http.StatusOK, http.MethodPut, path, `{"mac":{"address":"56:6f:00:00:00:99"}}`)
	c.must(http.StatusOK, http.MethodPost, path+"/activate", "{}")
	require.Equal(t, "true", c.get(path).text("plugged"))
	require.Len(t, c.get(path + "/statistics").json["statistic"], 6)
	c.refused(http.StatusBadRequest, `[Cannot add Interface. "nonsense" is not a valid MAC address.]`, http.MethodPost, vm+"/nics",
		`{"name":"nic2","mac":{"address":"nonsense"}}`)
	c.must(http.StatusOK, http.MethodPost, vm+"/suspend", "")
	requireFault(t, c.call(http.MethodPost, path+"/deactivate", ""), true,
		"[Cannot deactivate a Network Interface when VM is not Down, Up or Image-Locked.]")
}

func TestMACAddressesAreReordered(t *testing.T) {
	c := newStepper(t)
	vm := c.vm("n1", "")
	first := c.must(http.StatusCreated, http.MethodPost, vm+"/nics", `{"name":"nic2"}`)
	second := c.must(http.StatusCreated, http.MethodPost, vm+"/nics", `{"name":"nic1"}`)
	c.must(http.StatusOK, http.MethodPost, vm+"/reordermacaddresses", "")
	require.Equal(t, []string{first.text("mac.address"), second.text("mac.address")},
		[]string{c.get(vm + "/nics/" + second.text("id")).text("mac.address"), c.get(vm + "/nics/" + first.text("id")).text("mac.address")})
}

func TestGraphicsConsoles(t *testing.T) {
	c := newStepper(t)
	vm := c.vm("n1", "")
	a := c.get(vm + "/graphicsconsoles")
	require.Equal(t, []any{"766e63", "vnc", idOf(vm)},
		[]any{a.at("graphics_console.0.id"), a.at("graphics_console.0.protocol"), a.at("graphics_console.0.vm.id")})
	require.Nil(t, a.at("graphics_console.0.address"))
	added := c.must(http.StatusCreated, http.MethodPost, vm+"/graphicsconsoles", `{"protocol":"spice"}`)
	require.Equal(t, "7370696365", added.text("id"))
	c.refused(http.StatusConflict, "[Cannot add graphics console. There is one of this type already.]",
		http.MethodPost, vm+"/graphicsconsoles", `{"protocol":"vnc"}`)
	c.must(http.StatusOK, http.MethodPost, vm+"/start", "")
	require.Equal(t, []any{"host1", "5900"}, []any{c.get(vm + "/graphicsconsoles/766e63").at("address"), c.get(vm + "/graphicsconsoles/766e63").at("port")})
	c.refused(http.StatusConflict, "[Cannot remove graphics console. VM is running.]", http.MethodDelete, vm+"/graphicsconsoles/766e63", "")
	ticket := c.must(http.StatusOK, http.MethodPost, vm+"/ticket", `{"ticket":{"expiry":"60"}}`)
	require.Equal(t, "60", ticket.text("ticket.expiry"))
	require.Len(t, ticket.text("ticket.value"), 12)
	c.must(http.StatusOK, http.MethodPost, vm+"/stop", "")
	c.pass(time.Second)
	for _, id := range []string{"766e63", "7370696365"} {
		c.must(http.StatusOK, http.MethodDelete, vm+"/graphicsconsoles/"+id, "")
		require.Equal(t, http.StatusNotFound, c.get(vm+"/graphicsconsoles/"+id).status)
	}
	require.Empty(t, c.get(vm+"/graphicsconsoles").json)
	require.NotNil(t, c.get(vm).at("display"), "libgovirt wants one all the same")
}

func TestPartsOfAVM(t *testing.T) {
	c := newStepper(t)
	vm := c.up("n1", "")
	for _, part := range strings.Fields("applications hostdevices numanodes sessions watchdogs mediateddevices tags affinitylabels permissions") {
		require.Empty(t, c.must(http.StatusOK, http.MethodGet, vm+"/"+part, "").json, part)
	}
	require.Equal(t, "memory.installed", c.get(vm+"/statistics").text("statistic.0.name"))
	c.must(http.StatusOK, http.MethodPut, vm+"/cdroms/"+blankID+"?current=true", `{"file":{"id":"a.iso"}}`)
	require.Equal(t, "a.iso", c.get(vm+"/cdroms/"+blankID+"?current=true").text("file.id"))
	require.Nil(t, c.get(vm+"/cdroms/"+blankID).at("file"), "ejected at the next start")
	for _, action := range strings.Fields("autopincpuandnumanodes export logon maintenance screenshot freezefilesystems thawfilesystems") {
		require.Equal(t, "complete", c.must(http.StatusOK, http.MethodPost, vm+"/"+action, "").text("status"), action)
	}
}
