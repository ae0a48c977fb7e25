package ovirt

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const vmReply = `{"id":"` + vmID + `","href":"/ovirt-engine/api/vms/` + vmID + `","name":"demo-1","description":"d","comment":"{\"mark\":1}",
 "status":"up","status_detail":"","stop_reason":"why","type":"server","cluster":{"id":"c1","href":"/x"},"template":{"id":"t1"},
 "original_template":{"id":"t0"}, "host":{"id":"h1"},"memory":"8589934592",
 "memory_policy":{"guaranteed":"4294967296","max":34359738368,"ballooning":"true"},
 "cpu":{"architecture":"x86_64","topology":{"cores":"4","sockets":1,"threads":"1"}},"os":{"type":"rhcos_x64"},"bios":{"type":"q35_ovmf"},
 "creation_time":1767630835851,"initialization":{"custom_script":"{\"ignition\":{}}","regenerate_ssh_keys":"false"},"delete_protected":"false"}`

var wantVM = VM{ // what vmReply means; never changed
	ID: vmID, Name: "demo-1", Description: "d", Comment: `{"mark":1}`, Status: StatusUp, StopReason: "why", Type: "server",
	ClusterID: "c1", TemplateID: "t1", OriginalTemplateID: "t0", HostID: "h1",
	Memory: 8 << 30, GuaranteedMemory: 4 << 30, MaxMemory: 32 << 30, CPU: CPUTopology{Sockets: 1, Cores: 4, Threads: 1},
	Architecture: "x86_64", OSType: "rhcos_x64", BIOSType: "q35_ovmf", HasInitialization: true,
}

func value[T any](pointer *T, err error) (any, error) {
	if pointer == nil {
		return nil, err
	}
	return *pointer, err
}

func none(err error) (any, error) { return nil, err }

// transcript is a call, the request that it makes, the engine's reply, and what the caller gets.
type transcript struct {
	call    func(context.Context, *Client) (any, error)
	request string
	reply   string
	want    any
}

func play(t *testing.T, transcripts []transcript) {
	t.Helper()
	for _, each := range transcripts {
		t.Run(each.request, func(t *testing.T) {
			e := newEngine(t, replyJSON(http.StatusOK, each.reply))
			got, err := each.call(t.Context(), e.client(t))
			require.NoError(t, err)
			require.Equal(t, each.want, got)
			require.Equal(t, []string{each.request}, e.carriedOut())
		})
	}
}

const done = `{"job":{"id":"j1"},"status":"complete"}`

func TestVMCallsOnTheWire(t *testing.T) {
	play(t, []transcript{
		{func(ctx context.Context, c *Client) (any, error) { return value(c.VM(ctx, vmID)) }, "GET /api/vms/" + vmID, vmReply, wantVM},
		{func(ctx context.Context, c *Client) (any, error) { return c.VMs(ctx, "") }, "GET /api/vms", `{}`, []VM{}},
		{func(ctx context.Context, c *Client) (any, error) {
			return c.VMs(ctx, `name="demo 1" and status!="down"`)
		},
			"GET /api/vms?search=name%3D%22demo+1%22+and+status%21%3D%22down%22", `{"vm":[` + vmReply + `,{"id":"v2","initialization":{}}]}`,
			[]VM{wantVM, {ID: "v2"}}},
		{func(ctx context.Context, c *Client) (any, error) { return none(c.ClearInitialization(ctx, vmID)) },
			"PUT /api/vms/" + vmID + ` {"initialization":{"custom_script":""}}`, vmReply, nil},
		{func(ctx context.Context, c *Client) (any, error) { return none(c.StartVM(ctx, vmID)) }, "POST /api/vms/" + vmID + "/start {}", done, nil},
		{func(ctx context.Context, c *Client) (any, error) { return none(c.StartVMWithInitialization(ctx, vmID)) },
			"POST /api/vms/" + vmID + `/start {"use_initialization":"true"}`, done, nil},
		{func(ctx context.Context, c *Client) (any, error) { return none(c.StopVM(ctx, vmID)) },
			"POST /api/vms/" + vmID + `/stop {"force":"true"}`, done, nil},
		{func(ctx context.Context, c *Client) (any, error) { return none(c.ShutdownVM(ctx, vmID)) }, "POST /api/vms/" + vmID + "/shutdown {}", done, nil},
		{func(ctx context.Context, c *Client) (any, error) { return none(c.RemoveVM(ctx, vmID)) }, "DELETE /api/vms/" + vmID, done, nil},
	})
}

