package manager

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	bootstrapsetup "sigs.k8s.io/cluster-api/bootstrap/kubeadm/setup"
	coresetup "sigs.k8s.io/cluster-api/core/setup"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"

	"github.com/ocne-project/ocne/internal/capi"
)

// resyncPeriod is how often everything is reconciled without a reason; Cluster API's own default.
const resyncPeriod = 10 * time.Minute

// cacheOptions returns what the manager caches. Each of Cluster API's managers keeps only what it reads itself; one manager for
// all of them needs the union.
func cacheOptions(scheme *runtime.Scheme, providers capi.Providers, namespace string) cache.Options {
	if !providers.HasClusterAPI() {
		return coresetup.ManagerCacheOptions(scheme, name, namespace, resyncPeriod)
	}
	// The bootstrap provider keeps the data of every Secret that Cluster API makes for a cluster: a superset of the others.
	options := bootstrapsetup.ManagerCacheOptions(scheme, name, namespace, resyncPeriod)
	// It also strips managedFields. Core and the control plane provider take stripped managedFields for a fault of the API
	// server, and "repair" every object again and again, without end.
	options.DefaultTransform = nil
	// And it drops spec and status of MachineSets, which core reconciles.
	for object := range options.ByObject {
		if _, ok := object.(*clusterv1.MachineSet); ok {
			delete(options.ByObject, object)
		}
	}
	return options
}

// newSecretMetadataCache returns the cache in which ClusterResourceSets watch Secrets that belong to no cluster.
func newSecretMetadataCache(mgr ctrl.Manager, namespace string) (cache.Cache, error) {
	var namespaces map[string]cache.Config
	if namespace != "" {
		namespaces = map[string]cache.Config{namespace: {}}
	}
	resync := resyncPeriod
	strip := cache.TransformStripManagedFields()
	secrets, err := cache.New(mgr.GetConfig(), cache.Options{
		Scheme:            mgr.GetScheme(),
		Mapper:            mgr.GetRESTMapper(),
		HTTPClient:        mgr.GetHTTPClient(),
		SyncPeriod:        &resync,
		DefaultNamespaces: namespaces,
		// Caching whole Secrets here by mistake would keep every Secret of the cluster in memory.
		DefaultTransform: func(in any) (any, error) {
			object, ok := in.(*metav1.PartialObjectMetadata)
			if !ok || object.GroupVersionKind() != corev1.SchemeGroupVersion.WithKind("Secret") {
				return nil, fmt.Errorf("the cache of Secret metadata was asked for %T", in)
			}
			return strip(object)
		},
	})
	if err != nil {
		return nil, fmt.Errorf("create the cache of Secret metadata: %w", err)
	}
	if err := mgr.Add(secrets); err != nil {
		return nil, fmt.Errorf("add the cache of Secret metadata: %w", err)
	}
	return secrets, nil
}
