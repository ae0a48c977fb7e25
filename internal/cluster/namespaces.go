package cluster

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/cluster/progress"
)

// inClusterPool is the pool in a namespace that Cluster API's own IPAM provider has.
func inClusterPool() schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: ipamv1.GroupVersion.Group, Version: "v1alpha2", Kind: "InClusterIPPool"}
}

// removeNamespace removes a namespace that ocne made, with what Kubernetes and Cluster API have left in it. One that holds users' objects stays.
func (m *Management) removeNamespace(ctx context.Context, name string, wait bool, report progress.Reporter) (removed bool, err error) {
	key, namespace := client.ObjectKey{Name: name}, &corev1.Namespace{}
	err = m.Client.Get(ctx, key, namespace)
	if apierrors.IsNotFound(err) || err == nil && !isOurs(namespace) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if namespace.DeletionTimestamp.IsZero() {
		held, err := m.usersObjects(ctx, name)
		switch {
		case apierrors.IsForbidden(err):
			report.Warn(fmt.Sprintf("Namespace %s stays: it cannot be seen whether there are objects of users in it: %v", name, err))
			return false, nil
		case err != nil:
			return false, err
		case len(held) > 0:
			report.Step(fmt.Sprintf("Namespace %s stays, because ocne has not made all that is in it: %s", name, strings.Join(held, ", ")))
			return false, nil
		}
	}
	return m.removeOurs(ctx, namespace, key, wait)
}

// usersObjects names the objects in a namespace that somebody would miss.
func (m *Management) usersObjects(ctx context.Context, namespace string) ([]string, error) {
	pools := &unstructured.UnstructuredList{}
	pools.SetGroupVersionKind(inClusterPool())
	var held []string
	for _, kind := range []struct {
		name string
		list client.ObjectList
	}{
		{"Secret", &corev1.SecretList{}}, {"ConfigMap", &corev1.ConfigMapList{}}, {"ClusterClass", &clusterv1.ClusterClassList{}},
		{inClusterPool().Kind, pools},
	} {
		err := m.Client.List(ctx, kind.list, client.InNamespace(namespace))
		if apierrors.IsNotFound(err) {
			continue // the management cluster has no such kind
		}
		if err == nil {
			err = meta.EachListItem(kind.list, func(o runtime.Object) error {
				if obj, ok := o.(client.Object); ok && !madeByItself(obj) {
					held = append(held, kind.name+" "+obj.GetName())
				}
				return nil
			})
		}
		if err != nil {
			return nil, fmt.Errorf("list the objects of kind %s: %w", kind.name, err)
		}
	}
	return held, nil
}

// madeByItself tells what nobody would miss: what ocne made, what was the deleted clusters', which the garbage collector may still be about to remove,
// and what Kubernetes and cert-manager keep for themselves. A release of Helm is somebody's: ocne makes none.
func madeByItself(obj client.Object) bool {
	_, ofCluster := obj.GetLabels()[clusterv1.ClusterNameLabel]
	if isOurs(obj) || ofCluster || !obj.GetDeletionTimestamp().IsZero() {
		return true
	}
	switch o := obj.(type) {
	case *corev1.ConfigMap:
		return o.Name == "kube-root-ca.crt"
	case *corev1.Secret:
		_, issued := o.Annotations["cert-manager.io/certificate-name"]
		return issued || o.Type == corev1.SecretTypeServiceAccountToken || o.Type == clusterv1.ClusterSecretType
	}
	return false
}
