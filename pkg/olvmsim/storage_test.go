package olvmsim_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/olvmsim/inventory"
)

const diskID = "7d5ff9f5-1d2c-4a4e-8f1e-0123456789ab"

func TestADiskIsLockedUntilItsJobIsDone(t *testing.T) {
	s := newSite(t, olvmsim.Options{})
	a := s.must(http.StatusAccepted, http.MethodPost, "/disks", `{"id":"`+diskID+`","name":"d","description":"of mine","format":"cow",
		"provisioned_size":"1073741824","initial_size":"1048576","backup":"incremental","storage_domains":{"storage_domain":[{"name":"data"}]}}`,
		"Correlation-Id", "new")
	require.Equal(t, diskID, a.text("id"))
	require.Equal(t, "locked", a.text("status"))
	require.Equal(t, "started", s.search("jobs", "correlation_id=new").text("job.0.status"))
	s.pass(time.Second)
	require.Equal(t, "finished", s.search("jobs", "correlation_id=new").text("job.0.status"))
	disk := s.get("/disks/" + diskID)
	for field, want := range map[string]string{
		"alias": "d", "name": "d", "description": "of mine", "status": "ok", "format": "cow", "provisioned_size": "1073741824", "sparse": "true",
		"shareable": "false", "wipe_after_delete": "false", "propagate_errors": "false", "storage_type": "image", "content_type": "data",
		"qcow_version": "qcow2_v3", "backup": "incremental", "actual_size": "200704", "total_size": "200704",
	} {
		require.Equal(t, want, disk.text(field), field)
	}
	for _, field := range []string{"image_id", "storage_domains.storage_domain.0.id", "disk_profile.id", "quota.id"} {
		require.NotEmpty(t, disk.text(field), field)
	}
	dc := s.get("/datacenters").text("data_center.0.id")
	require.Equal(t, "Default", s.get("/datacenters/"+dc+"/quotas/"+disk.text("quota.id")).text("name"))
	require.Equal(t, []string{"d"}, s.search("disks", "alias=d and status=ok and storage.name=data").names("disk"))
}

func TestADiskGrowsAndDoesNotShrink(t *testing.T) {
	s := newSite(t, olvmsim.Options{})
	disk := s.disk("raw", `"sparse":false,`)
	require.Equal(t, "1048576", s.get(disk).text("actual_size"), "it is preallocated")
	a := s.must(http.StatusOK, http.MethodPut, disk, `{"alias":"e","description":"x","wipe_after_delete":true}`)
	require.Equal(t, []string{"e", "x", "true", "ok"},
		[]string{a.text("alias"), a.text("description"), a.text("wipe_after_delete"), a.text("status")})
	a = s.must(http.StatusOK, http.MethodPut, disk, `{"provisioned_size":2097152}`, "Correlation-Id", "grow")
	require.Equal(t, "locked", a.text("status"))
	s.must(http.StatusConflict, http.MethodPut, disk, `{"alias":"f"}`)
	s.pass(time.Second)
	require.Equal(t, "finished", s.search("jobs", "correlation_id=grow").text("job.0.status"))
	a = s.get(disk)
	require.Equal(t, []string{"2097152", "2097152", "ok", "e"},
		[]string{a.text("provisioned_size"), a.text("actual_size"), a.text("status"), a.text("alias")})
	s.must(http.StatusBadRequest, http.MethodPut, disk, `{"provisioned_size":1048576}`)
}

// templateOf makes a template from a VM with the disk and returns the paths of the template and of its disk.
func (s site) templateOf(name, disk string) (template, templateDisk string) {
	s.t.Helper()
	vm := s.must(http.StatusCreated, http.MethodPost, "/vms", `{"name":"of-`+name+`","cluster":{"name":"Default"},"template":{"name":"Blank"}}`).text("id")
	s.must(http.StatusCreated, http.MethodPost, "/vms/"+vm+"/diskattachments",
		`{"bootable":true,"active":true,"interface":"virtio_scsi","disk":{"id":"`+strings.TrimPrefix(disk, "/disks/")+`"}}`)
	a := s.must(http.StatusAccepted, http.MethodPost, "/templates", `{"name":"`+name+`","vm":{"id":"`+vm+`"}}`)
	s.pass(time.Minute)
	template = "/templates/" + a.text("id")
	require.Equal(s.t, "ok", s.get(template).text("status"))
	return template, "/disks/" + s.get(template+"/diskattachments").text("disk_attachment.0.id")
}

