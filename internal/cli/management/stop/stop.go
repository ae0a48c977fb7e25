// Package stop is the command "ocne management stop".
package stop

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cluster"
)

// Options of the command.
type Options struct {
	Environment *cli.Environment
	// Remove also removes the state, if nothing is managed.
	Remove bool
}

const long = `Stop ends the two processes of the embedded management cluster. Its state stays, and the next command that needs it starts it again.

The clusters that it manages go on meanwhile, but nobody repairs, scales or deletes them.

With --remove, the state goes as well. That is refused while there is a cluster in it.`

const example = `  ocne management stop
  ocne management stop --remove`

// NewCommand returns the command; run is Run but in tests.
func NewCommand(env *cli.Environment, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Environment: env}
	cmd := &cobra.Command{
		Use:     "stop",
		Short:   "Stop the embedded management cluster",
		Long:    long,
		Example: example,
		Args:    cli.NoArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), o) },
	}
	cmd.Flags().BoolVar(&o.Remove, "remove", false, "remove its state, too, if it manages no cluster")
	return cmd
}

// Run stops it.
func Run(ctx context.Context, o *Options) error {
	env := o.Environment
	report := env.Reporter(false)
	defer report.Close()
	if o.Remove {
		return cluster.RemoveManagement(ctx, env.Management("", ""), report)
	}
	return cluster.StopManagement(ctx, env.Management("", ""), report)
}
