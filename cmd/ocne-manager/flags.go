package main

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ocne-project/ocne/internal/capi"
)

// config is what the flags say.
type config struct {
	kubeconfig  string
	providers   capi.Providers
	install     bool
	namespace   string
	watchFilter string
	concurrency int
	gates       string

	leaderElect          bool
	leaderElectNamespace string

	webhookAddress string
	webhookService types.NamespacedName
	certDir        string
	healthAddress  string
	metricsAddress string
	secureMetrics  bool

	verbosity   int
	showVersion bool
}

func parseFlags(args []string) (config, error) {
	c := config{providers: capi.OLVM}
	flags := pflag.NewFlagSet("ocne-manager", pflag.ContinueOnError)
	flags.SortFlags = false
	flags.StringVar(&c.kubeconfig, "kubeconfig", "", "kubeconfig of the management cluster (default: as kubectl, or in-cluster)")
	flags.Var(&c.providers, "providers",
		fmt.Sprintf("whose controllers run: %q beside an installed Cluster API, %q in one process, or %q alone", capi.OLVM, capi.Bundle, capi.ClusterAPI))
	flags.BoolVar(&c.install, "install", false,
		"install or update CRDs, webhooks and clusterctl's inventory first; needed with Cluster API's own providers")
	flags.StringVar(&c.namespace, "namespace", "", "watch this namespace only; empty: all namespaces")
	flags.StringVar(&c.watchFilter, "watch-filter", "",
		"watch only objects with this value of the label cluster.x-k8s.io/watch-filter; empty: all objects")
	flags.IntVar(&c.concurrency, "concurrency", 20, "objects of a kind that are reconciled at once")
	flags.StringVar(&c.gates, "feature-gates", "", "Cluster API's feature gates, such as ReconcilerRateLimiting=false,MachinePool=false")
	flags.BoolVar(&c.leaderElect, "leader-elect", false, "run the controllers only while holding the Lease")
	flags.StringVar(&c.leaderElectNamespace, "leader-elect-namespace", "",
		"namespace of the Lease; empty: the pod's own, or "+capi.Namespace+" with --install")
	flags.StringVar(&c.webhookAddress, "webhook-bind", "127.0.0.1:0",
		"address of the webhooks (with Cluster API's own providers); port 0: a free one")
	service := flags.String("webhook-service", "",
		"NAMESPACE/NAME of the Service in front of the webhooks, at port 443, which the API server calls instead of their address")
	flags.StringVar(&c.certDir, "cert-dir", "", "directory (mode 0700) that keeps the webhooks' certificate across restarts; empty: in memory")
	flags.StringVar(&c.healthAddress, "health-probe-bind-address", "127.0.0.1:0", "address of /healthz and /readyz; port 0: a free one")
	flags.StringVar(&c.metricsAddress, "metrics-bind-address", "0", "address of /metrics, such as 127.0.0.1:8080; 0: none")
	flags.BoolVar(&c.secureMetrics, "metrics-secure", false,
		"serve metrics over TLS, to those whom the API server lets get the path /metrics")
	flags.IntVar(&c.verbosity, "v", 0, "verbosity of the log; 0: what happened, 4: what was looked at, 6: requests")
	flags.BoolVar(&c.showVersion, "version", false, "print the version and exit")
	if err := flags.Parse(args); err != nil {
		return config{}, err
	}
	if flags.NArg() > 0 {
		return config{}, fmt.Errorf("unknown argument %q: everything is a flag", flags.Arg(0))
	}
	if err := c.setWebhookService(*service); err != nil {
		return config{}, err
	}
	return c, c.validate()
}

func (c *config) setWebhookService(flag string) error {
	if flag == "" {
		return nil
	}
	namespace, name, found := strings.Cut(flag, "/")
	if !found || namespace == "" || name == "" || strings.Contains(name, "/") {
		return fmt.Errorf("--webhook-service %s: write NAMESPACE/NAME", flag)
	}
	c.webhookService = types.NamespacedName{Namespace: namespace, Name: name}
	return nil
}

func (c config) validate() error {
	clusterAPI := c.providers.HasClusterAPI()
	if c.showVersion {
		return nil
	}
	if clusterAPI && !c.install {
		return errors.New("the providers of Cluster API itself need --install: only the process itself knows the address and the CA of its webhooks")
	}
	if !clusterAPI && c.install {
		return fmt.Errorf("--install needs --providers=%s: the OLVM provider alone is installed by clusterctl or Helm", capi.Bundle)
	}
	if clusterAPI {
		host, _, err := net.SplitHostPort(c.webhookAddress)
		if err != nil {
			return fmt.Errorf("--webhook-bind: %w", err)
		}
		if ip := net.ParseIP(host); c.webhookService.Name == "" && (host == "" || ip != nil && ip.IsUnspecified()) {
			return fmt.Errorf("--webhook-bind %s: name the one address that the API server calls, such as 127.0.0.1:0, or --webhook-service", c.webhookAddress)
		}
	}
	return nil
}
