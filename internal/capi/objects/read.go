// Package objects reads everything that a management cluster holds of its clusters, and makes it again elsewhere.
package objects

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	clusterctlv1 "sigs.k8s.io/cluster-api/cmd/clusterctl/api/v1alpha3"

	infrav1 "github.com/ocne-project/ocne/api/v1"
)

// passes is how often everything is read, at most, until two passes in a row have seen the same.
const passes = 6

// passInterval is the time between two passes that have seen different things.
const passInterval = 500 * time.Millisecond

// Reader reads a management cluster.
type Reader struct {
	client dynamic.Interface
}

// NewReader returns a Reader of the cluster that a configuration is for.
func NewReader(cfg *rest.Config) (*Reader, error) {
	client, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("create the client to read all objects: %w", err)
	}
	return &Reader{client: client}, nil
}

// Read returns the objects of every kind that clusterctl's label marks as Cluster API's or a provider's, the Secrets and ConfigMaps beside
// them, those that OLVMClusters refer to elsewhere, and the namespaces of all of these.
//
// Each kind is read at one resource version, but one kind after the other. So everything is read twice: when both passes have seen the same
// versions of the same objects, all of them existed together in the time between the passes, and settled says so. Where controllers are at work, the
// last pass of some has to do. It is usable, too: a machine's VM id is written before the engine hears of it and never changes, so that what the
// objects of a pass say of VMs is true, and what they do not know of is found by the marks of the VMs.
func (r *Reader) Read(ctx context.Context) (all []*unstructured.Unstructured, settled bool, err error) {
	var last map[types.UID]string
	for pass := range passes {
		if all, err = r.pass(ctx); err != nil {
			return nil, false, err
		}
		seen := versions(all)
		if maps.Equal(last, seen) {
			return all, true, nil
		}
		if last = seen; pass == 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return nil, false, context.Cause(ctx)
		case <-time.After(passInterval):
		}
	}
	return all, false, nil
}

func versions(all []*unstructured.Unstructured) map[types.UID]string {
	seen := make(map[types.UID]string, len(all))
	for _, o := range all {
		seen[o.GetUID()] = o.GetResourceVersion()
	}
	return seen
}

func (r *Reader) pass(ctx context.Context) ([]*unstructured.Unstructured, error) {
	kinds, err := r.kinds(ctx)
	if err != nil {
		return nil, err
	}
	p := pass{Reader: r, namespaces: map[string]bool{}}
	for _, kind := range kinds {
		if err := p.list(ctx, kind, ""); err != nil {
			return nil, err
		}
	}
	for _, namespace := range slices.Sorted(maps.Keys(p.namespaces)) {
		for _, kind := range []schema.GroupVersionResource{secrets(), configMaps()} {
			if err := p.list(ctx, kind, namespace); err != nil {
				return nil, err
			}
		}
	}
	if err := p.referred(ctx); err != nil {
		return nil, err
	}
	for _, namespace := range slices.Sorted(maps.Keys(p.namespaces)) {
		if err := p.get(ctx, namespaces(), types.NamespacedName{Name: namespace}); err != nil {
			return nil, err
		}
	}
	return p.found, nil
}

func secrets() schema.GroupVersionResource { return corev1.SchemeGroupVersion.WithResource("secrets") }
func configMaps() schema.GroupVersionResource {
	return corev1.SchemeGroupVersion.WithResource("configmaps")
}
func namespaces() schema.GroupVersionResource {
	return corev1.SchemeGroupVersion.WithResource("namespaces")
}

// kinds are those of Cluster API and the providers, in the version that is stored, but clusterctl's own inventory: that is of the management
// cluster and not of its clusters.
func (r *Reader) kinds(ctx context.Context) ([]schema.GroupVersionResource, error) {
	definitions, err := r.client.Resource(apiextensionsv1.SchemeGroupVersion.WithResource("customresourcedefinitions")).
		List(ctx, metav1.ListOptions{LabelSelector: clusterctlv1.ClusterctlLabel})
	if err != nil {
		return nil, fmt.Errorf("list the kinds of Cluster API: %w", err)
	}
	var kinds []schema.GroupVersionResource
	for i := range definitions.Items {
		var definition apiextensionsv1.CustomResourceDefinition
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(definitions.Items[i].Object, &definition); err != nil {
			return nil, fmt.Errorf("definition %s: %w", definitions.Items[i].GetName(), err)
		}
		if definition.Spec.Group == clusterctlv1.GroupVersion.Group {
			continue
		}
		for _, v := range definition.Spec.Versions {
			if v.Storage {
				kinds = append(kinds, schema.GroupVersionResource{
					Group: definition.Spec.Group, Version: v.Name, Resource: definition.Spec.Names.Plural,
				})
			}
		}
	}
	return kinds, nil
}

// pass is one reading of everything.
type pass struct {
	*Reader
	found      []*unstructured.Unstructured
	namespaces map[string]bool
}

func (p *pass) list(ctx context.Context, kind schema.GroupVersionResource, namespace string) error {
	list, err := p.client.Resource(kind).Namespace(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list %s: %w", kind.Resource, err)
	}
	for i := range list.Items {
		p.add(&list.Items[i])
	}
	return nil
}

func (p *pass) add(o *unstructured.Unstructured) {
	if madeByTheCluster(o) {
		return
	}
	p.found = append(p.found, o)
	if namespace := o.GetNamespace(); namespace != "" {
		p.namespaces[namespace] = true
	}
}

// madeByTheCluster tells what every Kubernetes cluster makes in its namespaces itself.
func madeByTheCluster(o *unstructured.Unstructured) bool {
	switch o.GetKind() {
	case "ConfigMap":
		return o.GetName() == "kube-root-ca.crt"
	case "Secret":
		kind, _, _ := unstructured.NestedString(o.Object, "type")
		return kind == string(corev1.SecretTypeServiceAccountToken)
	}
	return false
}

// get adds an object that is not there yet; one that does not exist is left out.
func (p *pass) get(ctx context.Context, kind schema.GroupVersionResource, key types.NamespacedName) error {
	o, err := p.client.Resource(kind).Namespace(key.Namespace).Get(ctx, key.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s %s: %w", kind.Resource, key, err)
	}
	if !slices.ContainsFunc(p.found, func(f *unstructured.Unstructured) bool { return f.GetUID() == o.GetUID() }) {
		p.add(o)
	}
	return nil
}

// referred adds the credentials and CAs of engines that are in other namespaces.
func (p *pass) referred(ctx context.Context) error {
	for _, o := range slices.Clone(p.found) {
		if o.GroupVersionKind() != infrav1.GroupVersion().WithKind("OLVMCluster") {
			continue
		}
		var c infrav1.OLVMCluster
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &c); err != nil {
			return fmt.Errorf("OLVMCluster %s/%s: %w", o.GetNamespace(), o.GetName(), err)
		}
		server := c.Spec.OLVMOvirtAPIServer
		if err := p.get(ctx, secrets(), nameOf(server.CredentialsSecret, c.Namespace)); err != nil {
			return err
		}
		if server.CAConfigMap == nil {
			continue
		}
		if err := p.get(ctx, configMaps(), nameOf(*server.CAConfigMap, c.Namespace)); err != nil {
			return err
		}
	}
	return nil
}

func nameOf(r infrav1.ObjectReference, namespace string) types.NamespacedName {
	key := types.NamespacedName{Namespace: r.Namespace, Name: r.Name}
	if key.Namespace == "" {
		key.Namespace = namespace
	}
	return key
}