func TestDeviceAndJobCallsOnTheWire(t *testing.T) {
	play(t, []transcript{
		{func(ctx context.Context, c *Client) (any, error) { return c.NICs(ctx, vmID) }, "GET /api/vms/" + vmID + "/nics",
			`{"nic":[{"id":"n1","name":"nic1","interface":"virtio","linked":"true","mac":{"address":"56:6f:00:00:00:01"},"vnic_profile":{"id":"p1"}}]}`,
			[]NIC{{ID: "n1", Name: "nic1", Interface: "virtio", MAC: "56:6f:00:00:00:01", VNICProfileID: "p1"}}},
		{func(ctx context.Context, c *Client) (any, error) {
			return value(c.AddNIC(ctx, vmID, NIC{Name: "nic1", VNICProfileID: "p1", Interface: "virtio", MAC: "56:6f:00:00:00:01"}))
		}, "POST /api/vms/" + vmID + `/nics {"name":"nic1","interface":"virtio","vnic_profile":{"id":"p1"},"mac":{"address":"56:6f:00:00:00:01"}}`,
			`{"id":"n1","name":"nic1"}`, NIC{ID: "n1", Name: "nic1"}},
		{func(ctx context.Context, c *Client) (any, error) {
			return value(c.UpdateNIC(ctx, vmID, NIC{ID: "n1", VNICProfileID: "p2"}))
		},
			"PUT /api/vms/" + vmID + `/nics/n1 {"vnic_profile":{"id":"p2"}}`, `{"id":"n1","vnic_profile":{"id":"p2"}}`, NIC{ID: "n1", VNICProfileID: "p2"}},
		{func(ctx context.Context, c *Client) (any, error) { return c.DiskAttachments(ctx, vmID) }, "GET /api/vms/" + vmID + "/diskattachments",
			`{"disk_attachment":[{"id":"d1","bootable":"true","active":true,"interface":"virtio_scsi","disk":{"id":"d1"}}]}`,
			[]DiskAttachment{{ID: "d1", DiskID: "d1", Interface: "virtio_scsi", Bootable: true, Active: true}}},
		{func(ctx context.Context, c *Client) (any, error) { return none(c.DetachDisk(ctx, vmID, "d1")) },
			"DELETE /api/vms/" + vmID + "/diskattachments/d1?detach_only=true", done, nil},
		{func(ctx context.Context, c *Client) (any, error) { return c.Disks(ctx, "") }, "GET /api/disks",
			`{"disk":[{"id":"d1","name":"n","alias":"n","status":"ok","provisioned_size":"10737418240","actual_size":1024},{"id":"d2","alias":"a"}]}`,
			[]Disk{{ID: "d1", Name: "n", Status: "ok", ProvisionedSize: 10 << 30, ActualSize: 1024}, {ID: "d2", Name: "a"}}},
		{func(ctx context.Context, c *Client) (any, error) { return c.Jobs(ctx, "ocne-1_A") }, "GET /api/jobs?search=correlation_id%3Docne-1_A",
			`{"job":[{"id":"j1","description":"Creating VM demo-1","status":"started"}]}`,
			[]Job{{ID: "j1", Description: "Creating VM demo-1", Status: JobStarted}}},
	})
}

