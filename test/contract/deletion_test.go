package contract

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/test/programs"
)

// order is the order in which a cluster's objects go.
type order struct {
	*cluster
	machines, clusters, secrets, configMaps *history
}

func (c *cluster) recordOrder(t *testing.T) order {
	return order{
		cluster: c, machines: c.record(t, &infrav1.OLVMMachineList{}), clusters: c.record(t, &infrav1.OLVMClusterList{}),
		secrets: c.record(t, &corev1.SecretList{}), configMaps: c.record(t, &corev1.ConfigMapList{}),
	}
}

// expect waits for the histories to be complete: the OLVMCluster went after its last machine, and so did the credentials, where they went.
func (o order) expect(t *testing.T, machines int, credentials bool) {
	t.Helper()
	var ofMachines, ofCluster, ofSecret, ofCA []int64
	programs.Eventually(t, "deletions are seen", func() (bool, string) {
		ofMachines, ofCluster = o.machines.deletions(t, ""), o.clusters.deletions(t, o.name())
		ofSecret = o.secrets.deletions(t, o.config.OLVM.APIServer.CredentialsSecret.Name)
		ofCA = o.configMaps.deletions(t, o.config.OLVM.APIServer.CAConfigMap.Name)
		complete := len(ofMachines) >= machines && len(ofCluster) == 1 && (!credentials || len(ofSecret) == 1 && len(ofCA) == 1)
		return complete, fmt.Sprint(ofMachines, ofCluster, ofSecret, ofCA)
	})
	last := slices.Max(ofMachines)
	require.Greater(t, ofCluster[0], last, "the OLVMCluster stays until its last machine is gone")
	if credentials {
		require.Greater(t, ofSecret[0], last, "the credentials stay until the last machine is gone")
		require.Greater(t, ofCA[0], last, "the CA stays until the last machine is gone")
	}
}

// kubectl delete namespace: everything is deleted at once.
func namespaceDeletedFirst(t *testing.T, f *fixture) {
	c := f.newCluster(t, "by-namespace", 1, 1)
	c.create(t, asItIs)
	c.running(t, 1, 1, anyMember)
	o := c.recordOrder(t)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: c.config.Namespace}}
	require.NoError(t, c.Delete(t.Context(), namespace))
	programs.Eventually(t, "the namespace is gone", func() (bool, string) {
		err := c.Get(t.Context(), client.ObjectKeyFromObject(namespace), namespace)
		return apierrors.IsNotFound(err), fmt.Sprint(err, namespace.Status.Conditions, c.remains(t))
	})
	o.expect(t, 2, true)
	c.expectNothing(t)
}

// kubectl delete secret: the credentials stay, and work, until nothing needs them any more.
func credentialsDeletedFirst(t *testing.T, f *fixture) {
	c := f.newCluster(t, "by-secret", 1, 1)
	c.create(t, asItIs)
	c.running(t, 1, 1, anyMember)
	o := c.recordOrder(t)
	secret, ca := c.secret(), c.caConfigMap(t)
	require.NoError(t, c.Delete(t.Context(), secret))
	require.NoError(t, c.Delete(t.Context(), ca))
	patch(t, c, c.name()+"-md-0", &clusterv1.MachineDeployment{}, func(d *clusterv1.MachineDeployment) { *d.Spec.Replicas = 2 })
	c.running(t, 1, 2, anyMember)
	c.delete(t)
	o.expect(t, 3, true)
	for _, object := range []client.Object{secret, ca} {
		programs.Eventually(t, "the credentials go in the end", func() (bool, string) {
			return c.gone(t.Context(), object.GetName(), object)
		})
	}
}

// Somebody removes the Secret with its finalizer: the machines are kept until it is back, and the OLVMCluster says what is missing.
func credentialsRemovedByForce(t *testing.T, f *fixture) {
	c := f.newCluster(t, "no-secret", 1, 0)
	c.create(t, asItIs)
	c.running(t, 1, 0, anyMember)
	secret := c.secret()
	require.NoError(t, c.Delete(t.Context(), secret))
	patch(t, c, secret.Name, &corev1.Secret{}, func(s *corev1.Secret) { s.Finalizers = nil })
	require.NoError(t, c.Delete(t.Context(), get(t, c, c.name(), &clusterv1.Cluster{})))
	programs.Eventually(t, "the OLVMCluster says what is missing, and the machine waits", func() (bool, string) {
		infra, machines := get(t, c, c.name(), &infrav1.OLVMCluster{}), &infrav1.OLVMMachineList{}
		require.NoError(t, c.List(t.Context(), machines, c.inNamespace()))
		require.Len(t, machines.Items, 1, "the machine stays")
		told := shows(infra, infrav1.ReadyCondition, metav1.ConditionFalse, infrav1.CredentialsMissingReason)
		return told && !machines.Items[0].DeletionTimestamp.IsZero(), fmt.Sprintf("%+v", infra.Status.Conditions)
	})
	require.Len(t, c.vms(t), 1, "nothing was removed")
	require.NoError(t, c.Create(t.Context(), c.secret()))
	c.expectNothing(t)
}

// kubectl delete olvmcluster: it waits for its machines, which go with the Cluster.
func olvmClusterDeletedFirst(t *testing.T, f *fixture) {
	c := f.newCluster(t, "by-olvmcluster", 1, 1)
	c.create(t, asItIs)
	c.running(t, 1, 1, anyMember)
	o := c.recordOrder(t)
	require.NoError(t, c.Delete(t.Context(), get(t, c, c.name(), &infrav1.OLVMCluster{})))
	programs.Eventually(t, "it says what it waits for", func() (bool, string) {
		infra := get(t, c, c.name(), &infrav1.OLVMCluster{})
		told := shows(infra, infrav1.ReadyCondition, metav1.ConditionFalse, infrav1.DeletingReason)
		return told, fmt.Sprintf("%+v", infra.Status.Conditions)
	})
	programs.Eventually(t, "the Cluster repeats it", func() (bool, string) {
		cluster := get(t, c, c.name(), &clusterv1.Cluster{})
		return !isTrue(cluster, clusterv1.ClusterInfrastructureReadyCondition), fmt.Sprintf("%+v", cluster.Status.Conditions)
	})
	require.Len(t, c.vms(t), 2, "the machines run on")
	c.delete(t)
	o.expect(t, 2, false)
}

// Somebody removes a Machine with its finalizer: Kubernetes then deletes the OLVMMachine, which finds its cluster by label, and its VM.
func machineRemovedByForce(t *testing.T, f *fixture) {
	c := f.newCluster(t, "no-machine", 1, 1)
	c.create(t, asItIs)
	victim := only(c.running(t, 1, 1, anyMember), worker)[0]
	require.NoError(t, c.Delete(t.Context(), victim.machine))
	err := c.Patch(t.Context(), victim.machine, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`)))
	require.NoError(t, client.IgnoreNotFound(err))
	for _, m := range c.running(t, 1, 1, func(m member) bool { return m.machine.Name != victim.machine.Name }) {
		require.NotEqual(t, victim.vm.ID, m.vm.ID)
	}
	programs.Eventually(t, "the OLVMMachine is gone", func() (bool, string) { return c.gone(t.Context(), victim.olvm.Name, victim.olvm) })
	c.delete(t)
}
