package crash

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/ovirt"
	"github.com/ocne-project/ocne/test/programs"
)

const gib = int64(1) << 30

// disksOf are the disks of a machine's VM by their names, without that of the VM.
func (l *life) disksOf(ctx context.Context, name string) map[string]ovirt.AttachedDisk {
	l.t.Helper()
	attached, err := l.engine.Client.DiskAttachmentsWithDisks(ctx, machine.VMID(l.machine(ctx, name).Spec.ProviderID))
	require.NoError(l.t, err)
	byName := map[string]ovirt.AttachedDisk{}
	for _, a := range attached {
		byName[strings.TrimPrefix(strings.TrimPrefix(a.Disk.Name, name+"-"), name+"_")] = a
	}
	require.Len(l.t, byName, len(attached), "names are unique")
	return byName
}

// domain is the id of a storage domain.
func (l *life) domain(ctx context.Context, name string) string {
	l.t.Helper()
	found, err := l.engine.Client.StorageDomainByName(ctx, name)
	require.NoError(l.t, err)
	return found.ID
}

// expectMessage waits for a machine that waits and says why.
func (l *life) expectMessage(ctx context.Context, name, reason string, words ...string) {
	l.t.Helper()
	l.expectReason(ctx, name, reason)
	programs.Eventually(l.t, name+" says "+strings.Join(words, ", "), func() (bool, string) {
		ready := meta.FindStatusCondition(l.machine(ctx, name).Status.Conditions, infrav1.VMReadyCondition)
		missing := slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(ready.Message, word) })
		return !missing, ready.Message
	})
}

func TestDisksAreMadeAsTheSpecSays(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	l := newLife(ctx, t, "disks")
	l.shape = func(vm *infrav1.VirtualMachine) {
		vm.StorageAllocation, vm.StorageDomainName, vm.BootDiskSize = infrav1.CloneAllocation, "data2", "20GB"
		vm.DataDisks = []infrav1.DataDisk{
			{Name: "etcd", Size: "8GB"},
			{Name: "images", Size: "10Gi", StorageDomainName: "data", Allocation: infrav1.AllocationPreallocated, Interface: infrav1.InterfaceVirtIO},
		}
	}
	l.runMachines(ctx, "clone")
	l.shape = func(vm *infrav1.VirtualMachine) {
		vm.StorageAllocation, vm.StorageDomainName = infrav1.ThinAllocation, "data"
	}
	l.runMachines(ctx, "thin")

	disks := l.disksOf(ctx, "clone")
	require.Len(t, disks, 3)
	boot, etcd, images := disks["Disk1"], disks["etcd"], disks["images"]
	require.Equal(t, 20*gib, boot.Disk.ProvisionedSize)
	require.True(t, boot.Bootable)
	require.Equal(t, []string{l.domain(ctx, "data2")}, boot.Disk.StorageDomainIDs)
	require.Equal(t, 8*gib, etcd.Disk.ProvisionedSize)
	require.Equal(t, []string{l.domain(ctx, "data2")}, etcd.Disk.StorageDomainIDs, "where the boot disk is")
	require.Equal(t, ovirt.FormatCOW, etcd.Disk.Format)
	require.True(t, etcd.Disk.Sparse)
	require.Equal(t, infrav1.InterfaceVirtIOSCSI, etcd.Interface)
	require.True(t, etcd.Active)
	require.Contains(t, etcd.Disk.Description, `"machine":"disks/clone"`)
	require.Equal(t, 10*gib, images.Disk.ProvisionedSize)
	require.Equal(t, []string{l.domain(ctx, "data")}, images.Disk.StorageDomainIDs)
	require.Equal(t, ovirt.FormatRaw, images.Disk.Format)
	require.False(t, images.Disk.Sparse)
	require.Equal(t, infrav1.InterfaceVirtIO, images.Interface)
	for name, vm := range l.vms() {
		want := map[string]string{"clone": ovirt.BlankTemplateID}[name]
		require.Equal(t, want != "", vm.TemplateID == ovirt.BlankTemplateID, "%s depends on the template, or does not", name)
	}

	volume := l.attach(machine.VMID(l.machine(ctx, "clone").Spec.ProviderID), "pvc-1")
	require.NoError(t, l.Delete(ctx, l.machine(ctx, "clone")))
	programs.Eventually(t, "one VM is left", func() (bool, string) { return len(l.engine.Holds(t).VMs) == 1, "" })
	left := l.engine.Holds(t).Disks
	require.Len(t, left, 3, "the template's, the other VM's, and the volume, which is nobody's")
	require.True(t, slices.ContainsFunc(left, func(d olvmsim.Disk) bool { return d.ID == volume }))
}