func TestATemplatesDiskIsCopiedToAnotherStorageDomain(t *testing.T) {
	s := newSite(t, olvmsim.Options{})
	_, disk := s.templateOf("t1", s.disk("cow", ""))
	domain := s.search("storagedomains", "name=data2").text("storage_domain.0.id")
	copied := "/storagedomains/" + domain + disk
	require.Equal(t, http.StatusNotFound, s.get(copied).status)
	body := `{"storage_domain":{"name":"data2"},"disk":{"id":"` + strings.TrimPrefix(disk, "/disks/") + `"}}`
	a := s.must(http.StatusOK, http.MethodPost, disk+"/copy", body)
	require.Equal(t, "complete", a.text("status"))
	require.NotEmpty(t, a.text("job.id"))
	require.Equal(t, "locked", s.get(disk).text("status"))
	s.pass(time.Minute)
	require.Equal(t, "ok", s.get(copied).text("status"))
	require.Equal(t, domain, s.get(disk).text("storage_domains.storage_domain.1.id"))
	require.Equal(t, []string{"d"}, s.get("/storagedomains/"+domain+"/disks").names("disk"))
	s.must(http.StatusConflict, http.MethodPost, disk+"/copy", body)

	s.must(http.StatusOK, http.MethodDelete, copied, "")
	s.pass(time.Minute)
	require.Equal(t, http.StatusNotFound, s.get(copied).status)
	require.Nil(t, s.get(disk).at("storage_domains.storage_domain.1"))
	first := s.search("storagedomains", "name=data").text("storage_domain.0.id")
	s.must(http.StatusConflict, http.MethodDelete, "/storagedomains/"+first+disk, "")
}

func TestDisksAreCopiedMovedAndTreated(t *testing.T) {
	inv := inventory.Default()
	inv.StorageDomains = append(inv.StorageDomains, inventory.StorageDomain{Name: "lun", Type: "iscsi"})
	s := newSite(t, olvmsim.Options{Inventory: &inv})
	disk := s.disk("cow", "")
	s.must(http.StatusOK, http.MethodPost, disk+"/copy", `{"storage_domain":{"name":"data2"},"disk":{"name":"copy"}}`)
	require.Equal(t, "locked", s.search("disks", "alias=copy").text("disk.0.status"))
	s.pass(time.Minute)
	second := s.search("disks", "alias=copy and storage.name=data2")
	require.Equal(t, "ok", second.text("disk.0.status"))
	require.NotEqual(t, disk, "/disks/"+second.text("disk.0.id"))

	s.must(http.StatusOK, http.MethodPost, disk+"/move", `{"storage_domain":{"name":"lun"}}`)
	require.Equal(t, "locked", s.get(disk).text("status"))
	s.pass(time.Minute)
	require.Equal(t, []string{"d"}, s.search("disks", "storage.name=lun").names("disk"))
	for _, action := range []string{"sparsify", "reduce", "convert"} {
		s.must(http.StatusOK, http.MethodPost, disk+"/"+action, `{}`)
		require.Equal(t, "locked", s.get(disk).text("status"), action)
		s.pass(time.Minute)
		require.Equal(t, "ok", s.get(disk).text("status"), action)
	}
	require.Equal(t, fmt.Sprint(2560*mib), s.get(disk).text("actual_size"), "block storage gives a thin disk its first extent")
	s.must(http.StatusOK, http.MethodPost, disk+"/convert", `{"disk":{"format":"raw","sparse":"false"}}`)
	s.pass(time.Minute)
	require.Equal(t, "raw", s.get(disk).text("format"))
}

