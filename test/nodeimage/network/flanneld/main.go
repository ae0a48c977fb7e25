// flanneld with the subnets that Kubernetes gives the nodes, and the backends vxlan and host-gw. The official one also imports backends of
// clouds, whose SDKs are not all published as Go modules.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/big"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"github.com/flannel-io/flannel/pkg/backend"
	_ "github.com/flannel-io/flannel/pkg/backend/hostgw" // registers itself
	_ "github.com/flannel-io/flannel/pkg/backend/vxlan"  // registers itself
	"github.com/flannel-io/flannel/pkg/ip"
	"github.com/flannel-io/flannel/pkg/ipmatch"
	"github.com/flannel-io/flannel/pkg/subnet"
	"github.com/flannel-io/flannel/pkg/subnet/kube"
	"github.com/flannel-io/flannel/pkg/trafficmngr"
	"github.com/flannel-io/flannel/pkg/trafficmngr/iptables"
	"github.com/flannel-io/flannel/pkg/trafficmngr/nftables"
	"k8s.io/klog/v2"
)

// options are those of the official program that its manifests and ours use.
type options struct {
	ipMasq, kubeSubnetMgr, forwardRules bool
	interfaces                          []string
	kubeAPI, kubeconfig                 string
	netConf, subnetFile, annotations    string
	resync                              int
	publicIP, publicIPv6                string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	o := parse(os.Args[1:])
	if err := run(ctx, o); err != nil && ctx.Err() == nil {
		klog.ErrorS(err, "flanneld ends")
		os.Exit(1)
	}
}

func parse(args []string) *options {
	o := &options{}
	flags := flag.NewFlagSet("flanneld", flag.ExitOnError)
	flags.BoolVar(&o.kubeSubnetMgr, "kube-subnet-mgr", false, "take the subnets from Kubernetes; must be set, there is no other way here")
	flags.BoolVar(&o.ipMasq, "ip-masq", false, "masquerade traffic that leaves the pod network")
	flags.BoolVar(&o.forwardRules, "iptables-forward-rules", true, "accept the pod network's traffic in the FORWARD chain")
	flags.Func("iface", "interface, by name or address; may be repeated, the first that exists is taken", func(s string) error {
		o.interfaces = append(o.interfaces, s)
		return nil
	})
	flags.StringVar(&o.kubeAPI, "kube-api-url", "", "API server; that of the pod's cluster when empty")
	flags.StringVar(&o.kubeconfig, "kubeconfig-file", "", "kubeconfig; the pod's service account when empty")
	flags.StringVar(&o.annotations, "kube-annotation-prefix", "flannel.alpha.coreos.com", "prefix of the node's annotations")
	flags.StringVar(&o.netConf, "net-config-path", "/etc/kube-flannel/net-conf.json", "network configuration")
	flags.StringVar(&o.subnetFile, "subnet-file", "/run/flannel/subnet.env", "file for the CNI plugin")
	flags.IntVar(&o.resync, "iptables-resync", 5, "seconds between checks of the rules")
	flags.StringVar(&o.publicIP, "public-ip", "", "IPv4 address that other nodes reach this one by")
	flags.StringVar(&o.publicIPv6, "public-ipv6", "", "IPv6 address that other nodes reach this one by")
	_ = flags.Parse(args) // ends the process on an error
	return o
}

func run(ctx context.Context, o *options) error {
	if !o.kubeSubnetMgr {
		return errors.New("only subnets from Kubernetes are built in: set -kube-subnet-mgr")
	}
	manager, err := kube.NewSubnetManager(ctx, o.kubeAPI, o.kubeconfig, o.annotations, o.netConf, true)
	if err != nil {
		return fmt.Errorf("subnets of Kubernetes: %w", err)
	}
	config, err := manager.GetNetworkConfig(ctx)
	if err != nil {
		return fmt.Errorf("network configuration %s: %w", o.netConf, err)
	}
	external, err := externalInterface(ctx, o, manager, config)
	if err != nil {
		return err
	}
	backends := backend.NewManager(ctx, manager, external)
	chosen, err := backends.GetBackend(config.BackendType)
	if err != nil {
		return fmt.Errorf("backend %s: %w", config.BackendType, err)
	}
	var running sync.WaitGroup
	defer running.Wait()
	network, err := chosen.RegisterNetwork(ctx, &running, config)
	if err != nil {
		return fmt.Errorf("network of backend %s: %w", config.BackendType, err)
	}
	if err := rules(ctx, o, config, network); err != nil {
		return err
	}
	lease := network.Lease()
	if err := manager.HandleSubnetFile(o.subnetFile, config, o.ipMasq, lease.Subnet, lease.IPv6Subnet, network.MTU()); err != nil {
		return fmt.Errorf("subnet file %s: %w", o.subnetFile, err)
	}
	klog.InfoS("The network runs", "backend", config.BackendType, "subnet", lease.Subnet.String(), "mtu", network.MTU())
	running.Go(func() { network.Run(ctx) })
	return manager.CompleteLease(ctx, lease, &running)
}

// externalInterface is the one whose address the other nodes send to: the first of the named ones, else the default route's.
func externalInterface(ctx context.Context, o *options, m subnet.Manager, config *subnet.Config) (*backend.ExternalInterface, error) {
	stack, err := ipmatch.GetIPFamily(config.EnableIPv4, config.EnableIPv6)
	if err != nil {
		return nil, err
	}
	public := ipmatch.PublicIPOpts{PublicIP: o.publicIP, PublicIPv6: o.publicIPv6}
	if v4, v6 := m.GetStoredPublicIP(ctx); v4 != "" || v6 != "" {
		public = ipmatch.PublicIPOpts{PublicIP: v4, PublicIPv6: v6}
	}
	names := o.interfaces
	if len(names) == 0 {
		names = []string{public.PublicIP}
	}
	var errs []error
	for _, name := range names {
		external, err := ipmatch.LookupExtIface(name, "", "", stack, public)
		if err == nil {
			return external, nil
		}
		errs = append(errs, err)
	}
	return nil, fmt.Errorf("no interface of %s fits: %w", strings.Join(names, ", "), errors.Join(errs...))
}

// rules removes those of the packet filter that is not used, and keeps those of the one that is.
func rules(ctx context.Context, o *options, config *subnet.Config, network backend.Network) error {
	var used, unused trafficmngr.TrafficManager = &iptables.IPTablesManager{}, &nftables.NFTablesManager{}
	if config.EnableNFTables {
		used, unused = unused, used
	}
	if err := unused.CleanUp(ctx); err != nil {
		return fmt.Errorf("rules of the unused packet filter: %w", err)
	}
	if err := used.Init(ctx); err != nil {
		return fmt.Errorf("packet filter: %w", err)
	}
	if o.ipMasq {
		// No subnet of an earlier start: a node of these tests keeps the subnet that it was given.
		none, none6 := ip.IP4Net{}, ip.IP6Net{IP: (*ip.IP6)(big.NewInt(0))}
		err := used.SetupAndEnsureMasqRules(ctx, config.Network, none, none, config.IPv6Network, none6, none6, network.Lease(), o.resync, false)
		if err != nil {
			return fmt.Errorf("masquerading: %w", err)
		}
	}
	if o.forwardRules {
		used.SetupAndEnsureForwardRules(ctx, config.Network, config.IPv6Network, o.resync)
	}
	return nil
}