func (l *life) vms() map[string]ovirt.VM {
	l.t.Helper()
	all, err := l.engine.Client.VMs(context.Background(), "")
	require.NoError(l.t, err)
	byName := map[string]ovirt.VM{}
	for _, vm := range all {
		byName[vm.Name] = vm
	}
	return byName
}

// What only the engine knows is a condition that names what there is, and goes by itself.
func TestAMachineWaitsForStorage(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	l := newLife(ctx, t, "storage")
	add := func(name string, shape func(*infrav1.VirtualMachine)) {
		l.shape = shape
		require.NoError(t, l.createMachine(ctx, name))
	}
	add("misspelt", func(vm *infrav1.VirtualMachine) { vm.StorageDomainName = "dat2" })
	add("thin", func(vm *infrav1.VirtualMachine) { vm.StorageDomainName = "data2" })
	add("small", func(vm *infrav1.VirtualMachine) { vm.BootDiskSize = "10GB" })
	add("full", func(vm *infrav1.VirtualMachine) {
		vm.DataDisks = []infrav1.DataDisk{{Name: "logs", Size: "8GB", StorageDomainName: "data2"}}
	})
	l.setAvailable("data2", gib)
	followAll(ctx, t, []clusterAPI{l.clusterAPI}, "the cluster is there", func(_ clusterAPI, ctx context.Context) (string, error) {
		waits := meta.FindStatusCondition(l.machine(ctx, "misspelt").Status.Conditions, infrav1.VMReadyCondition)
		if waits == nil || waits.Reason != infrav1.NotFoundInEngineReason {
			return fmt.Sprintf("%+v", waits), nil
		}
		return "", nil
	})
	l.expectMessage(ctx, "misspelt", infrav1.NotFoundInEngineReason, `no storage domain "dat2"; there are data, data2`)
	l.expectMessage(ctx, "thin", infrav1.NotFoundInEngineReason,
		`"data2" has no copy of the disk of template "ock"`, `"data" has one`, "storageAllocation: clone")
	l.expectMessage(ctx, "small", infrav1.InvalidSpecReason, "bootDiskSize is 10 GiB", "has 15 GiB already")
	l.expectMessage(ctx, "full", infrav1.OutOfCapacityReason, "Low disk space on Storage Domain data2")

	l.setAvailable("data2", 500*gib)
	l.copyTemplateDisk(ctx, "data2")
	followAll(ctx, t, []clusterAPI{l.clusterAPI}, "what was mended goes on", func(_ clusterAPI, ctx context.Context) (string, error) {
		for _, name := range []string{"thin", "full"} {
			if olvm := l.machine(ctx, name); !provisioned(olvm.Status.Initialization) {
				return fmt.Sprintf("%s: %+v", name, olvm.Status.Conditions), nil
			}
		}
		return "", nil
	})
	require.Equal(t, []string{l.domain(ctx, "data2")}, l.disksOf(ctx, "thin")["Disk1"].Disk.StorageDomainIDs)
	require.Equal(t, []string{l.domain(ctx, "data2")}, l.disksOf(ctx, "full")["logs"].Disk.StorageDomainIDs)
}

