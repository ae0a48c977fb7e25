// Package upgrade is the command "ocne cluster upgrade".
package upgrade

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cli/cluster/info"
	"github.com/ocne-project/ocne/internal/cluster"
	"github.com/ocne-project/ocne/internal/config"
)

// Options of the command.
type Options struct {
	Environment *cli.Environment
	cli.Change
	// Version in the form v1.33.10; empty means not given.
	Version string
	// VMTemplate of all machines; empty means not given.
	VMTemplate string
}

const long = `Upgrade replaces the machines of a cluster, one after the other, by ones of another Kubernetes version: first the control plane's,
then those of one worker pool after the other. It waits until all are replaced and their nodes Ready; then it removes the machine
templates that nothing needs any more.

A VM template holds one version of Kubernetes: name the one that holds the new version with --vm-template. Or write version, VM
template and whatever else shall change of the machines (memory, CPUs, network, extraIgnition) into the cluster file and give it with
-c: the machines become what the file says. With -c, --version and --vm-template win over the file. Without a new version, the
machines are replaced for the other changes alone; groups of machines of which nothing changes stay.

Before it changes anything, it checks Kubernetes' rules (one minor release at a time, never back, no worker newer than the control
plane or more than three minor releases older), that one more address is free, and, with the account of the cluster's Secret, that
the engine has what the machines need. --skip-preflight leaves checks of the engine out, as with 'ocne cluster start'.

Ctrl-C ends the command, and not what has begun: a group of machines whose replacement has begun goes on. Run the command again: it
goes on where it was, and waits.

'ocne cluster stage' prepares an upgrade that you take step by step.`

const example = `  # To the release that the VM template ock-1.34 holds
  ocne cluster upgrade -C demo --version 1.34.5 --vm-template ock-1.34

  # To what a changed demo.yaml says
  ocne cluster upgrade -c demo.yaml`

// NewCommand returns the command; run is Run but in tests.
func NewCommand(env *cli.Environment, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Environment: env}
	cmd := &cobra.Command{
		Use:     "upgrade",
		Short:   "Replace a cluster's machines by ones of another Kubernetes version or shape",
		Long:    long,
		Example: example,
		Args:    cli.NoArguments,
	}
	complete := cli.ChangeFlags(cmd, &o.Change)
	wanted := Flags(cmd, &o.Version, &o.VMTemplate)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := errors.Join(complete(), wanted(o.ConfigFile)); err != nil {
			return err
		}
		return run(cmd.Context(), o)
	}
	return cmd
}

// Flags adds --version and --vm-template. The function that it returns checks and completes them; configFile is that of the command line.
func Flags(cmd *cobra.Command, version, vmTemplate *string) (complete func(configFile string) error) {
	f := cmd.Flags()
	f.StringVarP(version, "version", "v", "", "Kubernetes `version` that the machines get, such as 1.34.5")
	f.StringVar(vmTemplate, "vm-template", "", "`name` of the VM template that all machines are made from")
	return func(configFile string) error {
		if *version == "" && *vmTemplate == "" && configFile == "" {
			return &cli.UsageError{
				Command: cmd.CommandPath(), Err: errors.New("say what the machines shall become: --version, --vm-template, or a cluster file with -c"),
			}
		}
		if *version == "" {
			return nil
		}
		resolved, err := config.ResolveVersion(*version)
		if err != nil {
			return &cli.UsageError{Command: cmd.CommandPath(), Err: fmt.Errorf("--version: %w", err)}
		}
		*version = resolved
		return nil
	}
}

// Run upgrades the cluster and shows it.
func Run(ctx context.Context, o *Options) error {
	env := o.Environment
	which, report, err := env.Open(o.Existing)
	if err != nil {
		return err
	}
	defer report.Close()
	ctx, cancel := cli.WithTimeout(ctx, o.Timeout)
	defer cancel()
	details, err := cluster.Upgrade(ctx, cluster.UpgradeOptions{
		Selection: which, FromFile: o.ConfigFile != "", Version: o.Version, VMTemplate: o.VMTemplate,
		NodeStartupTimeout: o.NodeStartupTimeout, SkipPreflight: o.SkipPreflight,
	}, report)
	report.Close()
	if err != nil {
		words := append(Words(o.Version, o.VMTemplate), o.Words()...)
		return o.Advised(err, env.CommandLine("upgrade", o.Existing, which.Config.Name, words...))
	}
	if o.ConfigFile != "" && (o.Version != "" && o.Version != which.Config.KubernetesVersion || o.VMTemplate != "") {
		report.Warn(fmt.Sprintf("write the version and the VM template into %s, too: 'ocne cluster start' refuses it until they are the cluster's",
			o.ConfigFile))
	}
	return info.Print(env, o.Output, details)
}

// Words are the flags of a command line.
func Words(version, vmTemplate string) []string {
	var words []string
	if version != "" {
		words = append(words, "-v", version)
	}
	if vmTemplate != "" {
		words = append(words, "--vm-template", vmTemplate)
	}
	return words
}
