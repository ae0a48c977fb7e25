package ovirt_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/olvmsim/inventory"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// administrator is an administrator's client of a simulated engine, and the place that it sees there.
func administrator(t *testing.T, change func(*inventory.Inventory)) (*olvmsim.Simulator, *ovirt.Client, place) {
	t.Helper()
	have := inventory.Default()
	change(&have)
	sim := olvmsim.New(t, olvmsim.Options{Inventory: &have, TimeScale: 1000})
	c, err := ovirt.New(ovirt.Config{URL: sim.URL(), Username: sim.Username(), Password: sim.Password(), CA: sim.CA()})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return sim, c, find(t, c)
}

// addBlank makes a VM without disks.
func addBlank(t *testing.T, c *ovirt.Client, where place, id, name string) {
	t.Helper()
	_, err := c.AddVM(t.Context(), ovirt.AddVM{ID: id, Name: name, ClusterID: where.cluster.ID, TemplateID: ovirt.BlankTemplateID}, "add-"+name)
	require.NoError(t, err)
}

func apart() ovirt.AffinityRule { return ovirt.AffinityRule{Enabled: true} }

func TestAnAffinityGroupIsMadeReadChangedAndRemoved(t *testing.T) {
	_, c, where := administrator(t, keep)
	ctx := t.Context()
	addBlank(t, c, where, machineID, "demo-1")
	hosts, err := c.Hosts(ctx, where.cluster.ID)
	require.NoError(t, err)
	groups, err := c.AffinityGroups(ctx, where.cluster.ID)
	require.NoError(t, err)
	require.Empty(t, groups)

	want := ovirt.AffinityGroup{
		Name: "demo", Description: "control plane", ClusterID: where.cluster.ID, Priority: 2.5, VMsRule: apart(),
		HostsRule: ovirt.AffinityRule{Enabled: true, Positive: true, Enforcing: true}, VMIDs: []string{machineID}, HostIDs: []string{hosts[0].ID},
	}
	made, err := c.AddAffinityGroup(ctx, want)
	require.NoError(t, err)
	want.ID = made.ID
	require.Equal(t, want, *made)
	_, err = c.AddAffinityGroup(ctx, ovirt.AffinityGroup{Name: "demo", ClusterID: where.cluster.ID})
	require.ErrorIs(t, err, ovirt.Exists)

	hard := ovirt.AffinityRule{Enabled: true, Enforcing: true}
	want.VMsRule = hard
	made, err = c.UpdateAffinityGroup(ctx, where.cluster.ID, made.ID, ovirt.AffinityGroupUpdate{VMsRule: &hard})
	require.NoError(t, err)
	require.Equal(t, want, *made, "all else stays")
	groups, err = c.AffinityGroups(ctx, where.cluster.ID)
	require.NoError(t, err)
	require.Equal(t, []ovirt.AffinityGroup{want}, groups)

	require.NoError(t, c.RemoveAffinityGroup(ctx, where.cluster.ID, made.ID))
	require.ErrorIs(t, c.RemoveAffinityGroup(ctx, where.cluster.ID, made.ID), ovirt.NotFound)
}

func TestVMsComeIntoAnAffinityGroupOnceAndLeaveIt(t *testing.T) {
	_, c, where := administrator(t, keep)
	ctx := t.Context()
	addBlank(t, c, where, machineID, "demo-1")
	group, err := c.AddAffinityGroup(ctx, ovirt.AffinityGroup{Name: "demo", ClusterID: where.cluster.ID, VMsRule: apart()})
	require.NoError(t, err)
	require.NoError(t, c.AddVMToAffinityGroup(ctx, where.cluster.ID, group.ID, machineID))
	require.ErrorIs(t, c.AddVMToAffinityGroup(ctx, where.cluster.ID, group.ID, machineID), ovirt.Exists)
	groups, err := c.AffinityGroups(ctx, where.cluster.ID)
	require.NoError(t, err)
	require.Equal(t, []string{machineID}, groups[0].VMIDs)

	require.NoError(t, c.RemoveVMFromAffinityGroup(ctx, where.cluster.ID, group.ID, machineID))
	require.ErrorIs(t, c.RemoveVMFromAffinityGroup(ctx, where.cluster.ID, group.ID, machineID), ovirt.NotFound)
	require.ErrorIs(t, c.AddVMToAffinityGroup(ctx, where.cluster.ID, group.ID, group.ID), ovirt.NotFound, "no such VM")
	require.ErrorIs(t, c.AddVMToAffinityGroup(ctx, where.cluster.ID, machineID, machineID), ovirt.NotFound, "no such group")
	require.ErrorIs(t, c.AddVMToAffinityGroup(ctx, where.cluster.ID, group.ID, ""), ovirt.Invalid)
}

