package manifests

import (
	"cmp"
	"fmt"
	"net/http"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/test/programs"
)

// Manifests of the existing provider apply unchanged and become running clusters: one without verification of the engine's
// certificate and with nothing set that need not be, one whose CA comes later and that sets what can be set, IPv6 included.
func TestExistingManifestsBecomeRunningClusters(t *testing.T) {
	engine := programs.StartEngine(t, "--guests", "instant")
	management := programs.StartBundle(t)
	createNamespace(t, management)
	zeros := newExisting(t, engine, "zeros")
	zeros.Insecure, zeros.ControlPlane = true, 3
	set := newExisting(t, engine, "set")
	set.NIC, set.Gateway, set.Interface, set.InterfaceType = "nic-1", set.Net+".162", "enp1s0", "virtio"
	set.IPv6 = "fd00:40::10-fd00:40::20"

	holdControlPlane := holdStarts(t, engine, "zeros-control-plane-*")
	holdWorkers := holdStarts(t, engine, "zeros-md-0-*")
	warned := apply(t, management.Kubeconfig, zeros.objects(t))
	for _, unknown := range []string{
		`unknown field "spec.kubeadmConfigSpec.ignition.variant"`, `unknown field "spec.kubeadmConfigSpec.ignition.version"`,
		`unknown field "spec.template.spec.ignition.variant"`, `unknown field "joinConfiguration"`,
	} {
		require.True(t, warned.about(unknown), "warning %s in %q", unknown, warned.list)
	}
	apply(t, management.Kubeconfig, set.objects(t))

	t.Run("their Ignition 3 reaches the first node", func(t *testing.T) {
		document := bootDocument(t, engine, "zeros-control-plane")
		expectContains(t, document, zeros.ControlPlaneIgnition)
		kubeadm := contents(t, document, "/etc/kubeadm.yml")
		require.Contains(t, kubeadm, "addon/kube-proxy")
		require.Contains(t, kubeadm, "addon/coredns")
		require.Contains(t, kubeadm, "volume-plugin-dir")
		holdControlPlane()
	})
	t.Run("and the workers, which lost their joinConfiguration", func(t *testing.T) {
		document := bootDocument(t, engine, "zeros-md-0")
		expectContains(t, document, zeros.WorkerIgnition)
		require.NotContains(t, contents(t, document, "/etc/kubeadm.yml"), "volume-plugin-dir")
		holdWorkers()
	})
	if !t.Run("a CA that is missing is told, and may come later", func(t *testing.T) { expectCAComesLater(t, management, engine, set) }) {
		return
	}
	t.Run("all nodes join", func(t *testing.T) {
		expectRunning(t, management, engine, zeros)
		expectRunning(t, management, engine, set)
	})
	t.Run("what skips add-ons stays", func(t *testing.T) {
		kcp := &controlplanev1.KubeadmControlPlane{}
		require.NoError(t, management.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "zeros-control-plane"}, kcp))
		require.Contains(t, kcp.Annotations, "controlplane.cluster.x-k8s.io/skip-kube-proxy")
		require.Contains(t, kcp.Annotations, "controlplane.cluster.x-k8s.io/skip-coredns")
	})
	t.Run("zeros and empty strings mean the defaults", func(t *testing.T) { expectDefaults(t, engine) })
	t.Run("they are deleted, and nothing is left", func(t *testing.T) { expectDeletion(t, management, engine) })
}

// holdStarts keeps VMs from being started, so that a test can look at them; it returns what lets them go on.
func holdStarts(t *testing.T, e *programs.Engine, vms string) (release func()) {
	t.Helper()
	return e.Inject(t, olvmsim.Fault{
		Match:  olvmsim.Match{Method: http.MethodPost, Path: "vms/*/start", VM: vms},
		Effect: olvmsim.Effect{Kind: olvmsim.Locked},
	})
}

func expectCAComesLater(t *testing.T, c client.Client, e *programs.Engine, m existing) {
	programs.Eventually(t, "the certificate of the engine is refused", func() (bool, string) {
		infrastructure := &infrav1.OLVMCluster{}
		require.NoError(t, c.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: m.Name}, infrastructure))
		reachable := conditions.Get(infrastructure, infrav1.EngineReachableCondition)
		return reachable != nil && reachable.Status == metav1.ConditionFalse, fmt.Sprintf("%+v", reachable)
	})
	infrastructure := &infrav1.OLVMCluster{}
	require.NoError(t, c.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: m.Name}, infrastructure))
	message := conditions.GetMessage(infrastructure, infrav1.EngineReachableCondition)
	require.Contains(t, message, "certificate")
	require.Contains(t, message, "CA ConfigMap "+namespace+"/"+m.Name+"-ovirt-ca")
	ca := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: m.Name + "-ovirt-ca"}}
	ca.Data = map[string]string{"ca.crt": string(e.CA)}
	require.NoError(t, c.Create(t.Context(), ca))
}

