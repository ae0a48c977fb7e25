package move

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	clusterctlv1 "sigs.k8s.io/cluster-api/cmd/clusterctl/api/v1alpha3"
	"sigs.k8s.io/cluster-api/util/conditions"
	runtimeclient "sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/test/programs"
)

// held is what a management cluster has of a cluster's machines, and must have again after a move.
type held struct {
	// vms are the provider ids by machine, addresses the machines by name of their IPAddress.
	vms, addresses map[string]string
}

func (w *world) held(c runtimeclient.Client) held {
	w.t.Helper()
	h := held{vms: map[string]string{}, addresses: map[string]string{}}
	for _, olvm := range w.olvmMachines(c) {
		h.vms[olvm.Name] = olvm.Spec.ProviderID
	}
	list := &ipamv1.IPAddressList{}
	require.NoError(w.t, c.List(context.Background(), list, w.inNamespace()))
	for _, address := range list.Items {
		h.addresses[address.Name+" = "+address.Spec.Address] = metav1.GetControllerOf(&address).Name
	}
	return h
}

// expectMoved moves the cluster, and checks that all of it arrived and nothing stayed. A move that clusterctl refuses, because a node is
// on its way just then, is tried again.
func (w *world) expectMoved(t *testing.T) {
	t.Helper()
	var before held
	programs.Eventually(t, "clusterctl moves the cluster", func() (bool, string) {
		before = w.held(w.source())
		err := w.move()
		return err == nil, fmt.Sprint(err)
	})
	w.moves++
	w.here = 1 - w.here
	after := w.held(w.source())
	for name, id := range before.vms {
		if id != "" && after.vms[name] != "" { // else it was just being made or deleted: when all has settled, the engine tells more
			require.Equal(t, id, after.vms[name], name)
		}
	}
	for address, name := range before.addresses {
		if after.vms[name] != "" {
			require.Equal(t, name, after.addresses[address], address)
		}
	}
	w.expectOwners(t)
	w.expectNothingLeft(t)
}

// expectOwners checks that the addresses belong to the machines of this side, and are kept from being deleted.
func (w *world) expectOwners(t *testing.T) {
	t.Helper()
	uids := map[string]types.UID{}
	for _, olvm := range w.olvmMachines(w.source()) {
		uids[olvm.Name] = olvm.UID
	}
	list := &ipamv1.IPAddressList{}
	require.NoError(t, w.source().List(t.Context(), list, w.inNamespace()))
	for _, address := range list.Items {
		owner := metav1.GetControllerOf(&address)
		require.NotNil(t, owner, address.Name)
		if uids[owner.Name] == "" { // both are on their way out
			continue
		}
		require.Equal(t, uids[owner.Name], owner.UID, address.Name)
		require.Contains(t, address.Finalizers, infrav1.MachineFinalizer, address.Name)
	}
}

// expectNothingLeft checks the side that the cluster has left.
func (w *world) expectNothingLeft(t *testing.T) {
	t.Helper()
	for _, list := range []runtimeclient.ObjectList{
		&clusterv1.ClusterList{}, &clusterv1.MachineList{}, &clusterv1.MachineSetList{}, &clusterv1.MachineDeploymentList{},
		&clusterv1.MachineHealthCheckList{},
		&controlplanev1.KubeadmControlPlaneList{}, &bootstrapv1.KubeadmConfigList{}, &bootstrapv1.KubeadmConfigTemplateList{},
		&infrav1.OLVMClusterList{}, &infrav1.OLVMMachineList{}, &infrav1.OLVMMachineTemplateList{},
		&ipamv1.IPAddressList{}, &corev1.SecretList{},
	} {
		programs.Eventually(t, fmt.Sprintf("no %T is left", list), func() (bool, string) {
			require.NoError(t, w.target().List(t.Context(), list, w.inNamespace()))
			items, left := itemsOf(t, list), ""
			for _, item := range items {
				left += fmt.Sprintf("%s %v %v; ", item.GetName(), item.GetFinalizers(), item.GetDeletionTimestamp())
			}
			return len(items) == 0, left
		})
	}
	ca := &corev1.ConfigMap{}
	err := w.target().Get(t.Context(), w.key(w.config.OLVM.APIServer.CAConfigMap.Name), ca)
	require.True(t, apierrors.IsNotFound(err), "CA: %v", err)
}

