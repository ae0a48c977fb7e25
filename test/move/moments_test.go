package move

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	clusterctlv1 "sigs.k8s.io/cluster-api/cmd/clusterctl/api/v1alpha3"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/ovirt"
	"github.com/ocne-project/ocne/test/programs"
)

const (
	workersName      = clusterName + "-md-0"
	controlPlaneName = clusterName + "-control-plane"
)

// One cluster is moved, or refused to be moved, at the moments of its life in which it is not the same to be moved. clusterctl itself
// refuses while the infrastructure, the control plane or any node is still to come.
func TestClusterctlMoveAtEveryMoment(t *testing.T) {
	w := newWorld(t)
	for _, moment := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"1: before the infrastructure", w.beforeInfrastructure},
		{"2: the first VM is asked for", w.firstVM},
		{"3: the first VM runs, without a control plane", w.beforeControlPlane},
		{"4: the control plane is initialized, and there are no workers", w.withoutWorkers},
		{"5: workers are on their way", w.workersOnTheirWay},
		{"6: all nodes are there", w.allReady},
		{"7: the control plane is scaled up", w.scaleUp},
		{"8: a machine is being deleted", w.scaleDown},
		{"9: workers are rolled out", w.rollout},
		{"10: a VM was switched off", w.switchedOff},
		{"an interrupted move has left a machine behind", w.leftBehind},
		{"at last it is deleted", w.deleted},
	} {
		if !t.Run(moment.name, moment.run) {
			return
		}
	}
}

func (w *world) beforeInfrastructure(t *testing.T) {
	w.create()
	programs.Eventually(t, "the credentials are missing", func() (bool, string) {
		infrastructure := &infrav1.OLVMCluster{}
		require.NoError(t, w.source().Get(t.Context(), w.key(clusterName), infrastructure))
		return conditions.GetReason(infrastructure, infrav1.ReadyCondition) == infrav1.CredentialsMissingReason, "not yet"
	})
	w.expectRefused(t, "still provisioning the infrastructure")
}

// A machine whose VM is asked for blocks every move, until it is paused: then it asks for nothing more.
func (w *world) firstVM(t *testing.T) {
	release := w.hold(t, http.MethodPost, "vms/*/start", "*")
	w.createCredentials()
	blocks := func(olvm infrav1.OLVMMachine) bool {
		_, ok := olvm.Annotations[clusterctlv1.BlockMoveAnnotation]
		return ok
	}
	w.until(t, "a machine that blocks the move", blocks)
	w.expectRefused(t, "is not yet initialized")
	pause := func(paused *bool) {
		change(t, w, clusterName, &clusterv1.Cluster{}, func(c *clusterv1.Cluster) { c.Spec.Paused = paused })
	}
	pause(ptr.To(true))
	w.until(t, "the paused machine lets itself be moved", func(olvm infrav1.OLVMMachine) bool { return !blocks(olvm) })
	pause(nil)
	w.wakeGuests = w.engine.Inject(t, olvmsim.Fault{Effect: olvmsim.Effect{Kind: olvmsim.GuestHangs}})
	release()
	w.until(t, "the VM runs", func(olvm infrav1.OLVMMachine) bool { return ptr.Deref(olvm.Status.Initialization.Provisioned, false) })
}

func (w *world) beforeControlPlane(t *testing.T) {
	w.expectRefused(t, "is not yet initialized")
	w.wakeGuests()
	w.expectSettled(t, 1, 0)
}

func (w *world) restart(t *testing.T, vmID string) {
	t.Helper()
	programs.Eventually(t, "the VM is down", func() (bool, string) {
		vm, err := w.engine.Client.VM(t.Context(), vmID)
		require.NoError(t, err)
		return vm.Status == "down", vm.Status
	})
	require.NoError(t, w.engine.Client.StartVM(t.Context(), vmID))
}

func (w *world) withoutWorkers(t *testing.T) {
	w.expectMoved(t)
	w.expectSettled(t, 1, 0)
}

// The other side has the credentials: it makes workers.
func (w *world) workersOnTheirWay(t *testing.T) {
	release := w.hold(t, http.MethodPost, "vms/*/start", workersName+"-*")
	w.scaleWorkers(t, 2)
	w.until(t, "a worker's VM", func(olvm infrav1.OLVMMachine) bool {
		_, controlPlane := olvm.Labels[clusterv1.MachineControlPlaneLabel]
		return !controlPlane && olvm.Spec.ProviderID != ""
	})
	w.expectRefused(t, "still provisioning the node")
	release()
	w.expectMoved(t)
	w.expectSettled(t, 1, 2)
}