func TestADisksUseByAVMIsChanged(t *testing.T) {
	s := newSite(t, olvmsim.Options{})
	vm := "/vms/" + s.must(http.StatusCreated, http.MethodPost, "/vms", `{"name":"n","cluster":{"name":"Default"},"template":{"name":"Blank"}}`).text("id")
	disk := s.disk("raw", "")
	attachment := vm + "/diskattachments/" + strings.TrimPrefix(disk, "/disks/")
	a := s.must(http.StatusCreated, http.MethodPost, vm+"/diskattachments",
		`{"bootable":false,"read_only":true,"disk":{"id":"`+strings.TrimPrefix(disk, "/disks/")+`"}}`)
	require.Equal(t, []string{"false", "false", "true", "virtio"},
		[]string{a.text("active"), a.text("bootable"), a.text("read_only"), a.text("interface")})
	a = s.must(http.StatusOK, http.MethodPut, attachment, `{"bootable":true,"active":true,"read_only":false,"interface":"sata","pass_discard":true,
		"disk":{"alias":"root","provisioned_size":2097152}}`)
	require.Equal(t, []string{"true", "true", "false", "sata", "true"},
		[]string{a.text("active"), a.text("bootable"), a.text("read_only"), a.text("interface"), a.text("pass_discard")})
	s.pass(time.Second)
	require.Equal(t, "2097152", s.get(disk).text("provisioned_size"))
	require.Equal(t, "root", s.get(disk).text("alias"))
	s.must(http.StatusOK, http.MethodPost, vm+"/start", "")
	s.must(http.StatusConflict, http.MethodPut, attachment, `{"interface":"virtio"}`)
	s.must(http.StatusOK, http.MethodPut, attachment, `{"active":true}`)
}

