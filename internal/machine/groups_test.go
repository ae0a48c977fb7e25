package machine

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/engine"
	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/olvmsim/inventory"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// sibling is a machine with a VM that is down, in a group of that kind.
func (b *bench) sibling(name string, hard bool) *Desired {
	b.t.Helper()
	d := b.machine(name)
	mark := GroupMark{Cluster: d.Owner.Cluster, Group: "demo-md-0"}
	d.Siblings = Siblings{Name: GroupName(mark, "Default", hard), Mark: mark, Hard: hard}
	d.VMID = uuid.NewString()
	_, err := b.engine.Client().AddVM(b.t.Context(), ovirt.AddVM{
		ID: d.VMID, Name: name, ClusterID: b.place.ClusterID, TemplateID: ovirt.BlankTemplateID,
	}, CorrelationID(d.VMID))
	require.NoError(b.t, err)
	return &d
}

func (b *bench) groups() []ovirt.AffinityGroup {
	b.t.Helper()
	groups, err := b.engine.Client().AffinityGroups(b.t.Context(), b.place.ClusterID)
	require.NoError(b.t, err)
	return groups
}

func TestManyVMsJoinOneGroupAtOnceWithOneRequestEach(t *testing.T) {
	const many = 20
	b := newBench(t)
	var all []*Desired
	for i := range many {
		all = append(all, b.sibling(fmt.Sprintf("demo-%d", i), false))
	}
	asked := func() int {
		return b.sim.Count(olvmsim.Match{Path: "clusters/*/affinitygroups|clusters/*/affinitygroups/**"})
	}
	before := asked()
	var group sync.WaitGroup
	failed := make([]error, many)
	for i, d := range all {
		group.Go(func() { failed[i] = Act(context.Background(), b.engine, *d, Plan{Action: JoinGroup}) })
	}
	group.Wait()
	for _, err := range failed {
		require.NoError(t, err)
	}
	t.Logf("requests about groups: %d", asked()-before)
	groups := b.groups()
	require.Len(t, groups, 1)
	require.Len(t, groups[0].VMIDs, many)
	require.Equal(t, ovirt.AffinityRule{Enabled: true}, groups[0].VMsRule, "apart, as long as there are hosts")

	for _, d := range all {
		o := Observation{}
		require.NoError(t, observePlacement(t.Context(), b.engine, *d, &o))
		require.True(t, o.InGroup(*d), "what was done is known without asking again")
	}
	for i, d := range all {
		require.Len(t, b.groups(), 1)
		require.NoError(t, b.engine.Client().RemoveVM(t.Context(), d.VMID))
		require.Eventually(t, func() bool {
			_, err := b.engine.Client().VM(t.Context(), d.VMID)
			return ovirt.KindOf(err) == ovirt.NotFound
		}, time.Minute, 5*time.Millisecond)
		require.NoError(t, LeaveGroups(t.Context(), b.engine, b.place.ClusterID, d.Owner.Cluster, d.VMID))
		require.Equal(t, i == many-1, len(b.groups()) == 0, "the last one takes the group along")
	}
}

func TestAGroupThatAnotherProcessMadeOrRemovedIsFound(t *testing.T) {
	b := newBench(t)
	other, err := (&engine.Engines{}).For(engine.Account{URL: b.sim.URL(), Username: b.sim.Username(), Password: b.sim.Password(), CA: b.sim.CA()})
	require.NoError(t, err)
	first, second := b.sibling("demo-1", true), b.sibling("demo-2", true)
	_, err = b.engine.AffinityGroups(t.Context(), b.place.ClusterID) // there is none
	require.NoError(t, err)
	require.NoError(t, Act(t.Context(), other, *first, Plan{Action: JoinGroup}))
	require.NoError(t, Act(t.Context(), b.engine, *second, Plan{Action: JoinGroup}))
	groups := b.groups()
	require.Len(t, groups, 1)
	require.ElementsMatch(t, []string{first.VMID, second.VMID}, groups[0].VMIDs)
	require.True(t, groups[0].VMsRule.Enforcing)

	require.NoError(t, b.engine.Client().RemoveAffinityGroup(t.Context(), b.place.ClusterID, groups[0].ID))
	third := b.sibling("demo-3", true)
	err = Act(t.Context(), other, *third, Plan{Action: JoinGroup})
	require.True(t, editedByOthers(ovirt.KindOf(err)), "%v", err)
	require.NoError(t, Act(t.Context(), other, *third, Plan{Action: JoinGroup}))
	require.Equal(t, []string{third.VMID}, b.groups()[0].VMIDs)
}

func TestAGroupThatIsNotOursIsNeitherJoinedNorRemoved(t *testing.T) {
	b := newBench(t)
	d := b.sibling("demo-1", false)
	foreign, err := b.engine.Client().AddAffinityGroup(t.Context(), ovirt.AffinityGroup{ClusterID: b.place.ClusterID, Name: d.Siblings.Name})
	require.NoError(t, err)
	require.NoError(t, Act(t.Context(), b.engine, *d, Plan{Action: JoinGroup}))
	require.NoError(t, SweepGroups(t.Context(), b.engine, b.place.ClusterID, d.Owner.Cluster))
	require.Equal(t, []ovirt.AffinityGroup{*foreign}, b.groups())
}

func TestASweepTakesEmptyGroupsOfTheClusterOnly(t *testing.T) {
	b := newBench(t)
	d := b.sibling("demo-1", false)
	for name, g := range map[string]ovirt.AffinityGroup{
		"left":          {Description: d.Siblings.Mark.Text()},
		"used":          {Description: d.Siblings.Mark.Text(), VMIDs: []string{d.VMID}},
		"other-cluster": {Description: GroupMark{Cluster: "ocne/other", Group: "md"}.Text()},
		"by-hand":       {Description: "apart"},
	} {
		g.Name, g.ClusterID = name, b.place.ClusterID
		_, err := b.engine.Client().AddAffinityGroup(t.Context(), g)
		require.NoError(t, err)
	}
	require.NoError(t, SweepGroups(t.Context(), b.engine, b.place.ClusterID, d.Owner.Cluster))
	var names []string
	for _, g := range b.groups() {
		names = append(names, g.Name)
	}
	slices.Sort(names)
	require.Equal(t, []string{"by-hand", "other-cluster", "used"}, names)
}

func TestAnAccountThatMayNotEditGroups(t *testing.T) {
	have := inventory.Default()
	have.Users = append(have.Users, limited("operator@internal"))
	sim := olvmsim.New(t, olvmsim.Options{Inventory: &have, TimeScale: 1000})
	admin := newBenchAs(t, sim, sim.Username(), sim.Password())
	b := newBenchAs(t, sim, "operator@internal", "secret of operator@internal")
	for _, hard := range []bool{false, true} {
		d := admin.sibling(fmt.Sprintf("demo-%t", hard), hard)
		err := Act(t.Context(), b.engine, *d, Plan{Action: JoinGroup})
		require.Equal(t, hard, ovirt.KindOf(err) == ovirt.Forbidden, "%v", err)
		o := Observation{}
		require.NoError(t, observePlacement(t.Context(), b.engine, *d, &o))
		require.Equal(t, ovirt.Forbidden, ovirt.KindOf(o.NoGroup), "it is remembered")
	}
	require.Empty(t, admin.groups())
}
