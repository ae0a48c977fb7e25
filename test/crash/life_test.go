package crash

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/ovirt"
	"github.com/ocne-project/ocne/test/programs"
)

// patience is longer than that of any single wait of a test, so that the wait ends first, and says what it saw.
const patience = 2 * programs.Patience

// life is a cluster whose controllers nobody kills.
type life struct {
	clusterAPI
	t      *testing.T
	engine *programs.Engine
}

func newLife(ctx context.Context, t *testing.T, namespace string) *life {
	t.Helper()
	engine := programs.StartEngine(t)
	l := newLabOf(t, engine)
	c := &life{t: t, engine: engine, clusterAPI: clusterAPI{
		Client: l.client, namespace: namespace, engineURL: engine.URL, engineCA: engine.CA,
		ipv4: infrav1.IPv4{Subnet: "10.96.0.0/24", IPAddresses: []string{"10.96.0.10-10.96.0.50"}},
	}}
	require.NoError(t, c.createCluster(ctx))
	programs.Launch(t, nil, programs.Path(t, "ocne-manager"), "--kubeconfig", l.kubeconfig, "--providers", "olvm")
	return c
}

// runMachines makes machines and waits until nothing is left to do for them.
func (l *life) runMachines(ctx context.Context, names ...string) {
	l.t.Helper()
	for _, name := range names {
		require.NoError(l.t, l.createMachine(ctx, name))
	}
	followAll(ctx, l.t, []clusterAPI{l.clusterAPI}, "the machines run", (clusterAPI).settled)
}

func (l *life) machine(ctx context.Context, name string) *infrav1.OLVMMachine {
	l.t.Helper()
	olvm := &infrav1.OLVMMachine{}
	require.NoError(l.t, l.Get(ctx, client.ObjectKey{Namespace: l.namespace, Name: name}, olvm))
	return olvm
}

func (l *life) expectReason(ctx context.Context, name, reason string) {
	l.t.Helper()
	programs.Eventually(l.t, name+" is "+reason, func() (bool, string) {
		olvm := l.machine(ctx, name)
		ready := meta.FindStatusCondition(olvm.Status.Conditions, infrav1.ReadyCondition)
		return ready != nil && ready.Reason == reason, fmt.Sprintf("%+v", ready)
	})
}

// expectEvent waits for an event about an object.
func (l *life) expectEvent(ctx context.Context, object, reason string) {
	l.t.Helper()
	programs.Eventually(l.t, "event "+reason+" about "+object, func() (bool, string) {
		events := &eventsv1.EventList{}
		require.NoError(l.t, l.List(ctx, events, client.InNamespace(l.namespace)))
		found := slices.ContainsFunc(events.Items, func(e eventsv1.Event) bool { return e.Regarding.Name == object && e.Reason == reason && e.Note != "" })
		return found, fmt.Sprintf("%d events", len(events.Items))
	})
}

func (l *life) happens(kind olvmsim.Kind, vm, newName string) {
	l.t.Helper()
	l.engine.Inject(l.t, olvmsim.Fault{Effect: olvmsim.Effect{Kind: kind, VM: vm, NewName: newName}})
}

// What people do in the engine's portal is seen, told, and never undone.
func TestWhatIsDoneToAVMBehindTheProvidersBackIsTold(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	l := newLife(ctx, t, "life")
	l.runMachines(ctx, "off", "gone", "renamed")
	for _, name := range []string{"off", "gone", "renamed"} {
		l.expectEvent(ctx, name, infrav1.RunningReason)
	}
	creations := l.creations()

	l.happens(olvmsim.VMPoweredOff, "off", "")
	l.expectReason(ctx, "off", infrav1.NotRunningReason)
	l.expectEvent(ctx, "off", infrav1.NotRunningReason)

	l.happens(olvmsim.VMRemoved, "gone", "")
	l.expectReason(ctx, "gone", infrav1.VMNotFoundReason)
	l.expectEvent(ctx, "gone", infrav1.VMNotFoundReason)

	l.happens(olvmsim.VMRenamed, "renamed", "somebody-elses-taste")
	programs.Eventually(t, "the new name is known", func() (bool, string) {
		name := l.machine(ctx, "renamed").Status.OLVM.VirtualMachine.VMName
		return name == "somebody-elses-taste", name
	})
	l.expectEvent(ctx, "renamed", infrav1.VMRenamedReason)
	require.True(t, meta.IsStatusConditionTrue(l.machine(ctx, "renamed").Status.Conditions, infrav1.ReadyCondition), "a name is only a name")

	var templates struct{ Template []struct{ ID, Name string } }
	require.NoError(t, json.Unmarshal(l.engine.Call(t, http.MethodGet, "/ovirt-engine/api/templates", nil), &templates))
	i := slices.IndexFunc(templates.Template, func(o struct{ ID, Name string }) bool { return o.Name == "ock" })
	require.GreaterOrEqual(t, i, 0)
	l.removeThinCopies()
	l.engine.Call(t, http.MethodDelete, "/ovirt-engine/api/templates/"+templates.Template[i].ID, nil)
	programs.Eventually(t, "the OLVMCluster misses the template", func() (bool, string) {
		olvm := &infrav1.OLVMCluster{}
		require.NoError(t, l.Get(ctx, client.ObjectKey{Namespace: l.namespace, Name: clusterName}, olvm))
		missed := meta.FindStatusCondition(olvm.Status.Conditions, infrav1.TemplatesFoundCondition)
		return missed != nil && missed.Status == metav1.ConditionFalse, fmt.Sprintf("%+v", olvm.Status.Conditions)
	})
	l.expectEvent(ctx, clusterName, infrav1.NotFoundInEngineReason)
	require.Equal(t, creations, l.creations(), "nothing is made anew behind the user's back")
}

