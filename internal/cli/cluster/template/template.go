// Package template is the command "ocne cluster template".
package template

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/ocne-project/ocne/internal/cli"
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
}

const long = `Template prints the objects that 'ocne cluster start' would apply to the management cluster, as YAML for kubectl: to read them, to keep
them in a repository, or to change what the configuration has no key for.

It checks the whole configuration and asks neither the engine nor a management cluster. It needs no credentials, and prints none:
the Secret for them holds placeholders, and a comment that says how to fill it in.`

const example = `  ocne cluster template -c demo.yaml > demo-objects.yaml`

// NewCommand returns the command; run is Run but in tests.
func NewCommand(env *cli.Environment, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Environment: env}
	cmd := &cobra.Command{
		Use:     "template",
		Short:   "Print the objects that make a cluster",
		Long:    long,
		Example: example,
		Args:    cli.NoArguments,
	}
	f := cmd.Flags()
	f.StringVarP(&o.ConfigFile, "config", "c", "", "cluster `file`")
	flags := cli.ClusterFlags(cmd)
	f.StringP("kubeconfig", "k", "", "") // of the existing ocne; does nothing there either
	f.Lookup("kubeconfig").Hidden = true
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		o.Flags = flags()
		return run(cmd.Context(), o)
	}
	return cmd
}

// Run prints the objects.
func Run(_ context.Context, o *Options) error {
	env := o.Environment
	c, warnings, err := config.Load(config.Options{
		ClusterFile: o.ConfigFile, Flags: o.Flags, Getenv: env.Getenv, HomeDir: env.HomeDir,
	})
	if err != nil {
		return err
	}
	report := env.Reporter(c.Quiet)
	defer report.Close()
	for _, w := range warnings {
		report.Warn(w.String())
	}
	content, err := cluster.Template(c)
	if err != nil {
		return err
	}
	_, err = env.Streams.Out.Write(content)
	return err
}
