package engine

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim/inventory"
)

// A field that is added to the engine must be saved, or be named here with the reason why not.
func TestEveryFieldOfTheEngineIsSaved(t *testing.T) {
	notState := strings.Fields("mu timeline advancing wake power feed reporter keeper options ended")
	saved := strings.Fields("ids callIDs chances dataCenters clusters hosts networks profiles storageDomains templates vms disks nameLocks " +
		"byID order users roles permissions events eventSeq macSeq stuck orphans transfers quotas named " +
		"tags affinityGroups affinityLabels affinityLocks behaviours maxVMName")
	var check func(reflect.Type)
	check = func(of reflect.Type) {
		for i := range of.NumField() {
			f := of.Field(i)
			if slices.Contains([]string{"disturb", "jobs", "store", "arrangement"}, f.Name) {
				check(f.Type)
				continue
			}
			require.True(t, slices.Contains(notState, f.Name) || slices.Contains(saved, f.Name), "%s.%s is new: does state hold it?", of.Name(), f.Name)
		}
	}
	check(reflect.TypeFor[Engine]())
	for of, known := range map[reflect.Type]string{
		reflect.TypeFor[VM](): "run waitingBoot previewed", reflect.TypeFor[Template](): "", reflect.TypeFor[Disk](): "",
		reflect.TypeFor[StorageDomain](): "capacity", reflect.TypeFor[Transfer](): "job moved extended", reflect.TypeFor[Job](): "",
		reflect.TypeFor[Host](): "", reflect.TypeFor[Snapshot](): "", reflect.TypeFor[Tag](): "", reflect.TypeFor[AffinityGroup](): "",
		reflect.TypeFor[Permission](): "", reflect.TypeFor[Event](): "", reflect.TypeFor[Cluster](): "", reflect.TypeFor[Network](): "",
	} {
		for _, f := range reflect.VisibleFields(of) {
			require.True(t, f.IsExported() || f.Anonymous || slices.Contains(strings.Fields(known), f.Name), "%s.%s is not saved", of.Name(), f.Name)
		}
	}
}

func steppedEngine(t *testing.T) *Engine {
	t.Helper()
	e, err := New(inventory.Default(), Options{Stepped: true, Seed: 7, Start: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}, noPower{})
	require.NoError(t, err)
	return e
}

func admin() Call {
	return Call{User: User{ID: AdminID, Name: AdminName, Admin: true}, CorrelationID: "c"}
}

func addVM(t *testing.T, e *Engine, name string) VM {
	t.Helper()
	name, call := strings.Clone(name), admin()
	v, err := e.AddVM(call, VMAdd{VMChange: VMChange{Name: &name}, Cluster: Ref{Name: "Default"}, Template: Ref{Name: "ock"}})
	require.NoError(t, err)
	return v
}

func saved(t *testing.T, e *Engine) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, e.Save(&out))
	return out.Bytes()
}

func TestWhatIsLoadedIsWhatWasSaved(t *testing.T) {
	e := steppedEngine(t)
	up := addVM(t, e, "up")
	e.Advance(time.Minute)
	_, err := e.StartVM(admin(), up.ID, RunOptions{})
	require.NoError(t, err)
	e.Advance(2 * time.Minute)
	first := saved(t, e)
	loaded, err := Load(bytes.NewReader(first), Options{Stepped: true}, noPower{})
	require.NoError(t, err)
	require.JSONEq(t, string(first), string(saved(t, loaded)))
	require.Equal(t, e.Now(), loaded.Now())
	require.Equal(t, e.newID(), loaded.newID(), "the seed goes on")

	_, err = Load(strings.NewReader(`{"Version":99}`), Options{}, noPower{})
	require.ErrorContains(t, err, "version 99")
	_, err = Load(strings.NewReader(`{`), Options{}, noPower{})
	require.Error(t, err)
}