func TestInventoryCallsOnTheWire(t *testing.T) {
	play(t, []transcript{
		{func(ctx context.Context, c *Client) (any, error) { return value(c.System(ctx)) }, "GET /api",
			`{"product_info":{"name":"oVirt Engine","vendor":"ovirt.org","version":{"full_version":"4.5.5-1.el9","major":"4","minor":"5"}}}`,
			System{Product: "oVirt Engine", Vendor: "ovirt.org", FullVersion: "4.5.5-1.el9", Major: 4, Minor: 5}},
		{func(ctx context.Context, c *Client) (any, error) { return value(c.DataCenterByName(ctx, "My DC")) },
			"GET /api/datacenters?search=name%3D%22My+DC%22",
			`{"data_center":[{"id":"dc0","name":"my dc"},{"id":"dc1","name":"My DC","status":"up","local":"false"}]}`,
			DataCenter{ID: "dc1", Name: "My DC", Status: "up"}},
		{func(ctx context.Context, c *Client) (any, error) { return value(c.Cluster(ctx, "c1")) }, "GET /api/clusters/c1",
			`{"id":"c1","name":"Default","data_center":{"id":"dc1"}}`, Cluster{ID: "c1", Name: "Default", DataCenterID: "dc1"}},
		{func(ctx context.Context, c *Client) (any, error) {
			return value(c.ClusterByName(ctx, "dc1", "Default"))
		}, "GET /api/datacenters/dc1/clusters",
			`{"cluster":[{"id":"c0","name":"Other"},
			  {"id":"c1","name":"Default","data_center":{"id":"dc1"},"cpu":{"architecture":"x86_64","type":"Intel Nehalem Family"}}]}`,
			Cluster{ID: "c1", Name: "Default", DataCenterID: "dc1", Architecture: "x86_64", CPUType: "Intel Nehalem Family"}},
		{func(ctx context.Context, c *Client) (any, error) {
			return value(c.NetworkByName(ctx, "dc1", "ovirtmgmt"))
		}, "GET /api/datacenters/dc1/networks",
			`{"network":[{"id":"n1","name":"ovirtmgmt","data_center":{"id":"dc1"}}]}`, Network{ID: "n1", Name: "ovirtmgmt", DataCenterID: "dc1"}},
		{func(ctx context.Context, c *Client) (any, error) {
			return value(c.VNICProfileByName(ctx, "n1", "ovirtmgmt"))
		},
			"GET /api/networks/n1/vnicprofiles",
			`{"vnic_profile":[{"id":"p1","name":"ovirtmgmt","network":{"id":"n1"}}]}`, VNICProfile{ID: "p1", Name: "ovirtmgmt", NetworkID: "n1"}},
		{func(ctx context.Context, c *Client) (any, error) { return value(c.StorageDomainByName(ctx, "data")) },
			"GET /api/storagedomains?search=name%3D%22data%22",
			`{"storage_domain":[{"id":"s1","name":"data","type":"data","available":"1099511627776","used":"1024"}]}`,
			StorageDomain{ID: "s1", Name: "data", Type: "data", Available: 1 << 40, Used: 1024}},
		{func(ctx context.Context, c *Client) (any, error) { return c.Hosts(ctx, "c1") }, "GET /api/hosts",
			`{"host":[{"id":"h1","name":"host1","status":"up","memory":"68719476736","cluster":{"id":"c1"}},{"id":"h2","cluster":{"id":"c2"}}]}`,
			[]Host{{ID: "h1", Name: "host1", Status: "up", ClusterID: "c1", Memory: 64 << 30}}},
	})
}

