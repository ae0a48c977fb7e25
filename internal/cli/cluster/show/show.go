// Package show is the command "ocne cluster show".
package show

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cli/cluster/info"
	"github.com/ocne-project/ocne/internal/cli/output"
	"github.com/ocne-project/ocne/internal/cluster"
)

// Options of the command.
type Options struct {
	Environment *cli.Environment
	// Existing says which cluster.
	Existing cli.Existing
	// Output is the format: Text, Wide, JSON or YAML.
	Output output.Format
	// Field is a dotted path into the result, to be printed alone; empty means all of it.
	Field string
}

const long = `Show tells how a cluster is, as 'ocne cluster info' does: its machines with their VMs, nodes and addresses, how far its address pools
are used, the conditions that are not as they should be in the words of whoever set them, and what to do about them.

Programs read -o json or -o yaml. --field prints one value of that: a path such as phase, kubeconfig, machines.0.vm.id or
controlPlane.ready, in any case.

Name the cluster with -c or -C; without either, it is the one of the defaults file, or "ocne". With -C alone it is looked for in
all namespaces.`

const example = `  # How is the cluster?
  ocne cluster show -C demo

  # The path of its kubeconfig
  ocne cluster show -C demo --field kubeconfig

  # Is every node Ready?
  ocne cluster show -C demo --field ready`

// NewCommand returns the command; run is Run but in tests.
func NewCommand(env *cli.Environment, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Environment: env}
	cmd := &cobra.Command{
		Use:     "show",
		Short:   "Show how a cluster is, or one value of it",
		Long:    long,
		Example: example,
		Args:    cli.NoArguments,
	}
	complete := cli.ExistingFlags(cmd, &o.Existing)
	f := cmd.Flags()
	output.AddFlag(f, &o.Output, output.Wide, output.JSON, output.YAML)
	f.StringVarP(&o.Field, "field", "f", "", "print the value at this `path` only")
	all := f.BoolP("all", "a", false, "print everything, as -o yaml")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *all && (o.Field != "" || o.Output != output.Text) || o.Field != "" && o.Output != output.Text {
			return &cli.UsageError{Command: cmd.CommandPath(), Err: errors.New("give one of --all, --field and --output")}
		}
		if *all {
			o.Output = output.YAML
		}
		complete()
		return run(cmd.Context(), o)
	}
	return cmd
}

// Run reads and prints the cluster.
func Run(ctx context.Context, o *Options) error {
	env := o.Environment
	if o.Field == "" {
		return info.Run(ctx, &info.Options{Environment: env, Existing: o.Existing, Output: o.Output})
	}
	which, report, err := env.Open(o.Existing)
	if err != nil {
		return err
	}
	defer report.Close()
	details, err := cluster.Show(ctx, which, report)
	if err != nil {
		return err
	}
	report.Close()
	return printField(env.Streams.Out, details, o.Field)
}
