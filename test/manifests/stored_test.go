package manifests

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/test/programs"
)

// Objects that were stored under the old definitions are listed, reconciled and deleted like all others, and do not keep the
// controller from those.
func TestObjectsStoredUnderTheOldDefinitions(t *testing.T) {
	engine := programs.StartEngine(t)
	management := programs.StartBundle(t)
	createNamespace(t, management)
	values := newExisting(t, engine, "old")

	management.Manager.Stop(t)
	replaceSchema(t, management, "olvmclusters")
	replaceSchema(t, management, "olvmmachines")
	store(t, management, render(t, "old-objects.yaml", values))
	management.StartManager(t)

	old := client.ObjectKey{Namespace: namespace, Name: "old"}
	t.Run("the API server shows a map where a list belongs", func(t *testing.T) { require.True(t, showsMap(t, management, old)) })
	createOwners(t, management, values)
	t.Run("a new cluster beside it is provisioned", func(t *testing.T) {
		values.Name, values.Insecure = "new", true
		apply(t, management.Kubeconfig, values.objects(t))
		expectProvisioned(t, management, client.ObjectKey{Namespace: namespace, Name: "new"})
	})
	t.Run("the old cluster is provisioned", func(t *testing.T) {
		expectProvisioned(t, management, old)
		require.False(t, showsMap(t, management, old), "Cluster API expects a list")
	})
	t.Run("the old machine's VM is made again, because the engine has it no more", func(t *testing.T) { expectMachine(t, management, engine) })
	t.Run("all are deleted", func(t *testing.T) { expectDeletedWithNewOne(t, management, engine) })
}

// replaceSchema puts the old schema in the place of today's.
func replaceSchema(t *testing.T, c client.Client, plural string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "old-"+plural+".yaml"))
	require.NoError(t, err)
	schema := &apiextensionsv1.JSONSchemaProps{}
	require.NoError(t, yaml.UnmarshalStrict(raw, schema))
	definition := &apiextensionsv1.CustomResourceDefinition{}
	require.NoError(t, c.Get(t.Context(), client.ObjectKey{Name: plural + "." + infrav1.Group}, definition))
	definition.Spec.Versions[0].Schema = &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: schema}
	definition.Spec.Versions[0].AdditionalPrinterColumns = nil
	require.NoError(t, c.Update(t.Context(), definition))
}

// store creates objects with their status. The API server needs a moment until it serves a schema that was just changed.
func store(t *testing.T, c client.Client, objects []*unstructured.Unstructured) {
	t.Helper()
	for _, object := range objects {
		status := object.Object["status"]
		require.NoError(t, c.Create(t.Context(), object))
		programs.Eventually(t, "the old status is stored", func() (bool, string) {
			if err := c.Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
				return false, err.Error()
			}
			object.Object["status"] = status
			if err := c.Status().Update(t.Context(), object); err != nil {
				return false, err.Error()
			}
			_, found, err := unstructured.NestedMap(object.Object, "status", "failureDomains")
			return found && err == nil, fmt.Sprintf("%v", object.Object["status"])
		})
	}
}

func showsMap(t *testing.T, c client.Client, key client.ObjectKey) bool {
	t.Helper()
	stored := &unstructured.Unstructured{}
	stored.SetGroupVersionKind(infrav1.GroupVersion().WithKind("OLVMCluster"))
	require.NoError(t, c.Get(t.Context(), key, stored))
	domains, found, err := unstructured.NestedFieldNoCopy(stored.Object, "status", "failureDomains")
	require.NoError(t, err)
	_, isMap := domains.(map[string]any)
	return found && isMap
}

// createOwners makes the Cluster and the Machine of the old objects.
func createOwners(t *testing.T, c client.Client, values existing) {
	t.Helper()
	meta := func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{clusterv1.ClusterNameLabel: "old"}}
	}
	cluster := &clusterv1.Cluster{ObjectMeta: meta("old"), Spec: clusterv1.ClusterSpec{
		ControlPlaneEndpoint: clusterv1.APIEndpoint{Host: values.Net + ".160", Port: 6443},
		InfrastructureRef:    clusterv1.ContractVersionedObjectReference{APIGroup: infrav1.Group, Kind: "OLVMCluster", Name: "old"},
	}}
	machine := &clusterv1.Machine{ObjectMeta: meta("old-md-0-x"), Spec: clusterv1.MachineSpec{
		ClusterName: "old", Bootstrap: clusterv1.Bootstrap{DataSecretName: ptr.To("old-bootstrap")},
		InfrastructureRef: clusterv1.ContractVersionedObjectReference{APIGroup: infrav1.Group, Kind: "OLVMMachine", Name: "old-md-0-x"},
	}}
	for _, object := range []client.Object{
		&corev1.Secret{ObjectMeta: meta("old-ovirt-credentials"), StringData: map[string]string{"username": values.Username, "password": values.Password}},
		&corev1.Secret{ObjectMeta: meta("old-bootstrap"), StringData: map[string]string{"value": `{"ignition":{"version":"2.3.0"}}`, "format": "ignition"}},
		cluster, machine,
	} {
		require.NoError(t, c.Create(t.Context(), object), object.GetName())
	}
}

func expectProvisioned(t *testing.T, c client.Client, key client.ObjectKey) {
	t.Helper()
	programs.Eventually(t, key.Name+" is provisioned", func() (bool, string) {
		infrastructure := &infrav1.OLVMCluster{}
		require.NoError(t, c.Get(t.Context(), key, infrastructure))
		ready := conditions.IsTrue(infrastructure, infrav1.ReadyCondition)
		return ready && ptr.Deref(infrastructure.Status.Initialization.Provisioned, false), fmt.Sprintf("%+v", infrastructure.Status)
	})
}

func expectMachine(t *testing.T, c client.Client, e *programs.Engine) {
	programs.Eventually(t, "the VM runs", func() (bool, string) {
		olvm := &infrav1.OLVMMachine{}
		require.NoError(t, c.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "old-md-0-x"}, olvm))
		ready := conditions.IsTrue(olvm, infrav1.ReadyCondition)
		return ready && ptr.Deref(olvm.Status.Initialization.Provisioned, false), fmt.Sprintf("%+v", olvm.Status)
	})
	vm, err := e.Client.VM(t.Context(), "8f9a1f7e-5d0b-4a52-9c0e-2b1c8f6f0a11")
	require.NoError(t, err)
	require.Equal(t, "old-md-0-x", vm.Name)
}

func expectDeletedWithNewOne(t *testing.T, c client.Client, e *programs.Engine) {
	clusters := &clusterv1.ClusterList{}
	require.NoError(t, c.List(t.Context(), clusters, client.InNamespace(namespace)))
	require.Len(t, clusters.Items, 2)
	for i := range clusters.Items {
		require.NoError(t, c.Delete(t.Context(), &clusters.Items[i]))
	}
	programs.Eventually(t, "the clusters are gone", func() (bool, string) {
		infrastructures, machines := &infrav1.OLVMClusterList{}, &infrav1.OLVMMachineList{}
		require.NoError(t, c.List(t.Context(), clusters, client.InNamespace(namespace)))
		require.NoError(t, c.List(t.Context(), infrastructures, client.InNamespace(namespace)))
		require.NoError(t, c.List(t.Context(), machines, client.InNamespace(namespace)))
		left := len(clusters.Items) + len(infrastructures.Items) + len(machines.Items)
		return left == 0, fmt.Sprintf("%d clusters, OLVMClusters %+v, OLVMMachines %+v", len(clusters.Items), infrastructures.Items, machines.Items)
	})
	require.Empty(t, e.Holds(t).VMs)
}
