package contract

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	clusterctlv1 "sigs.k8s.io/cluster-api/cmd/clusterctl/api/v1alpha3"
	"sigs.k8s.io/cluster-api/util/contract"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/config/crd"
	"github.com/ocne-project/ocne/internal/capi"
)

// kinds are all kinds of the provider that Cluster API works with.
func kinds() []string {
	return []string{"OLVMCluster", "OLVMClusterTemplate", "OLVMMachine", "OLVMMachineTemplate"}
}

// definitions are the CRDs that the provider is delivered with, by kind.
func definitions(t *testing.T) map[string]*apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	names, err := fs.Glob(crd.Files(), "*.yaml")
	require.NoError(t, err)
	byKind := map[string]*apiextensionsv1.CustomResourceDefinition{}
	for _, name := range names {
		raw, err := fs.ReadFile(crd.Files(), name)
		require.NoError(t, err)
		d := &apiextensionsv1.CustomResourceDefinition{}
		require.NoError(t, yaml.UnmarshalStrict(raw, d), name)
		byKind[d.Spec.Names.Kind] = d
	}
	require.Len(t, byKind, len(kinds()))
	return byKind
}

func TestKinds(t *testing.T) {
	byKind := definitions(t)
	for name, check := range map[string]func(*testing.T, string, *apiextensionsv1.CustomResourceDefinition){
		"namespaced":                expectNamespaced,
		"TypeMeta and ObjectMeta":   expectMeta,
		"list kinds":                expectList,
		"group":                     expectGroup,
		"CRD name":                  expectName,
		"contract label":            expectContractLabel,
		"label of move":             expectMoveLabel,
		"fields of the contract":    expectFields,
		"status is a subresource":   expectStatusSubresource,
		"no terminal failure field": expectNoTerminalFailure,
	} {
		t.Run(name, func(t *testing.T) {
			for _, kind := range kinds() {
				require.Contains(t, byKind, kind)
				check(t, kind, byKind[kind])
			}
		})
	}
}

func expectNamespaced(t *testing.T, kind string, d *apiextensionsv1.CustomResourceDefinition) {
	require.Equal(t, apiextensionsv1.NamespaceScoped, d.Spec.Scope, kind)
}

func expectMeta(t *testing.T, kind string, d *apiextensionsv1.CustomResourceDefinition) {
	for _, field := range []string{"apiVersion", "kind", "metadata"} {
		require.Contains(t, d.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties, field, kind)
	}
	o, err := capi.NewScheme().New(infrav1.GroupVersion().WithKind(kind))
	require.NoError(t, err)
	require.Implements(t, (*client.Object)(nil), o)
}

func expectList(t *testing.T, kind string, d *apiextensionsv1.CustomResourceDefinition) {
	require.Equal(t, kind+"List", d.Spec.Names.ListKind)
	o, err := capi.NewScheme().New(infrav1.GroupVersion().WithKind(kind + "List"))
	require.NoError(t, err)
	require.Implements(t, (*client.ObjectList)(nil), o)
}

// With this group Cluster API's own role covers the kinds, and no aggregated ClusterRole is needed.
func expectGroup(t *testing.T, kind string, d *apiextensionsv1.CustomResourceDefinition) {
	require.Equal(t, "infrastructure.cluster.x-k8s.io", d.Spec.Group, kind)
}

func expectName(t *testing.T, kind string, d *apiextensionsv1.CustomResourceDefinition) {
	require.Equal(t, contract.CalculateCRDName(d.Spec.Group, kind), d.Name)
}

func expectContractLabel(t *testing.T, kind string, d *apiextensionsv1.CustomResourceDefinition) {
	label := clusterv1.GroupVersion.Group + "/" + clusterv1.GroupVersion.Version
	require.Equal(t, "cluster.x-k8s.io/v1beta2", label)
	require.NotEmpty(t, d.Labels[label], kind)
	for named := range strings.SplitSeq(d.Labels[label], "_") {
		served := false
		for _, v := range d.Spec.Versions {
			served = served || v.Name == named && v.Served
		}
		require.True(t, served, "%s: version %s of the label is not served", kind, named)
	}
	require.Equal(t, "infrastructure-olvm", d.Labels[clusterv1.ProviderNameLabel], kind)
}

func expectMoveLabel(t *testing.T, kind string, d *apiextensionsv1.CustomResourceDefinition) {
	require.Contains(t, d.Labels, clusterctlv1.ClusterctlLabel, kind)
}

func expectFields(t *testing.T, kind string, d *apiextensionsv1.CustomResourceDefinition) {
	for _, path := range map[string][]string{
		"OLVMCluster": {
			"spec.controlPlaneEndpoint.host", "spec.controlPlaneEndpoint.port", "status.initialization.provisioned", "status.conditions",
			"status.failureDomains",
		},
		"OLVMMachine":         {"spec.providerID", "status.initialization.provisioned", "status.conditions", "status.addresses"},
		"OLVMClusterTemplate": {"spec.template.metadata.labels", "spec.template.metadata.annotations", "spec.template.spec.olvmDatacenterName"},
		"OLVMMachineTemplate": {"spec.template.metadata.labels", "spec.template.metadata.annotations", "spec.template.spec.vmTemplateName"},
	}[kind] {
		at := *d.Spec.Versions[0].Schema.OpenAPIV3Schema
		for field := range strings.SplitSeq(path, ".") {
			next, ok := at.Properties[field]
			require.True(t, ok, "%s has no %s", kind, path)
			at = next
		}
		switch path {
		case "status.failureDomains", "status.conditions":
			require.Equal(t, "array", at.Type, path)
			require.Equal(t, "map", *at.XListType, path)
		case "status.initialization.provisioned":
			require.Equal(t, "boolean", at.Type)
		}
	}
}

func expectStatusSubresource(t *testing.T, kind string, d *apiextensionsv1.CustomResourceDefinition) {
	_, status := d.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["status"]
	require.Equal(t, status, d.Spec.Versions[0].Subresources != nil && d.Spec.Versions[0].Subresources.Status != nil, kind)
	require.Equal(t, kind != "OLVMClusterTemplate", status, kind)
}

func expectNoTerminalFailure(t *testing.T, kind string, d *apiextensionsv1.CustomResourceDefinition) {
	for _, field := range []string{"failureReason", "failureMessage"} {
		require.NotContains(t, d.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["status"].Properties, field, kind)
	}
}

// installedKinds: what the API server has is what Cluster API and clusterctl look for.
func installedKinds(t *testing.T, f *fixture) {
	for kind, want := range definitions(t) {
		installed := &apiextensionsv1.CustomResourceDefinition{}
		require.NoError(t, f.Get(t.Context(), client.ObjectKey{Name: want.Name}, installed))
		for label, value := range want.Labels {
			require.Equal(t, value, installed.Labels[label], "%s: label %s", kind, label)
		}
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(infrav1.GroupVersion().WithKind(kind + "List"))
		require.NoError(t, f.List(t.Context(), list), "the list kind is served")
	}
}
