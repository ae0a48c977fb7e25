package machine

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// rule is one situation in a machine's life and the one thing that is done about it.
type rule struct {
	name    string
	want    Desired
	see     Observation
	action  Action
	reason  string
	running bool
	gone    bool
}

func vm(status string) *ovirt.VM { return &ovirt.VM{ID: "id", Name: "demo-1", Status: status} }

func nic(profile string) []ovirt.NIC {
	return []ovirt.NIC{{ID: "n", Name: "nic1", VNICProfileID: profile, Interface: "virtio"}}
}

// seen is a VM of ours that lacks nothing.
func seen(status string) Observation {
	return Observation{VM: vm(status), Ours: true, NICs: nic("profile")}
}

func contested(keeps bool) Observation {
	o := seen(ovirt.StatusDown)
	o.Rival = &Rival{VMName: "x", Address: "192.0.2.1", Keeps: keeps}
	return o
}

func (r rule) holds(t *testing.T, now time.Time) {
	r.want.NIC = nic("profile")[0]
	got := Next(r.want, r.see, now)
	require.Equal(t, r.action, got.Action, "action")
	require.Equal(t, r.reason, got.Reason, "reason")
	require.Equal(t, r.running, got.Running, "running")
	require.Equal(t, r.gone, got.Gone, "gone")
	require.Equal(t, r.running, got.Status == metav1.ConditionTrue, "status")
	require.NotEmpty(t, got.Message)
	require.Equal(t, got, Next(r.want, r.see, now), "pure")
}

func TestWhatAMachineNeedsToRun(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, r := range []rule{
		{name: "a machine that was never asked for is created", see: Observation{Absent: true}, action: Create, reason: infrav1.CreatingReason},
		{name: "a request whose answer was lost is repeated: the engine makes one VM of one id",
			want: Desired{Submitted: now.Add(-time.Second)}, see: Observation{}, action: Create, reason: infrav1.CreatingReason},
		{name: "... but not while the engine works on it",
			want: Desired{Submitted: now.Add(-time.Second)}, see: Observation{Underway: true}, reason: infrav1.CreatingReason},
		{name: "a VM that was provisioned and is gone is never made again",
			want: Desired{Provisioned: true}, see: Observation{Absent: true}, reason: infrav1.VMNotFoundReason},
		{name: "a VM that vanished before it ran is made again",
			want: Desired{Seen: true}, see: Observation{Absent: true}, action: Create, reason: infrav1.CreatingReason},
		{name: "a VM with our id and somebody else's mark is not touched",
			see: Observation{VM: vm(ovirt.StatusDown)}, reason: infrav1.NotOursReason},
		{name: "while the engine copies the disk nothing is done", see: seen(ovirt.StatusImageLocked), reason: infrav1.CreatingReason},
		{name: "a VM without its NIC gets it",
			see: Observation{VM: vm(ovirt.StatusDown), Ours: true}, action: AddNIC, reason: infrav1.CreatingReason},
		{name: "a NIC that the template brought along is moved to the wanted profile",
			see:    Observation{VM: vm(ovirt.StatusDown), Ours: true, NICs: nic("other")},
			action: UpdateNIC, reason: infrav1.CreatingReason},
		{name: "no VM starts with an address that another VM won",
			see: contested(true), action: GiveUpAddresses,
			reason: infrav1.AddressConflictReason},
		{name: "... nor while the other one has not given it up yet",
			want:   Desired{Submitted: now.Add(-time.Second)},
			see:    contested(false),
			reason: infrav1.AddressConflictReason},
		{name: "... which is not waited for without end",
			want:   Desired{Submitted: now.Add(-time.Hour)},
			see:    contested(false),
			action: GiveUpAddresses, reason: infrav1.AddressConflictReason},
		{name: "a VM that is complete is started", see: seen(ovirt.StatusDown), action: Start, reason: infrav1.StartingReason},
		{name: "a VM that fell back to down is not started at once again",
			want: Desired{Started: now.Add(-time.Second)}, see: seen(ovirt.StatusDown), reason: infrav1.StartingReason},
		{name: "... but later",
			want: Desired{Started: now.Add(-time.Minute)}, see: seen(ovirt.StatusDown), action: Start, reason: infrav1.StartingReason},
		{name: "a started VM counts as provisioned before it is up: a guest without an agent is reported up only after a minute",
			see: seen(ovirt.StatusWaitForLaunch), reason: infrav1.RunningReason, running: true},
		{name: "powering up counts, too", see: seen(ovirt.StatusPoweringUp), reason: infrav1.RunningReason, running: true},
		{name: "the boot document stays until the node has joined", see: seen(ovirt.StatusUp), reason: infrav1.RunningReason, running: true},
		{name: "... and is cleared then",
			want: Desired{NodeJoined: true}, see: seen(ovirt.StatusUp), action: ClearInitialization, reason: infrav1.RunningReason, running: true},
		{name: "... once",
			want: Desired{NodeJoined: true, Cleared: true}, see: seen(ovirt.StatusUp), reason: infrav1.RunningReason, running: true},
		{name: "a provisioned VM that somebody powered off stays off",
			want: Desired{Provisioned: true}, see: seen(ovirt.StatusDown), reason: infrav1.NotRunningReason},
		{name: "a VM that the engine lost contact with is neither running nor down",
			want: Desired{Provisioned: true}, see: seen(ovirt.StatusNotResponding), reason: infrav1.NotRunningReason},
	} {
		t.Run(r.name, func(t *testing.T) { r.holds(t, now) })
	}
}

