// Package kubeconfig is the command "ocne management kubeconfig".
package kubeconfig

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cluster"
)

// Options of the command.
type Options struct {
	Environment *cli.Environment
	// Content prints what is in the file.
	Content bool
}

const long = `Kubeconfig prints the path of the embedded management cluster's kubeconfig. It starts the management cluster when it does not run.

The file holds the key of its administrator, and the management cluster holds the engine's password: keep both to yourself. The API
listens on this machine only.`

const example = `  kubectl --kubeconfig "$(ocne management kubeconfig)" get clusters -A
  ocne management kubeconfig --content`

// NewCommand returns the command; run is Run but in tests.
func NewCommand(env *cli.Environment, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Environment: env}
	cmd := &cobra.Command{
		Use:     "kubeconfig",
		Short:   "Print where the embedded management cluster's kubeconfig is",
		Long:    long,
		Example: example,
		Args:    cli.NoArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), o) },
	}
	cmd.Flags().BoolVar(&o.Content, "content", false, "print the content in the place of the path")
	return cmd
}

// Run prints the path or the content.
func Run(ctx context.Context, o *Options) error {
	env := o.Environment
	report := env.Reporter(false)
	defer report.Close()
	path, err := cluster.ManagementKubeconfig(ctx, env.Management("", ""), report)
	if err != nil {
		return err
	}
	report.Close()
	if !o.Content {
		_, err = fmt.Fprintln(env.Streams.Out, path)
		return err
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("kubeconfig of the embedded management cluster: %w", err)
	}
	_, err = env.Streams.Out.Write(content)
	return err
}
