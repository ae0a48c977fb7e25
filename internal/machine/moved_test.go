package machine

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/olvmsim/inventory"
)

// A move to another management cluster forgets the status: that the VM was seen, and by whom. The Machine still tells that it ran.
func TestAVMThatRanBeforeAMove(t *testing.T) {
	contents := inventory.Default()
	contents.Users = []inventory.User{limited("first@internal"), limited("second@internal")}
	sim := olvmsim.New(t, olvmsim.Options{Inventory: &contents})
	first := newBenchAs(t, sim, contents.Users[0].Name, contents.Users[0].Password)
	second := newBenchAs(t, sim, contents.Users[1].Name, contents.Users[1].Password)
	d := first.machine("demo-1")
	d.Username = contents.Users[0].Name
	first.submit(&d, "demo-1", "192.0.2.11")
	first.until(&d, "it runs", func(p Plan) bool { return p.Running })
	d.Provisioned = true
	moved := d
	moved.Seen, moved.SeenBy = false, ""

	t.Run("is found again", func(t *testing.T) {
		o, err := Observe(context.Background(), first.engine, moved, time.Now())
		require.NoError(t, err)
		require.True(t, o.Ours)
		require.True(t, Next(moved, o, time.Now()).Running)
	})
	t.Run("is not taken for gone by an account that may not see it", func(t *testing.T) {
		d := moved
		d.Username, d.Deleting = contents.Users[1].Name, true
		o, err := Observe(context.Background(), second.engine, d, time.Now())
		require.NoError(t, err)
		plan := Next(d, o, time.Now())
		require.False(t, plan.Gone)
		require.Equal(t, infrav1.PermissionMissingReason, plan.Reason)
		require.Contains(t, plan.Message, "to second@internal, but showed it to whoever made it")
	})
	t.Run("is not made again, however shortly before it was asked for", func(t *testing.T) {
		admin := newBenchAs(t, sim, sim.Username(), sim.Password())
		_, err := sim.Inject(olvmsim.Fault{Effect: olvmsim.Effect{Kind: olvmsim.VMPoweredOff, VM: "demo-1"}})
		require.NoError(t, err)
		admin.until(&moved, "it is down", func(p Plan) bool { return p.Reason == infrav1.NotRunningReason })
		require.NoError(t, admin.engine.Client().RemoveVM(context.Background(), d.VMID))
		admin.engine.Touch(d.VMID)
		actions := admin.until(&moved, "it is missed", func(p Plan) bool { return p.Reason == infrav1.VMNotFoundReason })
		require.Empty(t, actions)
	})
}
