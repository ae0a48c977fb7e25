package objects

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/cmd/clusterctl/client"

	"github.com/ocne-project/ocne/internal/capi/move"
)

// fieldOwner owns the fields that a restore changes.
const fieldOwner = "ocne"

// Restorer makes objects again in a management cluster that holds the same providers and none of the objects' clusters.
type Restorer struct {
	// Kubeconfig of the management cluster.
	Kubeconfig string
	// Directory is made, private, and removed: the objects are in it meanwhile, because clusterctl's library reads files.
	Directory string
	// Annotations are added to every Cluster. Restored with them, a Cluster is one whose restore has not ended.
	Annotations map[string]string

	client dynamic.Interface
}

// Restore makes all objects. The clusters are paused until everything is there, and then go on, but those that were paused before; their owners are
// the new objects, as clusterctl's own move does it. Status is left to the controllers, which see it again. After an error it may be called again
// as long as the clusters are paused: what is there already stays as it is. Once they go on, Finish is to be called in its place.
func (r Restorer) Restore(ctx context.Context, all []*unstructured.Unstructured) error {
	if err := r.connect(); err != nil {
		return err
	}
	p := newPlan(all, r.Annotations)
	for _, namespace := range p.namespaces {
		if err := r.createNamespace(ctx, namespace); err != nil {
			return err
		}
	}
	for _, o := range p.loose {
		if err := r.create(ctx, o); err != nil {
			return err
		}
	}
	if err := r.restoreHierarchy(ctx, p); err != nil {
		return err
	}
	return r.asBefore(ctx, p)
}

// Finish is the end of Restore: clusters are paused and deleted, and machines deleted, that were so before.
func (r Restorer) Finish(ctx context.Context, all []*unstructured.Unstructured) error {
	if err := r.connect(); err != nil {
		return err
	}
	if err := os.RemoveAll(r.Directory); err != nil { // a restore that was killed has left it
		return fmt.Errorf("remove the directory of the objects to restore: %w", err)
	}
	return r.asBefore(ctx, newPlan(all, r.Annotations))
}

func (r *Restorer) connect() error {
	restConfig, err := clientcmd.BuildConfigFromFlags("", r.Kubeconfig)
	if err != nil {
		return fmt.Errorf("kubeconfig of the management cluster: %w", err)
	}
	if r.client, err = dynamic.NewForConfig(restConfig); err != nil {
		return fmt.Errorf("create the client to restore objects: %w", err)
	}
	return nil
}

func (r Restorer) resource(o *unstructured.Unstructured) dynamic.ResourceInterface {
	plural, _ := meta.UnsafeGuessKindToResource(o.GroupVersionKind()) // right for the kinds of Cluster API, whose definitions follow the rule
	return r.client.Resource(plural).Namespace(o.GetNamespace())
}

// createNamespace: one that is there already stays the user's.
func (r Restorer) createNamespace(ctx context.Context, o *unstructured.Unstructured) error {
	namespace := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace"}}
	namespace.SetName(o.GetName())
	namespace.SetLabels(o.GetLabels())
	namespace.SetAnnotations(o.GetAnnotations())
	_, err := r.resource(namespace).Create(ctx, namespace, metav1.CreateOptions{FieldManager: fieldOwner})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("restore namespace %s: %w", o.GetName(), err)
	}
	return nil
}

// ConflictError says that the management cluster has an object already, and a different one.
type ConflictError struct {
	Kind string
	Key  types.NamespacedName
}

// Error names the object, and not what is in it.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("%s %s exists in the management cluster already, with other content", e.Kind, e.Key)
}

func (r Restorer) create(ctx context.Context, o *unstructured.Unstructured) error {
	key := types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}
	o = o.DeepCopy()
	o.SetGenerateName("") // with one, an object that exists is reported as a timeout: https://github.com/kubernetes/kubernetes/issues/32220
	_, err := r.resource(o).Create(ctx, o, metav1.CreateOptions{})
	if !apierrors.IsAlreadyExists(err) {
		if err != nil {
			return fmt.Errorf("restore %s %s: %w", o.GetKind(), key, err)
		}
		return nil
	}
	there, err := r.resource(o).Get(ctx, key.Name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("restore %s %s: read the one that exists: %w", o.GetKind(), key, err)
	}
	for _, field := range []string{"data", "binaryData", "spec"} {
		if !reflect.DeepEqual(there.Object[field], o.Object[field]) {
			return &ConflictError{Kind: o.GetKind(), Key: key}
		}
	}
	return nil
}

// restoreHierarchy lets clusterctl's library make the clusters and what they own.
func (r Restorer) restoreHierarchy(ctx context.Context, p *plan) (err error) {
	if len(p.hierarchy) == 0 {
		return nil
	}
	if err := errors.Join(os.RemoveAll(r.Directory), os.MkdirAll(r.Directory, 0o700)); err != nil {
		return fmt.Errorf("directory of the objects to restore: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.Directory)) }()
	for _, o := range p.hierarchy {
		content, err := o.MarshalJSON()
		if err == nil {
			err = os.WriteFile(filepath.Join(r.Directory, fileName(o)), content, 0o600)
		}
		if err != nil {
			return fmt.Errorf("write an object to restore: %w", err)
		}
	}
	mover, err := move.Library(ctx)
	if err != nil {
		return err
	}
	if err := mover.Move(ctx, client.MoveOptions{ToKubeconfig: client.Kubeconfig{Path: r.Kubeconfig}, FromDirectory: r.Directory}); err != nil {
		return fmt.Errorf("restore the clusters: %w", err)
	}
	return nil
}

func fileName(o *unstructured.Unstructured) string {
	return strings.Join([]string{o.GroupVersionKind().Group, o.GetKind(), o.GetNamespace(), o.GetName()}, "_") + ".json"
}

// asBefore makes the clusters what they were: clusterctl's library lets all of them go on.
func (r Restorer) asBefore(ctx context.Context, p *plan) error {
	clusters := r.client.Resource(clusterv1.GroupVersion.WithResource("clusters"))
	for _, key := range p.paused {
		_, err := clusters.Namespace(key.Namespace).Patch(ctx, key.Name, types.MergePatchType, []byte(`{"spec":{"paused":true}}`),
			metav1.PatchOptions{FieldManager: fieldOwner})
		if err != nil {
			return fmt.Errorf("pause cluster %s, as it was: %w", key, err)
		}
	}
	for _, o := range p.leaving {
		if err := r.resource(o).Delete(ctx, o.GetName(), metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("delete %s %s/%s, which was being deleted: %w", o.GetKind(), o.GetNamespace(), o.GetName(), err)
		}
	}
	return nil
}
