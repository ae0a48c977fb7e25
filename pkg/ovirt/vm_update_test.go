package ovirt_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/ovirt"
)

func TestAnUpdateChangesWhatIsSetOnly(t *testing.T) {
	_, c, where := administrator(t, keep)
	ctx := t.Context()
	domains, err := c.StorageDomains(ctx, where.dataCenter.ID)
	require.NoError(t, err)
	hosts, err := c.Hosts(ctx, where.cluster.ID)
	require.NoError(t, err)
	want, err := c.AddVM(ctx, ovirt.AddVM{
		ID: machineID, Name: "demo-1", Description: "d", Comment: "mark", ClusterID: where.cluster.ID, TemplateID: ovirt.BlankTemplateID,
		Memory: 2 << 30, GuaranteedMemory: 1 << 30, MaxMemory: 8 << 30, CPU: ovirt.CPUTopology{Sockets: 1, Cores: 2, Threads: 1},
	}, "c1")
	require.NoError(t, err)
	change := func(u ovirt.VMUpdate) {
		t.Helper()
		got, err := c.UpdateVM(ctx, machineID, u)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	change(ovirt.VMUpdate{})
	want.Description = ""
	change(ovirt.VMUpdate{Description: new("")})
	want.CPU.Sockets = 4
	change(ovirt.VMUpdate{Sockets: new(4)})
	want.Memory, want.GuaranteedMemory, want.MaxMemory = 4<<30, 2<<30, 16<<30
	change(ovirt.VMUpdate{Memory: new(int64(4 << 30)), GuaranteedMemory: new(int64(2 << 30)), MaxMemory: new(int64(16 << 30))})
	want.DeleteProtected = true
	change(ovirt.VMUpdate{DeleteProtected: new(true)})
	want.HostIDs, want.HighAvailability = []string{hosts[0].ID}, &ovirt.HighAvailability{Priority: 100}
	want.LeaseStorageDomainID = domains[0].ID
	change(ovirt.VMUpdate{HostIDs: &want.HostIDs, HighAvailability: want.HighAvailability, LeaseStorageDomainID: &domains[0].ID})
	want.HostIDs, want.HighAvailability, want.LeaseStorageDomainID = nil, nil, ""
	change(ovirt.VMUpdate{HostIDs: new([]string{}), EndHighAvailability: true, LeaseStorageDomainID: new("")})

	_, err = c.UpdateVM(ctx, machineID, ovirt.VMUpdate{GuaranteedMemory: new(int64(64 << 30))})
	require.ErrorIs(t, err, ovirt.Invalid)
	_, err = c.UpdateVM(ctx, otherID, ovirt.VMUpdate{Description: new("x")})
	require.ErrorIs(t, err, ovirt.NotFound)
}

func TestTagsMarkVMsAndFindThem(t *testing.T) {
	_, c, where := administrator(t, keep)
	ctx := t.Context()
	addBlank(t, c, where, machineID, "demo-1")
	addBlank(t, c, where, otherID, "demo-2")
	tag, err := c.AddTag(ctx, "kubernetes")
	require.NoError(t, err)
	_, err = c.AddTag(ctx, "kubernetes")
	require.ErrorIs(t, err, ovirt.Exists)
	tags, err := c.Tags(ctx)
	require.NoError(t, err)
	require.Len(t, tags, 2, "the root too")
	require.Contains(t, tags, *tag)
	require.Equal(t, tags[0].ID, tag.ParentID)

	require.NoError(t, c.AddVMTag(ctx, machineID, tag.ID))
	require.NoError(t, c.AddVMTag(ctx, machineID, tag.ID), "again")
	tags, err = c.VMTags(ctx, machineID)
	require.NoError(t, err)
	require.Equal(t, []ovirt.Tag{*tag}, tags)
	term, err := ovirt.SearchTerm("tag", "kubernetes")
	require.NoError(t, err)
	vms, err := c.VMs(ctx, term)
	require.NoError(t, err)
	require.Len(t, vms, 1)
	require.Equal(t, machineID, vms[0].ID)

	require.NoError(t, c.RemoveVMTag(ctx, machineID, tag.ID))
	require.ErrorIs(t, c.RemoveVMTag(ctx, machineID, tag.ID), ovirt.NotFound)
	require.ErrorIs(t, c.AddVMTag(ctx, machineID, otherID), ovirt.NotFound)
	require.ErrorIs(t, c.AddVMTag(ctx, machineID, ""), ovirt.Invalid)
}
