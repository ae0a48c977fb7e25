package machine

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/ovirt"
)

func (b *bench) submitProtected(d *Desired, name, address string) {
	b.t.Helper()
	mark := d.Owner
	mark.Network, mark.Addresses = b.place.NetworkID, []netip.Addr{netip.MustParseAddr(address)}
	d.Submitted = time.Now()
	require.NoError(b.t, Submit(context.Background(), b.engine, ovirt.AddVM{
		ID: d.VMID, Name: name, Comment: mark.Comment(), ClusterID: b.place.ClusterID, TemplateID: b.place.TemplateID,
		Memory: 1 << 30, CPU: ovirt.CPUTopology{Cores: 1, Sockets: 1, Threads: 1}, OSType: "rhcos_x64", CustomScript: "{}", DeleteProtected: true,
	}))
	d.Seen = true
}

func (b *bench) tagsOf(vmID string) (names []string) {
	b.t.Helper()
	tags, err := b.engine.Client().VMTags(context.Background(), vmID)
	require.NoError(b.t, err)
	for _, tag := range tags {
		names = append(names, tag.Name)
	}
	return names
}

func TestShapeOfAVMInTheEngine(t *testing.T) {
	b := newBench(t)
	shape := Shape{Tags: []string{"payroll", "rack-7"}, Headless: true, Protected: true}
	first, second := b.machine("demo-1"), b.machine("demo-2")
	first.Shape, second.Shape = shape, shape
	b.submitProtected(&first, "demo-1", "192.0.2.7")
	b.submitProtected(&second, "demo-2", "192.0.2.8")
	for _, d := range []*Desired{&first, &second} {
		require.Equal(t, []Action{AddNIC, AddTags, RemoveConsoles, Start}, b.until(d, "the VM runs", running))
		require.ElementsMatch(t, shape.Tags, b.tagsOf(d.VMID))
		vm, err := b.engine.Client().VM(t.Context(), d.VMID)
		require.NoError(t, err)
		require.Empty(t, vm.Display)
		require.True(t, vm.DeleteProtected)
	}
	tags, err := b.engine.Client().Tags(t.Context())
	require.NoError(t, err)
	require.Len(t, tags, 1+len(shape.Tags), "the root, and each tag once")

	third := b.machine("demo-3")
	third.Shape.Tags = []string{"made-meanwhile"}
	b.submitProtected(&third, "demo-3", "192.0.2.9")
	_, err = b.engine.Client().AddTag(t.Context(), "made-meanwhile")
	require.NoError(t, err, "and somebody makes one that it does not hold")
	b.until(&third, "the VM runs", running)
	require.Equal(t, third.Shape.Tags, b.tagsOf(third.VMID))

	first.Provisioned, first.Deleting = true, true
	require.Equal(t, []Action{Stop, LiftProtection, Remove}, b.until(&first, "the VM is gone", gone))
}
