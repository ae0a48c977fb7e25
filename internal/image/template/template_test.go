package template

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/image/remote"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/olvmsim/inventory"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

const (
	digestA = "sha256:aaaa26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7"
	digestB = "sha256:bbbb26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7"
)

// site is a simulated engine and a Maker for it.
type site struct {
	*Maker
	t     *testing.T
	sim   *olvmsim.Simulator
	disks int // that were asked for
}

func newSite(t *testing.T, have inventory.Inventory) *site {
	t.Helper()
	sim := olvmsim.New(t, olvmsim.Options{Inventory: &have})
	s := &site{t: t, sim: sim}
	s.Maker = s.as(sim.Username(), sim.Password())
	return s
}

func (s *site) as(username, password string) *Maker {
	s.t.Helper()
	engine, err := ovirt.New(ovirt.Config{URL: s.sim.URL(), Username: username, Password: password, CA: s.sim.CA()})
	require.NoError(s.t, err)
	s.t.Cleanup(engine.Close)
	return &Maker{Engine: engine, Patience: 2 * time.Minute}
}

// request is one whose disk is made as an upload leaves it; a call that is repeated finds the disk.
func (s *site) request(name, digest string) Request {
	s.t.Helper()
	ctx := context.Background()
	engine := s.as(s.sim.Username(), s.sim.Password()).Engine
	dataCenter, err := engine.DataCenterByName(ctx, "Default")
	require.NoError(s.t, err)
	cluster, err := engine.ClusterByName(ctx, dataCenter.ID, "Default")
	require.NoError(s.t, err)
	domain, err := engine.StorageDomainByName(ctx, "data")
	require.NoError(s.t, err)
	id := uuid.NewString()
	return Request{
		Name: name, VersionName: "1.33.10", DataCenterID: dataCenter.ID, ClusterID: cluster.ID, Digest: digest,
		Disk: func(ctx context.Context) (string, error) {
			s.disks++
			mark := machine.ImageMark{Digest: digest, Disk: id, Complete: true}
			return id, remote.Await(ctx, 2*time.Minute, "the disk is there", func() (bool, error) {
				found, err := engine.Disk(ctx, id)
				if err == nil {
					return found.Status == ovirt.StatusOK, nil
				}
				_, err = engine.AddDisk(ctx, ovirt.AddDisk{
					ID: id, Name: name, Description: mark.Text(), StorageDomainID: domain.ID, Format: ovirt.FormatCOW, Size: 1 << 30,
				}, id)
				return false, err
			})
		},
	}
}

// requireOnly: beside what the inventory has, the engine holds the disks of so many templates, and no VM of ours.
func (s *site) requireOnly(templateDisks int) {
	s.t.Helper()
	for _, vm := range s.sim.VMs() {
		require.False(s.t, strings.HasPrefix(vm.Name, "ocne-image-"), "VM %s was left", vm.Name)
	}
	disks := 0
	for _, each := range s.sim.Disks() {
		require.NotEmpty(s.t, each.TemplateID+strings.Join(each.VMIDs, ""), "disk %s belongs to nobody", each.Alias)
		if each.TemplateID != "" && each.Alias != "ock-boot" {
			disks++
		}
	}
	require.Equal(s.t, templateDisks, disks)
	require.NoError(s.t, s.sim.Check())
}

func TestATemplateIsMadeFromTheDisk(t *testing.T) {
	s := newSite(t, inventory.Default())
	result, err := s.Ensure(t.Context(), s.request("ock-1.33", digestA))
	require.NoError(t, err)
	require.False(t, result.Reused)
	made := result.Template
	require.Equal(t, []string{"ock-1.33", "ok", "rhcos_x64", "q35_ovmf", "1.33.10"},
		[]string{made.Name, made.Status, made.OSType, made.BIOSType, made.VersionName})
	require.Equal(t, 1, made.Version)
	require.Contains(t, made.Description, digestA)
	mark, ok := machine.ParseImageMark(made.Comment)
	require.True(t, ok)
	require.Equal(t, machine.ImageMark{Digest: digestA, Template: "ock-1.33", Complete: true}, mark)
	nics, err := s.Engine.TemplateNICs(t.Context(), made.ID)
	require.NoError(t, err)
	require.Empty(t, nics)
	disks, err := s.Engine.TemplateDisks(t.Context(), made.ID)
	require.NoError(t, err)
	require.Len(t, disks, 1)
	require.True(t, disks[0].Bootable)
	s.requireOnly(1)
	require.Equal(t, 0, s.sim.Count(olvmsim.Match{Method: http.MethodPost, Path: "vms/*/start"}))
	for _, call := range s.sim.Requests() {
		if call.Method == http.MethodPost && call.Path == "vms" {
			require.Contains(t, call.Body, `\"ocne\":\"image/v1\"`, "the VM is marked in the call that makes it")
		}
	}
}