// The refusals of disks, templates and storage domains; those that stand in other tests are not repeated.
func TestStorageIsRefused(t *testing.T) {
	inv := inventory.Default()
	inv.StorageDomains = append(inv.StorageDomains, inventory.StorageDomain{Name: "lun", Type: "iscsi"},
		inventory.StorageDomain{Name: "off", Status: "maintenance"}, inventory.StorageDomain{Name: "full", AvailableBytes: 6 << 30},
		inventory.StorageDomain{Name: "quota"})
	s := newSite(t, olvmsim.Options{Inventory: &inv})
	require.NoError(t, s.s.Engine().SetStorageQuota("quota", 1<<30))
	disk := s.disk("cow", "")
	template, templateDisk := s.templateOf("t1", disk)
	templateID := strings.TrimPrefix(template, "/templates/")
	vm := func(name string) string {
		return "/vms/" + s.search("vms", "name="+name).text("vm.0.id")
	}
	s.must(http.StatusAccepted, http.MethodPost, "/vms", `{"name":"thin","cluster":{"name":"Default"},"template":{"name":"t1"}}`)
	s.pass(time.Minute)
	s.must(http.StatusAccepted, http.MethodPost, "/templates",
		`{"vm":{"name":"of-t1"},"version":{"base_template":{"id":"`+templateID+`"},"version_name":"next"}}`)
	s.pass(time.Minute)
	s.must(http.StatusOK, http.MethodPost, vm("of-t1")+"/start", "")
	busy := s.must(http.StatusAccepted, http.MethodPost, "/disks", newDisk("data", "busy", "raw", "")).text("id")

	post, del, put := http.MethodPost, http.MethodDelete, http.MethodPut
	for _, test := range []struct {
		method, path, body string
		status             int
		detail             string
		action             bool
	}{
		{post, "/disks", `{"format":"raw"}`, 400, "Disk [provisionedSize] required for add", false},
		{post, "/disks", `{"provisioned_size":1}`, 400, "Disk [format] required for add", false},
		{post, "/disks", newDisk("data", "x", "vmdk", ""), 400, "vmdk is not a member of DiskFormat", false},
		{post, "/disks", newDisk("data", "x", "raw", `"id":"42",`), 400, "Invalid UUID string: 42", false},
		{post, "/disks", newDisk("nowhere", "x", "raw", ""), 400, "[Cannot add Virtual Disk. Storage Domain doesn't exist.]", false},
		{post, "/disks", newDisk("data", "x", "raw", `"id":"`+strings.TrimPrefix(disk, "/disks/")+`",`), 409,
			"[Cannot add Virtual Disk. Disk with the given Id already exists.]", false},
		{post, "/disks", newDisk("lun", "x", "raw", ""), 400,
			"[Cannot add Virtual Disk. Disk configuration (RAW Sparse backup-None) is incompatible with the storage domain type.]", false},
		{post, "/disks", newDisk("data", "x", "cow", `"sparse":false,`), 400,
			"[Cannot add Virtual Disk. Disk configuration (COW Preallocated backup-None) is incompatible with the storage domain type.]", false},
		{post, "/disks", newDisk("data", "x", "raw", `"backup":"incremental",`), 400,
			"[Cannot add Virtual Disk. Disk configuration (RAW Sparse backup-Incremental) is incompatible with the storage domain type.]", false},
		{post, "/disks", strings.Replace(newDisk("full", "x", "raw", `"sparse":false,`), "2147483648", "8589934592", 1), 409,
			"[Cannot add Virtual Disk. Low disk space on Storage Domain full.]", false},
		{post, "/disks", newDisk("off", "x", "raw", ""), 409,
			"[Cannot add Virtual Disk. The relevant Storage Domain's status is maintenance.]", false},
		{post, "/disks", newDisk("quota", "x", "raw", ""), 409, "[Cannot add Virtual Disk. Quota has insufficient storage resources.]", false},
		{post, "/disks", newDisk("data", "x", "cow", `"shareable":true,`), 400,
			"[Cannot add Virtual Disk. Disk's volume format is not supported for shareable disk.]", false},
		{put, disk, `{"provisioned_size":1}`, 400, "[Cannot edit Virtual Disk. New disk size must be larger than the current disk size.]", false},
		{put, templateDisk, `{"provisioned_size":1073741824}`, 400, "[Cannot edit Virtual Disk. The disk belongs to a Template.]", false},
		{put, "/disks/" + busy, `{"alias":"y"}`, 409,
			"[Cannot edit Virtual Disk. Related operation is currently in progress. Please try again later.]", false},
		{del, "/disks/" + busy, "", 409,
			"[Cannot remove Virtual Disk: The following disks are locked: busy. Please try again in a few minutes.]", false},
		{post, vm("thin") + "/diskattachments", `{"bootable":false,"disk":{"id":"` + busy + `"}}`, 409,
			"[Cannot attach Virtual Disk: The following disks are locked: busy. Please try again in a few minutes.]", false},
		{del, disk, "", 409, "[Cannot remove Virtual Disk. At least one of the VMs is not down.]", false},
		{del, templateDisk, "", 400,
			"[Cannot remove Virtual Disk. A storage domain must be specified when deleting one of a template's disk's copies.]", false},
		{post, disk + "/move", `{"storage_domain":{"name":"data2"}}`, 409, "[Cannot move Virtual Disk. At least one of the VMs is not down.]", true},
		{post, templateDisk + "/move", `{"storage_domain":{"name":"data2"}}`, 400, "[Cannot move Virtual Disk. The disk belongs to a Template.]", true},
		{post, templateDisk + "/copy", `{"storage_domain":{"name":"x"}}`, 400, "[Cannot copy Virtual Disk. Storage Domain doesn't exist.]", true},
		{post, "/disks/" + busy + "/copy", `{"storage_domain":{"name":"data2"}}`, 409,
			"[Cannot copy Virtual Disk: The following disks are locked: busy. Please try again in a few minutes.]", true},
		{post, templateDisk + "/reduce", "", 400, "[Cannot reduce Virtual Disk. The disk is not a thin one on block storage.]", true},
		{post, templateDisk + "/refreshlun", "", 400, "[Cannot refresh Virtual Disk. The disk is not a LUN.]", true},
		{post, "/templates", `{}`, 400, "Template [name vm.id|name] required for add", false},
		{post, "/templates", `{"name":"t1","vm":{"name":"thin"}}`, 409, "[Cannot add Template. Template name t1 already used.]", false},
		{post, "/templates", `{"name":"t2","vm":{"name":"x"}}`, 404, "Entity not found: Vm: name=x", false},
		{post, "/templates", `{"name":"t2","vm":{"name":"of-t1"}}`, 409,
			"[Cannot add Template. The VM must be down in order to create a Template from it.]", false},
		{post, "/templates", `{"name":"a b","vm":{"name":"thin"}}`, 400,
			"[Cannot add Template. The given name is empty, too long or contains special characters.]", false},
		{del, template, "", 409, "[Cannot delete Template. Template is being used by the following VMs: thin.]", false},
		{del, "/templates/" + blankID, "", 409, "[Cannot remove Template. Removing Blank Template is not allowed.]", false},
	} {
		t.Run(test.method+" "+test.detail, func(t *testing.T) {
			a := s.must(test.status, test.method, test.path, test.body)
			at := "detail"
			if test.action {
				at = "fault.detail"
				require.Equal(t, "failed", a.text("status"))
			}
			require.Equal(t, test.detail, a.text(at), a.raw)
		})
	}
	s.must(http.StatusOK, http.MethodDelete, vm("thin"), "")
	s.pass(time.Minute)
	require.Equal(t, "[Cannot remove Template. It is the base of the Template Versions: next.]",
		s.must(http.StatusConflict, http.MethodDelete, template, "").text("detail"))
}