func TestListsForSuggestionsOnTheWire(t *testing.T) {
	play(t, []transcript{
		{func(ctx context.Context, c *Client) (any, error) { return c.DataCenters(ctx) }, "GET /api/datacenters",
			`{"data_center":[{"id":"dc1","name":"Default","status":"up"},{"id":"dc2","name":"Lab"}]}`,
			[]DataCenter{{ID: "dc1", Name: "Default", Status: "up"}, {ID: "dc2", Name: "Lab"}}},
		{func(ctx context.Context, c *Client) (any, error) { return c.Clusters(ctx, "dc1") }, "GET /api/datacenters/dc1/clusters",
			`{"cluster":[{"id":"c1","name":"Default","data_center":{"id":"dc1"}}]}`, []Cluster{{ID: "c1", Name: "Default", DataCenterID: "dc1"}}},
		{func(ctx context.Context, c *Client) (any, error) { return c.Networks(ctx, "dc1") }, "GET /api/datacenters/dc1/networks",
			`{"network":[{"id":"n1","name":"ovirtmgmt"},{"id":"n2","name":"ovn","external_provider":{"id":"op1"}}]}`,
			[]Network{{ID: "n1", Name: "ovirtmgmt"}, {ID: "n2", Name: "ovn", ExternalProviderID: "op1"}}},
		{func(ctx context.Context, c *Client) (any, error) { return c.VNICProfiles(ctx, "n1") }, "GET /api/networks/n1/vnicprofiles",
			`{"vnic_profile":[{"id":"p1","name":"a","pass_through":{"mode":"disabled"},"network_filter":{"id":"f1","href":"/x"}},
			  {"id":"p2","name":"b","pass_through":{"mode":"enabled"}}]}`,
			[]VNICProfile{{ID: "p1", Name: "a", NetworkFilterID: "f1"}, {ID: "p2", Name: "b", PassThrough: true}}},
		{func(ctx context.Context, c *Client) (any, error) { return value(c.NetworkFilter(ctx, "f1")) }, "GET /api/networkfilters/f1",
			`{"id":"f1","name":"vdsm-no-mac-spoofing","version":{"major":"3","minor":"2"}}`, NetworkFilter{ID: "f1", Name: "vdsm-no-mac-spoofing"}},
		{func(ctx context.Context, c *Client) (any, error) { return c.StorageDomains(ctx, "dc1") }, "GET /api/datacenters/dc1/storagedomains",
			`{"storage_domain":[{"id":"s1","name":"data","type":"data","status":"maintenance","available":"1024","used":"0"}]}`,
			[]StorageDomain{{ID: "s1", Name: "data", Type: "data", Status: "maintenance", Available: 1024}}},
		{func(ctx context.Context, c *Client) (any, error) { return c.TemplateDisks(ctx, "t1") }, "GET /api/templates/t1/diskattachments",
			`{"disk_attachment":[{"id":"d1","bootable":"true","interface":"virtio_scsi","disk":{"id":"d1"}}]}`,
			[]DiskAttachment{{ID: "d1", DiskID: "d1", Bootable: true, Interface: "virtio_scsi"}}},
		{func(ctx context.Context, c *Client) (any, error) { return c.TemplateNICs(ctx, "t1") }, "GET /api/templates/t1/nics",
			`{"nic":[{"id":"n1","name":"nic1","interface":"virtio"}]}`, []NIC{{ID: "n1", Name: "nic1", Interface: "virtio"}}},
		{func(ctx context.Context, c *Client) (any, error) { return value(c.Disk(ctx, "d1")) }, "GET /api/disks/d1",
			`{"id":"d1","name":"ock","status":"ok","storage_domains":{"storage_domain":[{"id":"s1"},{"id":"s2"}]}}`,
			Disk{ID: "d1", Name: "ock", Status: "ok", StorageDomainIDs: []string{"s1", "s2"}}},
	})
}

