// Package start is the command "ocne cluster start".
package start

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cluster"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/config"
)

// Options of the command.
type Options struct {
	Environment *cli.Environment
	// ConfigFile is the cluster file; it may be empty.
	ConfigFile string
	// Flags win over the configuration; nil means not given.
	Flags config.Flags
	// Kubeconfig names the management cluster.
	Kubeconfig string
	// Timeout of the whole command; 0 means none.
	Timeout time.Duration
	// NodeStartupTimeout is how long a VM may run before its node is Ready.
	NodeStartupTimeout time.Duration
	// SkipPreflight are checks of the engine that are left out.
	SkipPreflight []string
	// KeepOnError leaves what was made of a cluster, or of a management cluster, on a libvirt host when it does not come up.
	KeepOnError bool
	// Ignored are the given flags that have no use.
	Ignored []string

	configured string // the management cluster that the configuration names
	patient    bool   // nobody says how long a VM may run before its node is Ready
}

const long = `Start makes the cluster that the configuration describes and waits until all its nodes are Ready.

Values come from the flags, else from the cluster file (--config), else from the defaults file (~/.ocne/defaults.yaml, or what
OCNE_DEFAULTS names). The engine's credentials come from OCNE_OLVM_USERNAME, OCNE_OLVM_PASSWORD and OCNE_OLVM_SCOPE, or from
the file that the key credentialsFile names.

Run it again at any time: it goes on where it was, and makes a running cluster what the configuration says: numbers of nodes, worker
pools, addresses. Machines are replaced, for another version or shape, by 'ocne cluster upgrade'. Ctrl-C ends the command, not the
cluster.

It ends by itself with exit code 1 and the reason in its last line when the cluster does not come up by itself: when the engine
refuses, for half a minute, what only an administrator can grant (storage space, memory, hosts, quota, permissions, names and
addresses that do not exist), when something stays locked or away for five minutes, and when a VM runs whose node is not Ready
within --node-startup-timeout. Nothing is rolled back: remove the cause and run the same command again.

Before it touches anything, it asks the engine, read-only, whether everything that the machines need is there, and lists what is not.
--skip-preflight leaves checks out: engine, credentials, permissions, data-center, cluster, hosts, placement, network, vnic-profile,
template, storage, quota, addresses, virtual-ip, self-managed, or all.

The management cluster is the one of --kubeconfig, else the one that holds the cluster already, as ~/.ocne/clusters.yaml remembers, else
the one of KUBECONFIG, else of the key kubeconfig in the configuration. Without any of them, one is made, which goes with its last
cluster: on the libvirt host of providers.libvirt.uri, where a daemon answers and the image can be had, else embedded. The key
ephemeralCluster.type says which one it must be. An embedded one runs as two processes on this machine, with its state and logs in
~/.ocne/management. OCNE_MANAGER_FEATURE_GATES sets Cluster API feature gates of the embedded one, beside
ReconcilerRateLimiting=false, its default because its API server serves nothing else.

With providers.olvm.selfManaged in the cluster file, the controllers and the cluster's objects move into the cluster itself once it
runs, and the management cluster that it was made from is needed no more.

With --provider libvirt, the nodes are VMs of a libvirt host, and no management cluster looks after them. A creation that fails leaves
nothing there, unless --keep-on-error is given. --session names another host than the configuration.

The cluster's own kubeconfig is written to ~/.kube/kubeconfig.NAME.`

const example = `  # Make the cluster that demo.yaml describes
  ocne cluster start -c demo.yaml

  # Make it what a changed demo.yaml says
  ocne cluster start -c demo.yaml

  # Use Cluster API and the OLVM provider of an existing cluster
  ocne cluster start -c demo.yaml --kubeconfig ~/.kube/management`

// NewCommand returns the command; run is Run but in tests.
func NewCommand(env *cli.Environment, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Environment: env}
	cmd := &cobra.Command{
		Use:     "start",
		Short:   "Make a cluster, or make a running one what its configuration says",
		Long:    long,
		Example: example,
		Args:    cli.NoArguments,
	}
	f := cmd.Flags()
	f.StringVarP(&o.Kubeconfig, "kubeconfig", "k", "", "`file` of the management cluster")
	f.StringVarP(&o.ConfigFile, "config", "c", "", "cluster `file`")
	flags := cli.ClusterFlags(cmd)
	bootImage := f.StringP("boot-volume-container-image", "o", "", "container `image` that a missing VM template is made of")
	f.DurationVar(&o.Timeout, "timeout", 0, "give up waiting after this `time`, such as 30m; 0 waits without limit")
	f.DurationVar(&o.NodeStartupTimeout, "node-startup-timeout", cluster.DefaultNodeStartupTimeout,
		"give up when a VM has run for this `time` and its node is not Ready")
	checkSkipped := cli.SkipPreflightFlag(cmd, &o.SkipPreflight)
	session := cli.SessionFlag(cmd, "s")
	f.BoolVar(&o.KeepOnError, "keep-on-error", false, "keep what was made on a libvirt host when the cluster, or the management cluster, does not come up there")
	// Flags of the existing ocne that do nothing with OLVM; scripts may still give them.
	f.StringP("key", "i", "", "")
	f.StringP("auto-start-ui", "u", "", "")
	f.String("load-balancer", "", "")
	unused := []string{"key", "auto-start-ui", "load-balancer"}
	for _, flag := range unused {
		f.Lookup(flag).Hidden = true
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if o.NodeStartupTimeout <= 0 {
			return &cli.UsageError{Command: cmd.CommandPath(), Err: errors.New("--node-startup-timeout must be more than 0, such as 20m")}
		}
		if err := checkSkipped(); err != nil {
			return err
		}
		o.Flags = flags()
		o.Flags.Image = cli.Given(cmd, "boot-volume-container-image", bootImage)
		o.Flags.LibvirtURI = session()
		o.patient = !cmd.Flags().Changed("node-startup-timeout")
		for _, flag := range unused {
			if cmd.Flags().Changed(flag) {
				o.Ignored = append(o.Ignored, "--"+flag)
			}
		}
		return run(cmd.Context(), o)
	}
	return cmd
}

// Run makes the cluster and prints what came of it.
func Run(ctx context.Context, o *Options) error {
	env := o.Environment
	c, warnings, err := config.Load(config.Options{
		ClusterFile: o.ConfigFile, Flags: o.Flags, Getenv: env.Getenv, HomeDir: env.HomeDir,
	})
	if err != nil {
		return err
	}
	file, err := cli.AbsolutePath(o.ConfigFile)
	if err != nil {
		return err
	}
	o.configured = c.Management.Kubeconfig
	report := env.Reporter(c.Quiet)
	defer report.Close()
	warn(report, o.Ignored, warnings)
	ctx, cancel := cli.WithTimeout(ctx, o.Timeout)
	defer cancel()
	if c.Provider == config.ProviderLibvirt {
		return o.runLocal(ctx, c, report)
	}
	summary, err := cluster.Create(ctx, cluster.CreateOptions{
		Config: c, ConfigFile: file, Management: env.ManagementOf(o.Kubeconfig, c), Getenv: env.Getenv,
		NodeStartupTimeout: o.NodeStartupTimeout, SkipPreflight: o.SkipPreflight, KeepOnError: o.KeepOnError,
	}, report)
	report.Close()
	if err != nil {
		return o.advised(c.Name, err)
	}
	return o.print(summary)
}

func warn(report progress.Reporter, ignored []string, warnings []config.Warning) {
	for _, flag := range ignored {
		report.Warn(flag + " has no effect")
	}
	for _, w := range warnings {
		report.Warn(w.String())
	}
}
