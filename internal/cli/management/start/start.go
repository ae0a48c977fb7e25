// Package start is the command "ocne management start".
package start

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cluster"
)

// Options of the command.
type Options struct {
	Environment *cli.Environment
}

const long = `Start starts the embedded management cluster: etcd, an API server and the controllers of Cluster API and of the OLVM provider, as two
processes of yours on this machine. Without this command it appears with the first cluster that needs it and goes with the last one;
started by this command, it stays until 'ocne management stop'.

The processes live on when you log out, and not when the machine is started again: then the next command that needs the management
cluster starts it.`

const example = `  ocne management start
  kubectl --kubeconfig "$(ocne management kubeconfig)" get clusters,machines -A`

// NewCommand returns the command; run is Run but in tests.
func NewCommand(env *cli.Environment, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Environment: env}
	return &cobra.Command{
		Use:     "start",
		Short:   "Start the embedded management cluster, and keep it running",
		Long:    long,
		Example: example,
		Args:    cli.NoArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), o) },
	}
}

// Run starts it.
func Run(ctx context.Context, o *Options) error {
	env := o.Environment
	report := env.Reporter(false)
	defer report.Close()
	status, err := cluster.StartManagement(ctx, env.Management("", ""), report)
	if err != nil {
		return err
	}
	report.Step(fmt.Sprintf("The embedded management cluster runs at %s and manages %s", status.Server, cli.Count(len(status.Clusters), "cluster")))
	report.Close()
	_, err = fmt.Fprintf(env.Streams.Out, "  kubectl --kubeconfig %s get clusters,machines -A\n", cli.Quote(status.Kubeconfig))
	return err
}
