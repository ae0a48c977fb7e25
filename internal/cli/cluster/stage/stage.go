// Package stage is the command "ocne cluster stage".
package stage

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cli/cluster/upgrade"
	"github.com/ocne-project/ocne/internal/cli/output"
	"github.com/ocne-project/ocne/internal/cluster"
)

// Options of the command.
type Options struct {
	Environment *cli.Environment
	// Existing says which cluster.
	cli.Existing
	// Version in the form v1.33.10; empty means not given.
	Version string
	// VMTemplate of all machines; empty means not given.
	VMTemplate string
	// SkipPreflight are checks of the engine that are left out.
	SkipPreflight []string
	// Output is the format: Text, JSON or YAML.
	Output output.Format
	// Ignored are the given flags that this provider has no use for.
	Ignored []string
}

const long = `Stage prepares an upgrade, for those who take its steps themselves: it makes the same checks as 'ocne cluster upgrade', makes the
machine templates, and prints the changes that make Cluster API replace the machines, in their order. Nothing is replaced by it. Take
each step when the one before is complete, which 'ocne cluster info --watch' shows.

'ocne cluster upgrade' with the same flags does, and waits for, all that is left at any time, and removes the machine templates that
nothing needs any more.`

const example = `  # Prepare an upgrade to the release that the VM template ock-1.34 holds
  ocne cluster stage -C demo --version 1.34.5 --vm-template ock-1.34

  # Prepare what a changed demo.yaml says
  ocne cluster stage -c demo.yaml`

// NewCommand returns the command; run is Run but in tests.
func NewCommand(env *cli.Environment, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Environment: env}
	cmd := &cobra.Command{
		Use:     "stage",
		Short:   "Prepare an upgrade that you take step by step",
		Long:    long,
		Example: example,
		Args:    cli.NoArguments,
	}
	existing := cli.ExistingFlags(cmd, &o.Existing)
	wanted := upgrade.Flags(cmd, &o.Version, &o.VMTemplate)
	skip := cli.SkipPreflightFlag(cmd, &o.SkipPreflight)
	f := cmd.Flags()
	output.AddFlag(f, &o.Output, output.JSON, output.YAML)
	// Flags of the existing ocne, which also stages images inside running nodes; they do nothing with OLVM.
	f.StringP("transport", "t", "", "")
	f.StringP("os-registry", "r", "", "")
	unused := []string{"transport", "os-registry"}
	for _, flag := range unused {
		f.Lookup(flag).Hidden = true
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		existing()
		if err := errors.Join(wanted(o.ConfigFile), skip()); err != nil {
			return err
		}
		for _, flag := range unused {
			if cmd.Flags().Changed(flag) {
				o.Ignored = append(o.Ignored, "--"+flag)
			}
		}
		return run(cmd.Context(), o)
	}
	return cmd
}

// Run stages the upgrade and prints its steps.
func Run(ctx context.Context, o *Options) error {
	env := o.Environment
	which, report, err := env.Open(o.Existing)
	if err != nil {
		return err
	}
	defer report.Close()
	for _, flag := range o.Ignored {
		report.Warn(flag + " has no effect with provider olvm: machines are replaced, and not updated in place")
	}
	staged, err := cluster.Stage(ctx, cluster.UpgradeOptions{
		Selection: which, FromFile: o.ConfigFile != "", Version: o.Version, VMTemplate: o.VMTemplate, SkipPreflight: o.SkipPreflight,
	}, report)
	report.Close()
	if err != nil {
		words := upgrade.Words(o.Version, o.VMTemplate)
		return (&cli.Change{}).Advised(err, env.CommandLine("stage", o.Existing, which.Config.Name, words...))
	}
	if o.Output.ForPrograms() {
		return output.Print(env.Streams.Out, o.Output, staged)
	}
	return o.print(env.Streams.Out, staged)
}

func (o *Options) print(w io.Writer, s *cluster.Staged) error {
	if len(s.Steps) == 0 {
		_, err := fmt.Fprintf(w, "All machines of cluster %s are of Kubernetes %s and what they shall be: there is nothing to do.\n", s.Name, s.Version)
		return err
	}
	watch := o.Environment.CommandLine("info", o.Existing, s.Name, "--watch")
	for i, step := range s.Steps {
		text := fmt.Sprintf("%d. Replace the machines of %s: VM template %s, machine template %s\n     %s\n", i+1, step.Group, step.VMTemplate,
			step.MachineTemplate, s.Command(step)) +
			fmt.Sprintf("   and wait until all of them are Running and of %s:\n     %s\n", s.Version, watch)
		if _, err := io.WriteString(w, text); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "Or let ocne take the steps, and remove the old machine templates:\n     %s\n",
		o.Environment.CommandLine("upgrade", o.Existing, s.Name, upgrade.Words(o.Version, o.VMTemplate)...))
	return err
}
