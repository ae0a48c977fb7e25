package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/cluster/record"
	"github.com/ocne-project/ocne/internal/engine"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// engineSite is an engine with VMs, beside a management cluster.
type engineSite struct {
	*site
	t     *testing.T
	sim   *olvmsim.Simulator
	e     *engine.Engine
	place engine.Place
}

func newEngineSite(t *testing.T, objects ...client.Object) *engineSite {
	t.Helper()
	sim := olvmsim.New(t)
	e, err := (&engine.Engines{}).For(engine.Account{URL: sim.URL(), Username: sim.Username(), Password: sim.Password(), CA: sim.CA()})
	require.NoError(t, err)
	place, err := e.Resolve(t.Context(), engine.PlaceNames{
		DataCenter: "Default", Cluster: "Default", Network: "ovirtmgmt", VNICProfile: "ovirtmgmt", Template: "ock",
	})
	require.NoError(t, err)
	return &engineSite{site: newSite(t, objects...), t: t, sim: sim, e: e, place: place}
}

// vm makes one that is down, with a comment, and returns its id.
func (s *engineSite) vm(name, comment string) string {
	s.t.Helper()
	id := uuid.NewString()
	c := s.e.Client()
	vm, err := c.AddVM(s.t.Context(), ovirt.AddVM{
		ID: id, Name: name, Comment: comment, ClusterID: s.place.ClusterID, TemplateID: s.place.TemplateID, Memory: 1 << 30,
	}, machine.CorrelationID(id))
	for require.NoError(s.t, err); vm.Status != ovirt.StatusDown; time.Sleep(5 * time.Millisecond) {
		vm, err = c.VM(s.t.Context(), id)
		require.NoError(s.t, err)
	}
	return id
}

// attachDisk does what a storage driver does for a persistent volume, and returns the disk's id.
func (s *engineSite) attachDisk(vmID, name string) string {
	s.t.Helper()
	roots := x509.NewCertPool()
	require.True(s.t, roots.AppendCertsFromPEM(s.sim.CA()))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	defer transport.CloseIdleConnections()
	body := `{"bootable":false,"active":true,"interface":"virtio_scsi","disk":{"name":"` + name + `","provisioned_size":1073741824,"format":"cow",
		"storage_domains":{"storage_domain":[{"name":"data"}]}}}`
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.sim.URL()+"/api/vms/"+vmID+"/diskattachments", strings.NewReader(body))
	require.NoError(s.t, err)
	r.SetBasicAuth(s.sim.Username(), s.sim.Password())
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	reply, err := (&http.Client{Transport: transport}).Do(r)
	require.NoError(s.t, err)
	defer reply.Body.Close()
	content, err := io.ReadAll(reply.Body)
	require.NoError(s.t, err)
	require.Equal(s.t, http.StatusAccepted, reply.StatusCode, "%s", content)
	var attachment struct{ ID string }
	require.NoError(s.t, json.Unmarshal(content, &attachment))
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		disk, err := s.e.Client().Disk(s.t.Context(), attachment.ID)
		require.NoError(s.t, err)
		if disk.Status == "ok" {
			return disk.ID
		}
		require.True(s.t, time.Now().Before(deadline), "disk %s is %s", name, disk.Status)
	}
}

func mark(cluster, name, address string) string {
	m := machine.Mark{Cluster: cluster, Machine: strings.SplitN(cluster, "/", 2)[0] + "/" + name, Network: "n"}
	m.Addresses = []netip.Addr{netip.MustParseAddr(address)}
	return m.Comment()
}

func (s *engineSite) owner(name, vmID string) {
	s.t.Helper()
	im := &infrav1.OLVMMachine{ObjectMeta: named("olvm", name)}
	im.Spec.ProviderID = machine.ProviderID(vmID)
	require.NoError(s.t, s.Client.Create(s.t.Context(), im))
}

func (s *engineSite) search(clusters ...string) *search {
	return &search{OrphansOptions: OrphansOptions{Clusters: clusters}, management: s.Management, engine: s.e, report: s.report}
}

func namesOf(orphans []Orphan) []string {
	names := []string{}
	for _, o := range orphans {
		names = append(names, o.Name)
	}
	return names
}

func (s *engineSite) inEngine() []string {
	s.t.Helper()
	names := []string{}
	for _, vm := range s.sim.VMs() {
		names = append(names, vm.Name)
	}
	return names
}

func paused(c *clusterv1.Cluster) *clusterv1.Cluster {
	c.Spec.Paused = ptr.To(true)
	return c
}

