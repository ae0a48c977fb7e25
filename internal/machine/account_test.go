package machine

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/engine"
	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/olvmsim/inventory"
)

// limited is what docs/howto/use-a-limited-account.md gives to an account.
func limited(name string) inventory.User {
	return inventory.User{Name: name, Password: "secret of " + name, Roles: []inventory.Role{
		{Name: "VmCreator", Permits: []string{"login", "create_vm"}, On: inventory.Object{Type: "cluster", Name: "Default"}},
		{Name: "UserTemplateBasedVm", Permits: []string{"create_vm"}, On: inventory.Object{Type: "template", Name: "ock"}},
		{Name: "DiskCreator", Permits: []string{"create_disk"}, On: inventory.Object{Type: "storageDomain", Name: "data"}},
		{Name: "VnicProfileUser", Permits: []string{"configure_vm_network"}, On: inventory.Object{Type: "vnicProfile", Name: "ovirtmgmt"}},
	}}
}

// Each account sees the VMs that it made. With the credentials of another one, a VM that runs is not taken for one that is gone: its
// addresses would be given again, and nobody would remove it.
func TestAVMThatAnotherAccountMadeIsNotTakenForGone(t *testing.T) {
	contents := inventory.Default()
	contents.Users = []inventory.User{limited("first@internal"), limited("second@internal")}
	sim := olvmsim.New(t, olvmsim.Options{Inventory: &contents})
	as := func(user inventory.User) *bench { return newBenchAs(t, sim, user.Name, user.Password) }
	first, second := as(contents.Users[0]), as(contents.Users[1])

	d := first.machine("demo-1")
	d.Username = contents.Users[0].Name
	first.submit(&d, "demo-1", "192.0.2.11")
	d.SeenBy = d.Username
	first.until(&d, "it runs", func(p Plan) bool { return p.Running })
	d.Provisioned = true

	d.Username = contents.Users[1].Name
	for _, deleting := range []bool{false, true} {
		d.Deleting = deleting
		o, err := Observe(context.Background(), second.engine, d, time.Now())
		require.NoError(t, err)
		require.True(t, o.Hidden)
		plan := Next(d, o, time.Now())
		require.False(t, plan.Gone)
		require.Equal(t, Nothing, plan.Action)
		require.Equal(t, infrav1.PermissionMissingReason, plan.Reason)
		require.Contains(t, plan.Message, "does not show the VM "+d.VMID+" to second@internal, but showed it to first@internal")
	}

	d.Username = contents.Users[0].Name
	first.until(&d, "it is gone", func(p Plan) bool { return p.Gone })
}

func TestAVMThatAnotherEngineDoesNotHaveIsNotGone(t *testing.T) {
	b := newBench(t)
	d := b.machine("demo-1")
	d.Seen, d.Provisioned, d.Deleting = true, true, true
	d.MadeIn = uuid.NewString()
	_, err := Observe(t.Context(), b.engine, d, time.Now())
	var other *engine.OtherEngineError
	require.ErrorAs(t, err, &other)
	require.ErrorContains(t, err, infrav1.AbandonAnnotation+"=true")

	d.MadeIn = b.place.ClusterID
	o, err := Observe(t.Context(), b.engine, d, time.Now())
	require.NoError(t, err)
	require.True(t, o.Absent, "by the engine that it was made in")
}