func (l *life) creations() int {
	n := 0
	for _, r := range l.engine.Requests(l.t) {
		if r.Method == http.MethodPost && r.Path == "vms" {
			n++
		}
	}
	return n
}

// removeThinCopies removes the VMs that keep the engine from removing their template.
func (l *life) removeThinCopies() {
	l.t.Helper()
	for _, vm := range l.engine.Holds(l.t).VMs {
		if vm.Status != ovirt.StatusDown {
			l.happens(olvmsim.VMPoweredOff, vm.Name, "")
		}
		l.happens(olvmsim.VMRemoved, vm.Name, "")
	}
}

// The engine deletes attached disks with their VM, also those that are a persistent volume of the cluster's users.
func TestADiskThatWasAttachedToAMachineOutlivesIt(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	l := newLife(ctx, t, "volumes")
	l.runMachines(ctx, "node")
	vm := machine.VMID(l.machine(ctx, "node").Spec.ProviderID)
	volume := l.attach(vm, "pvc-1")

	detaching := olvmsim.Match{Method: http.MethodDelete, Path: "vms/*/diskattachments/*"}
	inUse := olvmsim.Effect{Kind: olvmsim.Locked, Detail: "[Cannot detach disk: it is in use elsewhere.]"}
	refuse := l.engine.Inject(t, olvmsim.Fault{Match: detaching, Effect: inUse})
	require.NoError(t, l.Delete(ctx, l.machine(ctx, "node")))
	programs.Eventually(t, "the removal waits for the disk", func() (bool, string) {
		ready := meta.FindStatusCondition(l.machine(ctx, "node").Status.Conditions, infrav1.ReadyCondition)
		return ready.Reason == infrav1.EngineRefusedReason, fmt.Sprintf("%+v", ready)
	})
	ready := meta.FindStatusCondition(l.machine(ctx, "node").Status.Conditions, infrav1.ReadyCondition)
	require.Contains(t, ready.Message, "it is in use elsewhere", "the engine's words")
	require.Len(t, l.engine.Holds(t).VMs, 1, "the VM stays as long as the disk is attached")

	refuse()
	programs.Eventually(t, "the VM is gone", func() (bool, string) { return len(l.engine.Holds(t).VMs) == 0, "" })
	l.expectEvent(ctx, "node", infrav1.DiskDetachedReason)
	disks := l.engine.Holds(t).Disks
	require.Len(t, disks, 2, "the template's and the volume")
	require.True(t, slices.ContainsFunc(disks, func(d olvmsim.Disk) bool { return d.ID == volume }))
}

// attach gives a VM a new disk, as a storage driver does, and returns the disk's id.
func (l *life) attach(vmID, name string) string {
	l.t.Helper()
	body := `{"bootable":false,"active":true,"interface":"virtio_scsi","disk":{"name":"` + name + `","provisioned_size":1073741824,"format":"cow",` +
		`"storage_domains":{"storage_domain":[{"name":"data"}]}}}`
	var attachment struct{ ID string }
	answer := l.engine.Call(l.t, http.MethodPost, "/ovirt-engine/api/vms/"+vmID+"/diskattachments", []byte(body))
	require.NoError(l.t, json.Unmarshal(answer, &attachment))
	programs.Eventually(l.t, "the disk is there", func() (bool, string) {
		disk, err := l.engine.Client.Disk(context.Background(), attachment.ID)
		require.NoError(l.t, err)
		return disk.Status == "ok", disk.Status
	})
	return attachment.ID
}