func TestOnlyMarkedVMsThatNoMachineHasAreOrphans(t *testing.T) {
	s := newEngineSite(t, capiCluster("olvm", "demo", "OLVMCluster"), paused(capiCluster("olvm", "moving", "OLVMCluster")))
	s.owner("demo-a", s.vm("demo-a", mark("olvm/demo", "demo-a", "192.0.2.1")))
	s.owner("demo-old", uuid.NewString()) // a machine of the same name with another VM is not the VM's
	old := s.vm("demo-old", mark("olvm/demo", "demo-old", "192.0.2.2"))
	s.vm("database", "my database")
	s.vm("moving-a", mark("olvm/moving", "moving-a", "192.0.2.3"))
	s.vm("prod-a", mark("other/prod", "prod-a", "192.0.2.4"))

	found, err := s.search().find(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"demo-old", "moving-a", "prod-a"}, namesOf(found))
	require.Equal(t, Orphan{
		ID: old, Name: "demo-old", Status: "down", Cluster: "olvm/demo", Machine: "olvm/demo-old", Addresses: []string{"192.0.2.2"}, Known: true,
	}, found[0])
	require.True(t, found[1].Known && found[1].Paused)
	require.False(t, found[2].Known)

	found, err = s.search("other/prod").find(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"prod-a"}, namesOf(found))

	without := s.search()
	without.management = nil
	found, err = without.find(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"demo-a", "demo-old", "moving-a", "prod-a"}, namesOf(found))
	for _, o := range found {
		require.False(t, o.Known)
		require.NotEmpty(t, o.kept(false), "without a management cluster, only named clusters' VMs may be removed")
	}
}

func TestAVMWhoseClusterAnotherManagementClusterHoldsIsNotRemoved(t *testing.T) {
	s := newEngineSite(t)
	s.vm("prod-a", mark("other/prod", "prod-a", "192.0.2.4"))
	s.vm("old-a", mark("other/old", "old-a", "192.0.2.5"))
	home := t.TempDir()
	kubeconfig := filepath.Join(home, "kubeconfig") // of no management cluster: whether it has the cluster cannot be asked
	require.NoError(t, os.WriteFile(kubeconfig, apiServer(t), 0o600))
	for name, m := range map[string]record.Management{
		"prod": {Kind: record.Kubeconfig, Files: []string{kubeconfig}, Server: "https://192.0.2.9:6443"},
		"old":  {Kind: record.Embedded}, // it is not there any more
	} {
		require.NoError(t, record.Of(home).Keep(t.Context(), record.Cluster{Namespace: "other", Name: name, Management: m}))
	}
	look := s.search("other/prod", "other/old")
	o := &look.OrphansOptions
	o.Management = ManagementOptions{HomeDir: home, Getenv: func(string) string { return "" }}
	found, _, err := look.run(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"old-a", "prod-a"}, namesOf(found))
	require.Empty(t, found[0].HeldBy)
	require.Empty(t, found[0].kept(true))
	require.Contains(t, found[1].HeldBy, "https://192.0.2.9:6443")
	require.Contains(t, found[1].kept(true), "which cannot be asked now; if that one is lost for good, first: ocne cluster delete -C NAME --forget")
}

func TestOrphansAreRemovedWithTheirOwnDisksOnly(t *testing.T) {
	s := newEngineSite(t, capiCluster("olvm", "demo", "OLVMCluster"), paused(capiCluster("olvm", "moving", "OLVMCluster")))
	running := s.vm("demo-old", mark("olvm/demo", "demo-old", "192.0.2.2"))
	require.NoError(t, s.e.Client().StartVM(t.Context(), running))
	disk := s.attachDisk(running, "pv-1")
	s.vm("moving-a", mark("olvm/moving", "moving-a", "192.0.2.3"))
	s.vm("prod-a", mark("other/prod", "prod-a", "192.0.2.4"))

	look := s.search()
	look.Confirm = func(all, removable []Orphan) (bool, error) {
		require.Equal(t, []string{"demo-old", "moving-a", "prod-a"}, namesOf(all))
		require.Equal(t, []string{"demo-old"}, namesOf(removable))
		return true, nil
	}
	found, changed, err := look.run(t.Context())
	require.NoError(t, err)
	require.True(t, changed)
	require.True(t, found[0].Removed)
	require.Contains(t, found[1].Message, "paused")
	require.Contains(t, found[2].Message, "--cluster")
	require.ElementsMatch(t, []string{"moving-a", "prod-a"}, s.inEngine())
	kept, err := s.e.Client().Disk(t.Context(), disk)
	require.NoError(t, err)
	require.Equal(t, "pv-1", kept.Name)
	require.Contains(t, s.told.String(), "VM demo-old is removed")

	named := s.search("other/prod", "olvm/moving")
	named.Confirm = func(_, removable []Orphan) (bool, error) {
		require.Equal(t, []string{"prod-a"}, namesOf(removable), "a paused cluster's are not removed, whoever names it")
		return true, nil
	}
	_, _, err = named.run(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"moving-a"}, s.inEngine())
}

