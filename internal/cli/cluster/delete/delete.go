// Package delete is the command "ocne cluster delete".
package delete

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	// ConfigFile is the cluster file; it may be empty.
	ConfigFile string
	// Flags win over the configuration; nil means not given.
	Flags config.Flags
	// Kubeconfig names the management cluster.
	Kubeconfig string
	// Timeout of the whole command; 0 means none.
	Timeout time.Duration
	// Abandon deletes a cluster whose engine is gone for good.
	Abandon bool
	// Forget only removes the cluster from the record of management clusters.
	Forget bool
}

const long = `Delete removes a cluster, with all its VMs, disks and addresses, and waits until the engine holds nothing of it any more. It does
not ask. Then it removes what 'ocne cluster start' made beside the cluster: the credentials Secret, the CA ConfigMap and the
namespace, unless somebody else made or uses them, and ~/.kube/kubeconfig.NAME. An embedded management cluster is stopped and
removed with its last cluster.

Name the cluster with -c or -C; without either, it is the one of the defaults file, or "ocne". With -C alone it is looked for in
all namespaces, and nothing but the management cluster is needed.

While the engine does not answer, the deletion waits. When the engine is gone for good, --abandon deletes the cluster without it: nothing
is asked of the engine, and the VMs that may still be there are listed, with their addresses. It is refused while the engine
answers. Should the engine come back, 'ocne cluster orphans' finds these VMs and removes them.

With --provider libvirt, or a configuration that says so, it removes the VMs of a cluster on a libvirt host, with their disks, and its
network. --session names another host than the configuration. A management cluster there is not removed while clusters are remembered
to be in it, or a command uses it.

The management cluster is the one of --kubeconfig, else the one that holds the cluster, as ~/.ocne/clusters.yaml remembers, else the one of
KUBECONFIG or of the configuration, else the embedded one. When the remembered one is gone for good, --forget removes the cluster from
that file and touches nothing else: what the cluster left in the engine, 'ocne cluster orphans' finds and removes.

It may be interrupted and run again. A cluster that is gone already is no error, unless there are other clusters and nothing was
left of this one: then its name is taken for a mistake. A cluster that is paused is refused, because Cluster API deletes nothing of it,
and so is one that is moved or restored in part: the command that was interrupted is run again first.`

const example = `  # Delete the cluster that demo.yaml describes
  ocne cluster delete -c demo.yaml

  # Delete a cluster by its name
  ocne cluster delete -C demo

  # Delete a cluster on a libvirt host
  ocne cluster delete -C try --provider libvirt

  # Delete a cluster whose engine is gone for good
  ocne cluster delete -C demo --abandon`

// NewCommand returns the command; run is Run but in tests.
func NewCommand(env *cli.Environment, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Environment: env}
	cmd := &cobra.Command{
		Use:     "delete",
		Short:   "Delete a cluster and everything of it in the engine or on the libvirt host",
		Long:    long,
		Example: example,
		Args:    cli.NoArguments,
	}
	f := cmd.Flags()
	f.StringVarP(&o.Kubeconfig, "kubeconfig", "k", "", "`file` of the management cluster")
	f.StringVarP(&o.ConfigFile, "config", "c", "", "cluster `file`")
	name := f.StringP("cluster-name", "C", "", "`name` of the cluster")
	provider, session := cli.ProviderFlag(cmd), cli.SessionFlag(cmd, "s")
	f.DurationVar(&o.Timeout, "timeout", 0, "give up waiting after this `time`, such as 30m; 0 waits without limit")
	f.BoolVar(&o.Abandon, "abandon", false, "do not ask the engine, which is gone for good; list what may be left there")
	f.BoolVar(&o.Forget, "forget", false, "delete nothing; only forget a cluster whose management cluster is gone for good")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		named, err := provider()
		if err != nil {
			return err
		}
		if o.Forget && (o.Abandon || o.Kubeconfig != "") {
			return &cli.UsageError{Command: cmd.CommandPath(), Err: errors.New("--forget goes with -C or -c alone")}
		}
		o.Flags = config.Flags{Name: cli.Given(cmd, "cluster-name", name), Provider: named, LibvirtURI: session()}
		return run(cmd.Context(), o)
	}
	return cmd
}

// Run deletes the cluster.
func Run(ctx context.Context, o *Options) error {
	env := o.Environment
	c, _, err := config.Load(config.Options{
		ClusterFile: o.ConfigFile, Flags: o.Flags, Getenv: env.Getenv, HomeDir: env.HomeDir,
	})
	if err != nil {
		return err
	}
	report := env.Reporter(c.Quiet)
	defer report.Close()
	ctx, cancel := cli.WithTimeout(ctx, o.Timeout)
	defer cancel()
	if c.OnLibvirt() {
		return o.runLocal(ctx, c, report)
	}
	left, err := cluster.Delete(ctx, cluster.DeleteOptions{
		Config: c, AnyNamespace: o.ConfigFile == "", Management: env.ManagementOf(o.Kubeconfig, c),
		Abandon: o.Abandon, Forget: o.Forget,
	}, report)
	report.Close()
	if len(left) > 0 {
		if err := printLeft(env.Streams.Out, c.Name, left); err != nil {
			return err
		}
	}
	return advised(c.Name, err)
}

// printLeft lists what an abandoned cluster may have left in its engine.
func printLeft(w io.Writer, name string, left []cluster.AbandonedVM) error {
	if _, err := fmt.Fprintf(w, "VMs of cluster %s that may still be in the engine, with their disks and addresses:\n", name); err != nil {
		return err
	}
	rows := make([][]string, len(left))
	for i, vm := range left {
		rows[i] = []string{vm.Name, vm.Status, strings.Join(vm.Addresses, ","), vm.ID}
	}
	if err := output.Table(w, []string{"VM", "LAST STATUS", "ADDRESSES", "ID"}, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, "If the engine comes back, 'ocne cluster orphans' finds them.")
	return err
}

func advised(name string, err error) error {
	var unfinished *cluster.UnfinishedError
	if !errors.As(err, &unfinished) {
		return err
	}
	advice := "Nothing was deleted. To delete cluster " + name + ", run the same command again."
	if unfinished.Applied {
		advice = "The deletion of cluster " + name + " has begun. Run the same command again to wait for its end and to remove\n" +
			"what ocne made beside the cluster."
	}
	if unfinished.EngineGone {
		advice += "\nThe engine does not answer. If it is gone for good, add --abandon: the cluster is deleted without it, and its VMs are\n" +
			"left behind."
	}
	return &cluster.AdvisedError{Err: err, Advice: advice}
}
