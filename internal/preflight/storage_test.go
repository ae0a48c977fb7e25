package preflight

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// What machines ask of storage is checked before a VM is made.
func TestStorageThatMachinesNameIsLookedAt(t *testing.T) {
	sim := olvmsim.New(t)
	engine, err := ovirt.New(ovirt.Config{URL: sim.URL(), Username: sim.Username(), Password: sim.Password(), CA: sim.CA()})
	require.NoError(t, err)
	t.Cleanup(engine.Close)
	require.NoError(t, sim.SetStorageAvailable("data2", 20*gib))
	for name, test := range map[string]struct {
		vm            infrav1.VirtualMachine
		subject, want string
	}{
		"nothing is asked": {},
		"unknown domain": {
			infrav1.VirtualMachine{StorageDomainName: "dta"}, "spec.virtualMachine.storageDomainName",
			`sees no storage domain "dta"; it sees "data", "data2"`},
		"thin disk without a copy": {
			infrav1.VirtualMachine{StorageDomainName: "data2"}, "spec.virtualMachine.storageDomainName",
			`storage domain "data2" has no copy of the disk of template "ock", which a thin disk depends on ("data" has one)`},
		"a clone goes anywhere": {vm: infrav1.VirtualMachine{StorageDomainName: "data2", StorageAllocation: infrav1.CloneAllocation}},
		"boot disk too small": {
			infrav1.VirtualMachine{BootDiskSize: "10GB"}, "spec.virtualMachine.bootDiskSize",
			`the boot disk shall have 10.0 GiB, and the disk of template "ock" has 15.0 GiB already`},
		"boot disk of the same size": {vm: infrav1.VirtualMachine{BootDiskSize: "15GB"}},
		"unknown domain of a data disk": {
			infrav1.VirtualMachine{DataDisks: []infrav1.DataDisk{{Name: "logs", Size: "1GB", StorageDomainName: "dta"}}},
			"spec.virtualMachine.dataDisks (logs).storageDomainName", `sees no storage domain "dta"`},
		"no room for preallocated disks": {
			infrav1.VirtualMachine{DataDisks: []infrav1.DataDisk{
				{Name: "a", Size: "10GB", StorageDomainName: "data2", Allocation: infrav1.AllocationPreallocated},
				{Name: "b", Size: "10GB", StorageDomainName: "data2", Allocation: infrav1.AllocationPreallocated},
			}},
			"spec.virtualMachine.dataDisks (b).storageDomainName", `"data2" has 20.0 GiB free, and the preallocated disks of one machine take 20.0 GiB`},
		"room for thin ones": {vm: infrav1.VirtualMachine{DataDisks: []infrav1.DataDisk{{Name: "a", Size: "1Ti", StorageDomainName: "data2"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			findings, err := Machines(context.Background(), engine, Wanted{DataCenter: "Default", Username: "admin", Groups: []Group{{
				Path: "spec.", Cluster: "Default", Network: "ovirtmgmt", VNICProfile: "ovirtmgmt", Template: "ock", NIC: "nic1",
				Disks: DisksOf(test.vm, ""),
			}}})
			require.NoError(t, err)
			if test.want == "" {
				require.Empty(t, findings)
				return
			}
			require.Len(t, findings, 1)
			require.Equal(t, Storage, findings[0].Check)
			require.Equal(t, test.subject, findings[0].Subject)
			require.Contains(t, findings[0].Cause, test.want)
		})
	}
	require.Equal(t, "fast", DisksOf(infrav1.VirtualMachine{StorageDomainName: "slow"}, "fast").Domain, "the failure domain's wins")
}
