package upload

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/image/disk"
	"github.com/ocne-project/ocne/internal/image/remote"
	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/olvmsim/inventory"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// is makes a check for an error of a type, with the values that matter.
func is[E error](t *testing.T, check func(E) bool) func(error) {
	return func(err error) {
		t.Helper()
		got, ok := errors.AsType[E](err)
		require.True(t, ok, "%v", err)
		require.True(t, check(got), "%v", err)
	}
}

// refusal is a request that cannot work, in a world where it cannot.
type refusal struct {
	name  string
	world func(*inventory.Inventory)
	prior func(*site)
	ask   func(*Request)
	check func(error)
	words string
}

// requireRefused: the request fails with the words, and nothing is made.
func (test refusal) requireRefused(t *testing.T, source disk.Disk) {
	t.Helper()
	have := inventory.Default()
	if test.world != nil {
		test.world(&have)
	}
	s := newSite(t, olvmsim.Options{Inventory: &have})
	if test.prior != nil {
		test.prior(s)
	}
	disks := len(s.sim.Disks())
	r := s.request(source)
	if test.ask != nil {
		test.ask(&r)
	}
	_, err := s.Upload(t.Context(), r)
	test.check(err)
	require.ErrorContains(t, err, test.words)
	require.Len(t, s.sim.Disks(), disks)
	require.NoFileExists(t, s.state)
}

func TestStorageThatCannotTakeTheImageIsSaidBeforeAnythingIsMade(t *testing.T) {
	source, _ := content(20, 4096, 4096)
	for _, test := range []refusal{
		{
			name: "disk smaller than the image", ask: func(r *Request) { r.Size = 1 * mib },
			check: is(t, func(e *SizeError) bool { return e.Size == 1*mib && e.Needed == 8*mib }),
			words: "disk ock: its size of 1048576 bytes is less than the image's virtual size of 8388608 bytes; ask for at least 1 GiB",
		},
		{
			name: "no such storage domain", ask: func(r *Request) { r.StorageDomain = "dta2" },
			check: is(t, func(e *StorageDomainError) bool { return e.Near[0] == "data2" && e.Near[1] == "data" }),
			words: `this user sees no storage domain "dta2" in the data center; it sees data2, data`,
		},
		{
			name: "storage domain not active", world: func(i *inventory.Inventory) { i.StorageDomains[0].Status = "maintenance" },
			check: is(t, func(e *StorageDomainError) bool { return e.Status == "maintenance" }),
			words: `storage domain "data" is maintenance; activate it in the engine, or name another one`,
		},
		{
			name: "no space", world: func(i *inventory.Inventory) { i.StorageDomains[0].AvailableBytes = 9 * mib }, ask: func(r *Request) { r.Copies = 1 },
			check: is(t, func(e *NoSpaceError) bool { return e.Available == 9*mib && e.Err == nil }),
			words: `storage domain "data" has 9 MiB left and the image needs 12 MiB; remove what is not needed there, or name another storage domain`,
		},
		{
			name: "less space than the engine wants", world: func(i *inventory.Inventory) { i.StorageDomains[0].AvailableBytes = 1 << 30 },
			check: is(t, func(e *NoSpaceError) bool { return errors.Is(e.Err, ovirt.Quota) }),
			words: "Low disk space on Storage Domain data",
		},
	} {
		t.Run(test.name, func(t *testing.T) { test.requireRefused(t, source) })
	}
}

func TestARequestThatCannotWorkIsRefusedBeforeAnythingIsMade(t *testing.T) {
	source, _ := content(20, 4096, 4096)
	for _, test := range []refusal{
		{
			name: "disk of that name", prior: func(s *site) { s.foreignDisk("ock", "somebody's") },
			check: is(t, func(e *DiskExistsError) bool { return !e.Ours && !e.Unfinished && e.DiskID != "" }),
			words: "was not made by ocne; take another name",
		},
		{
			name: "extents with a gap", ask: func(r *Request) {
				broken, _ := content(20, 1024)
				broken.extents = []disk.Extent{{Start: 4096, Length: 1<<20 - 4096}}
				r.Content = broken
			},
			check: func(err error) { require.Error(t, err) },
			words: "the extent of 1044480 bytes at 4096 does not fit behind byte 0 of 1048576",
		},
		{
			name: "a name that cannot be searched for", ask: func(r *Request) { r.Name = `o"ck` },
			check: func(err error) { require.ErrorIs(t, err, ovirt.Invalid) }, words: "cannot be searched for",
		},
	} {
		t.Run(test.name, func(t *testing.T) { test.requireRefused(t, source) })
	}
}

// foreignDisk makes a disk with another description than ours.
func (s *site) foreignDisk(name, description string) string {
	s.t.Helper()
	return s.addDisk(ovirt.AddDisk{Name: name, Description: description, Size: mib})
}

