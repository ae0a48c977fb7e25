package machine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// with is a VM that lacks nothing, changed.
func with(status string, change func(*Observation)) Observation {
	o := seen(status)
	change(&o)
	return o
}

func TestWhatAVMNeedsOfItsShape(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	consoles := func(o *Observation) { o.VM.Display = ovirt.DisplayVNC }
	protected := func(o *Observation) { o.VM.DeleteProtected = true }
	for _, r := range []rule{
		{name: "a VM without its tags gets them before it starts",
			want: Desired{Shape: Shape{Tags: []string{"a"}}}, see: seen(ovirt.StatusDown), action: AddTags, reason: infrav1.CreatingReason},
		{name: "... once",
			want: Desired{Shape: Shape{Tags: []string{"a"}}}, see: with(ovirt.StatusDown, func(o *Observation) { o.Tags = []string{"other", "a"} }),
			action: Start, reason: infrav1.StartingReason},
		{name: "... and not while it runs: a change in place is not ours to make",
			want: Desired{Shape: Shape{Tags: []string{"a"}}}, see: seen(ovirt.StatusUp), reason: infrav1.RunningReason, running: true},
		{name: "the consoles of a VM without any are removed before it starts",
			want: Desired{Shape: Shape{Headless: true}}, see: with(ovirt.StatusDown, consoles), action: RemoveConsoles, reason: infrav1.CreatingReason},
		{name: "... once",
			want: Desired{Shape: Shape{Headless: true}}, see: seen(ovirt.StatusDown), action: Start, reason: infrav1.StartingReason},
		{name: "a console that nobody minds stays", see: with(ovirt.StatusDown, consoles), action: Start, reason: infrav1.StartingReason},
		{name: "delete lifts the protection that we asked for",
			want: Desired{Deleting: true, Shape: Shape{Protected: true}}, see: with(ovirt.StatusDown, protected),
			action: LiftProtection, reason: infrav1.DeletingReason},
		{name: "... after the VM was stopped",
			want: Desired{Deleting: true, Shape: Shape{Protected: true}}, see: with(ovirt.StatusUp, protected), action: Stop, reason: infrav1.DeletingReason},
		{name: "... and then removes the VM",
			want: Desired{Deleting: true, Shape: Shape{Protected: true}}, see: seen(ovirt.StatusDown), action: Remove, reason: infrav1.DeletingReason},
		{name: "somebody else's protection stays: the engine refuses, and says why",
			want: Desired{Deleting: true}, see: with(ovirt.StatusDown, protected), action: Remove, reason: infrav1.DeletingReason},
		{name: "a VM that gives its addresses up is removed, too",
			want: Desired{Shape: Shape{Protected: true}},
			see: with(ovirt.StatusDown, func(o *Observation) {
				protected(o)
				o.Rival = &Rival{VMName: "x", Address: "192.0.2.1", Keeps: true}
			}),
			action: LiftProtection, reason: infrav1.AddressConflictReason},
	} {
		t.Run(r.name, func(t *testing.T) { r.holds(t, now) })
	}
}

func TestOnlyMissingTagsAreAdded(t *testing.T) {
	d := Desired{NIC: nic("profile")[0], Shape: Shape{Tags: []string{"a", "b", "c"}}}
	p := Next(d, with(ovirt.StatusDown, func(o *Observation) { o.Tags = []string{"b"} }), time.Now())
	require.Equal(t, []string{"a", "c"}, p.Tags)
}
