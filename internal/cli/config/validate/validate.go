// Package validate is the command "ocne config validate".
package validate

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cli/output"
	"github.com/ocne-project/ocne/internal/cluster"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/config"
	"github.com/ocne-project/ocne/internal/preflight"
)

// Options of the command.
type Options struct {
	Environment *cli.Environment
	// ConfigFile is the cluster file; it may be empty.
	ConfigFile string
	// Flags win over the configuration; nil means not given.
	Flags config.Flags
	// Engine asks the engine as well.
	Engine bool
	// Kubeconfig names the management cluster; used with Engine only.
	Kubeconfig string
	// SkipPreflight are checks of the engine that are left out.
	SkipPreflight []string
	// Preflight asks the engine: cluster.Preflight, but in tests.
	Preflight func(context.Context, cluster.PreflightOptions, progress.Reporter) ([]preflight.Finding, error)
	// Output is the format: Text, JSON or YAML.
	Output output.Format
}

const long = `Validate checks the defaults file and the cluster file as 'ocne cluster start' does before it touches anything: every key, every value, and
every file that they name. It lists everything that is wrong, with what to write instead, and what has no effect.

With --engine it also logs in to the engine and checks, read-only, whether everything that the machines need is there: permissions,
data center, cluster and hosts, network, template, storage and addresses. That needs the engine's credentials, as start does, and
leaves out the checks that --skip-preflight names, as start does.

The exit code is 0 when the configuration is valid, with or without warnings, and 1 when it is not.`

const example = `  ocne config validate -c demo.yaml
  ocne config validate -c demo.yaml --engine
  ocne config validate -c demo.yaml -o json`

// NewCommand returns the command; run is Run but in tests.
func NewCommand(env *cli.Environment, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Environment: env, Preflight: cluster.Preflight}
	cmd := &cobra.Command{
		Use:     "validate",
		Short:   "Check a configuration without touching anything",
		Long:    long,
		Example: example,
		Args:    cli.NoArguments,
	}
	f := cmd.Flags()
	f.StringVarP(&o.ConfigFile, "config", "c", "", "cluster `file`")
	flags := cli.ClusterFlags(cmd)
	f.BoolVar(&o.Engine, "engine", false, "ask the engine as well")
	f.StringVarP(&o.Kubeconfig, "kubeconfig", "k", "", "`file` of the management cluster; with --engine")
	f.StringSliceVar(&o.SkipPreflight, "skip-preflight", nil, "go on without these `checks` of the engine, separated by commas; with --engine")
	output.AddFlag(f, &o.Output, output.JSON, output.YAML)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		for _, flag := range []string{"kubeconfig", "skip-preflight"} {
			if cmd.Flags().Changed(flag) && !o.Engine {
				return &cli.UsageError{Command: cmd.CommandPath(), Err: fmt.Errorf("--%s has no effect without --engine", flag)}
			}
		}
		if _, err := preflight.ParseSkip(o.SkipPreflight); err != nil {
			return &cli.UsageError{Command: cmd.CommandPath(), Err: fmt.Errorf("--skip-preflight: %w", err)}
		}
		o.Flags = flags()
		return run(cmd.Context(), o)
	}
	return cmd
}

// Run checks the configuration. The error lists what is wrong.
func Run(ctx context.Context, o *Options) error {
	env := o.Environment
	report := env.Reporter(false)
	defer report.Close()
	c, warnings, err := config.Load(config.Options{
		ClusterFile: o.ConfigFile, Flags: o.Flags, Getenv: env.Getenv, HomeDir: env.HomeDir,
	})
	for _, w := range warnings {
		report.Warn(w.String())
	}
	if err == nil {
		err = c.Validate()
	}
	var findings []preflight.Finding
	if err == nil && o.Engine {
		findings, err = o.askEngine(ctx, c, report)
	}
	report.Close()
	if o.Output.ForPrograms() {
		return errors.Join(output.Print(env.Streams.Out, o.Output, newResult(warnings, findings, err)), err)
	}
	if err != nil {
		return err
	}
	name := "The configuration"
	if o.ConfigFile != "" {
		name = o.ConfigFile
	}
	_, err = fmt.Fprintf(env.Streams.Out, "%s is valid.\n", name)
	return err
}

// askEngine returns every finding, and an error when there are some that are more than warnings.
func (o *Options) askEngine(ctx context.Context, c *config.Config, report progress.Reporter) ([]preflight.Finding, error) {
	env := o.Environment
	findings, err := o.Preflight(ctx, cluster.PreflightOptions{
		Config: c, Management: env.ManagementOf(o.Kubeconfig, c), Getenv: env.Getenv, Skip: o.SkipPreflight, FromHere: true,
	}, report)
	if err == nil && preflight.Failed(findings) {
		err = &cluster.PreflightError{URL: c.OLVM.APIServer.ServerURL, Findings: findings}
	}
	return findings, err
}