func (w *world) allReady(t *testing.T) {
	before := w.held(w.source())
	w.expectMoved(t)
	w.expectSettled(t, 1, 2)
	require.Equal(t, before, w.held(w.source()))
}

func (w *world) scaleWorkers(t *testing.T, replicas int32) {
	t.Helper()
	change(t, w, workersName, &clusterv1.MachineDeployment{}, func(d *clusterv1.MachineDeployment) { d.Spec.Replicas = &replicas })
}

// A control plane that is paused by itself makes no machine between clusterctl's look at the objects and its own pause; the other side
// makes the last of three.
func (w *world) scaleUp(t *testing.T) {
	change(t, w, controlPlaneName, &controlplanev1.KubeadmControlPlane{}, func(k *controlplanev1.KubeadmControlPlane) {
		k.Spec.Replicas = ptr.To[int32](3)
	})
	programs.Eventually(t, "a second machine", func() (bool, string) { return len(w.machines(w.source())) == 4, "not yet" })
	w.pauseControlPlane(t, true)
	w.expectMoved(t)
	programs.Eventually(t, "two of three", func() (bool, string) {
		kcp := &controlplanev1.KubeadmControlPlane{}
		require.NoError(t, w.source().Get(t.Context(), w.key(controlPlaneName), kcp))
		return ptr.Deref(kcp.Spec.Replicas, 0) == 3 && len(w.machines(w.source())) == 4, "not yet"
	})
	w.pauseControlPlane(t, false)
	w.expectSettled(t, 3, 2)
}

func (w *world) pauseControlPlane(t *testing.T, paused bool) {
	t.Helper()
	change(t, w, controlPlaneName, &controlplanev1.KubeadmControlPlane{}, func(k *controlplanev1.KubeadmControlPlane) {
		if !paused {
			delete(k.Annotations, clusterv1.PausedAnnotation)
			return
		}
		if k.Annotations == nil {
			k.Annotations = map[string]string{}
		}
		k.Annotations[clusterv1.PausedAnnotation] = ""
	})
}

// clusterctl moves a machine that is being deleted as one that shall stay. The other side decides anew which to delete; if it chooses
// another one, the machine that is left has no running VM, which is told, and is replaced when it is deleted.
func (w *world) scaleDown(t *testing.T) {
	release := w.hold(t, http.MethodDelete, "vms/*", workersName+"-*")
	w.scaleWorkers(t, 1)
	leaving := w.untilLeaving(t)
	w.expectMoved(t)
	require.Contains(t, w.held(w.source()).vms, leaving)
	release()
	programs.Eventually(t, "one worker", func() (bool, string) {
		left := w.olvmMachines(w.source())
		return len(left) == 4, fmt.Sprintf("%d machines", len(left))
	})
	for _, olvm := range w.olvmMachines(w.source()) {
		if olvm.Name == leaving {
			t.Log("the other side chose another machine to delete")
			w.until(t, "it is told", func(m infrav1.OLVMMachine) bool { return m.Name == leaving && notRunning(m) })
			machine := &clusterv1.Machine{ObjectMeta: metav1.ObjectMeta{Namespace: w.config.Namespace, Name: leaving}}
			require.NoError(t, w.source().Delete(t.Context(), machine))
		}
	}
	w.expectSettled(t, 3, 1)
}

func (w *world) untilLeaving(t *testing.T) (name string) {
	t.Helper()
	return w.until(t, "a machine whose VM is to be removed", func(olvm infrav1.OLVMMachine) bool {
		return !olvm.DeletionTimestamp.IsZero() && olvm.Status.OLVM.VirtualMachine.Status == "down"
	})
}

func notRunning(olvm infrav1.OLVMMachine) bool {
	return conditions.GetReason(&olvm, infrav1.ReadyCondition) == infrav1.NotRunningReason
}

