package machine

import (
	"cmp"
	"context"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/engine"
	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// bench is one simulated engine and what machines need of it.
type bench struct {
	t      *testing.T
	sim    *olvmsim.Simulator
	engine *engine.Engine
	names  engine.PlaceNames
	place  engine.Place
}

func newBench(t *testing.T) *bench {
	t.Helper()
	sim := olvmsim.New(t)
	return newBenchAs(t, sim, sim.Username(), sim.Password())
}

// newBenchAs sees the engine as the user does.
func newBenchAs(t *testing.T, sim *olvmsim.Simulator, username, password string) *bench {
	t.Helper()
	e, err := (&engine.Engines{}).For(engine.Account{URL: sim.URL(), Username: username, Password: password, CA: sim.CA()})
	require.NoError(t, err)
	names := engine.PlaceNames{DataCenter: "Default", Cluster: "Default", Network: "ovirtmgmt", VNICProfile: "ovirtmgmt", Template: "ock"}
	place, err := e.Resolve(context.Background(), names)
	require.NoError(t, err)
	return &bench{t: t, sim: sim, engine: e, names: names, place: place}
}

func (b *bench) machine(name string) Desired {
	return Desired{
		VMID: uuid.NewString(), Owner: Mark{Cluster: "ocne/demo", Machine: "ocne/" + name}, Names: b.names, Place: b.place,
		NIC: ovirt.NIC{Name: "nic1", VNICProfileID: b.place.VNICProfileID, Interface: "virtio"},
	}
}

func (b *bench) submit(d *Desired, name, address string) {
	b.t.Helper()
	mark := d.Owner
	mark.Network, mark.Addresses = b.place.NetworkID, []netip.Addr{netip.MustParseAddr(address)}
	d.Submitted = time.Now()
	require.NoError(b.t, Submit(context.Background(), b.engine, ovirt.AddVM{
		ID: d.VMID, Name: name, Comment: mark.Comment(), ClusterID: b.place.ClusterID, TemplateID: b.place.TemplateID,
		Memory: 1 << 30, CPU: ovirt.CPUTopology{Cores: 1, Sockets: 1, Threads: 1}, OSType: "rhcos_x64", CustomScript: "{}",
	}))
	d.Seen = true
}

// step observes, plans and acts once.
func (b *bench) step(d *Desired) Plan {
	b.t.Helper()
	if d.Deleting {
		d.Stopped = b.engine.Touched(d.VMID)
	}
	o, err := Observe(context.Background(), b.engine, *d, time.Now())
	require.NoError(b.t, err)
	p := Next(*d, o, time.Now())
	require.NoError(b.t, Act(context.Background(), b.engine, *d, p))
	return p
}

// until repeats steps until the plan is as wanted, and returns the actions on the way.
func (b *bench) until(d *Desired, what string, done func(Plan) bool) (actions []Action) {
	b.t.Helper()
	var last Plan
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if last = b.step(d); last.Action != Nothing {
			actions = append(actions, last.Action)
		}
		if done(last) {
			return actions
		}
	}
	require.FailNow(b.t, what, "last plan: %+v", last)
	return nil
}

func running(p Plan) bool { return p.Running }
func gone(p Plan) bool    { return p.Gone }

func TestLifeOfAMachine(t *testing.T) {
	b := newBench(t)
	d := b.machine("demo-1")
	require.Equal(t, Create, b.step(&d).Action, "nothing is there yet")

	b.submit(&d, "demo-1", "192.0.2.7")
	b.submit(&d, "demo-1", "192.0.2.7")
	require.Len(t, b.sim.VMs(), 1, "asked twice, made once")
	require.Equal(t, []Action{AddNIC, Start}, b.until(&d, "the VM runs", running))

	d.Provisioned, d.NodeJoined = true, true
	require.Equal(t, ClearInitialization, b.step(&d).Action)
	require.False(t, b.sim.VMs()[0].HasCustomScript, "the boot document is not kept")
	d.Cleared = true
	require.Equal(t, Nothing, b.step(&d).Action)

	d.Deleting = true
	require.Equal(t, []Action{Stop, Remove}, b.until(&d, "the VM is gone", gone))
	require.Empty(t, b.sim.VMs())
	require.Empty(t, b.sim.NICs())
}