func TestWhatIsDoneToDelete(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, r := range []rule{
		{name: "a VM with our id and somebody else's mark is not touched, not even to delete it",
			want: Desired{Deleting: true}, see: Observation{VM: vm(ovirt.StatusUp)}, reason: infrav1.NotOursReason},
		{name: "delete stops a running VM", want: Desired{Deleting: true}, see: seen(ovirt.StatusUp), action: Stop, reason: infrav1.DeletingReason},
		{name: "delete waits for a VM that is being made", want: Desired{Deleting: true}, see: seen(ovirt.StatusImageLocked), reason: infrav1.DeletingReason},
		{name: "delete waits for the power to go off",
			want: Desired{Deleting: true, Stopped: now.Add(-time.Second)}, see: seen(ovirt.StatusPoweringDown), reason: infrav1.DeletingReason},
		{name: "... but not without end",
			want: Desired{Deleting: true, Stopped: now.Add(-time.Minute)}, see: seen(ovirt.StatusPoweringDown), action: Stop, reason: infrav1.DeletingReason},
		{name: "... nor for a shutdown that somebody else asked for, which the guest may ignore",
			want: Desired{Deleting: true}, see: seen(ovirt.StatusPoweringDown), action: Stop, reason: infrav1.DeletingReason},
		{name: "delete waits while the engine saves the guest's memory, as it refuses to stop it",
			want: Desired{Deleting: true}, see: seen(ovirt.StatusSavingState), reason: infrav1.DeletingReason},
		{name: "delete detaches foreign disks first: the engine removes attached disks with the VM",
			want: Desired{Deleting: true}, see: Observation{VM: vm(ovirt.StatusDown), Ours: true, ForeignDisks: []string{"pv"}},
			action: DetachDisk, reason: infrav1.DeletingReason},
		{name: "delete removes a VM that is down", want: Desired{Deleting: true}, see: seen(ovirt.StatusDown), action: Remove, reason: infrav1.DeletingReason},
		{name: "delete is finished when the VM is positively absent",
			want: Desired{Deleting: true}, see: Observation{Absent: true}, reason: infrav1.DeletingReason, gone: true},
		{name: "delete is not finished while a lost request may still make the VM",
			want: Desired{Deleting: true, Submitted: now.Add(-time.Second)}, see: Observation{}, reason: infrav1.DeletingReason},
	} {
		t.Run(r.name, func(t *testing.T) { r.holds(t, now) })
	}
}

func TestMark(t *testing.T) {
	mine := Mark{Cluster: "ocne/demo", Machine: "ocne/demo-1", Network: "net", Addresses: addrs("192.0.2.7", "fd00::7")}

	t.Run("survives the engine", func(t *testing.T) {
		got, ok := ParseMark(mine.Comment())
		require.True(t, ok)
		require.Equal(t, mine, got)
	})
	t.Run("what people write into a comment is no mark", func(t *testing.T) {
		for _, comment := range []string{"", "my VM", "{}", `{"ocne":"v9"}`, `{"ocne":`} {
			_, ok := ParseMark(comment)
			require.False(t, ok, comment)
		}
	})
	t.Run("two marks share an address only on one network", func(t *testing.T) {
		other := Mark{Network: "net", Addresses: addrs("fd00::7")}
		shared, ok := mine.Shared(other)
		require.True(t, ok)
		require.Equal(t, "fd00::7", shared.String())
		other.Network = "elsewhere"
		_, ok = mine.Shared(other)
		require.False(t, ok)
	})
	t.Run("the lower id is listed as the holder", func(t *testing.T) {
		vms := []ovirt.VM{{ID: "b", Comment: mine.Comment()}, {ID: "a", Comment: mine.Comment()}, {ID: "me", Comment: mine.Comment()}, {ID: "z"}}
		held := Holders(func(f func(ovirt.VM)) {
			for _, vm := range vms {
				f(vm)
			}
		}, "net", "me")
		require.Len(t, held, 2)
		require.Equal(t, "a", held[mine.Addresses[0]])
	})
}

func TestVMName(t *testing.T) {
	const id = "0123abcd-0000-0000-0000-000000000000"
	long := "demo-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-b"
	require.Equal(t, "demo-1", VMName("demo-1", id, false), "the machine's name")
	require.Equal(t, "demo-1-0123a", VMName("demo-1", id, true), "a foreign VM has it")
	require.Equal(t, 64, len(VMName(long+"0123456789", id, false)), "the engine's limit")
	require.Equal(t, id, VMID(ProviderID(id)))
	require.Empty(t, VMID("aws:///i-1"))
}

func addrs(list ...string) (out []netip.Addr) {
	for _, s := range list {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}