func TestTheSameImageIsFoundAndAnotherOneIsTheNextVersion(t *testing.T) {
	s := newSite(t, inventory.Default())
	first, err := s.Ensure(t.Context(), s.request("ock-1.33", digestA))
	require.NoError(t, err)
	again, err := s.Ensure(t.Context(), s.request("ock-1.33", digestA))
	require.NoError(t, err)
	require.True(t, again.Reused)
	require.Equal(t, first.Template.ID, again.Template.ID)
	require.Equal(t, 1, s.disks, "no disk is asked for")

	changed := s.request("ock-1.33", digestA)
	changed.Options = "quiet"
	for n, r := range []Request{changed, s.request("ock-1.33", digestB)} {
		next, err := s.Ensure(t.Context(), r)
		require.NoError(t, err)
		require.False(t, next.Reused)
		require.Equal(t, n+2, next.Template.Version)
		require.Equal(t, first.Template.ID, next.Template.BaseID)
	}
	newest, err := s.Engine.TemplateByName(t.Context(), changed.DataCenterID, "ock-1.33")
	require.NoError(t, err)
	require.Equal(t, 3, newest.Version)
	s.requireOnly(3)

	byHand, err := s.Ensure(t.Context(), s.request("ock", digestA))
	require.NoError(t, err)
	require.Equal(t, 2, byHand.Template.Version, "a version of the template that somebody made by hand")
}

// changing are the calls that change something; after each of them a process can end.
func changing() []olvmsim.Match {
	return []olvmsim.Match{
		{Method: http.MethodPost, Path: "vms"}, {Method: http.MethodPost, Path: "vms/*/diskattachments"},
		{Method: http.MethodPost, Path: "templates"}, {Method: http.MethodDelete, Path: "vms/*"},
	}
}

var errKilled = errors.New("killed")

// killedAt is a Maker whose engine takes no call after the one that matches, like that of a process that was killed there.
func (s *site) killedAt(m olvmsim.Match) *Maker {
	s.t.Helper()
	dead := false
	engine, err := ovirt.New(ovirt.Config{
		URL: s.sim.URL(), Username: s.sim.Username(), Password: s.sim.Password(), CA: s.sim.CA(),
		Admit: func(context.Context) error {
			if dead = dead || s.sim.Count(m) > 0; dead {
				return errKilled
			}
			return nil
		},
	})
	require.NoError(s.t, err)
	s.t.Cleanup(engine.Close)
	return &Maker{Engine: engine}
}

func TestAProcessThatWasKilledAtAnyCallIsFollowedByOneThatGoesOn(t *testing.T) {
	for _, last := range changing() {
		t.Run(last.Method+" "+last.Path, func(t *testing.T) {
			s := newSite(t, inventory.Default())
			r := s.request("ock-1.33", digestA)
			_, err := s.killedAt(last).Ensure(t.Context(), r)
			require.ErrorIs(t, err, errKilled)
			result, err := s.Ensure(t.Context(), r)
			require.NoError(t, err)
			require.Equal(t, 1, result.Template.Version)
			require.Equal(t, ovirt.StatusOK, result.Template.Status)
			require.Equal(t, 1, s.sim.Count(olvmsim.Match{Method: http.MethodPost, Path: "templates", Status: http.StatusAccepted}))
			s.requireOnly(1)
		})
	}
}

func TestAbortRemovesWhatAKilledProcessLeft(t *testing.T) {
	s := newSite(t, inventory.Default())
	r := s.request("ock-1.33", digestA)
	_, err := s.killedAt(changing()[1]).Ensure(t.Context(), r)
	require.ErrorIs(t, err, errKilled)
	require.NoError(t, s.Abort(t.Context(), r))
	s.requireOnly(0)
	require.NoError(t, s.Abort(t.Context(), r))
}

func TestAnEngineThatFailsMeanwhileIsAskedAgain(t *testing.T) {
	for _, kind := range []olvmsim.Kind{olvmsim.Unavailable, olvmsim.InternalError, olvmsim.DropBefore, olvmsim.DropAfter, olvmsim.Locked} {
		for _, call := range changing() {
			t.Run(fmt.Sprintf("%s at %s %s", kind, call.Method, call.Path), func(t *testing.T) {
				s := newSite(t, inventory.Default())
				_, err := s.sim.Inject(olvmsim.Fault{Match: call, Count: 1, Effect: olvmsim.Effect{Kind: kind}})
				require.NoError(t, err)
				_, err = s.Ensure(t.Context(), s.request("ock-1.33", digestA))
				require.NoError(t, err)
				s.requireOnly(1)
				versions, err := s.List(t.Context(), s.request("", "").DataCenterID, "ock-1.33")
				require.NoError(t, err)
				require.Len(t, versions, 1)
			})
		}
	}
}

