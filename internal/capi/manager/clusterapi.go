package manager

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/logutil"
	"go.uber.org/zap/zapcore"
	"k8s.io/apimachinery/pkg/util/sets"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/bootstrap/kubeadm/reconcilers/kubeadmconfig"
	"sigs.k8s.io/cluster-api/controllers/clustercache"
	"sigs.k8s.io/cluster-api/controlplane/kubeadm/reconcilers/kubeadmcontrolplane"
	"sigs.k8s.io/cluster-api/core/reconcilers/cluster"
	"sigs.k8s.io/cluster-api/core/reconcilers/clusterresourceset"
	"sigs.k8s.io/cluster-api/core/reconcilers/clusterresourcesetbinding"
	"sigs.k8s.io/cluster-api/core/reconcilers/machine"
	"sigs.k8s.io/cluster-api/core/reconcilers/machinedeployment"
	"sigs.k8s.io/cluster-api/core/reconcilers/machinehealthcheck"
	"sigs.k8s.io/cluster-api/core/reconcilers/machinepool"
	"sigs.k8s.io/cluster-api/core/reconcilers/machineset"
	coresetup "sigs.k8s.io/cluster-api/core/setup"
	"sigs.k8s.io/cluster-api/feature"
	"sigs.k8s.io/cluster-api/util/index"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
)

const (
	// connectionRetry is how soon a failed connection to a new cluster is tried again. Cluster API's default of 30 s would be
	// the largest part of the time to a first node.
	connectionRetry = 2 * time.Second
	// connectionGrace and conditionsGrace are Cluster API's defaults: how long a cluster may be out of reach before its
	// conditions turn unknown.
	connectionGrace = 50 * time.Second
	conditionsGrace = 5 * time.Minute
	// controlPlaneTimeout bounds one reconcile of a control plane, which talks to every etcd member.
	controlPlaneTimeout = 3 * time.Minute
)

// clusterAPI registers Cluster API's own controllers with one manager.
type clusterAPI struct {
	mgr     ctrl.Manager
	options Options
	// secrets reads Secrets from the cache; the manager's own client always asks the API server for them.
	secrets client.Client
	// clusters is shared: its controller's name must be unique in a process, and so must a connection to a cluster.
	clusters clustercache.ClusterCache
}

// setupClusterAPI registers the controllers and webhooks of core, kubeadm bootstrap and kubeadm control plane.
func setupClusterAPI(ctx context.Context, mgr ctrl.Manager, options Options) error {
	if err := index.AddDefaultIndexes(ctx, mgr); err != nil {
		return fmt.Errorf("index Cluster API objects: %w", err)
	}
	secrets, err := coresetup.CreateSecretCachingClient(mgr)
	if err != nil {
		return fmt.Errorf("create the client for cached Secrets: %w", err)
	}
	c := &clusterAPI{mgr: mgr, options: options, secrets: secrets}
	if err := c.setupClusterCache(ctx); err != nil {
		return err
	}
	setups := []func(context.Context) error{c.setupCore, c.setupResourceSets, c.setupKubeadm}
	if feature.Gates.Enabled(feature.ClusterTopology) {
		setups = append(setups, c.setupTopology)
	}
	for _, setup := range setups {
		if err := setup(ctx); err != nil {
			return fmt.Errorf("set up Cluster API's controllers: %w", err)
		}
	}
	return c.setupWebhooks()
}

func (c *clusterAPI) concurrency() controller.Options {
	return controller.Options{MaxConcurrentReconciles: c.options.Concurrency}
}

// setupClusterCache uses core's cache options: the control plane provider's would hide all Pods but its own from a drain.
func (c *clusterAPI) setupClusterCache(ctx context.Context) error {
	clusters, err := clustercache.SetupWithManager(ctx, c.mgr, clustercache.Options{
		SecretClient:     c.secrets,
		Cache:            coresetup.ClusterCacheCacheOptions(),
		Client:           coresetup.ClusterCacheClientOptions(name, apiQPS, apiBurst),
		WatchFilterValue: c.options.WatchFilter,
	}, c.concurrency())
	if err != nil {
		return fmt.Errorf("set up the cache of workload clusters: %w", err)
	}
	retry, ok := clusters.(interface{ SetConnectionCreationRetryInterval(time.Duration) })
	if !ok {
		return errors.New("the retry interval of Cluster API's cluster cache cannot be set any more: see connectionRetry")
	}
	retry.SetConnectionCreationRetryInterval(connectionRetry)
	c.clusters = clusters
	return nil
}

