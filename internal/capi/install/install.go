// Package install puts the CRDs, webhook configurations and clusterctl inventory of Cluster API, and of the OLVM provider where it runs in
// the same process, into a management cluster.
package install

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"github.com/ocne-project/ocne/internal/capi"
)

const (
	// fieldOwner owns the fields in server-side apply.
	fieldOwner = "ocne-manager"
	// parallel is how many objects are applied at once.
	parallel = 6
	// serveTimeout bounds the wait for the API server to serve the CRDs: a machine that is busy with other things takes minutes.
	serveTimeout = 5 * time.Minute
	pollInterval = 50 * time.Millisecond
)

// WebhookTarget is where the API server finds the webhooks.
type WebhookTarget struct {
	// URL is https://host:port, without a path; empty with Service.
	URL string
	// Service is in front of the webhooks, at port 443; without a name, URL is used.
	Service types.NamespacedName
	// CABundle is what the API server trusts there, in PEM.
	CABundle []byte
}

// ForeignError says that Cluster API was installed by somebody else; nothing was changed.
type ForeignError struct {
	// CRDs that exist and are not marked as ours.
	CRDs []string
}

// Error implements error.
func (e *ForeignError) Error() string {
	return fmt.Sprintf("Cluster API was installed here by somebody else (CRDs without the label %s=%s: %s): "+
		"run ocne-manager with --providers=olvm there", capi.ManagedByLabel, capi.ManagedBy, strings.Join(e.CRDs, ", "))
}

// Installer applies the bundle's objects.
type Installer struct {
	objects   dynamic.Interface
	metadata  metadata.Interface
	discovery discovery.DiscoveryInterface
	providers capi.Providers
	version   string
}

// New returns an Installer of some providers for a cluster. providerVersion is that of the OLVM provider, such as v1.2.3.
func New(cfg *rest.Config, providers capi.Providers, providerVersion string) (*Installer, error) {
	cfg = rest.CopyConfig(cfg)
	cfg.QPS, cfg.Burst = 100, 200
	objects, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("create the client of the installer: %w", err)
	}
	metadata, err := metadata.NewForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("create the metadata client of the installer: %w", err)
	}
	kinds, err := discovery.NewDiscoveryClientForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("create the discovery client of the installer: %w", err)
	}
	return &Installer{
		objects: objects, metadata: metadata, discovery: kinds, providers: providers, version: inventoryVersion(providerVersion),
	}, nil
}

// inventoryVersion is what clusterctl can compare: a semantic version.
func inventoryVersion(v string) string {
	if _, err := version.ParseSemantic(v); err != nil {
		return "v0.0.0-dev"
	}
	return v
}

// Install makes the cluster hold exactly the providers' CRDs, webhook configurations and inventory, and returns when the CRDs are
// served. It may be repeated. It returns a *ForeignError, and changes nothing, where somebody else installed Cluster API.
func (i *Installer) Install(ctx context.Context, target WebhookTarget) error {
	all, err := render(target, i.providers, i.version)
	if err != nil {
		return fmt.Errorf("read the embedded manifests: %w", err)
	}
	if err := i.refuseForeign(ctx, all.crds); err != nil {
		return err
	}
	namespace := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace"}}
	namespace.SetName(capi.Namespace)
	if err := i.apply(ctx, append(slices.Clone(all.crds), namespace)); err != nil {
		return err
	}
	if err := i.waitServed(ctx, all.crds); err != nil {
		return err
	}
	return i.apply(ctx, append(all.webhooks, all.inventory...))
}

// PublishTarget tells the API server where the webhooks are and what to trust there; everything else stays.
func (i *Installer) PublishTarget(ctx context.Context, target WebhookTarget) error {
	all, err := render(target, i.providers, i.version)
	if err != nil {
		return fmt.Errorf("read the embedded manifests: %w", err)
	}
	return i.apply(ctx, append(all.crds, all.webhooks...))
}

// refuseForeign fails when a CRD that is to be installed exists without our mark.
func (i *Installer) refuseForeign(ctx context.Context, crds []*unstructured.Unstructured) error {
	existing, err := i.metadata.Resource(crdResource()).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list the CRDs: %w", err)
	}
	ours := map[string]bool{}
	for _, crd := range crds {
		ours[crd.GetName()] = true
	}
	var foreign []string
	for _, crd := range existing.Items {
		if ours[crd.Name] && crd.Labels[capi.ManagedByLabel] != capi.ManagedBy {
			foreign = append(foreign, crd.Name)
		}
	}
	if len(foreign) > 0 {
		slices.Sort(foreign)
		return &ForeignError{CRDs: foreign}
	}
	return nil
}

