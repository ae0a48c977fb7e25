package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/ocne-project/ocne/internal/capi"
	"github.com/ocne-project/ocne/internal/capi/install"
	"github.com/ocne-project/ocne/internal/capi/manager"
	"github.com/ocne-project/ocne/internal/capi/servingcert"
)

// ready is the one line on stdout that says the controllers run and the webhooks answer.
type ready struct {
	WebhookURL string `json:"webhookURL,omitempty"` // empty with the OLVM provider alone: it has no webhooks
	HealthURL  string `json:"healthURL"`
	PID        int    `json:"pid"`
}

func run(ctx context.Context, c config, stdout io.Writer) error {
	if err := manager.SetFeatureGates(c.providers, c.gates); err != nil {
		return err
	}
	restConfig, err := loadRestConfig(c.kubeconfig)
	if err != nil {
		return fmt.Errorf("find the management cluster: %w", err)
	}
	health, err := new(net.ListenConfig).Listen(ctx, "tcp", c.healthAddress)
	if err != nil {
		return fmt.Errorf("listen for health probes: %w", err)
	}
	defer health.Close()
	options := manager.Options{
		Providers:               c.providers,
		Namespace:               c.namespace,
		WatchFilter:             c.watchFilter,
		Concurrency:             c.concurrency,
		LeaderElection:          c.leaderElect,
		LeaderElectionNamespace: c.leaderElectNamespace,
		MetricsAddress:          c.metricsAddress,
		SecureMetrics:           c.secureMetrics,
		HealthListener:          health,
	}
	line := ready{HealthURL: "http://" + health.Addr().String(), PID: os.Getpid()}

	var certificates *servingcert.Rotator
	if c.providers.HasClusterAPI() {
		webhooks, err := new(net.ListenConfig).Listen(ctx, "tcp", c.webhookAddress)
		if err != nil {
			return fmt.Errorf("listen for webhooks: %w", err)
		}
		defer webhooks.Close()
		line.WebhookURL = "https://" + webhooks.Addr().String()
		target := install.WebhookTarget{URL: line.WebhookURL, Service: c.webhookService}
		if certificates, err = installClusterAPI(ctx, restConfig, target, c); err != nil {
			return err
		}
		options.Webhooks = manager.Webhooks{Listener: webhooks, GetCertificate: certificates.GetCertificate}
		if options.LeaderElectionNamespace == "" {
			options.LeaderElectionNamespace = capi.Namespace
		}
	}
	mgr, err := manager.New(ctx, restConfig, options)
	if err != nil {
		return err
	}
	if certificates != nil {
		if err := mgr.Add(certificates); err != nil {
			return fmt.Errorf("add the rotation of the webhook certificate: %w", err)
		}
	}
	return start(ctx, mgr, line, stdout)
}

// start runs the manager until ctx ends, and writes the ready line when it is ready.
func start(ctx context.Context, mgr *manager.Manager, line ready, stdout io.Writer) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return mgr.Start(ctx) })
	group.Go(func() error {
		if mgr.WaitReady(ctx) != nil {
			return nil //nolint:nilerr // it was stopped before it was ready; Start says why
		}
		if err := json.NewEncoder(stdout).Encode(line); err != nil {
			return fmt.Errorf("write the ready line: %w", err)
		}
		return nil
	})
	return group.Wait()
}

// installClusterAPI installs CRDs, webhooks and inventory, and returns the certificate that the webhooks must serve.
func installClusterAPI(ctx context.Context, restConfig *rest.Config, target install.WebhookTarget, c config) (*servingcert.Rotator, error) {
	installer, err := install.New(restConfig, c.providers, version)
	if err != nil {
		return nil, err
	}
	host, _, err := net.SplitHostPort(c.webhookAddress)
	if err != nil {
		return nil, fmt.Errorf("webhook address: %w", err)
	}
	if s := target.Service; s.Name != "" {
		host = s.Name + "." + s.Namespace + ".svc" // the name that the API server expects in the certificate
	}
	certificates, err := servingcert.New(servingcert.Options{
		Hosts: []string{host},
		Dir:   c.certDir,
		Log:   ctrl.Log.WithName("webhook-certificate"),
		Publish: func(ctx context.Context, caBundle []byte) error {
			target.CABundle = caBundle
			return installer.PublishTarget(ctx, target)
		},
	})
	if err != nil {
		return nil, fmt.Errorf("make the webhook certificate: %w", err)
	}
	target.CABundle = certificates.CABundle()
	if err := installer.Install(ctx, target); err != nil {
		return nil, fmt.Errorf("install Cluster API: %w", err)
	}
	return certificates, nil
}

func loadRestConfig(kubeconfig string) (*rest.Config, error) {
	if kubeconfig == "" {
		return ctrl.GetConfig()
	}
	return clientcmd.BuildConfigFromFlags("", kubeconfig)
}