// expectRunning waits for all nodes of a cluster, and compares the addresses with the pools.
func expectRunning(t *testing.T, c client.Client, e *programs.Engine, m existing) {
	t.Helper()
	ofCluster := []client.ListOption{client.InNamespace(namespace), client.MatchingLabels{clusterv1.ClusterNameLabel: m.Name}}
	programs.Eventually(t, "all nodes of "+m.Name, func() (bool, string) {
		list := &clusterv1.MachineList{}
		require.NoError(t, c.List(t.Context(), list, ofCluster...))
		for _, machine := range list.Items {
			if !machine.Status.NodeRef.IsDefined() {
				return false, fmt.Sprintf("%s: %+v", machine.Name, conditions.Get(&machine, clusterv1.InfrastructureReadyCondition))
			}
		}
		return len(list.Items) == m.ControlPlane+1, fmt.Sprintf("%d machines", len(list.Items))
	})
	machines := &infrav1.OLVMMachineList{}
	require.NoError(t, c.List(t.Context(), machines, ofCluster...))
	require.Len(t, machines.Items, m.ControlPlane+1)
	reserved := []string{m.Net + ".160", m.Net + ".0", cmp.Or(m.Gateway, m.Net+".1")}
	taken := map[string]string{}
	for _, olvm := range machines.Items {
		require.NotNil(t, olvm.Status.OLVM, olvm.Name)
		address := olvm.Status.OLVM.IPAddress
		require.NotContains(t, reserved, address, olvm.Name)
		require.Empty(t, taken[address], "%s of %s", address, olvm.Name)
		taken[address] = olvm.Name
		vm, err := e.Client.VM(t.Context(), machine.VMID(olvm.Spec.ProviderID))
		require.NoError(t, err)
		mark, ours := machine.ParseMark(vm.Comment)
		require.True(t, ours)
		have := []netip.Addr{netip.MustParseAddr(address)}
		if m.IPv6 != "" {
			have = append(have, netip.MustParseAddr(olvm.Status.OLVM.IPv6Address))
		}
		require.Equal(t, have, mark.Addresses)
	}
}

func expectDefaults(t *testing.T, e *programs.Engine) {
	vms, err := e.Client.VMs(t.Context(), "")
	require.NoError(t, err)
	looked := 0
	for _, vm := range vms {
		mark, ours := machine.ParseMark(vm.Comment)
		require.True(t, ours)
		nics, err := e.Client.NICs(t.Context(), vm.ID)
		require.NoError(t, err)
		require.Len(t, nics, 1)
		require.Equal(t, "virtio", nics[0].Interface)
		require.Equal(t, 4, vm.CPU.Cores*vm.CPU.Sockets*vm.CPU.Threads, "2 sockets of 2 cores")
		if mark.Cluster == namespace+"/zeros" {
			require.Equal(t, "nic1", nics[0].Name)
			looked++
		} else {
			require.Equal(t, "nic-1", nics[0].Name)
		}
	}
	require.Equal(t, 4, looked)
}

func expectDeletion(t *testing.T, c client.Client, e *programs.Engine) {
	clusters := &clusterv1.ClusterList{}
	require.NoError(t, c.List(t.Context(), clusters, client.InNamespace(namespace)))
	require.Len(t, clusters.Items, 2)
	for i := range clusters.Items {
		require.NoError(t, c.Delete(t.Context(), &clusters.Items[i]))
	}
	programs.Eventually(t, "the clusters are gone", func() (bool, string) {
		require.NoError(t, c.List(t.Context(), clusters, client.InNamespace(namespace)))
		return len(clusters.Items) == 0, fmt.Sprintf("%d clusters", len(clusters.Items))
	})
	held := e.Holds(t)
	require.Empty(t, held.VMs)
	require.Empty(t, held.NICs)
	addresses := &ipamv1.IPAddressList{}
	require.NoError(t, c.List(t.Context(), addresses, client.InNamespace(namespace)))
	require.Empty(t, addresses.Items)
	for _, name := range []string{"zeros", "set"} { // what the user made stays, and can be deleted
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name + "-ovirt-credentials"}}
		require.NoError(t, c.Get(t.Context(), client.ObjectKeyFromObject(secret), secret))
		require.Empty(t, secret.Finalizers)
		require.NoError(t, c.Delete(t.Context(), secret))
		require.True(t, apierrors.IsNotFound(c.Get(t.Context(), client.ObjectKeyFromObject(secret), secret)))
	}
}
