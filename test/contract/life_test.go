package contract

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	clusterctlv1 "sigs.k8s.io/cluster-api/cmd/clusterctl/api/v1alpha3"
	"sigs.k8s.io/cluster-api/controllers/external"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/test/programs"
)

// lifeOfACluster is upstream's quick start, and what is expected of the objects of a cluster at each stage of its life.
func lifeOfACluster(t *testing.T, f *fixture) {
	c := f.newCluster(t, "life", 1, 2)
	machines := c.record(t, &infrav1.OLVMMachineList{})
	c.create(t, withMetadata)
	if !t.Run("quick start", func(t *testing.T) { c.running(t, 1, 2, anyMember) }) {
		return
	}
	for _, step := range []struct {
		name string
		take func(*testing.T)
	}{
		{"endpoint and provisioned reach the Cluster", c.expectClusterMirrored},
		{"provider id and addresses reach Machine and Node", c.expectMachinesMirrored},
		{"Ready is mirrored into InfrastructureReady", c.expectReadyMirrored},
		{"metadata of templates arrives", c.expectMetadata},
		{"a failure domain nobody has is ignored", c.expectFailureDomainIgnored},
		{"move is blocked while a VM is made", func(t *testing.T) { expectMoveBlocked(t, machines) }},
		{"finalizers come before requests to the engine", func(t *testing.T) { expectFinalizersFirst(t, machines) }},
		{"labels of move", c.expectMoveLabels},
		{"clusterctl describe", c.expectDescription},
		{"paused by the Cluster", c.expectPausedByCluster},
		{"paused by annotation", c.expectPausedByAnnotation},
		{"owner references come back", c.expectOwnerReferencesBack},
		{"finalizers come back", c.expectFinalizersBack},
		{"status comes back", c.expectStatusBack},
		{"control plane rollout", c.rollOutControlPlane},
		{"worker rollout", c.rollOutWorkers},
		{"delete", func(t *testing.T) { c.delete(t) }},
		{"Ready covers deletion", func(t *testing.T) { expectReadyCoversDeletion(t, machines) }},
	} {
		if !t.Run(step.name, step.take) {
			return
		}
	}
}

const (
	testLabel   = "contract.example.com/label"
	nobodysRack = "rack-of-nobody"
)

func withMetadata(o client.Object) {
	switch o := o.(type) {
	case *infrav1.OLVMMachineTemplate:
		o.Spec.Template.ObjectMeta.Labels = map[string]string{testLabel: "of-a-template"}
		o.Spec.Template.ObjectMeta.Annotations = map[string]string{testLabel: "also of a template"}
	case *clusterv1.MachineDeployment:
		o.Spec.Template.Spec.FailureDomain = nobodysRack
	}
}

func (c *cluster) expectClusterMirrored(t *testing.T) {
	infra, cluster := get(t, c, c.name(), &infrav1.OLVMCluster{}), get(t, c, c.name(), &clusterv1.Cluster{})
	require.True(t, ptr.Deref(infra.Status.Initialization.Provisioned, false))
	require.True(t, ptr.Deref(cluster.Status.Initialization.InfrastructureProvisioned, false))
	require.Equal(t, c.config.VirtualIP, infra.Spec.ControlPlaneEndpoint.Host)
	require.Equal(t, infra.Spec.ControlPlaneEndpoint, cluster.Spec.ControlPlaneEndpoint)
	require.Empty(t, infra.Status.FailureDomains, "the provider has none")
	require.Empty(t, cluster.Status.FailureDomains)
	found, err := external.GetObjectFromContractVersionedRef(t.Context(), c, cluster.Spec.InfrastructureRef, cluster.Namespace)
	require.NoError(t, err)
	require.Equal(t, infrav1.GroupVersion().String(), found.GetAPIVersion(), "what Cluster API makes of the CRD's contract label")
}

func (c *cluster) expectMachinesMirrored(t *testing.T) {
	nodes := c.nodes(t)
	for _, m := range c.running(t, 1, 2, anyMember) {
		require.Equal(t, machine.ProviderID(m.vm.ID), m.olvm.Spec.ProviderID)
		require.Equal(t, m.olvm.Spec.ProviderID, m.machine.Spec.ProviderID)
		require.True(t, ptr.Deref(m.olvm.Status.Initialization.Provisioned, false))
		require.True(t, ptr.Deref(m.machine.Status.Initialization.InfrastructureProvisioned, false))
		require.Equal(t, m.olvm.Status.Addresses, []clusterv1.MachineAddress(m.machine.Status.Addresses))
		require.Equal(t, clusterv1.MachineAddress{Type: clusterv1.MachineHostName, Address: m.olvm.Name}, m.olvm.Status.Addresses[0])
		node, ok := nodes[m.machine.Status.NodeRef.Name]
		require.True(t, ok, "node of Machine %s", m.machine.Name)
		require.Equal(t, m.olvm.Spec.ProviderID, node.Spec.ProviderID)
		for _, a := range m.olvm.Status.Addresses[1:] {
			require.Equal(t, clusterv1.MachineInternalIP, a.Type)
			require.Contains(t, node.Status.Addresses, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: a.Address})
		}
	}
}