func TestEditsOfAnAffinityGroupAtTheSameTimeAreAConflict(t *testing.T) {
	sim, c, where := administrator(t, keep)
	ctx := t.Context()
	addBlank(t, c, where, machineID, "demo-1")
	group, err := c.AddAffinityGroup(ctx, ovirt.AffinityGroup{Name: "demo", ClusterID: where.cluster.ID, VMsRule: apart()})
	require.NoError(t, err)
	_, err = sim.Inject(olvmsim.Fault{
		Match: olvmsim.Match{Method: http.MethodPost, Path: "clusters/*/affinitygroups/*/vms"}, Effect: olvmsim.Effect{Kind: olvmsim.Locked},
	})
	require.NoError(t, err)
	require.ErrorIs(t, c.AddVMToAffinityGroup(ctx, where.cluster.ID, group.ID, machineID), ovirt.Conflict)
}

func TestAnAffinityGroupIsBrokenWhereARuleCannotHold(t *testing.T) {
	_, c, where := administrator(t, func(have *inventory.Inventory) { have.Hosts = have.Hosts[:1] })
	ctx := t.Context()
	group, err := c.AddAffinityGroup(ctx, ovirt.AffinityGroup{Name: "demo", ClusterID: where.cluster.ID, VMsRule: apart()})
	require.NoError(t, err)
	for n, id := range []string{machineID, otherID} {
		_, err := c.AddVM(ctx, ovirt.AddVM{ID: id, Name: "demo-" + string(rune('1'+n)), ClusterID: where.cluster.ID, TemplateID: where.template.ID}, "c")
		require.NoError(t, err)
		require.NoError(t, c.AddVMToAffinityGroup(ctx, where.cluster.ID, group.ID, id))
		require.Eventually(t, func() bool { return c.StartVM(ctx, id) == nil }, patience, 5*time.Millisecond)
	}
	groups, err := c.AffinityGroups(ctx, where.cluster.ID)
	require.NoError(t, err)
	require.True(t, groups[0].Broken)
}

func TestAffinityLabelsSayWhoHasThem(t *testing.T) {
	_, c, where := administrator(t, func(have *inventory.Inventory) {
		have.AffinityLabels = []inventory.AffinityLabel{{Name: "gpu", Implicit: true, Hosts: []string{"host2"}}}
	})
	ctx := t.Context()
	addBlank(t, c, where, machineID, "demo-1")
	hosts, err := c.Hosts(ctx, where.cluster.ID)
	require.NoError(t, err)
	labels, err := c.AffinityLabels(ctx)
	require.NoError(t, err)
	require.Len(t, labels, 1)
	want := ovirt.AffinityLabel{ID: labels[0].ID, Name: "gpu", Implicit: true, HostIDs: []string{hosts[1].ID}}
	require.Equal(t, want, labels[0])

	require.NoError(t, c.AddVMToAffinityLabel(ctx, want.ID, machineID))
	require.NoError(t, c.AddVMToAffinityLabel(ctx, want.ID, machineID), "again")
	require.ErrorIs(t, c.AddVMToAffinityLabel(ctx, want.ID, ""), ovirt.Invalid)
	labels, err = c.AffinityLabels(ctx)
	require.NoError(t, err)
	require.Equal(t, []string{machineID}, labels[0].VMIDs)
	require.NoError(t, c.RemoveVMFromAffinityLabel(ctx, want.ID, machineID))
	require.ErrorIs(t, c.RemoveVMFromAffinityLabel(ctx, want.ID, machineID), ovirt.NotFound)
}
