package guest

import (
	"context"
	"maps"
	"reflect"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilsets "k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// kind is a kind of objects that the API serves.
type kind struct {
	gvk        schema.GroupVersionKind
	singular   string
	shortNames []string
	namespaced bool
	status     bool // has a status subresource
}

type kindTable map[schema.GroupVersionResource]kind

// builtinKinds are the persistent kinds of a scheme, in their stable versions.
func builtinKinds(scheme *runtime.Scheme) kindTable {
	table, clusterScoped, short := kindTable{}, clusterScopedKinds(), shortNames()
	for gvk, t := range scheme.AllKnownTypes() {
		if !persistent(gvk) || !reflect.PointerTo(t).Implements(reflect.TypeFor[metav1.Object]()) {
			continue
		}
		gvr, singular := meta.UnsafeGuessKindToResource(gvk)
		if gvk.Kind == "Endpoints" {
			gvr.Resource = "endpoints"
		}
		_, status := t.FieldByName("Status")
		table[gvr] = kind{
			gvk: gvk, singular: singular.Resource, shortNames: short[gvr.Resource],
			namespaced: !clusterScoped.Has(gvk.Kind), status: status,
		}
	}
	return table
}

func persistent(gvk schema.GroupVersionKind) bool {
	if gvk.Version == runtime.APIVersionInternal || strings.Contains(gvk.Version, "alpha") || strings.Contains(gvk.Version, "beta") {
		return false
	}
	switch gvk.Kind {
	case "Binding", "ComponentStatus", "Eviction", "PodStatusResult", "RangeAllocation", "Scale", "SerializedReference", "TokenRequest":
		return false
	}
	return !strings.HasSuffix(gvk.Kind, "Review")
}

// clusterScopedKinds has the built-in kinds without a namespace; the Go types do not tell.
func clusterScopedKinds() utilsets.Set[string] {
	return utilsets.New("APIService", "CSIDriver", "CSINode", "CertificateSigningRequest", "ClusterRole", "ClusterRoleBinding",
		"ClusterTrustBundle", "CustomResourceDefinition", "DeviceClass", "DeviceTaintRule", "FlowSchema", "IPAddress", "IngressClass",
		"MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding", "MutatingWebhookConfiguration", "Namespace", "Node",
		"PersistentVolume", "PriorityClass", "PriorityLevelConfiguration", "ResourceSlice", "RuntimeClass", "ServiceCIDR",
		"StorageClass", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration",
		"VolumeAttachment", "VolumeAttributesClass")
}

// shortNames are those that people type.
func shortNames() map[string][]string {
	return map[string][]string{
		"configmaps": {"cm"}, "customresourcedefinitions": {"crd", "crds"}, "daemonsets": {"ds"}, "deployments": {"deploy"},
		"endpoints": {"ep"}, "namespaces": {"ns"}, "nodes": {"no"}, "persistentvolumeclaims": {"pvc"}, "persistentvolumes": {"pv"},
		"pods": {"po"}, "serviceaccounts": {"sa"}, "services": {"svc"}, "statefulsets": {"sts"}, "storageclasses": {"sc"},
	}
}

// kind finds a built-in kind or one of the cluster's own CustomResourceDefinitions.
func (h *clusterHandler) kind(ctx context.Context, gvr schema.GroupVersionResource) (kind, bool) {
	if k, ok := h.platform.kinds[gvr]; ok {
		return k, true
	}
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if h.store.Get(ctx, client.ObjectKey{Name: gvr.Resource + "." + gvr.Group}, crd) != nil {
		return kind{}, false
	}
	k, ok := customKinds(crd)[gvr]
	return k, ok
}

// allKinds is for discovery.
func (h *clusterHandler) allKinds(ctx context.Context) (kindTable, error) {
	crds := &apiextensionsv1.CustomResourceDefinitionList{}
	if err := h.store.List(ctx, crds); err != nil {
		return nil, err
	}
	table := maps.Clone(h.platform.kinds)
	for i := range crds.Items {
		maps.Copy(table, customKinds(&crds.Items[i]))
	}
	return table, nil
}

func customKinds(crd *apiextensionsv1.CustomResourceDefinition) kindTable {
	table := kindTable{}
	for _, v := range crd.Spec.Versions {
		if !v.Served {
			continue
		}
		names := crd.Spec.Names
		table[schema.GroupVersionResource{Group: crd.Spec.Group, Version: v.Name, Resource: names.Plural}] = kind{
			gvk:      schema.GroupVersionKind{Group: crd.Spec.Group, Version: v.Name, Kind: names.Kind},
			singular: names.Singular, shortNames: names.ShortNames,
			namespaced: crd.Spec.Scope == apiextensionsv1.NamespaceScoped,
			status:     v.Subresources != nil && v.Subresources.Status != nil,
		}
	}
	return table
}