func (c *cluster) nodes(t *testing.T) map[string]corev1.Node {
	t.Helper()
	secret := get(t, c, c.name()+"-kubeconfig", &corev1.Secret{})
	cfg, err := clientcmd.RESTConfigFromKubeConfig(secret.Data["value"])
	require.NoError(t, err)
	list, err := kubernetes.NewForConfigOrDie(cfg).CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	byName := map[string]corev1.Node{}
	for _, node := range list.Items {
		byName[node.Name] = node
	}
	return byName
}

func (c *cluster) expectReadyMirrored(t *testing.T) {
	infra, cluster := get(t, c, c.name(), &infrav1.OLVMCluster{}), get(t, c, c.name(), &clusterv1.Cluster{})
	expectMirrored(t, infra, cluster, clusterv1.ClusterInfrastructureReadyCondition)
	for _, m := range c.running(t, 1, 2, anyMember) {
		expectMirrored(t, m.olvm, m.machine, clusterv1.MachineInfrastructureReadyCondition)
	}
}

func expectMirrored(t *testing.T, ours, theirs conditions.Getter, mirror string) {
	t.Helper()
	ready, mirrored := conditions.Get(ours, infrav1.ReadyCondition), conditions.Get(theirs, mirror)
	require.NotNil(t, ready)
	require.NotNil(t, mirrored)
	require.Equal(t, metav1.ConditionTrue, ready.Status)
	require.Equal(t, ready.Status, mirrored.Status)
	require.NotEmpty(t, ready.Reason)
}

func (c *cluster) expectMetadata(t *testing.T) {
	for _, m := range c.running(t, 1, 2, anyMember) {
		require.Equal(t, "of-a-template", m.olvm.Labels[testLabel])
		require.Equal(t, "also of a template", m.olvm.Annotations[testLabel])
	}
}

func (c *cluster) expectFailureDomainIgnored(t *testing.T) {
	for _, m := range only(c.running(t, 1, 2, anyMember), worker) {
		require.Equal(t, nobodysRack, m.machine.Spec.FailureDomain)
		require.Empty(t, m.machine.Status.FailureDomain)
		require.True(t, isTrue(m.olvm, infrav1.ReadyCondition))
	}
}

// expectMoveBlocked: from the request for a VM until it runs, a machine is not to be moved; then it is free.
func expectMoveBlocked(t *testing.T, machines *history) {
	programs.Eventually(t, "the move of machines was blocked and is free", func() (bool, string) {
		blocked, free := map[string]bool{}, map[string]bool{}
		for _, o := range machines.of(func(watch.Event) bool { return true }) {
			m := o.(*infrav1.OLVMMachine)
			_, blocks := m.Annotations[clusterctlv1.BlockMoveAnnotation]
			runs := ptr.Deref(m.Status.Initialization.Provisioned, false)
			if _, asked := m.Annotations[infrav1.CreateSubmittedAnnotation]; asked && !runs {
				blocked[m.Name] = blocked[m.Name] || blocks
			}
			free[m.Name] = runs && !blocks // in its last version
		}
		done := len(free) == 3
		for name := range free {
			done = done && blocked[name] && free[name]
		}
		return done, fmt.Sprintf("blocked %v, free %v", blocked, free)
	})
}

// expectFinalizersFirst: in no version of a machine is there an id, or a request to the engine, without the finalizer.
func expectFinalizersFirst(t *testing.T, machines *history) {
	versions := 0
	for _, o := range machines.of(func(watch.Event) bool { return true }) {
		m := o.(*infrav1.OLVMMachine)
		if _, asked := m.Annotations[infrav1.CreateSubmittedAnnotation]; asked || m.Spec.ProviderID != "" {
			versions++
			require.Contains(t, m.Finalizers, infrav1.MachineFinalizer)
		}
	}
	require.Positive(t, versions)
}

