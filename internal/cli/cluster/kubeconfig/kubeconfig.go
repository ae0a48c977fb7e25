// Package kubeconfig is the command "ocne cluster kubeconfig".
package kubeconfig

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cluster"
	"github.com/ocne-project/ocne/internal/cluster/local"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/cluster/providers/libvirt"
	"github.com/ocne-project/ocne/internal/cluster/workload"
)

// Options of the command.
type Options struct {
	Environment *cli.Environment
	// Existing says which cluster.
	Existing cli.Existing
	// File to write; empty means standard output.
	File string
}

const long = `Kubeconfig prints the kubeconfig of a cluster, or writes it to a file that only its owner can read. It comes from the management
cluster, so it is also there on machines where the cluster was not started. 'ocne cluster start' writes ~/.kube/kubeconfig.NAME
itself.

It holds the key of an administrator of the cluster, so keep it to yourself.

Name the cluster with -c or -C; without either, it is the one of the defaults file, or "ocne".`

const example = `  ocne cluster kubeconfig -C demo --file ~/.kube/kubeconfig.demo
  kubectl --kubeconfig ~/.kube/kubeconfig.demo get nodes`

// NewCommand returns the command; run is Run but in tests.
func NewCommand(env *cli.Environment, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Environment: env}
	cmd := &cobra.Command{
		Use:     "kubeconfig",
		Short:   "Print or write the kubeconfig of a cluster",
		Long:    long,
		Example: example,
		Args:    cli.NoArguments,
	}
	complete := cli.ExistingFlags(cmd, &o.Existing)
	provider, session := cli.ProviderFlag(cmd), cli.SessionFlag(cmd, "s")
	cmd.Flags().StringVarP(&o.File, "file", "f", "", "`file` to write, with mode 0600, in the place of standard output")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		complete()
		named, err := provider()
		if err != nil {
			return err
		}
		o.Existing.Provider, o.Existing.LibvirtURI = named, session()
		return run(cmd.Context(), o)
	}
	return cmd
}

func (o *Options) content(ctx context.Context, which cluster.Selection, report progress.Reporter) ([]byte, error) {
	if c := which.Config; c.OnLibvirt() {
		return libvirt.Kubeconfig(ctx, local.Connection(c, o.Environment.Getenv), c.Name)
	}
	return cluster.Kubeconfig(ctx, which, report)
}

// Run prints or writes the kubeconfig.
func Run(ctx context.Context, o *Options) error {
	env := o.Environment
	which, report, err := env.Open(o.Existing)
	if err != nil {
		return err
	}
	defer report.Close()
	content, err := o.content(ctx, which, report)
	if err != nil {
		return err
	}
	if o.File == "" {
		_, err = env.Streams.Out.Write(content)
		return err
	}
	if err := workload.WriteKubeconfig(o.File, content); err != nil {
		return err
	}
	report.Step(fmt.Sprintf("Wrote the kubeconfig of cluster %s to %s", which.Config.Name, o.File))
	return nil
}
