package machine

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/engine"
	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/olvmsim/inventory"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

func TestAVMGetsItsNICsInTheirOrderBeforeItStarts(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	want := Desired{NIC: nic("profile")[0], AdditionalNICs: []AdditionalNIC{
		{NIC: ovirt.NIC{Name: "nic2", VNICProfileID: "storage", Interface: "virtio"}},
		{NIC: ovirt.NIC{Name: "nic3", VNICProfileID: "backup", Interface: "e1000"}},
	}}
	second, third := want.AdditionalNICs[0].NIC, want.AdditionalNICs[1].NIC
	other := second
	other.ID, other.VNICProfileID = "n2", "elsewhere"
	for name, tc := range map[string]struct {
		have   []ovirt.NIC
		action Action
		nic    string
	}{
		"the first one first":                  {nil, AddNIC, "nic1"},
		"then the second":                      {nic("profile"), AddNIC, "nic2"},
		"then the third":                       {append(nic("profile"), second), AddNIC, "nic3"},
		"one that came with the template":      {append(nic("profile"), other), UpdateNIC, "nic2"},
		"a gap is filled":                      {append(nic("profile"), third), AddNIC, "nic2"},
		"no start before all of them are made": {append(nic("profile"), second, third), Start, ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := seen(ovirt.StatusDown)
			o.NICs = tc.have
			p := Next(want, o, now)
			require.Equal(t, tc.action, p.Action)
			require.Equal(t, tc.nic, p.NIC.Name)
			if tc.action == UpdateNIC {
				require.Equal(t, "n2", p.NIC.ID)
			}
		})
	}
	t.Run("a VM that ran does not get another one", func(t *testing.T) {
		d := want
		d.Provisioned = true
		require.Equal(t, infrav1.NotRunningReason, Next(d, seen(ovirt.StatusDown), now).Reason)
		require.Equal(t, Nothing, Next(d, seen(ovirt.StatusUp), now).Action)
	})
}

func TestAMarkWithAddressesOfSeveralNetworks(t *testing.T) {
	plain := Mark{Cluster: "ocne/demo", Machine: "ocne/demo-1", Network: "net", Addresses: addrs("192.0.2.7")}
	const comment = `{"ocne":"v1","cluster":"ocne/demo","machine":"ocne/demo-1","network":"net","addresses":["192.0.2.7"]}`
	mine := plain
	mine.Additional = []NICAddresses{{NIC: "nic2", Network: "storage", Addresses: addrs("198.51.100.7", "fd00::7")}}

	t.Run("looks as before without them", func(t *testing.T) {
		require.Equal(t, comment, plain.Comment())
		got, ok := ParseMark(comment)
		require.True(t, ok)
		require.Equal(t, plain, got)
	})
	t.Run("survives the engine", func(t *testing.T) {
		got, ok := ParseMark(mine.Comment())
		require.True(t, ok)
		require.Equal(t, mine, got)
	})
	t.Run("shares an address with another one on whichever network", func(t *testing.T) {
		for name, tc := range map[string]struct {
			other Mark
			want  bool
		}{
			"first and first":             {Mark{Network: "net", Addresses: addrs("192.0.2.7")}, true},
			"additional and first":        {Mark{Network: "storage", Addresses: addrs("fd00::7")}, true},
			"additional and additional":   {Mark{Additional: []NICAddresses{{Network: "storage", Addresses: addrs("198.51.100.7")}}}, true},
			"the address elsewhere":       {Mark{Network: "net", Addresses: addrs("198.51.100.7")}, false},
			"another address":             {Mark{Network: "storage", Addresses: addrs("198.51.100.8")}, false},
			"the additional on the first": {Mark{Additional: []NICAddresses{{Network: "net", Addresses: addrs("192.0.2.7")}}}, true},
		} {
			_, there := mine.Shared(tc.other)
			_, back := tc.other.Shared(mine)
			require.Equal(t, tc.want, there, name)
			require.Equal(t, tc.want, back, name)
		}
	})
	t.Run("holds addresses on each of its networks", func(t *testing.T) {
		each := func(f func(ovirt.VM)) { f(ovirt.VM{ID: "a", Comment: mine.Comment()}) }
		require.Equal(t, map[netip.Addr]string{netip.MustParseAddr("192.0.2.7"): "a"}, Holders(each, "net", "me"))
		require.Len(t, Holders(each, "storage", "me"), 2)
		require.Empty(t, Holders(each, "storage", "a"))
	})
}

func newBenchWithStorageNetwork(t *testing.T) (*bench, engine.NICPlace) {
	contents := inventory.Default()
	contents.Networks = append(contents.Networks, inventory.Network{Name: "storage"})
	contents.VNICProfiles = append(contents.VNICProfiles, inventory.VNICProfile{Name: "storage"})
	sim := olvmsim.New(t, olvmsim.Options{Inventory: &contents})
	b := newBenchAs(t, sim, sim.Username(), sim.Password())
	place, err := b.engine.ResolveNIC(context.Background(), engine.NICNames{DataCenter: "Default", Network: "storage", VNICProfile: "storage"})
	require.NoError(t, err)
	return b, place
}

// Two VMs whose addresses meet on a network beside the nodes' own never run both.
func TestNoTwoVMsRunWithOneAddressOnASecondNetwork(t *testing.T) {
	b, storage := newBenchWithStorageNetwork(t)
	add := func(d *Desired, additional string) {
		d.Owner.Additional = []NICAddresses{{NIC: "nic2", Network: storage.NetworkID, Addresses: addrs(additional)}}
		d.AdditionalNICs = []AdditionalNIC{{
			NIC: ovirt.NIC{Name: "nic2", VNICProfileID: storage.VNICProfileID, Interface: "virtio"}, NetworkID: storage.NetworkID,
		}}
	}
	lower, higher := b.machine("demo-1"), b.machine("demo-2")
	if higher.VMID < lower.VMID {
		lower.VMID, higher.VMID = higher.VMID, lower.VMID
	}
	add(&lower, "198.51.100.7")
	add(&higher, "198.51.100.7")
	b.submit(&higher, "demo-2", "192.0.2.8")
	b.submit(&lower, "demo-1", "192.0.2.7")
	given := b.until(&higher, "the higher id gives up", func(p Plan) bool { return p.Action == GiveUpAddresses })
	require.NotContains(t, given, Start)
	require.Equal(t, []Action{AddNIC, AddNIC, Start}, b.until(&lower, "the lower id runs", running))
	nics, err := b.engine.Client().NICs(context.Background(), lower.VMID)
	require.NoError(t, err)
	require.Len(t, nics, 2)
}

func TestAnAdditionalNICsPlaceIsRememberedAndItsNameTold(t *testing.T) {
	b, storage := newBenchWithStorageNetwork(t)
	names := engine.NICNames{DataCenter: "Default", Network: "storage", VNICProfile: "storage"}
	before := len(b.sim.Requests())
	again, err := b.engine.ResolveNIC(context.Background(), names)
	require.NoError(t, err)
	require.Equal(t, storage, again)
	require.Len(t, b.sim.Requests(), before, "no request more")
	for wrong, want := range map[engine.NICNames]string{
		{DataCenter: "Default", Network: "stroage", VNICProfile: "storage"}: `network "stroage"`,
		{DataCenter: "Default", Network: "storage", VNICProfile: "fast"}:    `vNIC profile "fast" of network "storage"`,
	} {
		_, err := b.engine.ResolveNIC(context.Background(), wrong)
		require.Equal(t, ovirt.NotFound, ovirt.KindOf(err))
		require.ErrorContains(t, err, want)
	}
}