func TestARefusalLeavesNothing(t *testing.T) {
	for _, test := range []struct {
		call   olvmsim.Match
		permit string
	}{
		{changing()[0], "create_vm"}, {changing()[1], ""}, {changing()[2], "create_template"},
	} {
		t.Run(test.call.Path, func(t *testing.T) {
			s := newSite(t, inventory.Default())
			_, err := s.sim.Inject(olvmsim.Fault{Match: test.call, Effect: olvmsim.Effect{Kind: olvmsim.Forbidden}})
			require.NoError(t, err)
			_, err = s.Ensure(t.Context(), s.request("ock-1.33", digestA))
			require.ErrorIs(t, err, ovirt.Forbidden)
			if test.permit != "" {
				missing, ok := errors.AsType[*remote.PermissionError](err)
				require.True(t, ok, "%v", err)
				require.Equal(t, test.permit, missing.Permit)
			}
			s.requireOnly(0)
		})
	}
}

func TestACancelledCallLeavesNothing(t *testing.T) {
	for n, call := range changing()[:3] {
		t.Run(call.Path, func(t *testing.T) {
			s := newSite(t, inventory.Default())
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			engine, err := ovirt.New(ovirt.Config{
				URL: s.sim.URL(), Username: s.sim.Username(), Password: s.sim.Password(), CA: s.sim.CA(),
				Observe: func(ovirt.Call) {
					if s.sim.Count(call) > 0 {
						cancel()
					}
				},
			})
			require.NoError(t, err)
			t.Cleanup(engine.Close)
			_, err = (&Maker{Engine: engine}).Ensure(ctx, s.request("ock-1.33", digestA))
			require.ErrorIs(t, err, context.Canceled, "call %d", n)
			s.requireOnly(0)
		})
	}
}

func TestAVMOfThatNameThatIsNotOursStays(t *testing.T) {
	s := newSite(t, inventory.Default())
	r := s.request("ock-1.33", digestA)
	name := machine.ImageVMName(machine.ImageMark{Digest: digestA, Template: "ock-1.33"})
	_, err := s.Engine.AddVM(t.Context(), ovirt.AddVM{
		ID: uuid.NewString(), Name: name, Comment: "mine", ClusterID: r.ClusterID, TemplateID: ovirt.BlankTemplateID,
	}, "x")
	require.NoError(t, err)
	_, err = s.Ensure(t.Context(), r)
	taken, ok := errors.AsType[*NameTakenError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, name, taken.VM)
	require.Len(t, s.sim.VMs(), 1)
	require.Zero(t, s.disks)
}

func TestPruneKeepsWhatIsNewestOrInUse(t *testing.T) {
	s := newSite(t, inventory.Default())
	var ids []string
	r := s.request("ock-1.33", "")
	for n := range 4 {
		r := s.request("ock-1.33", fmt.Sprintf("sha256:%d", n))
		result, err := s.Ensure(t.Context(), r)
		require.NoError(t, err)
		ids = append(ids, result.Template.ID)
	}
	other, err := s.Ensure(t.Context(), s.request("other", digestA))
	require.NoError(t, err)
	_, err = s.Engine.AddVM(t.Context(), ovirt.AddVM{ID: uuid.NewString(), Name: "demo-1", ClusterID: r.ClusterID, TemplateID: ids[1]}, "x")
	require.NoError(t, err)

	pruned, err := s.Prune(t.Context(), r.DataCenterID, "ock-1.33", false)
	require.NoError(t, err)
	kept := map[int]string{}
	for _, each := range pruned {
		kept[each.Template.Version] = each.Kept
	}
	require.Equal(t, map[int]string{4: "it is the newest", 3: "", 2: "VMs use it: demo-1", 1: "it is the base of the other versions"}, kept)

	versions, err := s.List(t.Context(), r.DataCenterID, "")
	require.NoError(t, err)
	var names []string
	for _, each := range versions {
		names = append(names, fmt.Sprintf("%s/%d %v %v", each.Template.Name, each.Template.Version, each.Newest, each.VMs))
	}
	require.Equal(t, []string{"ock-1.33/4 true []", "ock-1.33/2 false [demo-1]", "ock-1.33/1 false []", "other/1 true []"}, names,
		"the template of the inventory is not ours")
	require.Equal(t, other.Template.ID, versions[3].Template.ID)
}