// expectSettled waits until the cluster is what was asked for, and compares it with the engine.
func (w *world) expectSettled(t *testing.T, controlPlane, workers int) {
	t.Helper()
	programs.Eventually(t, fmt.Sprintf("%d and %d nodes", controlPlane, workers), func() (bool, string) {
		counts, seen := map[bool]int{}, ""
		for _, m := range w.machines(w.source()) {
			ready := m.Status.NodeRef.IsDefined() && conditions.IsTrue(&m, clusterv1.InfrastructureReadyCondition) && m.DeletionTimestamp.IsZero()
			_, ofControlPlane := m.Labels[clusterv1.MachineControlPlaneLabel]
			if counts[ofControlPlane]++; !ready {
				counts[ofControlPlane] += 100 // not yet
			}
			seen += fmt.Sprintf("%s %s %+v\n", m.Name, m.Status.Phase, conditions.Get(&m, clusterv1.InfrastructureReadyCondition))
		}
		vms := len(w.engine.Holds(t).VMs)
		return counts[true] == controlPlane && counts[false] == workers && vms == controlPlane+workers, fmt.Sprintf("%s %d VMs", seen, vms)
	})
	holds := map[string]string{}
	for _, vm := range w.engine.Holds(t).VMs {
		holds[vm.Name] = vm.ID
	}
	for _, olvm := range w.olvmMachines(w.source()) {
		id := machine.VMID(olvm.Spec.ProviderID)
		require.Equal(t, id, holds[olvm.Name], "VM of %s", olvm.Name)
		require.True(t, ptr.Deref(olvm.Status.Initialization.Provisioned, false), olvm.Name)
		require.True(t, conditions.IsTrue(&olvm, infrav1.ReadyCondition), olvm.Name)
		require.NotContains(t, olvm.Annotations, clusterctlv1.BlockMoveAnnotation, olvm.Name)
		require.Equal(t, id, olvm.Status.OLVM.VirtualMachine.VMID)
		require.NotEmpty(t, olvm.Status.OLVM.ClusterID)
		require.NotEmpty(t, olvm.Status.OLVM.VMTemplateID)
		require.NotEmpty(t, olvm.Status.OLVM.NetworkID)
		require.NotEmpty(t, olvm.Status.OLVM.IPAddress)
		require.Contains(t, olvm.Status.Addresses, clusterv1.MachineAddress{Type: clusterv1.MachineInternalIP, Address: olvm.Status.OLVM.IPAddress})
	}
	require.Len(t, w.held(w.source()).addresses, controlPlane+workers, "one address for each machine")
	w.expectOwners(t)
	w.expectNoneTwice(t)
}

// expectNoneTwice reads in the engine's journal that every VM was made once, and that no machine got two.
func (w *world) expectNoneTwice(t *testing.T) {
	t.Helper()
	ids := map[string]string{}
	for _, r := range w.engine.Requests(t) {
		if r.Method != http.MethodPost || r.Path != "vms" || r.Status >= http.StatusMultipleChoices {
			continue
		}
		require.Empty(t, ids[r.VM], "%s was made twice: %s and %s", r.VM, ids[r.VM], r.VMID)
		ids[r.VM] = r.VMID
	}
	require.NotEmpty(t, ids)
}

func itemsOf(t *testing.T, list runtimeclient.ObjectList) []runtimeclient.Object {
	t.Helper()
	var items []runtimeclient.Object
	require.NoError(t, eachItem(list, func(o runtimeclient.Object) { items = append(items, o) }))
	return items
}

func eachItem(list runtimeclient.ObjectList, visit func(runtimeclient.Object)) error {
	return meta.EachListItem(list, func(o runtime.Object) error {
		visit(o.(runtimeclient.Object))
		return nil
	})
}