func TestWhatIsUnderWayGoesOnAfterALoad(t *testing.T) {
	e := steppedEngine(t)
	down, gone, starting, stopping := addVM(t, e, "down"), addVM(t, e, "gone"), addVM(t, e, "starting"), addVM(t, e, "stopping")
	e.Advance(time.Minute)
	_, err := e.StartVM(admin(), stopping.ID, RunOptions{})
	require.NoError(t, err)
	e.Advance(2 * time.Minute)
	creating := addVM(t, e, "creating")
	require.NoError(t, e.RemoveVM(admin(), gone.ID, RemoveOptions{}))
	_, err = e.StartVM(admin(), starting.ID, RunOptions{})
	require.NoError(t, err)
	_, err = e.ShutdownVM(admin(), stopping.ID, "")
	require.NoError(t, err)

	loaded, err := Load(bytes.NewReader(saved(t, e)), Options{Stepped: true}, noPower{})
	require.NoError(t, err)
	status := func(id string) string {
		v, err := loaded.VM(id)
		if err != nil {
			return "gone"
		}
		return v.Status
	}
	require.Equal(t, StatusImageLocked, status(creating.ID))
	require.Empty(t, loaded.Check(), "jobs run for all that is locked")
	loaded.Advance(5 * time.Minute)
	for id, want := range map[string]string{
		down.ID: StatusDown, gone.ID: "gone", starting.ID: StatusUp, stopping.ID: StatusDown, creating.ID: StatusDown,
	} {
		require.Equal(t, want, status(id), id)
	}
	for _, d := range loaded.Disks() {
		require.Equal(t, StatusOK, d.Status, d.Alias)
	}
	for _, j := range loaded.Jobs() {
		require.Equal(t, JobFinished, j.Status, j.Description)
	}
	require.Empty(t, loaded.Check())
}

func TestAFrozenCopyStaysAsItIs(t *testing.T) {
	e := steppedEngine(t)
	frozen, err := e.Frozen()
	require.NoError(t, err)
	addVM(t, e, "new")
	require.Len(t, e.VMs(), 1)
	require.Empty(t, frozen.VMs())
}

func TestTheCheckFindsWhatCannotBe(t *testing.T) {
	for want, spoil := range map[string]func(e *Engine, a, b *VM){
		"VM name a is there twice":                        func(_ *Engine, _, b *VM) { b.Name = "a" },
		"was left behind by VM a, which is gone":          func(e *Engine, a, _ *VM) { e.dropVM(a, nil, "") },
		"is on no storage domain":                         func(e *Engine, a, _ *VM) { e.disks[a.Disks[0].DiskID].StorageDomainID = "x" },
		"and not shareable":                               func(_ *Engine, a, b *VM) { b.Disks = append(b.Disks, a.Disks[0]) },
		"which is not there":                              func(e *Engine, a, _ *VM) { delete(e.disks, a.Disks[0].DiskID) },
		"VM a is locked and no job runs":                  func(_ *Engine, a, _ *VM) { a.Status = StatusImageLocked },
		"disk a_Disk1":                                    func(e *Engine, a, _ *VM) { e.disks[a.Disks[0].DiskID].Status = StatusLocked },
		"VM name z is reserved and no job runs":           func(e *Engine, _, _ *VM) { e.nameLocks["z"] = true },
		"MAC address 56:6f:00:00:00:01 is in":             func(_ *Engine, a, b *VM) { twin(a, "n1"); twin(b, "n1") },
		"VM a has NIC n1 twice":                           func(_ *Engine, a, _ *VM) { twin(a, "n1"); twin(a, "n1") },
		"VM a is up without a host":                       func(_ *Engine, a, _ *VM) { a.Status = StatusUp },
		"VM a is down and has a host":                     func(e *Engine, a, _ *VM) { a.HostID = e.hosts[0].ID },
		"host host1 has 1024 MiB and guarantees 4096 MiB": func(e *Engine, a, _ *VM) { e.hosts[0].Memory = gib; a.HostID, a.Status = e.hosts[0].ID, StatusUp },
		"template ock holds disk":                         func(e *Engine, _, _ *VM) { delete(e.disks, stableID("", "disk", "ock/ock-boot")) },
		"VM a is made from template":                      func(_ *Engine, a, _ *VM) { a.TemplateID = "x" },
		"its disks take": func(e *Engine, a, _ *VM) {
			d := e.disks[a.Disks[0].DiskID]
			d.OtherDomainIDs = []string{d.StorageDomainID}
		},
		"takes -1 bytes": func(e *Engine, a, _ *VM) { e.disks[a.Disks[0].DiskID].ActualSize = -1 },
	} {
		e := steppedEngine(t)
		a, b := addVM(t, e, "a"), addVM(t, e, "b")
		e.Advance(time.Minute)
		require.Empty(t, e.Check())
		spoil(e, e.vms[a.ID], e.vms[b.ID])
		require.Contains(t, strings.Join(e.Check(), "\n"), want)
	}
}

func twin(v *VM, name string) {
	v.NICs = append(v.NICs, NIC{ID: name, Name: name, MAC: "56:6f:00:00:00:01"})
}