// apply applies the objects, some at once.
func (i *Installer) apply(ctx context.Context, objects []*unstructured.Unstructured) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for _, object := range objects {
		group.Go(func() error {
			options := metav1.ApplyOptions{FieldManager: fieldOwner, Force: true}
			if _, err := i.client(object).Apply(ctx, object.GetName(), object, options); err != nil {
				return fmt.Errorf("apply %s %s: %w", object.GetKind(), object.GetName(), err)
			}
			return nil
		})
	}
	return group.Wait()
}

// client returns the client for an object's kind and namespace.
func (i *Installer) client(object *unstructured.Unstructured) dynamic.ResourceInterface {
	plural, _ := meta.UnsafeGuessKindToResource(object.GroupVersionKind()) // right for the few kinds that are installed
	return i.objects.Resource(plural).Namespace(object.GetNamespace())
}

func crdResource() schema.GroupVersionResource {
	return apiextensionsv1.SchemeGroupVersion.WithResource("customresourcedefinitions")
}

// waitServed waits until the API server serves the CRDs. It does not look at their conditions: the controllers learn of a kind from discovery,
// which comes later. And it asks for a list, the first of which makes the API server fill its cache of the kind; without that the watches of the
// controllers would be sent away for a second.
func (i *Installer) waitServed(ctx context.Context, crds []*unstructured.Unstructured) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for _, crd := range crds {
		group.Go(func() error {
			resource, err := storedResource(crd)
			if err != nil {
				return fmt.Errorf("CRD %s: %w", crd.GetName(), err)
			}
			var last error
			err = wait.PollUntilContextTimeout(ctx, pollInterval, serveTimeout, true, func(ctx context.Context) (bool, error) {
				last = i.served(ctx, resource)
				return last == nil, nil
			})
			if err != nil {
				return fmt.Errorf("wait until CRD %s is served: %w", crd.GetName(), errors.Join(i.whyNotServed(ctx, crd), last, err))
			}
			return nil
		})
	}
	return group.Wait()
}

// served fails until the API server tells its clients about a resource and answers for it. The first list is expensive,
// and comes last.
func (i *Installer) served(ctx context.Context, resource schema.GroupVersionResource) error {
	list, err := i.discovery.ServerResourcesForGroupVersion(resource.GroupVersion().String())
	if err != nil {
		return fmt.Errorf("discover %s: %w", resource.GroupVersion(), err)
	}
	if !slices.ContainsFunc(list.APIResources, func(r metav1.APIResource) bool { return r.Name == resource.Resource }) {
		return fmt.Errorf("%s is not in the discovery document yet", resource)
	}
	_, err = i.objects.Resource(resource).List(ctx, metav1.ListOptions{Limit: 1})
	return err
}

// storedResource returns the resource of a CRD in the version that is stored.
func storedResource(crd *unstructured.Unstructured) (schema.GroupVersionResource, error) {
	typed, err := typedCRD(crd)
	if err != nil {
		return schema.GroupVersionResource{}, err
	}
	for _, v := range typed.Spec.Versions {
		if v.Storage {
			return schema.GroupVersionResource{Group: typed.Spec.Group, Version: v.Name, Resource: typed.Spec.Names.Plural}, nil
		}
	}
	return schema.GroupVersionResource{}, errors.New("no version is stored")
}

// whyNotServed returns what the API server says about a CRD that it does not accept, or nil.
func (i *Installer) whyNotServed(ctx context.Context, crd *unstructured.Unstructured) error {
	current, err := i.client(crd).Get(ctx, crd.GetName(), metav1.GetOptions{})
	if err != nil {
		return err
	}
	typed, err := typedCRD(current)
	if err != nil {
		return err
	}
	for _, condition := range typed.Status.Conditions {
		if condition.Status == apiextensionsv1.ConditionFalse {
			return fmt.Errorf("%s: %s", condition.Reason, condition.Message)
		}
	}
	return nil
}

func typedCRD(object *unstructured.Unstructured) (*apiextensionsv1.CustomResourceDefinition, error) {
	crd := &apiextensionsv1.CustomResourceDefinition{}
	err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, crd)
	return crd, err
}
