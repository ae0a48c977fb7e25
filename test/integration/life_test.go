package integration

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/pkg/ovirt"
	"github.com/ocne-project/ocne/test/programs"
)

// A cluster's whole life with the management cluster that appears by itself.
func TestLifeOfACluster(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	start := func(args ...string) string {
		return w.ocne(append([]string{"cluster", "start", "--provider", "olvm", "-c", w.config}, args...)...)
	}

	if !t.Run("one command gives a cluster whose nodes are Ready", func(t *testing.T) {
		out := start()
		w.expectNodes(1, 2)
		require.Contains(t, out, "kubectl --kubeconfig "+w.kubeconfig(), "it says what to try next")
		require.Contains(t, out, "runs as processes on this machine, because none can be made with libvirt: connect to qemu:///session: no libvirt daemon answers")
		info, err := os.Stat(w.kubeconfig())
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "the kubeconfig is the user's own")
		w.expectRequestBudget(13) // one of them joins the affinity group
	}) {
		return
	}
	t.Run("the boot document, which holds keys, is not kept in the engine", w.expectClearedBootDocuments)
	t.Run("the pod network, DNS and the Services' proxy are installed from the images inside OCK", w.expectAddons)
	t.Run("start again converges and makes nothing anew", func(t *testing.T) {
		before, requests := w.vms(), w.creations()
		start()
		w.expectNodes(1, 2)
		require.Equal(t, ids(before), ids(w.vms()))
		require.Equal(t, requests, w.creations(), "no VM was asked for")
	})
	t.Run("an OLVMMachine that was forgotten before it had a Machine is not waited for", func(t *testing.T) {
		w.forgetOLVMMachine(t)
		start()
		w.expectNodes(1, 2)
	})
	t.Run("it is listed", func(t *testing.T) {
		require.Contains(t, w.ocne("cluster", "list"), "demo")
		require.Contains(t, w.ocne("cluster", "list", "-o", "json"), `"demo"`)
	})
	t.Run("it is shown", func(t *testing.T) {
		require.Equal(t, "true\n", w.ocne("cluster", "show", "-C", "demo", "--field", "ready"))
		programs.Eventually(t, "the addresses in use are counted", func() (bool, string) {
			out := w.ocne("cluster", "show", "-c", w.config)
			return strings.Contains(out, "3 of 30"), out
		})
		written, err := os.ReadFile(w.kubeconfig())
		require.NoError(t, err)
		require.Equal(t, string(written), w.ocne("cluster", "kubeconfig", "-C", "demo"))
	})
	t.Run("workers 2 to 5", func(*testing.T) {
		start("-w", "5")
		w.expectNodes(1, 5)
	})
	t.Run("workers 5 to 1", func(*testing.T) {
		start("-w", "1")
		w.expectNodes(1, 1)
	})
	t.Run("control plane 1 to 3", func(*testing.T) {
		start("-n", "3", "-w", "1")
		w.expectNodes(3, 1)
	})
	t.Run("no programs.Password or token is anywhere but in the Secret", w.expectNoSecrets)
	t.Run("the detached programs raced for nothing", w.expectNoRacesOfDetached)
	t.Run("delete leaves nothing", func(t *testing.T) {
		w.ocne("cluster", "delete", "-c", w.config)
		w.expectEmptyEngine()
		require.NoFileExists(t, w.kubeconfig())
		require.Empty(t, processesOf(t, w.home), "processes that work in the user's home")
		require.NoDirExists(t, filepath.Join(w.managementDir(), "controlplane"))
	})
}

// forgetOLVMMachine leaves what Cluster API's control plane provider leaves when it is killed between the two requests that make a machine.
func (w *world) forgetOLVMMachine(t *testing.T) {
	t.Helper()
	ctx, c := t.Context(), w.management()
	kcps, machines := &controlplanev1.KubeadmControlPlaneList{}, &infrav1.OLVMMachineList{}
	require.NoError(t, c.List(ctx, kcps))
	require.Len(t, kcps.Items, 1)
	require.NoError(t, c.List(ctx, machines, client.MatchingLabels{clusterv1.MachineControlPlaneLabel: ""}))
	require.Len(t, machines.Items, 1)
	made := machines.Items[0]
	forgotten := &infrav1.OLVMMachine{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: made.Namespace, Name: made.Name + "-forgotten", Labels: made.Labels, Annotations: made.Annotations,
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(&kcps.Items[0], controlplanev1.GroupVersion.WithKind("KubeadmControlPlane"))},
		},
		Spec: made.Spec,
	}
	forgotten.Spec.ProviderID = ""
	require.NoError(t, c.Create(ctx, forgotten))
}

func (w *world) expectNoRacesOfDetached(t *testing.T) {
	logs, err := filepath.Glob(filepath.Join(w.managementDir(), "*.log"))
	require.NoError(t, err)
	require.NotEmpty(t, logs)
	for _, log := range logs {
		programs.ExpectNoRaces(t, log)
	}
}

func (w *world) expectClearedBootDocuments(t *testing.T) {
	programs.Eventually(t, "boot documents are cleared", func() (bool, string) {
		for name, vm := range w.vms() {
			if vm.HasInitialization {
				return false, name
			}
		}
		return true, ""
	})
}

func ids(vms map[string]ovirt.VM) map[string]string {
	byName := map[string]string{}
	for name, vm := range vms {
		byName[name] = vm.ID
	}
	return byName
}

// processesOf finds the processes whose command lines mention a text, by process id.
func processesOf(t *testing.T, text string) map[int]string {
	t.Helper()
	found := map[int]string{}
	entries, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, file := range entries {
		b, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(b), text) { // it may have ended meanwhile
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		require.NoError(t, err)
		found[pid] = strings.ReplaceAll(string(b), "\x00", " ")
	}
	return found
}
