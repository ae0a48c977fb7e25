// Package restore is the command "ocne management restore".
package restore

import (
	"cmp"
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
	// File is the backup.
	File string
	// KeyFile wins over the configuration; empty means not given.
	KeyFile string
	// Kubeconfig names a management cluster that is not the embedded one.
	Kubeconfig string
}

const long = `Restore makes the clusters of a backup managed again, when their management cluster is lost: on this machine or another one, by an embedded
management cluster, or with --kubeconfig by another one that holds Cluster API and the OLVM provider. No VM is touched: the machines
have the same VMs and addresses as before.

The management cluster that the backup is of must not run any more. Restore refuses when it still answers, and when one of the clusters
is managed already. What was made after the backup is not known: 'ocne cluster orphans' finds VMs that nobody manages.

Ctrl-C leaves the clusters paused. Run the same command again: it goes on.`

const example = `  ocne management restore /mnt/safe/management.age --key-file /mnt/safe/backup.key`

// NewCommand returns the command; run is Run but in tests.
func NewCommand(env *cli.Environment, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Environment: env}
	cmd := &cobra.Command{
		Use:     "restore FILE",
		Short:   "Take over the clusters of a backup, whose management cluster is lost",
		Long:    long,
		Example: example,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &cli.UsageError{Command: cmd.CommandPath(), Err: errors.New("name one file, which 'ocne management backup' has written")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.File = args[0]
			return run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.KeyFile, "key-file", "", "`file` with the key of the backup, in the place of ~/.ocne/backup.key")
	f.StringVarP(&o.Kubeconfig, "kubeconfig", "k", "", "`file` of the management cluster to restore into, in the place of the embedded one")
	return cmd
}

// Run restores and lists the clusters.
func Run(ctx context.Context, o *Options) error {
	env := o.Environment
	c, _, err := config.Load(config.Options{Getenv: env.Getenv, HomeDir: env.HomeDir})
	if err != nil {
		return err
	}
	report := env.Reporter(c.Quiet)
	defer report.Close()
	clusters, err := cluster.RestoreManagement(ctx, cluster.RestoreOptions{
		Management: env.Management(o.Kubeconfig, ""), File: o.File, KeyFile: cmp.Or(o.KeyFile, c.Backup.KeyFile), Backup: c.Backup,
	}, report)
	if err != nil {
		return err
	}
	report.Close()
	rows := make([][]string, 0, len(clusters))
	for _, c := range clusters {
		rows = append(rows, []string{c.Name, c.Namespace, c.Version, c.Endpoint})
	}
	return output.Table(env.Streams.Out, []string{"NAME", "NAMESPACE", "VERSION", "ENDPOINT"}, rows)
}