// setAvailable sets how much a storage domain has left.
func (l *life) setAvailable(domain string, bytes int64) {
	l.t.Helper()
	body, err := json.Marshal(olvmsim.StorageDomainChange{AvailableBytes: &bytes})
	require.NoError(l.t, err)
	l.engine.Call(l.t, http.MethodPut, olvmsim.StorageDomainPath(domain), body)
}

// copyTemplateDisk does what an administrator does who wants thin VMs in another storage domain.
func (l *life) copyTemplateDisk(ctx context.Context, domain string) {
	l.t.Helper()
	template, err := l.engine.Client.TemplateByName(ctx, "", "ock")
	require.NoError(l.t, err)
	disks, err := l.engine.Client.TemplateDisks(ctx, template.ID)
	require.NoError(l.t, err)
	require.Len(l.t, disks, 1)
	l.engine.Call(l.t, http.MethodPost, "/ovirt-engine/api/disks/"+disks[0].DiskID+"/copy", []byte(`{"storage_domain":{"name":"`+domain+`"}}`))
}

// Whenever the controllers die, one disk comes of one entry of the spec, and deleting the machine leaves none.
func TestKilledWhileDataDisksAreMade(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for _, name := range []string{"GET disks/ID", "POST disks", "POST vms/ID/diskattachments", "PUT vms/ID/diskattachments/ID"} {
		for _, when := range []moment{beforeSend, beforeCommit, beforeReply} {
			first := point{phase: creating, server: engineServer, call: call{name: name, nth: 1}, moment: when}
			t.Run(first.String(), func(t *testing.T) {
				t.Parallel()
				b := l.newBench(t)
				b.shape = func(vm *infrav1.VirtualMachine) {
					vm.BootDiskSize = "20GB"
					vm.DataDisks = []infrav1.DataDisk{{Name: "etcd", Size: "8GB"}, {Name: "logs", Size: "4GB"}}
				}
				trap := b.newTrap(first)
				b.create(trap)
				require.True(t, trap.chosen.Load(), "the controllers were killed")
				vmID := machine.VMID(b.providerID)
				b.expectDisks(vmID, b.name+"_Disk1", b.name+"-etcd", b.name+"-logs")
				b.delete(nil)
				b.expectDisks(vmID)
			})
		}
	}
}

// A machine that is deleted while its data disks are made leaves none, attached or not.
func TestDeletedWhileDataDisksAreMade(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for _, name := range []string{"POST disks", "POST vms/ID/diskattachments"} {
		for _, when := range []moment{beforeSend, beforeReply} {
			first := point{phase: creating, server: engineServer, call: call{name: name, nth: 1}, moment: when}
			t.Run(first.String(), func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				b := l.newBench(t)
				b.shape = func(vm *infrav1.VirtualMachine) { vm.DataDisks = []infrav1.DataDisk{{Name: "etcd", Size: "8GB"}} }
				trap := b.newTrap(first)
				require.NoError(t, b.createCluster(ctx))
				require.NoError(t, b.createMachine(ctx, b.name))
				b.record(trap)
				b.launch()
				b.followUntilSprung(ctx, trap)
				b.expectOneProviderID(ctx)
				require.NoError(t, b.deleteAll(ctx))
				b.launch()
				b.poll(ctx, "nothing is left", trap, b.gone)
				b.expectNothing()
				b.expectDisks(machine.VMID(b.providerID))
			})
		}
	}
}

// expectDisks compares the machine's disks in the engine with their names; each is the VM's.
func (b *bench) expectDisks(vmID string, names ...string) {
	b.t.Helper()
	var have []string
	for _, disk := range b.lab.engine.Holds(b.t).Disks {
		if strings.HasPrefix(disk.Alias, b.name+"-") || strings.HasPrefix(disk.Alias, b.name+"_") {
			require.Equal(b.t, []string{vmID}, disk.VMIDs, disk.Alias)
			have = append(have, disk.Alias)
		}
	}
	require.ElementsMatch(b.t, names, have)
}