// The new worker is there, and the old one about to go.
func (w *world) rollout(t *testing.T) {
	template := &infrav1.OLVMMachineTemplate{}
	require.NoError(t, w.source().Get(t.Context(), w.key(workersName), template))
	next := &infrav1.OLVMMachineTemplate{ObjectMeta: metav1.ObjectMeta{Namespace: template.Namespace, Name: workersName + "-next"}, Spec: template.Spec}
	next.Spec.Template.Spec.VirtualMachine.Memory = "3GB"
	require.NoError(t, w.source().Create(t.Context(), next))
	old := w.held(w.source()).vms
	start := w.hold(t, http.MethodPost, "vms/*/start", workersName+"-*")
	remove := w.hold(t, http.MethodDelete, "vms/*", workersName+"-*")
	change(t, w, workersName, &clusterv1.MachineDeployment{}, func(d *clusterv1.MachineDeployment) {
		d.Spec.Template.Spec.InfrastructureRef.Name = next.Name
	})
	w.until(t, "the new worker's VM", func(olvm infrav1.OLVMMachine) bool {
		return old[olvm.Name] == "" && olvm.Spec.ProviderID != ""
	})
	w.expectRefused(t, "still provisioning the node")
	start()
	leaving := w.untilLeaving(t)
	w.expectMoved(t)
	remove()
	w.expectSettled(t, 3, 1)
	require.NotContains(t, w.held(w.source()).vms, leaving)
}

// What was seen of a VM is seen again on the other side; it is still nobody's but the administrator's to switch it on.
func (w *world) switchedOff(t *testing.T) {
	worker := w.until(t, "a worker", func(olvm infrav1.OLVMMachine) bool {
		_, controlPlane := olvm.Labels[clusterv1.MachineControlPlaneLabel]
		return !controlPlane
	})
	isOff := func(olvm infrav1.OLVMMachine) bool { return olvm.Name == worker && notRunning(olvm) }
	w.engine.Inject(t, olvmsim.Fault{Effect: olvmsim.Effect{Kind: olvmsim.VMPoweredOff, VM: worker}})
	w.until(t, "the VM is off", isOff)
	w.expectMoved(t)
	w.until(t, "the VM is off", isOff)
	w.restart(t, machine.VMID(w.olvmMachine(t, worker).Spec.ProviderID))
	w.expectSettled(t, 3, 1)
}

// What clusterctl deletes because it lives on elsewhere takes no VM along, whatever else is gone already.
func (w *world) leftBehind(t *testing.T) {
	worker := w.until(t, "a worker", func(olvm infrav1.OLVMMachine) bool {
		_, controlPlane := olvm.Labels[clusterv1.MachineControlPlaneLabel]
		return !controlPlane
	})
	left := &infrav1.OLVMMachine{}
	change(t, w, worker, left, func(olvm *infrav1.OLVMMachine) {
		metav1.SetMetaDataAnnotation(&olvm.ObjectMeta, clusterctlv1.DeleteForMoveAnnotation, "")
	})
	require.NoError(t, w.source().Delete(t.Context(), left))
	w.scaleWorkers(t, 2)
	w.until(t, "the controller has made another machine meanwhile", func(olvm infrav1.OLVMMachine) bool {
		_, controlPlane := olvm.Labels[clusterv1.MachineControlPlaneLabel]
		return !controlPlane && olvm.Name != worker && conditions.IsTrue(&olvm, infrav1.ReadyCondition)
	})
	id := machine.VMID(left.Spec.ProviderID)
	vm, err := w.engine.Client.VM(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, "up", vm.Status)
	change(t, w, worker, left, func(olvm *infrav1.OLVMMachine) { delete(olvm.Annotations, clusterctlv1.DeleteForMoveAnnotation) })
	programs.Eventually(t, "without the annotation the VM goes", func() (bool, string) {
		_, err := w.engine.Client.VM(t.Context(), id)
		return ovirt.KindOf(err) == ovirt.NotFound, fmt.Sprint(err)
	})
}

func (w *world) deleted(t *testing.T) {
	require.Equal(t, 7, w.moves, "how often it was moved")
	require.NoError(t, w.source().Delete(t.Context(), &clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: w.config.Namespace, Name: clusterName}}))
	programs.Eventually(t, "the cluster is gone", func() (bool, string) {
		clusters := &clusterv1.ClusterList{}
		require.NoError(t, w.source().List(t.Context(), clusters, w.inNamespace()))
		return len(clusters.Items) == 0, "it is there"
	})
	held := w.engine.Holds(t)
	require.Empty(t, held.VMs)
	require.Empty(t, held.NICs)
	secret := &corev1.Secret{}
	require.NoError(t, w.source().Get(t.Context(), w.key(w.config.OLVM.APIServer.CredentialsSecret.Name), secret))
	require.Empty(t, secret.Finalizers, "it is the user's to delete")
}
