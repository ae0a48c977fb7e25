package contract

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/config"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/ovirt"
	"github.com/ocne-project/ocne/test/programs"
)

// cluster is one cluster in a namespace of its own, which has its name. Its objects are those that ocne would apply.
type cluster struct {
	*fixture
	config *config.Config
}

func (f *fixture) newCluster(t *testing.T, name string, controlPlane, workers int) *cluster {
	t.Helper()
	dir := t.TempDir()
	file := programs.WriteClusterFile(t, dir, f.sim, controlPlane, workers)
	c, _, err := config.Load(config.Options{ClusterFile: file, HomeDir: dir, Flags: config.Flags{Name: &name}})
	require.NoError(t, err)
	c.Namespace = name
	c.OLVM.APIServer.CredentialsSecret.Namespace, c.OLVM.APIServer.CAConfigMap.Namespace = name, name
	require.NoError(t, c.Validate())
	return &cluster{fixture: f, config: c}
}

func (c *cluster) name() string { return c.config.Name }

func (c *cluster) key(name string) client.ObjectKey {
	return client.ObjectKey{Namespace: c.config.Namespace, Name: name}
}

func (c *cluster) inNamespace() client.InNamespace { return client.InNamespace(c.config.Namespace) }

// create creates the cluster; each object may be changed before.
func (c *cluster) create(t *testing.T, change func(client.Object)) {
	t.Helper()
	c.createCredentials(t)
	objects, err := c.config.Objects()
	require.NoError(t, err)
	for _, o := range objects {
		change(o)
		require.NoError(t, c.Create(t.Context(), o), "%T %s", o, o.GetName())
	}
}

func asItIs(client.Object) {}

func (c *cluster) createCredentials(t *testing.T) {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: c.config.Namespace}}
	require.NoError(t, client.IgnoreAlreadyExists(c.Create(t.Context(), namespace)))
	require.NoError(t, c.Create(t.Context(), c.secret()))
	require.NoError(t, client.IgnoreAlreadyExists(c.Create(t.Context(), c.caConfigMap(t))))
}

func (c *cluster) secret() *corev1.Secret {
	return c.config.CredentialsSecret(config.Credentials{Username: programs.Username, Password: programs.Password})
}

func (c *cluster) caConfigMap(t *testing.T) *corev1.ConfigMap {
	t.Helper()
	ca, err := c.config.CAConfigMap()
	require.NoError(t, err)
	require.NotNil(t, ca)
	return ca
}

// get reads an object anew.
func get[T client.Object](t *testing.T, c *cluster, name string, o T) T {
	t.Helper()
	require.NoError(t, c.Get(t.Context(), c.key(name), o), "%T %s", o, name)
	return o
}

// patch changes an object; what others wrote meanwhile stays.
func patch[T client.Object](t *testing.T, c *cluster, name string, o T, change func(T)) {
	t.Helper()
	get(t, c, name, o)
	before := o.DeepCopyObject().(client.Object)
	change(o)
	require.NoError(t, c.Patch(t.Context(), o, client.MergeFrom(before)), "%T %s", o, name)
}

// vms are the VMs in the engine that carry the cluster's mark, by name.
func (c *cluster) vms(t *testing.T) map[string]ovirt.VM {
	t.Helper()
	list, err := c.sim.Client.VMs(t.Context(), "")
	require.NoError(t, err)
	byName := map[string]ovirt.VM{}
	for _, vm := range list {
		if mark, ok := machine.ParseMark(vm.Comment); ok && mark.Cluster == c.config.Namespace+"/"+c.name() {
			byName[vm.Name] = vm
		}
	}
	return byName
}

// member is one machine of a cluster with everything that belongs to it.
type member struct {
	machine *clusterv1.Machine
	olvm    *infrav1.OLVMMachine
	vm      ovirt.VM
}

func (m member) controlPlane() bool {
	_, yes := m.machine.Labels[clusterv1.MachineControlPlaneLabel]
	return yes
}

// madeFrom is the name of the machine template.
func (m member) madeFrom() string {
	return m.olvm.Annotations[clusterv1.TemplateClonedFromNameAnnotation]
}