// foreignDiskOf makes a disk of a size.
func (s *site) foreignDiskOf(name string, size int64) string {
	s.t.Helper()
	return s.addDisk(ovirt.AddDisk{Name: name, Size: size})
}

func (s *site) addDisk(d ovirt.AddDisk) string {
	s.t.Helper()
	domain, err := s.Engine.StorageDomainByName(context.Background(), "data")
	require.NoError(s.t, err)
	d.ID, d.StorageDomainID, d.Format = uuid.NewString(), domain.ID, ovirt.FormatCOW
	_, err = s.Engine.AddDisk(context.Background(), d, d.ID)
	require.NoError(s.t, err)
	return d.ID
}

// A template's disk has the name and the mark of the disk that it was copied from.
func TestACopyOfOurDiskIsNotTakenForTheDisk(t *testing.T) {
	source, want := content(21, 1024)
	s := newSite(t, olvmsim.Options{})
	first, err := s.Upload(t.Context(), s.request(source))
	require.NoError(t, err)
	original, err := s.Engine.Disk(t.Context(), first.DiskID)
	require.NoError(t, err)
	require.NoError(t, s.removeDisk(t.Context(), first.DiskID))
	s.foreignDisk("ock", original.Description)
	second, err := s.Upload(t.Context(), s.request(source))
	require.NoError(t, err)
	require.False(t, second.Reused)
	s.requireHolds(second.DiskID, want)
}

func TestMissingPermissionsAreNamed(t *testing.T) {
	see := inventory.Role{Name: "Looker", Permits: []string{"login"}, On: inventory.Object{Type: "storageDomain", Name: "data"}}
	have := inventory.Default()
	have.Users = []inventory.User{{Name: "operator@internal", Password: "op", Admin: true, Roles: []inventory.Role{see}}}
	admin := newSite(t, olvmsim.Options{Inventory: &have})
	s := clientOf(t, admin.sim, "", ovirt.Config{URL: admin.sim.URL(), Username: "operator@internal", Password: "op", CA: admin.sim.CA()})
	source, _ := content(22, 1024)
	_, err := s.Upload(t.Context(), s.request(source))
	is(t, func(e *remote.PermissionError) bool {
		return e.Permit == "create_disk" && e.Object == "storage domain data"
	})(err)
	require.ErrorIs(t, err, ovirt.Forbidden)
	require.ErrorContains(t, err, "User is not authorized to perform this action.")
	admin.requireEmpty()
	require.NoFileExists(t, s.state)
}

func TestAUserWithoutAdministratorsRoleUploads(t *testing.T) {
	create := inventory.Role{Name: "DiskCreator", Permits: []string{"create_disk"}, On: inventory.Object{Type: "storageDomain", Name: "data"}}
	have := inventory.Default()
	see := inventory.Role{Name: "Looker", Permits: []string{"login"}, On: inventory.Object{Type: "dataCenter", Name: "Default"}}
	have.Users = []inventory.User{{Name: "operator@internal", Password: "op", Roles: []inventory.Role{create, see}}}
	admin := newSite(t, olvmsim.Options{Inventory: &have})
	s := clientOf(t, admin.sim, "", ovirt.Config{URL: admin.sim.URL(), Username: "operator@internal", Password: "op", CA: admin.sim.CA()})
	source, want := content(23, 1024)
	result, err := s.Upload(t.Context(), s.request(source))
	require.NoError(t, err)
	admin.requireHolds(result.DiskID, want)
}

func TestWithoutAHostNothingIsLeft(t *testing.T) {
	have := inventory.Default()
	for n := range have.Hosts {
		have.Hosts[n].Status = "maintenance"
	}
	s := newSite(t, olvmsim.Options{Inventory: &have})
	source, _ := content(24, 1024)
	_, err := s.Upload(t.Context(), s.request(source))
	is(t, func(e *TransferError) bool { return e.Phase == ovirt.PhaseFinishedFailure })(err)
	require.ErrorContains(t, err, "no host of the data center is up")
	s.requireEmpty()
}

func TestAQCOW2FileThatIsNoneIsRefusedByTheEngine(t *testing.T) {
	source, _ := content(25, 4096)
	s := newSite(t, olvmsim.Options{})
	r := s.request(source)
	junk, _ := content(26, 64)
	r.File = &File{ReaderAt: junk, Size: junk.Size()}
	_, err := s.Upload(t.Context(), r)
	is(t, func(e *TransferError) bool { return e.Phase == ovirt.PhaseFinishedFailure })(err)
	s.requireEmpty()
}

func TestTwoUploadsOfOneImageDoNotMeet(t *testing.T) {
	source, _ := content(27, 1024)
	s := newSite(t, olvmsim.Options{})
	held, err := openState(s.state)
	require.NoError(t, err)
	_, err = s.Upload(t.Context(), s.request(source))
	is(t, func(e *BusyError) bool { return e.Path == s.state })(err)
	held.unlock()
	_, err = s.Upload(t.Context(), s.request(source))
	require.NoError(t, err)
}
