// Package orphans is the command "ocne cluster orphans".
package orphans

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cli/output"
	"github.com/ocne-project/ocne/internal/cluster"
	"github.com/ocne-project/ocne/internal/config"
)

// Options of the command.
type Options struct {
	Environment *cli.Environment
	// ConfigFile is the cluster file, which names the engine; it may be empty.
	ConfigFile string
	// Kubeconfig names the management cluster.
	Kubeconfig string
	// Clusters, each NAMESPACE/NAME, are those to look at; none means all.
	Clusters []string
	// Remove removes what was found, after Yes or somebody's answer.
	Remove, Yes bool
	// Timeout of the whole command; 0 means none.
	Timeout time.Duration
	// Output is the format: Text, JSON or YAML.
	Output output.Format
}

const long = `Orphans lists the VMs in the engine that carry the mark of ocne in their comment and that no machine (OLVMMachine) of the management
cluster has: what is left when a machine's object was removed by force, a management cluster was lost, or a cluster was deleted
with --abandon. A VM of a machine is never listed, however new it is.

A cluster that this management cluster does not know may be managed by another one, and then its VMs are no orphans. Where
~/.ocne/clusters.yaml remembers another one, that is asked, and VMs that it has, or may have while it cannot be asked, are not removed.

--remove removes the VMs of clusters that are known here and, with --cluster, those of the clusters that are named: it shows them, asks
(without a terminal, --yes is the answer), stops each, detaches disks that are not the VM's own, so that these stay, removes
it, and waits until it is gone. A VM without the mark is never touched, nor one whose machine appears meanwhile, nor one
of a paused cluster, which may be on its way to another management cluster.

The engine is that of the configuration (--config, or the defaults file). Its credentials come from OCNE_OLVM_USERNAME and
OCNE_OLVM_PASSWORD, or from the file that the key credentialsFile names.`

const example = `  # What is there that nobody manages?
  ocne cluster orphans -c demo.yaml

  # Remove what is left of a cluster whose management cluster was lost
  ocne cluster orphans -c demo.yaml --cluster ocne/demo --remove`

// NewCommand returns the command; run is Run but in tests.
func NewCommand(env *cli.Environment, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Environment: env}
	cmd := &cobra.Command{
		Use:     "orphans",
		Short:   "List VMs that no machine has, and remove them",
		Long:    long,
		Example: example,
		Args:    cli.NoArguments,
	}
	f := cmd.Flags()
	f.StringVarP(&o.Kubeconfig, "kubeconfig", "k", "", "`file` of the management cluster")
	f.StringVarP(&o.ConfigFile, "config", "c", "", "cluster `file` that names the engine")
	f.StringSliceVar(&o.Clusters, "cluster", nil, "look at VMs of this cluster only: `NAMESPACE/NAME`; may be given again")
	f.BoolVar(&o.Remove, "remove", false, "remove them")
	f.BoolVarP(&o.Yes, "yes", "y", false, "do not ask before removing")
	f.DurationVar(&o.Timeout, "timeout", 0, "give up waiting after this `time`, such as 30m; 0 waits without limit")
	output.AddFlag(f, &o.Output, output.JSON, output.YAML)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		for _, name := range o.Clusters {
			if namespace, rest, ok := strings.Cut(name, "/"); !ok || namespace == "" || rest == "" || strings.Contains(rest, "/") {
				return &cli.UsageError{Command: cmd.CommandPath(), Err: fmt.Errorf("--cluster %q is not NAMESPACE/NAME", name)}
			}
		}
		if o.Yes && !o.Remove {
			return &cli.UsageError{Command: cmd.CommandPath(), Err: errors.New("--yes is for --remove")}
		}
		return run(cmd.Context(), o)
	}
	return cmd
}

// Run lists the orphans, and removes them when told to.
func Run(ctx context.Context, o *Options) error {
	env := o.Environment
	if o.Remove && !o.Yes && !env.Streams.InIsTerminal {
		return &cli.UsageError{
			Command: "ocne cluster orphans", Err: errors.New("--remove asks before it removes anything, and there is no terminal to ask on: give --yes"),
		}
	}
	c, _, err := config.Load(config.Options{ClusterFile: o.ConfigFile, Getenv: env.Getenv, HomeDir: env.HomeDir})
	if err != nil {
		return err
	}
	report := env.Reporter(c.Quiet)
	defer report.Close()
	ctx, cancel := cli.WithTimeout(ctx, o.Timeout)
	defer cancel()
	options := cluster.OrphansOptions{
		Config: c, Management: env.ManagementOf(o.Kubeconfig, c), Getenv: env.Getenv, Clusters: o.Clusters,
	}
	if o.Remove {
		options.Confirm = func(all, removable []cluster.Orphan) (bool, error) {
			report.Close()
			return o.confirm(ctx, all, removable)
		}
	}
	found, err := cluster.Orphans(ctx, options, report)
	report.Close()
	if found != nil {
		err = errors.Join(err, o.print(found))
	}
	var unfinished *cluster.UnfinishedError
	if errors.As(err, &unfinished) && unfinished.Applied {
		return &cluster.AdvisedError{Err: err, Advice: "What was not removed is still in the engine. Run the same command again to go on."}
	}
	return err
}