// expectMoveLabels takes the labels away, as for a user who knows nothing of them; the next look at the OLVMCluster sets them.
func (c *cluster) expectMoveLabels(t *testing.T) {
	server := c.config.OLVM.APIServer
	objects := map[string]client.Object{server.CredentialsSecret.Name: &corev1.Secret{}, server.CAConfigMap.Name: &corev1.ConfigMap{}}
	for name, o := range objects {
		patch(t, c, name, o, func(o client.Object) { o.SetLabels(nil) })
	}
	patch(t, c, c.name(), &infrav1.OLVMCluster{}, func(o *infrav1.OLVMCluster) {
		metav1.SetMetaDataAnnotation(&o.ObjectMeta, testLabel, "look") // a change of the object wakes its controller
	})
	for name, o := range objects {
		programs.Eventually(t, "the label is set on "+name, func() (bool, string) {
			_, ok := get(t, c, name, o).GetLabels()[clusterctlv1.ClusterctlMoveLabel]
			return ok, fmt.Sprint(o.GetLabels())
		})
	}
}

// expectReadyCoversDeletion: while a VM is taken down, Ready says so.
func expectReadyCoversDeletion(t *testing.T, machines *history) {
	told := map[string]bool{}
	for _, o := range machines.of(func(watch.Event) bool { return true }) {
		m := o.(*infrav1.OLVMMachine)
		if !m.DeletionTimestamp.IsZero() {
			told[m.Name] = told[m.Name] || shows(m, infrav1.ReadyCondition, metav1.ConditionFalse, infrav1.DeletingReason)
		}
	}
	require.GreaterOrEqual(t, len(told), 3)
	for name, did := range told {
		require.True(t, did, "machine %s said that it is being deleted", name)
	}
}

// rollOutControlPlane gives the control plane a template of another name.
func (c *cluster) rollOutControlPlane(t *testing.T) { c.rollOut(t, 1, 2) }

func (c *cluster) rollOut(t *testing.T, controlPlane, workers int) {
	before := only(c.running(t, controlPlane, workers, anyMember), member.controlPlane)
	name := c.newTemplate(t, c.name()+"-control-plane")
	c.pointControlPlaneTo(t, name)
	after := only(c.running(t, controlPlane, workers, func(m member) bool { return worker(m) || m.madeFrom() == name }), member.controlPlane)
	expectOthers(t, before, after)
}

func (c *cluster) rollOutWorkers(t *testing.T) {
	before := only(c.running(t, 1, 2, anyMember), worker)
	name := c.newTemplate(t, c.name()+"-md-0")
	patch(t, c, c.name()+"-md-0", &clusterv1.MachineDeployment{}, func(d *clusterv1.MachineDeployment) {
		d.Spec.Template.Spec.InfrastructureRef.Name = name
	})
	after := only(c.running(t, 1, 2, func(m member) bool { return m.controlPlane() || m.madeFrom() == name }), worker)
	expectOthers(t, before, after)
}

// moreMemory is what machines of a new template have.
const moreMemory = 3 << 30

// newTemplate makes a copy of a machine template with more memory, and returns its name.
func (c *cluster) newTemplate(t *testing.T, of string) string {
	t.Helper()
	old := get(t, c, of, &infrav1.OLVMMachineTemplate{})
	template := &infrav1.OLVMMachineTemplate{
		ObjectMeta: metav1.ObjectMeta{Namespace: old.Namespace, Name: of + "-more", Labels: old.Labels}, Spec: *old.Spec.DeepCopy(),
	}
	template.Spec.Template.Spec.VirtualMachine.Memory = "3GiB"
	require.NoError(t, c.Create(t.Context(), template))
	return template.Name
}

// expectOthers: every machine was replaced, the old VMs are gone, and the new ones are of the new shape.
func expectOthers(t *testing.T, before, after []member) {
	t.Helper()
	var old []string
	for _, m := range before {
		old = append(old, m.vm.ID)
	}
	require.Len(t, after, len(before))
	for _, m := range after {
		require.NotContains(t, old, m.vm.ID)
		require.Equal(t, int64(moreMemory), m.vm.Memory, "memory of VM %s", m.vm.Name)
	}
}

// engineWrites are the requests about a VM that change something, from a position in the journal on.
func (f *fixture) engineWrites(t *testing.T, vmID string, from int) (writes []string) {
	t.Helper()
	for _, r := range f.sim.Requests(t)[from:] {
		if r.VMID == vmID && r.Method != http.MethodGet {
			writes = append(writes, fmt.Sprintf("%s %s", r.Method, r.Path))
		}
	}
	return writes
}

// listsOfVMs counts how often somebody read all VMs.
func (f *fixture) listsOfVMs(t *testing.T) (n int) {
	t.Helper()
	for _, r := range f.sim.Requests(t) {
		if r.Method == http.MethodGet && strings.Trim(r.Path, "/") == "vms" {
			n++
		}
	}
	return n
}

func (c *cluster) waitForLists(t *testing.T, n int) {
	t.Helper()
	want := c.listsOfVMs(t) + n
	programs.Eventually(t, "the controllers read the engine", func() (bool, string) {
		have := c.listsOfVMs(t)
		return have >= want, fmt.Sprintf("%d of %d", have, want)
	})
}