func TestAddVMSendsEverythingInOnePost(t *testing.T) {
	e := newEngine(t, replyJSON(http.StatusAccepted, vmReply))
	vm, err := e.client(t).AddVM(t.Context(), AddVM{
		ID: vmID, Name: "demo-1", Description: "d", Comment: "mark", ClusterID: "c1", TemplateID: "t1",
		Memory: 8 << 30, GuaranteedMemory: 4 << 30, MaxMemory: 16 << 30, CPU: CPUTopology{Sockets: 2, Cores: 2, Threads: 1},
		Architecture: "x86_64", OSType: "rhcos_x64", BIOSType: "q35_ovmf", CustomScript: `{"ignition":{"version":"3.4.0"}}`, Clone: true,
	}, "ocne-create-1")
	require.NoError(t, err)
	require.Equal(t, wantVM, *vm)
	require.Len(t, e.carriedOut(), 1)
	body, found := strings.CutPrefix(e.carriedOut()[0], "POST /api/vms?clone=true ")
	require.True(t, found, e.carriedOut()[0])
	require.JSONEq(t, `{"id":"`+vmID+`","name":"demo-1","description":"d","comment":"mark","type":"server","cluster":{"id":"c1"},"template":{"id":"t1"},
		"memory":"8589934592","memory_policy":{"guaranteed":"4294967296","max":"17179869184"},
		"cpu":{"architecture":"x86_64","topology":{"sockets":"2","cores":"2","threads":"1"}},
		"os":{"type":"rhcos_x64"},"bios":{"type":"q35_ovmf"},"initialization":{"custom_script":"{\"ignition\":{\"version\":\"3.4.0\"}}"}}`, body)
	require.Equal(t, "ocne-create-1", e.headers[0].Get("Correlation-Id"))
	require.Equal(t, "application/json", e.headers[0].Get("Accept"))
	require.Equal(t, "application/json", e.headers[0].Get("Content-Type"))
}

func TestTemplateIsTheNewestVersionInItsDataCenter(t *testing.T) {
	const templates = `{"template":[
	  {"id":"old","name":"ock","cluster":{"id":"c1"},"version":{"version_number":"1"}},
	  {"id":"new","name":"ock","status":"ok","cluster":{"id":"c2"},"version":{"version_number":"10","version_name":"1.31"},
	   "os":{"type":"rhcos_x64"},"memory":"1073741824"},
	  {"id":"elsewhere","name":"ock","cluster":{"id":"c9"},"version":{"version_number":"11"}},
	  {"id":"other","name":"ock-2","cluster":{"id":"c1"},"version":{"version_number":"12"}}]}`
	e := newEngine(t, func(w http.ResponseWriter, r *http.Request) {
		body := templates
		if strings.HasSuffix(r.URL.Path, "/datacenters/dc1/clusters") {
			body = `{"cluster":[{"id":"c1"},{"id":"c2"}]}`
		}
		replyJSON(http.StatusOK, body)(w, r)
	})
	c := e.client(t)
	got, err := c.TemplateByName(t.Context(), "dc1", "ock")
	require.NoError(t, err)
	require.Equal(t, Template{ID: "new", Name: "ock", Status: "ok", Version: 10, VersionName: "1.31", ClusterID: "c2",
		OSType: "rhcos_x64", Memory: 1 << 30}, *got)
	require.Equal(t, []string{"GET /api/templates?search=name%3D%22ock%22", "GET /api/datacenters/dc1/clusters"}, e.carriedOut())

	got, err = c.TemplateByName(t.Context(), "", "ock")
	require.NoError(t, err)
	require.Equal(t, "elsewhere", got.ID, "any data center")

	_, err = c.TemplateByName(t.Context(), "dc1", "Blank")
	require.ErrorIs(t, err, NotFound)
}

func TestTemplatesOfADataCenterAreByNameAndNewestFirst(t *testing.T) {
	e := newEngine(t, func(w http.ResponseWriter, r *http.Request) {
		body := `{"template":[{"id":"o1","name":"ock","cluster":{"id":"c1"},"version":{"version_number":"1"}},
		  {"id":"x","name":"elsewhere","cluster":{"id":"c9"}},{"id":"0","name":"Blank"},
		  {"id":"o2","name":"ock","cluster":{"id":"c1"},"version":{"version_number":"2"}}]}`
		if strings.HasSuffix(r.URL.Path, "/datacenters/dc1/clusters") {
			body = `{"cluster":[{"id":"c1"}]}`
		}
		replyJSON(http.StatusOK, body)(w, r)
	})
	templates, err := e.client(t).Templates(t.Context(), "dc1")
	require.NoError(t, err)
	ids := []string{}
	for _, each := range templates {
		ids = append(ids, each.ID)
	}
	require.Equal(t, []string{"0", "o2", "o1"}, ids)
}

