// Package backup is the command "ocne management backup".
package backup

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cluster"
	"github.com/ocne-project/ocne/internal/config"
)

// Options of the command.
type Options struct {
	Environment *cli.Environment
	// File to write; empty means a new one in the directory of the backups.
	File string
	// KeyFile wins over the configuration; empty means not given.
	KeyFile string
	// Kubeconfig names a management cluster that is not the embedded one.
	Kubeconfig string
}

const long = `Backup writes all objects of the embedded management cluster into one file: those of Cluster API and of the providers, and the Secrets and
ConfigMaps beside them. With --kubeconfig, it does so for another management cluster.

The file is encrypted with the key in ~/.ocne/backup.key, which is made when it is missing. Keep a copy of the key on another machine:
without it, no backup can be read. File and key together hold the engine's password and the keys of all clusters.

The same is done by itself, for the embedded management cluster only, after every command that changed a cluster. The keys of 'backup'
in the defaults file say where to, how many are kept, and whether at all.`

const example = `  ocne management backup
  ocne management backup --file /mnt/safe/management.age`

// NewCommand returns the command; run is Run but in tests.
func NewCommand(env *cli.Environment, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Environment: env}
	cmd := &cobra.Command{
		Use:     "backup",
		Short:   "Write all objects of a management cluster into one encrypted file",
		Long:    long,
		Example: example,
		Args:    cli.NoArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.StringVarP(&o.File, "file", "f", "", "`file` to write, in the place of a new one in ~/.ocne/backups")
	f.StringVar(&o.KeyFile, "key-file", "", "`file` with the key to encrypt with, in the place of ~/.ocne/backup.key")
	f.StringVarP(&o.Kubeconfig, "kubeconfig", "k", "", "`file` of a management cluster that is not the embedded one")
	return cmd
}

// Run writes the backup and prints its name.
func Run(ctx context.Context, o *Options) error {
	env := o.Environment
	c, _, err := config.Load(config.Options{Getenv: env.Getenv, HomeDir: env.HomeDir})
	if err != nil {
		return err
	}
	c.Backup.KeyFile = cmp.Or(o.KeyFile, c.Backup.KeyFile)
	report := env.Reporter(c.Quiet)
	defer report.Close()
	path, err := cluster.BackUp(ctx, cluster.BackupOptions{Management: env.Management(o.Kubeconfig, ""), Backup: c.Backup, File: o.File}, report)
	if err != nil {
		return err
	}
	report.Close()
	_, err = fmt.Fprintln(env.Streams.Out, path)
	return err
}
