package manager

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/version"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/contract"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// apiVersion returns the API version to use for a kind that a Cluster API object refers to: the newest one that the kind's CRD
// lists, by label, for the newest contract that Cluster API understands. Conversion webhooks need it, and Cluster API's own
// implementation is internal (https://cluster-api.sigs.k8s.io/developer/providers/contracts/overview, API version labels).
func apiVersion(ctx context.Context, c client.Reader, kind schema.GroupKind) (string, error) {
	crd := &metav1.PartialObjectMetadata{}
	crd.SetGroupVersionKind(apiextensionsv1.SchemeGroupVersion.WithKind("CustomResourceDefinition"))
	name := contract.CalculateCRDName(kind.Group, kind.Kind)
	if err := c.Get(ctx, client.ObjectKey{Name: name}, crd); err != nil {
		return "", fmt.Errorf("get CRD %s: %w", name, err)
	}
	for _, contractVersion := range []string{"v1beta2", "v1beta1"} {
		if versions := crd.Labels[clusterv1.GroupVersion.Group+"/"+contractVersion]; versions != "" {
			newest := slices.MaxFunc(strings.Split(versions, "_"), version.CompareKubeAwareVersionStrings)
			return schema.GroupVersion{Group: kind.Group, Version: newest}.String(), nil
		}
	}
	return "", fmt.Errorf("CRD %s names no version for a contract of Cluster API: its label %s/v1beta2 is missing", name, clusterv1.GroupVersion.Group)
}