// The engine arbitrates: of two VMs with one address, the one with the lower id keeps it, and the other never runs with it.
func TestNoTwoVMsRunWithOneAddress(t *testing.T) {
	b := newBench(t)
	lower, higher := b.machine("demo-1"), b.machine("demo-2")
	if cmp.Less(higher.VMID, lower.VMID) {
		lower.VMID, higher.VMID = higher.VMID, lower.VMID
	}
	b.submit(&higher, "demo-2", "192.0.2.7")
	b.submit(&lower, "demo-1", "192.0.2.7")

	given := b.until(&higher, "the higher id gives up", func(p Plan) bool { return p.Action == GiveUpAddresses })
	require.NotContains(t, given, Start)
	require.Contains(t, b.until(&lower, "the lower id runs", running), Start)
	b.until(&higher, "it is made again", func(p Plan) bool { return p.Action == Create })
	require.Len(t, b.sim.VMs(), 1)

	snapshot, err := b.engine.Snapshot(context.Background(), time.Now())
	require.NoError(t, err)
	require.Contains(t, Holders(snapshot.Each, b.place.NetworkID, higher.VMID), netip.MustParseAddr("192.0.2.7"), "the next choice avoids it")
	b.submit(&higher, "demo-2", "192.0.2.8")
	b.until(&higher, "it runs with another address", running)
}

// A VM that somebody made under our id, or whose mark was taken away, is never touched.
func TestAForeignVMIsNeverTouched(t *testing.T) {
	b := newBench(t)
	d := b.machine("demo-1")
	_, err := b.engine.Client().AddVM(context.Background(), ovirt.AddVM{
		ID: d.VMID, Name: "theirs", Comment: "my database", ClusterID: b.place.ClusterID, TemplateID: b.place.TemplateID,
		Memory: 1 << 30, CPU: ovirt.CPUTopology{Cores: 1, Sockets: 1, Threads: 1},
	}, "somebody-else")
	require.NoError(t, err)
	for _, deleting := range []bool{false, true} {
		d.Deleting = deleting
		p := b.step(&d)
		require.Equal(t, Nothing, p.Action)
		require.Contains(t, p.Message, "theirs")
	}
	require.Len(t, b.sim.VMs(), 1)
}

func BenchmarkNext(b *testing.B) {
	d := Desired{VMID: "id", NIC: ovirt.NIC{Name: "nic1", VNICProfileID: "p"}}
	o := Observation{VM: &ovirt.VM{ID: "id", Status: ovirt.StatusDown}, Ours: true, NICs: []ovirt.NIC{{Name: "nic1", VNICProfileID: "p"}}}
	now := time.Now()
	for b.Loop() {
		if Next(d, o, now).Action != Start {
			b.Fatal("a complete VM is started")
		}
	}
}

// A host accepts a VM, cannot run it, and nobody looks meanwhile.
func TestAStartThatFailedIsRepeatedWithTheBootDocument(t *testing.T) {
	guests := &userData{}
	sim := olvmsim.New(t, olvmsim.Options{Guests: guests})
	b := newBenchAs(t, sim, sim.Username(), sim.Password())
	d := b.machine("demo-1")
	b.submit(&d, "demo-1", "192.0.2.7")
	fault, err := sim.Inject(olvmsim.Fault{Effect: olvmsim.Effect{Kind: olvmsim.LaunchFails, VM: "demo-1"}})
	require.NoError(t, err)
	b.until(&d, "it is started", func(p Plan) bool { return p.Action == Start })
	require.Eventually(t, func() bool { return sim.VMs()[0].Status == ovirt.StatusDown }, time.Minute, 5*time.Millisecond)
	require.NoError(t, sim.Clear(fault))
	b.until(&d, "it runs", running)
	require.Eventually(t, func() bool { return guests.last.Load() != nil }, time.Minute, 5*time.Millisecond)
	require.Contains(t, *guests.last.Load(), "ignition")
}

// userData is Guests that keep what the last VM booted with.
type userData struct{ last atomic.Pointer[string] }

func (u *userData) Start(_ context.Context, vm olvmsim.GuestVM) error {
	text := string(vm.UserData)
	u.last.Store(&text)
	return nil
}

func (u *userData) Stop(string) {}
func (u *userData) Close()      {}