func TestWithoutAYesNothingIsRemoved(t *testing.T) {
	s := newEngineSite(t, capiCluster("olvm", "demo", "OLVMCluster"))
	s.vm("demo-old", mark("olvm/demo", "demo-old", "192.0.2.2"))
	look := s.search()
	look.Confirm = func([]Orphan, []Orphan) (bool, error) { return false, nil }
	found, changed, err := look.run(t.Context())
	require.NoError(t, err)
	require.False(t, changed)
	require.False(t, found[0].Removed)
	require.Equal(t, []string{"demo-old"}, s.inEngine())
}

// What was true when the list was shown is asked again before every step.
func TestAVMIsLeftAloneOnceSomebodyHasIt(t *testing.T) {
	ctx := context.Background()
	for name, test := range map[string]struct {
		meanwhile func(s *engineSite, id string)
		message   string
	}{
		"a machine has it": {
			func(s *engineSite, id string) { s.owner("demo-old", id) }, "OLVMMachine olvm/demo-old has it now",
		},
		"its cluster is paused": {
			func(s *engineSite, _ string) {
				c := capiCluster("olvm", "demo", "OLVMCluster")
				require.NoError(s.t, s.Client.Get(ctx, client.ObjectKeyFromObject(c), c))
				require.NoError(s.t, s.Client.Update(ctx, paused(c)))
			}, "its cluster is paused",
		},
		"its cluster is gone": {
			func(s *engineSite, _ string) {
				require.NoError(s.t, s.Client.Delete(ctx, capiCluster("olvm", "demo", "OLVMCluster")))
			}, "does not know its cluster",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newEngineSite(t, capiCluster("olvm", "demo", "OLVMCluster"))
			id := s.vm("demo-old", mark("olvm/demo", "demo-old", "192.0.2.2"))
			look := s.search()
			look.Confirm = func([]Orphan, []Orphan) (bool, error) { test.meanwhile(s, id); return true, nil }
			found, _, err := look.run(t.Context())
			require.EqualError(t, err, "1 of 1 VMs were not removed")
			require.Contains(t, found[0].Message, test.message)
			require.False(t, found[0].Removed)
			require.Equal(t, []string{"demo-old"}, s.inEngine())
			require.Contains(t, s.told.String(), "VM demo-old is left alone: ")
		})
	}
}

func TestTwoListsOfVMsSurroundTheListOfMachines(t *testing.T) {
	s := newEngineSite(t)
	s.vm("demo-old", mark("olvm/demo", "demo-old", "192.0.2.2"))
	before := s.sim.Count(olvmsim.Match{Method: "GET", Path: "vms"})
	_, err := s.search().find(t.Context())
	require.NoError(t, err)
	require.Equal(t, before+2, s.sim.Count(olvmsim.Match{Method: "GET", Path: "vms"}))
}

// The address of a machine that was removed by force is kept as long as its VM has it, and given back with the VM.
func TestTheAddressesOfARemovedOrphanAreGivenBack(t *testing.T) {
	held := func(name, address, machineUID string) *ipamv1.IPAddress {
		a := &ipamv1.IPAddress{ObjectMeta: named("olvm", name)}
		a.Finalizers = []string{infrav1.MachineFinalizer}
		a.OwnerReferences = []metav1.OwnerReference{{
			APIVersion: infrav1.GroupVersion().String(), Kind: "OLVMMachine", Name: "demo-old", UID: types.UID(machineUID), Controller: ptr.To(true),
		}}
		a.Spec.Address = address
		return a
	}
	again := &infrav1.OLVMMachine{ObjectMeta: named("olvm", "demo-old")}
	again.UID = "new"
	given, other, another := held("a", "192.0.2.2", "old"), held("b", "192.0.2.2", "new"), held("c", "192.0.2.3", "old")
	s := newEngineSite(t, capiCluster("olvm", "demo", "OLVMCluster"), again, given, other, another)
	s.vm("demo-old", mark("olvm/demo", "demo-old", "192.0.2.2"))
	look := s.search()
	look.Confirm = func([]Orphan, []Orphan) (bool, error) { return true, nil }
	found, _, err := look.run(t.Context())
	require.NoError(t, err)
	require.True(t, found[0].Removed)
	require.False(t, s.exists(t, given))
	require.True(t, s.exists(t, other), "a new machine of the same name keeps its address")
	require.True(t, s.exists(t, another), "an address that the VM did not carry is left alone")
}
