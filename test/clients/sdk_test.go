package clients

import (
	"testing"
	"time"

	ovirtsdk "github.com/ovirt/go-ovirt"
	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/olvmsim/inventory"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// world is an engine with something of everything in it, as both clients see it.
type world struct {
	t    *testing.T
	ours *ovirt.Client
	sdk  *ovirtsdk.SystemService
	vms  []string
}

func populated() inventory.Inventory {
	have := inventory.Default()
	have.Networks = append(have.Networks, inventory.Network{Name: "overlay", ExternalProvider: "ovirt-provider-ovn"}, inventory.Network{Name: "v", VLAN: 7})
	have.VNICProfiles = append(have.VNICProfiles, inventory.VNICProfile{Name: "filtered", Network: "overlay", NetworkFilter: "no-ip-spoofing"},
		inventory.VNICProfile{Name: "device", Network: "ovirtmgmt", PassThrough: true})
	have.Hosts = append(have.Hosts, inventory.Host{Name: "down", Status: "maintenance"})
	have.Templates = append(have.Templates, inventory.Template{
		Name: "two", Description: "with <NICs> & disks", Disks: []inventory.Disk{{Alias: "a"}, {Alias: "b", Data: true, Format: "raw"}},
		NICs: []inventory.NIC{{Name: "nic1", VNICProfile: "ovirtmgmt"}},
	}, inventory.Template{Name: "ock", Version: 2, OSType: "other_linux", BIOSType: "i440fx_sea_bios"})
	have.AffinityLabels = []inventory.AffinityLabel{{Name: "gpu", Hosts: []string{"host2"}}}
	have.Users = []inventory.User{{Name: "operator@internal", Password: "op", Roles: []inventory.Role{
		{Name: "everywhere", Permits: []string{"login"}},
		{Name: "cluster", Permits: []string{"create_vm"}, On: inventory.Object{Type: "cluster", Name: "Default"}},
		{Name: "storage", Permits: []string{"create_disk"}, On: inventory.Object{Type: "storageDomain", Name: "data"}},
		{Name: "center", Permits: []string{"create_vm"}, On: inventory.Object{Type: "dataCenter", Name: "Default"}},
		{Name: "template", Permits: []string{"create_vm"}, On: inventory.Object{Type: "template", Name: "two"}},
	}}}
	return have
}

func newWorld(t *testing.T) *world {
	t.Helper()
	have := populated()
	s := olvmsim.New(t, olvmsim.Options{Inventory: &have, TimeScale: 1000})
	ours, err := ovirt.New(ovirt.Config{URL: s.URL(), Username: s.Username(), Password: s.Password(), CA: s.CA()})
	require.NoError(t, err)
	t.Cleanup(ours.Close)
	connection, err := ovirtsdk.NewConnectionBuilder().URL(s.URL() + "/api").Username(s.Username()).Password(s.Password()).CACert(s.CA()).
		Timeout(30 * time.Second).Build()
	require.NoError(t, err)
	t.Cleanup(func() { _ = connection.Close() })
	w := &world{t: t, ours: ours, sdk: connection.SystemService()}
	w.fill()
	return w
}

// fill makes VMs with our client and with the SDK.
func (w *world) fill() {
	ctx := w.t.Context()
	center := must(w.ours.DataCenterByName(ctx, "Default"))(w.t)
	cluster := must(w.ours.ClusterByName(ctx, center.ID, "Default"))(w.t)
	template := must(w.ours.TemplateByName(ctx, center.ID, "two"))(w.t)
	profile := must(w.ours.VNICProfiles(ctx, must(w.ours.NetworkByName(ctx, center.ID, "overlay"))(w.t).ID))(w.t)[0]
	vm := must(w.ours.AddVM(ctx, ovirt.AddVM{
		ID: "5f3c2c1e-9d0f-4a38-9f5b-0f6f1f0c7a11", Name: "json", Comment: "mark", Description: "a \"b\" <c> & d\nü", ClusterID: cluster.ID,
		TemplateID: template.ID, Memory: 4 << 30, GuaranteedMemory: 2 << 30, MaxMemory: 8 << 30, CPU: ovirt.CPUTopology{Sockets: 2, Cores: 3, Threads: 1},
		OSType: "rhcos_x64", CustomScript: `{"ignition":{"version":"3.4.0"}}`, Clone: true,
		HostIDs: []string{must(w.ours.HostByName(ctx, "host1"))(w.t).ID}, HighAvailability: &ovirt.HighAvailability{Priority: 50},
		LeaseStorageDomainID: must(w.ours.StorageDomainInDataCenter(ctx, center.ID, "data"))(w.t).ID, Display: ovirt.DisplaySPICE,
		QuotaID: must(w.ours.QuotaByName(ctx, center.ID, "Default"))(w.t).ID,
	}, "one"))(w.t)
	w.waitDown(vm.ID)
	must(w.ours.AddNIC(ctx, vm.ID, ovirt.NIC{Name: "nic2", VNICProfileID: profile.ID, Interface: "virtio"}))(w.t)
	require.NoError(w.t, w.ours.StartVM(ctx, vm.ID))

	// The SDK writes text into XML as it is, so what it sends must hold no markup.
	nic := ovirtsdk.NewNicBuilder().Name("xml-nic").VnicProfileBuilder(ovirtsdk.NewVnicProfileBuilder().Id(profile.ID)).MustBuild()
	added, err := w.sdk.VmsService().Add().Vm(ovirtsdk.NewVmBuilder().Name("xml").Comment("plain").
		ClusterBuilder(ovirtsdk.NewClusterBuilder().Name("Default")).TemplateBuilder(ovirtsdk.NewTemplateBuilder().Name("ock")).
		InitializationBuilder(ovirtsdk.NewInitializationBuilder().HostName("h").CustomScript("a: b\n")).MustBuild()).Send()
	require.NoError(w.t, err)
	id := added.MustVm().MustId()
	w.waitDown(id)
	_, err = w.sdk.VmsService().VmService(id).NicsService().Add().Nic(nic).Send()
	require.NoError(w.t, err)
	w.vms = []string{vm.ID, id}
	require.NoError(w.t, w.ours.AddVMTag(ctx, vm.ID, must(w.ours.AddTag(ctx, "kubernetes"))(w.t).ID))
	must(w.ours.AddAffinityGroup(ctx, ovirt.AffinityGroup{
		Name: "apart", ClusterID: cluster.ID, VMsRule: ovirt.AffinityRule{Enabled: true, Enforcing: true}, VMIDs: w.vms,
	}))(w.t)
	require.NoError(w.t, w.ours.AddVMToAffinityLabel(ctx, must(w.ours.AffinityLabels(ctx))(w.t)[0].ID, id))
	w.startUpload(center.ID)
	require.Eventually(w.t, func() bool { return must(w.ours.VM(ctx, vm.ID))(w.t).Status == ovirt.StatusUp }, time.Minute, time.Millisecond)
}

// startUpload makes a disk and an upload into it that waits for its first byte.
func (w *world) startUpload(center string) {
	ctx := w.t.Context()
	disk := must(w.ours.AddDisk(ctx, ovirt.AddDisk{
		ID: "0d9a3f6e-57f1-4a0c-8f5c-7b9c2f1f6a10", Name: "boot", Description: "of an image", Format: ovirt.FormatRaw, Size: 1 << 30,
		StorageDomainID: must(w.ours.StorageDomains(ctx, center))(w.t)[0].ID,
	}, "disk"))(w.t)
	require.Eventually(w.t, func() bool { return must(w.ours.Disk(ctx, disk.ID))(w.t).Status == ovirt.StatusOK }, time.Minute, time.Millisecond)
	transfer := must(w.ours.AddImageTransfer(ctx, ovirt.AddImageTransfer{
		DiskID: disk.ID, Format: ovirt.FormatRaw, InactivityTimeout: 24 * time.Hour, TimeoutPolicy: ovirt.TimeoutPause,
	}, "transfer"))(w.t)
	require.Eventually(w.t, func() bool {
		return must(w.ours.ImageTransfer(ctx, transfer.ID))(w.t).Phase == ovirt.PhaseTransferring
	}, time.Minute, time.Millisecond)
}

func (w *world) waitDown(id string) {
	require.Eventually(w.t, func() bool { return must(w.ours.VM(w.t.Context(), id))(w.t).Status == ovirt.StatusDown }, time.Minute, time.Millisecond)
}

func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		require.NoError(t, err)
		return value
	}
}

// TestSDKAndOurClientAgree reads the same engine with the official Go SDK, in XML, and with our client, in JSON.
func TestSDKAndOurClientAgree(t *testing.T) {
	w := newWorld(t)
	for name, compare := range map[string]func(*testing.T){
		"system": w.system, "dataCenters": w.dataCenters, "clusters": w.clusters, "networks": w.networks, "profiles": w.profiles,
		"templates": w.templates, "storage": w.storage, "hosts": w.hosts, "vms": w.virtualMachines, "devices": w.devices, "disks": w.disks,
		"transfers": w.transfers, "jobs": w.jobs, "permissions": w.permissions, "affinity": w.affinity, "tags": w.tags, "quotas": w.quotas,
	} {
		t.Run(name, compare)
	}
}