func (c *clusterAPI) setupCore(ctx context.Context) error {
	cl, reader, filter := c.mgr.GetClient(), c.mgr.GetAPIReader(), c.options.WatchFilter
	if err := (&cluster.Reconciler{
		Client: cl, APIReader: reader, ClusterCache: c.clusters, WatchFilterValue: filter, RemoteConnectionGracePeriod: connectionGrace,
	}).SetupWithManager(ctx, c.mgr, c.concurrency()); err != nil {
		return err
	}
	if err := (&machine.Reconciler{
		Client: cl, APIReader: reader, ClusterCache: c.clusters, WatchFilterValue: filter, RemoteConditionsGracePeriod: conditionsGrace,
	}).SetupWithManager(ctx, c.mgr, c.concurrency()); err != nil {
		return err
	}
	if err := (&machineset.Reconciler{
		Client: cl, APIReader: reader, ClusterCache: c.clusters, WatchFilterValue: filter,
		PreflightChecks: sets.New(clusterv1.MachineSetPreflightCheckAll),
	}).SetupWithManager(ctx, c.mgr, c.concurrency()); err != nil {
		return err
	}
	if err := (&machinedeployment.Reconciler{
		Client: cl, APIReader: reader, WatchFilterValue: filter,
	}).SetupWithManager(ctx, c.mgr, c.concurrency()); err != nil {
		return err
	}
	if feature.Gates.Enabled(feature.MachinePool) {
		if err := (&machinepool.Reconciler{
			Client: cl, APIReader: reader, ClusterCache: c.clusters, WatchFilterValue: filter,
		}).SetupWithManager(ctx, c.mgr, c.concurrency()); err != nil {
			return err
		}
	}
	return (&machinehealthcheck.Reconciler{
		Client: cl, ClusterCache: c.clusters, WatchFilterValue: filter,
	}).SetupWithManager(ctx, c.mgr, c.concurrency())
}

func (c *clusterAPI) setupResourceSets(ctx context.Context) error {
	secrets, err := newSecretMetadataCache(c.mgr, c.options.Namespace)
	if err != nil {
		return err
	}
	if err := (&clusterresourceset.Reconciler{
		Client: c.mgr.GetClient(), ClusterCache: c.clusters, WatchFilterValue: c.options.WatchFilter,
	}).SetupWithManager(ctx, c.mgr, c.concurrency(), secrets); err != nil {
		return err
	}
	return (&clusterresourcesetbinding.Reconciler{
		Client: c.mgr.GetClient(), WatchFilterValue: c.options.WatchFilter,
	}).SetupWithManager(ctx, c.mgr, c.concurrency())
}

func (c *clusterAPI) setupKubeadm(ctx context.Context) error {
	cl, reader, filter := c.mgr.GetClient(), c.mgr.GetAPIReader(), c.options.WatchFilter
	if err := (&kubeadmconfig.Reconciler{
		Client: cl, SecretCachingClient: c.secrets, APIReader: reader, ClusterCache: c.clusters, WatchFilterValue: filter,
		TokenTTL: kubeadmconfig.DefaultTokenTTL,
	}).SetupWithManager(ctx, c.mgr, c.concurrency()); err != nil {
		return err
	}
	etcdLog, err := logutil.CreateDefaultZapLogger(zapcore.ErrorLevel)
	if err != nil {
		return fmt.Errorf("create the log of the etcd client: %w", err)
	}
	return (&kubeadmcontrolplane.Reconciler{
		Client: cl, SecretCachingClient: c.secrets, APIReader: reader, ClusterCache: c.clusters, WatchFilterValue: filter,
		EtcdDialTimeout: 10 * time.Second, EtcdCallTimeout: 15 * time.Second, EtcdLogger: etcdLog,
		RemoteConditionsGracePeriod: conditionsGrace,
	}).SetupWithManager(ctx, c.mgr, controller.Options{
		MaxConcurrentReconciles: c.options.Concurrency,
		ReconciliationTimeout:   controlPlaneTimeout,
	})
}