func TestInitializationIsHeldOnlyWithACustomScript(t *testing.T) {
	for body, want := range map[string]bool{
		`{}`:                    false,
		`{"initialization":{}}`: false,
		`{"initialization":{"regenerate_ssh_keys":"false"}}`: false,
		`{"initialization":{"custom_script":""}}`:            false,
		`{"initialization":{"custom_script":"x"}}`:           true,
	} {
		vm, err := newEngine(t, replyJSON(http.StatusOK, body)).client(t).VM(t.Context(), vmID)
		require.NoError(t, err)
		require.Equal(t, want, vm.HasInitialization, body)
	}
}

func TestNumbersAndBooleansAreStringsOnTheWire(t *testing.T) {
	type both struct {
		N integer
		B boolean
	}
	for _, text := range []string{`{"N":"8589934592","B":"true"}`, `{"N":8589934592,"B":true}`} {
		var got both
		require.NoError(t, json.Unmarshal([]byte(text), &got))
		require.Equal(t, both{8 << 30, true}, got)
	}
	out, err := json.Marshal(both{8 << 30, true})
	require.NoError(t, err)
	require.JSONEq(t, `{"N":"8589934592","B":"true"}`, string(out))
	var empty both
	require.NoError(t, json.Unmarshal([]byte(`{"N":null,"B":""}`), &empty))
	require.Error(t, json.Unmarshal([]byte(`{"N":"1.5"}`), &empty))
	require.Error(t, json.Unmarshal([]byte(`{"B":"perhaps"}`), &empty))
}

func TestCallsThatWouldHitTheWrongObjectAreNotMade(t *testing.T) {
	e := newEngine(t, replyJSON(http.StatusOK, `{}`))
	c := e.client(t)
	for _, call := range []func() error{
		func() error { return c.RemoveVM(t.Context(), "") },
		func() error { return c.StopVM(t.Context(), "..") },
		func() error { return c.DetachDisk(t.Context(), vmID, "") },
		func() error { _, err := c.UpdateNIC(t.Context(), vmID, NIC{Name: "nic1"}); return err },
		func() error { _, err := c.AddVM(t.Context(), AddVM{Name: "demo-1"}, "c1"); return err },
		func() error {
			_, err := c.AddVM(t.Context(), AddVM{ID: vmID, Name: "demo-1"}, strings.Repeat("x", 37))
			return err
		},
		func() error { _, err := c.Jobs(t.Context(), "x or status=started"); return err },
		func() error { _, err := c.DataCenterByName(t.Context(), `x" or name="y`); return err },
	} {
		require.ErrorIs(t, call(), Invalid)
	}
	require.Empty(t, e.carriedOut())
	_, err := c.VM(t.Context(), "a/../b")
	require.NoError(t, err)
	require.Equal(t, []string{"GET /api/vms/a%2F..%2Fb"}, e.carriedOut(), "an id is one path segment")
}

func TestSearchTerms(t *testing.T) {
	term, err := SearchTerm("name", "My DC_1.a-b")
	require.NoError(t, err)
	require.Equal(t, `name="My DC_1.a-b"`, term)
	for _, value := range []string{"", `a"b`, `a\`, "a*", "a\nb"} {
		_, err := SearchTerm("name", value)
		require.ErrorIs(t, err, Invalid, value)
	}
	_, err = SearchTerm("name = x or name", "y")
	require.ErrorIs(t, err, Invalid)
}