// newDisk is the body for a disk of 2 GiB.
func newDisk(domain, name, format, more string) string {
	return `{` + more + `"name":"` + name + `","format":"` + format + `","provisioned_size":2147483648,
		"storage_domains":{"storage_domain":[{"name":"` + domain + `"}]}}`
}

func TestATemplateIsMadeFromAVMThatIsDown(t *testing.T) {
	s := newSite(t, olvmsim.Options{})
	vm := s.must(http.StatusAccepted, http.MethodPost, "/vms",
		`{"name":"source","cluster":{"name":"Default"},"template":{"name":"ock"},"memory":2147483648}`).text("id")
	s.pass(time.Minute)
	s.must(http.StatusCreated, http.MethodPost, "/vms/"+vm+"/nics", `{"name":"eth0"}`)
	source := s.get("/vms/" + vm + "/diskattachments").text("disk_attachment.0.id")
	a := s.must(http.StatusAccepted, http.MethodPost, "/templates?clone_permissions=true&seal=true", `{"name":"made","description":"by hand",
		"vm":{"id":"`+vm+`","disk_attachments":{"disk_attachment":[{"disk":{"id":"`+source+`","format":"raw","sparse":true,
		"storage_domains":{"storage_domain":[{"name":"data2"}]}}}]}}}`, "Correlation-Id", "made")
	template := "/templates/" + a.text("id")
	require.Equal(t, "locked", a.text("status"))
	require.Equal(t, "image_locked", s.get("/vms/"+vm).text("status"))
	disk := "/disks/" + s.get(template+"/diskattachments").text("disk_attachment.0.id")
	require.Equal(t, []string{"locked", "locked"}, []string{s.get(disk).text("status"), s.get("/disks/" + source).text("status")})
	require.Equal(t, "[Cannot remove Template. Related operation is currently in progress. Please try again later.]",
		s.must(http.StatusConflict, http.MethodDelete, template, "").text("detail"))
	require.Equal(t, "started", s.search("jobs", "correlation_id=made").text("job.0.status"))
	s.pass(time.Minute)
	require.Equal(t, "finished", s.search("jobs", "correlation_id=made").text("job.0.status"))
	require.Equal(t, "down", s.get("/vms/"+vm).text("status"))
	require.Equal(t, "ok", s.get("/disks/"+source).text("status"))
	made := s.get(template)
	require.Equal(t, []string{"ok", "made", "by hand", "2147483648", "rhcos_x64", "base version", "1"}, []string{
		made.text("status"), made.text("name"), made.text("description"), made.text("memory"), made.text("os.type"),
		made.text("version.version_name"), made.text("version.version_number"),
	})
	require.Equal(t, []string{"ok", "raw"}, []string{s.get(disk).text("status"), s.get(disk).text("format")})
	require.Len(t, s.search("disks", "storage.name=data2").names("disk"), 1)
	for domain, want := range map[string][2][]string{"data": {{"ock"}, {"source"}}, "data2": {{"made"}, {}}} {
		path := "/storagedomains/" + s.search("storagedomains", "name="+domain).text("storage_domain.0.id")
		require.Equal(t, want, [2][]string{s.get(path + "/templates").names("template"), s.get(path + "/vms").names("vm")})
	}
	require.Equal(t, "eth0", s.get(template+"/nics").text("nic.0.name"))
	require.Nil(t, s.get(template+"/nics").at("nic.0.mac"))

	a = s.must(http.StatusAccepted, http.MethodPost, "/templates", `{"name":"ignored","vm":{"name":"source"},
		"version":{"base_template":{"id":"`+made.text("id")+`"},"version_name":"second"}}`)
	s.pass(time.Minute)
	require.Equal(t, []string{"made", "2", "second", made.text("id")}, []string{
		a.text("name"), a.text("version.version_number"), a.text("version.version_name"), a.text("version.base_template.id"),
	})
	require.Equal(t, "renamed", s.must(http.StatusOK, http.MethodPut, template, `{"name":"renamed","comment":"c"}`).text("name"))
	require.Equal(t, "renamed", s.get("/templates/"+a.text("id")).text("name"), "all versions have one name")
	s.must(http.StatusOK, http.MethodDelete, "/templates/"+a.text("id"), "")
	s.pass(time.Minute)
	s.must(http.StatusOK, http.MethodDelete, template, "")
	s.pass(time.Minute)
	require.Equal(t, http.StatusNotFound, s.get(template).status)
	require.Equal(t, http.StatusNotFound, s.get(disk).status)

	blank := s.must(http.StatusCreated, http.MethodPost, "/vms", `{"name":"blank","cluster":{"name":"Default"},"template":{"name":"Blank"}}`).text("id")
	require.Equal(t, "ok", s.must(http.StatusCreated, http.MethodPost, "/templates", `{"name":"empty","vm":{"id":"`+blank+`"}}`).text("status"),
		"without disks there is nothing to wait for")
}

