package objects

import (
	"maps"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	addonsv1 "sigs.k8s.io/cluster-api/api/addons/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
)

// plan is what a restore makes, in this order: namespaces, loose objects, the hierarchy.
type plan struct {
	namespaces []*unstructured.Unstructured
	// loose are objects that belong to no cluster by their owners: credentials, the CA, machine templates that nothing uses yet.
	loose []*unstructured.Unstructured
	// hierarchy are the clusters, which are paused, and what they own, directly or not.
	hierarchy []*unstructured.Unstructured
	// paused are clusters that were paused in the backup, and stay so.
	paused []types.NamespacedName
	// leaving are clusters and machines that were being deleted.
	leaving []*unstructured.Unstructured
}

// newPlan leaves the objects themselves as they are. annotations are added to every Cluster.
func newPlan(all []*unstructured.Unstructured, annotations map[string]string) *plan {
	p := &plan{}
	byUID := make(map[types.UID]*unstructured.Unstructured, len(all))
	for _, o := range all {
		byUID[o.GetUID()] = o
	}
	belongs := map[types.UID]bool{}
	for _, o := range all {
		copied := prepared(o, byUID)
		switch {
		case o.GroupVersionKind().GroupKind() == schema.GroupKind{Kind: "Namespace"}:
			p.namespaces = append(p.namespaces, copied)
		case belongsToRoot(o, byUID, belongs):
			p.hierarchy = append(p.hierarchy, copied)
		default:
			copied.SetOwnerReferences(nil)
			p.loose = append(p.loose, copied)
		}
		if isCluster(o) {
			if paused, _, _ := unstructured.NestedBool(o.Object, "spec", "paused"); paused {
				p.paused = append(p.paused, types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()})
			}
			pause(copied, annotations)
		}
		if o.GetDeletionTimestamp() != nil && (isCluster(o) || isMachine(o)) {
			p.leaving = append(p.leaving, copied)
		}
	}
	return p
}

// prepared is a copy without what another API server gave it, and without owners that are gone.
func prepared(o *unstructured.Unstructured, byUID map[types.UID]*unstructured.Unstructured) *unstructured.Unstructured {
	c := o.DeepCopy()
	c.SetDeletionTimestamp(nil)
	c.SetDeletionGracePeriodSeconds(nil)
	c.SetResourceVersion("")
	var owners []metav1.OwnerReference
	for _, owner := range c.GetOwnerReferences() {
		if byUID[owner.UID] != nil {
			owners = append(owners, owner)
		}
	}
	c.SetOwnerReferences(owners)
	return c
}

// belongsToRoot says whether an object is, or is owned by, one of the kinds from which clusterctl goes on to all that they own.
func belongsToRoot(o *unstructured.Unstructured, byUID map[types.UID]*unstructured.Unstructured, known map[types.UID]bool) bool {
	if belongs, ok := known[o.GetUID()]; ok {
		return belongs
	}
	known[o.GetUID()] = false // also ends a circle of owners
	belongs := isRoot(o)
	for _, owner := range o.GetOwnerReferences() {
		if found := byUID[owner.UID]; found != nil && belongsToRoot(found, byUID, known) {
			belongs = true
		}
	}
	known[o.GetUID()] = belongs
	return belongs
}

func isRoot(o *unstructured.Unstructured) bool {
	switch o.GroupVersionKind().GroupKind() {
	case clusterv1.GroupVersion.WithKind("Cluster").GroupKind(), clusterv1.GroupVersion.WithKind("ClusterClass").GroupKind(),
		addonsv1.GroupVersion.WithKind("ClusterResourceSet").GroupKind():
		return true
	}
	return false
}

func isCluster(o *unstructured.Unstructured) bool {
	return o.GroupVersionKind().GroupKind() == clusterv1.GroupVersion.WithKind("Cluster").GroupKind()
}

func isMachine(o *unstructured.Unstructured) bool {
	return o.GroupVersionKind().GroupKind() == clusterv1.GroupVersion.WithKind("Machine").GroupKind()
}

func pause(cluster *unstructured.Unstructured, annotations map[string]string) {
	_ = unstructured.SetNestedField(cluster.Object, true, "spec", "paused") // a Cluster has a spec
	merged := maps.Clone(cluster.GetAnnotations())
	if merged == nil {
		merged = map[string]string{}
	}
	maps.Copy(merged, annotations)
	cluster.SetAnnotations(merged)
}
