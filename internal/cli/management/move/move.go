// Package move is the command "ocne management move".
package move

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cli/output"
	"github.com/ocne-project/ocne/internal/cluster"
	"github.com/ocne-project/ocne/internal/config"
)

// Options of the command.
type Options struct {
	Environment *cli.Environment
	// Existing says which cluster, if only one, and names the management cluster where the clusters are.
	Existing cli.Existing
	// To is the kubeconfig of the other management cluster; empty means the embedded one.
	To string
}

const long = `Move gives clusters another management cluster. Their VMs stay as they are: the machines of the other side have the same VMs and addresses.

With --to-kubeconfig, it moves the clusters of the embedded management cluster, or of the one that --kubeconfig names, into the one of the
file. Cluster API and the OLVM provider must be there in the same versions or newer ones, and it must reach the engine. With
--to-embedded, it moves the clusters of the one that --kubeconfig names into the embedded one, which is started when it does not run.

All clusters move, or only the one that -C or -c names; clusters in one namespace move together. It waits until no machine comes or
goes, and afterwards until the controllers of the other side have seen everything again. An embedded management cluster that holds
nothing any more is removed.

Run it again after an interruption: it goes on. Meanwhile the clusters run on, and nobody repairs or changes them.`

const example = `  ocne management move --to-kubeconfig ~/.kube/management
  ocne management move --to-embedded --kubeconfig ~/.kube/management -C demo`

// NewCommand returns the command; run is Run but in tests.
func NewCommand(env *cli.Environment, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Environment: env}
	cmd := &cobra.Command{
		Use:     "move",
		Short:   "Give clusters another management cluster",
		Long:    long,
		Example: example,
		Args:    cli.NoArguments,
	}
	complete := cli.ExistingFlags(cmd, &o.Existing)
	cmd.Flags().StringVar(&o.To, "to-kubeconfig", "", "`file` of the management cluster to move to")
	embedded := cmd.Flags().Bool("to-embedded", false, "move to the embedded management cluster")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		complete()
		var wrong error
		switch {
		case *embedded == (o.To != ""):
			wrong = errors.New("say where to: --to-kubeconfig FILE or --to-embedded")
		case *embedded && o.Existing.Kubeconfig == "":
			wrong = errors.New("--to-embedded needs --kubeconfig FILE: the management cluster where the clusters are")
		}
		if wrong != nil {
			return &cli.UsageError{Command: cmd.CommandPath(), Err: wrong}
		}
		return run(cmd.Context(), o)
	}
	return cmd
}

// Run moves and lists what has moved.
func Run(ctx context.Context, o *Options) error {
	env := o.Environment
	c, _, err := config.Load(config.Options{
		ClusterFile: o.Existing.ConfigFile, Flags: config.Flags{Name: o.Existing.Name}, Getenv: env.Getenv, HomeDir: env.HomeDir,
	})
	if err != nil {
		return err
	}
	report := env.Reporter(c.Quiet)
	defer report.Close()
	options := cluster.RelocateOptions{From: env.Management(o.Existing.Kubeconfig, ""), To: o.To, Backup: c.Backup}
	if o.Existing.Name != nil || o.Existing.ConfigFile != "" {
		options.One = &cluster.Selection{Config: c, AnyNamespace: o.Existing.ConfigFile == ""}
	}
	clusters, err := cluster.Relocate(ctx, options, report)
	if err != nil || len(clusters) == 0 {
		return err
	}
	report.Close()
	rows := make([][]string, 0, len(clusters))
	for _, c := range clusters {
		rows = append(rows, []string{c.Name, c.Namespace, c.ControlPlane.String(), c.Workers.String(), c.Version})
	}
	return output.Table(env.Streams.Out, []string{"NAME", "NAMESPACE", "CONTROL PLANE", "WORKERS", "VERSION"}, rows)
}