// look reads the machines; why says what is still missing.
func (c *cluster) look(t *testing.T) (members []member, why string) {
	t.Helper()
	machines, vms := &clusterv1.MachineList{}, c.vms(t)
	require.NoError(t, c.List(t.Context(), machines, c.inNamespace()))
	for i := range machines.Items {
		m := member{machine: &machines.Items[i], olvm: &infrav1.OLVMMachine{}}
		err := c.Get(t.Context(), c.key(m.machine.Spec.InfrastructureRef.Name), m.olvm)
		vm, ok := vms[m.olvm.Name]
		m.vm = vm
		switch {
		case !m.machine.DeletionTimestamp.IsZero():
			why = fmt.Sprintf("Machine %s is being deleted: %+v", m.machine.Name, m.machine.Status.Deletion)
		case err != nil:
			why = err.Error()
		case !ok:
			why = fmt.Sprintf("OLVMMachine %s has no VM: %+v", m.olvm.Name, m.olvm.Status.Conditions)
		case m.machine.Status.Phase != string(clusterv1.MachinePhaseRunning):
			why = fmt.Sprintf("Machine %s is %s: %+v", m.machine.Name, m.machine.Status.Phase, m.machine.Status.Conditions)
		case !isTrue(m.machine, clusterv1.ReadyCondition):
			why = fmt.Sprintf("Machine %s is not Ready: %+v", m.machine.Name, m.machine.Status.Conditions)
		}
		members = append(members, m)
	}
	if len(vms) != len(members) {
		why = fmt.Sprintf("%d Machines and %d VMs", len(members), len(vms))
	}
	return members, why
}

// running waits until exactly so many machines run, for each of which settled is true, and nothing else is left.
func (c *cluster) running(t *testing.T, controlPlane, workers int, settled func(member) bool) []member {
	t.Helper()
	var members []member
	programs.Eventually(t, "machines of "+c.name()+" run", func() (bool, string) {
		var why string
		members, why = c.look(t)
		haveControlPlane := 0
		for _, m := range members {
			if m.controlPlane() {
				haveControlPlane++
			}
			if why == "" && !settled(m) {
				why = fmt.Sprintf("Machine %s is not as it shall be: made from %s", m.machine.Name, m.madeFrom())
			}
		}
		if haveControlPlane != controlPlane || len(members)-haveControlPlane != workers {
			why = fmt.Sprintf("%d control plane nodes, %d workers; %s", haveControlPlane, len(members)-haveControlPlane, why)
		}
		return why == "", why
	})
	return members
}

func anyMember(member) bool { return true }

func only(members []member, which func(member) bool) (chosen []member) {
	for _, m := range members {
		if which(m) {
			chosen = append(chosen, m)
		}
	}
	return chosen
}

func worker(m member) bool { return !m.controlPlane() }

// delete deletes the Cluster and expects that nothing is left.
func (c *cluster) delete(t *testing.T) {
	t.Helper()
	require.NoError(t, c.Delete(t.Context(), get(t, c, c.name(), &clusterv1.Cluster{})))
	c.expectNothing(t)
}

// expectNothing waits until the objects of the cluster and what they stand for are gone.
func (c *cluster) expectNothing(t *testing.T) {
	t.Helper()
	programs.Eventually(t, "nothing is left of cluster "+c.name(), func() (bool, string) {
		left := c.remains(t)
		return left == "", left
	})
	for _, disk := range c.sim.Holds(t).Disks {
		require.False(t, strings.HasPrefix(disk.Alias, c.name()+"-"), "a disk is left: %+v", disk)
	}
}

func (c *cluster) remains(t *testing.T) string {
	t.Helper()
	var left []string
	for name, vm := range c.vms(t) {
		left = append(left, fmt.Sprintf("VM %s (%s)", name, vm.Status))
	}
	for _, list := range []client.ObjectList{
		&clusterv1.ClusterList{}, &infrav1.OLVMClusterList{}, &clusterv1.MachineList{}, &infrav1.OLVMMachineList{}, &ipamv1.IPAddressList{},
	} {
		require.NoError(t, c.List(t.Context(), list, c.inNamespace()))
		for _, o := range items(t, list) {
			left = append(left, fmt.Sprintf("%T %s", o, o.GetName()))
			if with, ok := o.(interface{ GetConditions() []metav1.Condition }); ok && !o.GetDeletionTimestamp().IsZero() {
				left = append(left, fmt.Sprintf("%+v", with.GetConditions()))
			}
		}
	}
	for _, o := range []client.Object{&corev1.Secret{}, &corev1.ConfigMap{}} {
		name := c.config.OLVM.APIServer.CredentialsSecret.Name
		if _, ok := o.(*corev1.ConfigMap); ok {
			name = c.config.OLVM.APIServer.CAConfigMap.Name
		}
		if err := c.Get(t.Context(), c.key(name), o); err == nil && len(o.GetFinalizers()) > 0 {
			left = append(left, fmt.Sprintf("%s is held by %v", name, o.GetFinalizers()))
		}
	}
	return strings.Join(left, "; ")
}

func (c *cluster) gone(ctx context.Context, name string, o client.Object) (bool, string) {
	err := c.Get(ctx, c.key(name), o)
	return apierrors.IsNotFound(err), fmt.Sprintf("%v, finalizers %v", err, o.GetFinalizers())
}