// How an image gets to VMs: it is uploaded to a disk, the disk is attached to a VM, the VM becomes a template. What VMs are
// made from it share its bytes until they write.
func TestAnUploadedDiskBecomesATemplate(t *testing.T) {
	state := t.TempDir()
	s := newSite(t, olvmsim.Options{StateDir: state})
	image := testImage()
	disk := s.imageDisk("image", "cow")
	transfer := s.transfer(disk, "upload", "raw", "")
	s.upload(transfer.text("transfer_url"), image)
	s.finalize(transfer, "finished_success")
	template, templateDisk := s.templateOf("golden", disk)
	s.must(http.StatusOK, http.MethodDelete, "/vms/"+s.search("vms", "name=of-golden").text("vm.0.id"), "")
	s.pass(time.Minute)
	require.Equal(t, http.StatusNotFound, s.get(disk).status, "it was the VM's")
	requireSame(t, image, s.download(templateDisk, "raw"))

	var disks []string
	for _, name := range []string{"n1", "n2"} {
		vm := s.must(http.StatusAccepted, http.MethodPost, "/vms",
			`{"name":"`+name+`","cluster":{"name":"Default"},"template":{"id":"`+strings.TrimPrefix(template, "/templates/")+`"}}`).text("id")
		s.pass(time.Minute)
		disks = append(disks, "/disks/"+s.get("/vms/"+vm+"/diskattachments").text("disk_attachment.0.id"))
	}
	first, err := os.Stat(filepath.Join(state, "images", strings.TrimPrefix(disks[0], "/disks/")))
	require.NoError(t, err)
	second, err := os.Stat(filepath.Join(state, "images", strings.TrimPrefix(disks[1], "/disks/")))
	require.NoError(t, err)
	require.True(t, os.SameFile(first, second), "VMs share the template's bytes")

	transfer = s.transfer(disks[0], "upload", "raw", "")
	require.Equal(t, http.StatusOK, s.raw(http.MethodPut, transfer.text("transfer_url"), "mine").status)
	s.finalize(transfer, "finished_success")
	requireSame(t, image, s.download(disks[1], "raw"))
	requireSame(t, image, s.download(templateDisk, "raw"))
	copy(image, "mine")
	requireSame(t, image, s.download(disks[0], "raw"))
	for _, name := range []string{"n1", "n2"} {
		s.must(http.StatusOK, http.MethodDelete, "/vms/"+s.search("vms", "name="+name).text("vm.0.id"), "")
	}
	s.pass(time.Minute)
	s.must(http.StatusOK, http.MethodDelete, template, "")
	s.pass(time.Minute)
	left, err := os.ReadDir(filepath.Join(state, "images"))
	require.NoError(t, err)
	require.Empty(t, left, "what nobody has takes no space")
}
