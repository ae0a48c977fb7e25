package integration

import (
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/cluster"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/ovirt"
	"github.com/ocne-project/ocne/test/programs"
)

// management is the administrator's access to the embedded management cluster.
func (w *world) management() client.Client {
	w.t.Helper()
	return programs.Management(w.t, filepath.Join(w.managementDir(), "controlplane", "kubeconfig"))
}

// strayVM makes a VM that carries our mark and that no controller knows.
func (w *world) strayVM(t *testing.T, cluster, name, address string) ovirt.VM {
	t.Helper()
	ctx := t.Context()
	dataCenter, err := w.engine.DataCenterByName(ctx, "Default")
	require.NoError(t, err)
	in, err := w.engine.ClusterByName(ctx, dataCenter.ID, "Default")
	require.NoError(t, err)
	template, err := w.engine.TemplateByName(ctx, dataCenter.ID, "ock")
	require.NoError(t, err)
	namespace, _, _ := strings.Cut(cluster, "/")
	mark := machine.Mark{
		Cluster: cluster, Machine: namespace + "/" + name, Network: "n", Addresses: []netip.Addr{netip.MustParseAddr(address)},
	}
	id := uuid.NewString()
	_, err = w.engine.AddVM(ctx, ovirt.AddVM{ID: id, Name: name, Comment: mark.Comment(), ClusterID: in.ID, TemplateID: template.ID}, id)
	require.NoError(t, err)
	w.expectVMStatus(t, name, ovirt.StatusDown)
	return w.vms()[name]
}

func (w *world) expectVMStatus(t *testing.T, name, status string) {
	t.Helper()
	programs.Eventually(t, "VM "+name+" is "+status, func() (bool, string) { return w.vms()[name].Status == status, w.vms()[name].Status })
}

// attachDisk attaches a new disk to a VM, as a storage driver does for a persistent volume, and returns its id.
func (w *world) attachDisk(t *testing.T, vmID, name string) string {
	t.Helper()
	transport := w.sim.Transport(t)
	defer transport.CloseIdleConnections()
	body := `{"bootable":false,"active":true,"interface":"virtio_scsi","disk":{"name":"` + name + `","provisioned_size":1073741824,"format":"cow",
		"storage_domains":{"storage_domain":[{"name":"data"}]}}}`
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.sim.URL+"/api/vms/"+vmID+"/diskattachments", strings.NewReader(body))
	require.NoError(t, err)
	r.SetBasicAuth(programs.Username, programs.Password)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	reply, err := (&http.Client{Transport: transport}).Do(r)
	require.NoError(t, err)
	defer reply.Body.Close()
	content, err := io.ReadAll(reply.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusAccepted, reply.StatusCode, "%s", content)
	var attachment struct{ ID string }
	require.NoError(t, json.Unmarshal(content, &attachment))
	programs.Eventually(t, "disk "+name+" is there", func() (bool, string) {
		disk, err := w.engine.Disk(t.Context(), attachment.ID)
		require.NoError(t, err)
		return disk.Status == "ok", disk.Status
	})
	return attachment.ID
}

func (w *world) orphans(args ...string) map[string]cluster.Orphan {
	w.t.Helper()
	var list []cluster.Orphan
	out := w.stdout(append([]string{"cluster", "orphans", "-c", w.config, "-o", "json"}, args...)...)
	require.NoError(w.t, json.Unmarshal([]byte(out), &list))
	byName := map[string]cluster.Orphan{}
	for _, o := range list {
		byName[o.Name] = o
	}
	return byName
}

// VMs that nobody manages are found and, when told to, removed; those of machines and of others are left alone.
func TestOrphans(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ocne("cluster", "start", "-c", w.config)
	live := w.vms()
	require.Empty(t, w.orphans(), "VMs of live machines are never listed")
	require.Contains(t, w.ocne("cluster", "orphans", "-c", w.config), "No orphans")
	namespace := strings.TrimSpace(w.stdout("cluster", "show", "-C", "demo", "--field", "namespace"))

	stray := w.strayVM(t, namespace+"/demo", "demo-stray", "192.0.2.7")
	require.NoError(t, w.engine.StartVM(t.Context(), stray.ID))
	w.expectVMStatus(t, "demo-stray", ovirt.StatusUp)
	disk := w.attachDisk(t, stray.ID, "pv-1")
	w.strayVM(t, "other/prod", "prod-a", "192.0.2.8")

	t.Run("they are listed", func(t *testing.T) {
		found := w.orphans()
		require.Len(t, found, 2)
		require.Equal(t, cluster.Orphan{
			ID: stray.ID, Name: "demo-stray", Status: "up", Cluster: namespace + "/demo", Machine: namespace + "/demo-stray",
			Addresses: []string{"192.0.2.7"}, Known: true,
		}, found["demo-stray"])
		require.False(t, found["prod-a"].Known)
	})
	t.Run("those of known clusters are removed, and a foreign disk stays", func(t *testing.T) {
		found := w.orphans("--remove", "--yes")
		require.True(t, found["demo-stray"].Removed)
		require.False(t, found["prod-a"].Removed)
		require.NotContains(t, w.vms(), "demo-stray")
		require.Contains(t, w.vms(), "prod-a")
		kept, err := w.engine.Disk(t.Context(), disk)
		require.NoError(t, err)
		require.Equal(t, "pv-1", kept.Name)
	})
	t.Run("those of another cluster are removed when it is named", func(t *testing.T) {
		require.True(t, w.orphans("--cluster", "other/prod", "--remove", "--yes")["prod-a"].Removed)
		require.Equal(t, ids(live), ids(w.vms()), "VMs of machines are what they were")
	})
	t.Run("a machine that was removed by force leaves one", w.expectForcedMachineToLeaveAnOrphan)
	w.ocne("cluster", "delete", "-c", w.config)
	require.Equal(t, []string{"pv-1"}, w.disks(t))
}

func (w *world) expectForcedMachineToLeaveAnOrphan(t *testing.T) {
	ctx, c := t.Context(), w.management()
	var clusters clusterv1.ClusterList
	require.NoError(t, c.List(ctx, &clusters))
	pause := func(paused bool) {
		owner := &clusters.Items[0]
		before := owner.DeepCopy()
		owner.Spec.Paused = ptr.To(paused)
		require.NoError(t, c.Patch(ctx, owner, client.MergeFrom(before)))
	}
	pause(true)
	_, workers := w.nodes()
	im := &infrav1.OLVMMachine{}
	require.NoError(t, c.Get(ctx, client.ObjectKey{Namespace: clusters.Items[0].Namespace, Name: workers[0].Name}, im))
	before := im.DeepCopy()
	im.Finalizers = nil
	require.NoError(t, c.Patch(ctx, im, client.MergeFrom(before)))
	require.NoError(t, c.Delete(ctx, im))

	left := w.orphans("--remove", "--yes")
	require.Len(t, left, 1)
	require.True(t, left[im.Name].Paused)
	require.False(t, left[im.Name].Removed, "a paused cluster may be on its way to another management cluster")
	require.Contains(t, w.vms(), im.Name)
	pause(false)
	require.True(t, w.orphans("--remove", "--yes")[im.Name].Removed)
	require.NotContains(t, w.vms(), im.Name)
}

func (w *world) disks(t *testing.T) []string {
	t.Helper()
	list, err := w.engine.Disks(t.Context(), "")
	require.NoError(t, err)
	var names []string
	for _, d := range list {
		if !strings.HasPrefix(d.Name, "ock") {
			names = append(names, d.Name)
		}
	}
	return names
}
