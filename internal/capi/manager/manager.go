// Package manager builds the controller manager of ocne-manager: the OLVM provider's controllers, alone or together with Cluster
// API core, kubeadm bootstrap and kubeadm control plane in one process.
package manager

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/cluster-api/controllers/remote"
	coresetup "sigs.k8s.io/cluster-api/core/setup"
	"sigs.k8s.io/cluster-api/feature"
	"sigs.k8s.io/cluster-api/util/apiwarnings"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/ocne-project/ocne/internal/capi"
	"github.com/ocne-project/ocne/internal/controller"
)

const (
	name = "ocne-manager"
	// leaseName is the same for every choice of providers that drives machines: only one process may drive those of a cluster.
	leaseName = "ocne-manager.infrastructure.cluster.x-k8s.io"
	// clusterAPILeaseName is that of Cluster API alone, which the OLVM provider runs beside.
	clusterAPILeaseName = "ocne-manager.cluster.x-k8s.io"
	// apiQPS and apiBurst are Cluster API's defaults for requests to an API server.
	apiQPS   = 100
	apiBurst = 200
	// cacheSyncTimeout leaves time for the first list of a large management cluster.
	cacheSyncTimeout = 5 * time.Minute
	// stopTimeout bounds how long running reconciles may delay the end of the process.
	stopTimeout = 5 * time.Second
)

// Options of a manager.
type Options struct {
	// Providers chooses the controllers.
	Providers capi.Providers
	// Namespace restricts what is watched to one namespace; empty means all.
	Namespace string
	// WatchFilter is the value of the label cluster.x-k8s.io/watch-filter that objects must carry; empty means all objects.
	WatchFilter string
	// Concurrency is the number of objects of a kind that are reconciled at once; at least 1.
	Concurrency int
	// LeaderElection makes the controllers wait until this process holds the Lease.
	LeaderElection bool
	// LeaderElectionNamespace is where the Lease lives; when empty, the pod's own namespace.
	LeaderElectionNamespace string
	// MetricsAddress is where metrics are served, host:port; "0" serves none.
	MetricsAddress string
	// HealthListener serves /healthz and /readyz; nil serves none. The manager closes it.
	HealthListener net.Listener
	// SecureMetrics serves the metrics over TLS, to those whom the API server lets get the path /metrics.
	SecureMetrics bool
	// Webhooks is required with Cluster API's own providers, and used for nothing else.
	Webhooks Webhooks
}

// Webhooks is how admission and conversion webhooks are served.
type Webhooks struct {
	// Listener is plain TCP, without TLS. The manager closes it.
	Listener net.Listener
	// GetCertificate returns the serving certificate of the moment.
	GetCertificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
}

// Manager is a controller manager that says when it is ready.
type Manager struct {
	ctrl.Manager
	ready *readiness
}

// What the process itself needs, beside what its controllers say: the Lease and the event of a new leader, in its own namespace, and the
// API server's word on who may read the metrics.
//
// +kubebuilder:rbac:groups=coordination.k8s.io,namespace=cluster-api-provider-olvm,resources=leases,verbs=create
// +kubebuilder:rbac:groups=coordination.k8s.io,namespace=cluster-api-provider-olvm,resources=leases,resourceNames=ocne-manager.infrastructure.cluster.x-k8s.io,verbs=get;update
// +kubebuilder:rbac:groups="",namespace=cluster-api-provider-olvm,resources=events,verbs=create
// +kubebuilder:rbac:groups=authentication.k8s.io,resources=tokenreviews,verbs=create
// +kubebuilder:rbac:groups=authorization.k8s.io,resources=subjectaccessreviews,verbs=create

// New registers everything with a manager; Start runs it. The CRDs must exist already, and SetFeatureGates comes before it. It can be
// called once in a process: the names of Cluster API's controllers and informers are the process's.
func New(ctx context.Context, cfg *rest.Config, options Options) (*Manager, error) {
	if options.Concurrency < 1 {
		return nil, fmt.Errorf("concurrency %d: at least one object of a kind must be reconciled at once", options.Concurrency)
	}
	clusterAPI := options.Providers.HasClusterAPI()
	if clusterAPI && (options.Webhooks.Listener == nil || options.Webhooks.GetCertificate == nil) {
		return nil, errors.New("the providers of Cluster API need a listener and a certificate for their webhooks")
	}
	mgr, err := ctrl.NewManager(restConfig(cfg), managerOptions(capi.NewScheme(), options))
	if err != nil {
		return nil, fmt.Errorf("create the controller manager: %w", err)
	}
	if clusterAPI {
		if err := setupClusterAPI(ctx, mgr, options); err != nil {
			return nil, err
		}
	}
	if options.Providers.HasOLVM() {
		err = controller.Setup(ctx, mgr, controller.Options{WatchFilter: options.WatchFilter, Concurrency: options.Concurrency})
		if err != nil {
			return nil, fmt.Errorf("set up the OLVM controllers: %w", err)
		}
	}
	ready, err := setupReadiness(mgr, clusterAPI, options.HealthListener)
	if err != nil {
		return nil, err
	}
	return &Manager{Manager: mgr, ready: ready}, nil
}

// restConfig identifies the manager and gives it Cluster API's request rates.
func restConfig(cfg *rest.Config) *rest.Config {
	cfg = rest.CopyConfig(cfg)
	cfg.QPS, cfg.Burst = apiQPS, apiBurst
	cfg.UserAgent = remote.DefaultClusterAPIUserAgent(name)
	cfg.WarningHandler = apiwarnings.DefaultHandler(ctrl.Log.WithName("api-server-warning"))
	return cfg
}

func managerOptions(scheme *runtime.Scheme, options Options) ctrl.Options {
	o := ctrl.Options{
		Scheme: scheme,
		Controller: config.Controller{
			UsePriorityQueue: ptr.To(feature.Gates.Enabled(feature.PriorityQueue)),
			CacheSyncTimeout: cacheSyncTimeout,
		},
		Cache:                   cacheOptions(scheme, options.Providers, options.Namespace),
		Client:                  clientOptions(),
		Metrics:                 metricsOptions(options),
		HealthProbeBindAddress:  "0", // served by readiness.go, on a listener whose port is known
		LeaderElection:          options.LeaderElection,
		LeaderElectionID:        leaseName,
		LeaderElectionNamespace: options.LeaderElectionNamespace,
		// The process ends when the manager does, so a successor need not wait for the Lease to expire.
		LeaderElectionReleaseOnCancel: true,
		GracefulShutdownTimeout:       ptr.To(stopTimeout),
	}
	if options.Providers.HasClusterAPI() {
		o.WebhookServer = newWebhookServer(options.Webhooks)
	}
	if !options.Providers.HasOLVM() {
		o.LeaderElectionID = clusterAPILeaseName
	}
	return o
}

// metricsOptions: the certificate of secure metrics is self-signed, in memory; it is the client that has to prove who it is.
func metricsOptions(options Options) metricsserver.Options {
	o := metricsserver.Options{BindAddress: options.MetricsAddress}
	if options.SecureMetrics {
		o.SecureServing, o.FilterProvider = true, filters.WithAuthenticationAndAuthorization
	}
	return o
}

// clientOptions: Secrets and ConfigMaps are always read from the API server, never cached.
func clientOptions() client.Options { return coresetup.ManagerClientOptions() }
