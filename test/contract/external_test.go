package contract

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
)

// externallyManaged is a cluster whose OLVMCluster is somebody else's, here the test's: Cluster API's annotation says so.
func externallyManaged(t *testing.T, f *fixture) {
	c := f.newCluster(t, "external", 1, 1)
	infras := c.record(t, &infrav1.OLVMClusterList{})
	c.create(t, func(o client.Object) {
		if infra, ok := o.(*infrav1.OLVMCluster); ok {
			metav1.SetMetaDataAnnotation(&infra.ObjectMeta, clusterv1.ManagedByAnnotation, "somebody-else")
		}
	})
	patchStatus(t, c, c.name(), &infrav1.OLVMCluster{}, func(infra *infrav1.OLVMCluster) {
		infra.Status.Initialization.Provisioned = ptr.To(true)
	})
	if !t.Run("machines work once it is provisioned", func(t *testing.T) { c.running(t, 1, 1, anyMember) }) {
		return
	}
	t.Run("nothing is written to it", func(t *testing.T) {
		infra := get(t, c, c.name(), &infrav1.OLVMCluster{})
		require.Empty(t, infra.Finalizers)
		require.Equal(t, infrav1.OLVMClusterStatus{Initialization: infrav1.Initialization{Provisioned: ptr.To(true)}}, infra.Status)
		require.Empty(t, get(t, c, c.config.OLVM.APIServer.CredentialsSecret.Name, &corev1.Secret{}).Finalizers)
	})
	t.Run("delete", func(t *testing.T) {
		c.delete(t)
		require.Len(t, infras.deletions(t, c.name()), 1)
	})
}

func patchStatus[T client.Object](t *testing.T, c *cluster, name string, o T, change func(T)) {
	t.Helper()
	get(t, c, name, o)
	before := o.DeepCopyObject().(client.Object)
	change(o)
	require.NoError(t, c.Status().Patch(t.Context(), o, client.MergeFrom(before)), "status of %T %s", o, name)
}
