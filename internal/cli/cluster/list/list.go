// Package list is the command "ocne cluster list".
package list

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cli/output"
	"github.com/ocne-project/ocne/internal/cluster"
	"github.com/ocne-project/ocne/internal/config"
)

// Options of the command.
type Options struct {
	Environment *cli.Environment
	// ConfigFile is a cluster file that may name the management cluster; it may be empty.
	ConfigFile string
	// Kubeconfig names the management cluster.
	Kubeconfig string
	// Provider and LibvirtURI are for clusters on a libvirt host; nil means not given.
	Provider, LibvirtURI *string
	// Output is the format: Text, Wide, JSON or YAML.
	Output output.Format
}

const long = `List shows clusters: those of the management cluster that KUBECONFIG names, else the key kubeconfig in the cluster file (--config) or
the defaults file, else of the embedded one, which is started when it exists and does not run; and all clusters that ~/.ocne/clusters.yaml
remembers, in whatever management cluster they are, also those that manage themselves. With --kubeconfig, they are the ones of that
management cluster alone.

All management clusters are asked at the same time. The clusters of one that does not answer within 15 s have the phase Unreachable, of one
that is not there any more Lost. A cluster that its management cluster does not hold any more is Gone, and one between two Moving. The
messages below the list say more; -o wide, json and yaml name the management clusters.

With --provider libvirt, or a configuration that says so, they are those of the libvirt host.`

const example = `  ocne cluster list
  ocne cluster list -o wide
  ocne cluster list -o json
  ocne cluster list --provider libvirt --session qemu:///system`

// NewCommand returns the command; run is Run but in tests.
func NewCommand(env *cli.Environment, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Environment: env}
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List clusters",
		Long:    long,
		Example: example,
		Args:    cli.NoArguments,
	}
	provider, session := cli.ProviderFlag(cmd), cli.SessionFlag(cmd, "s")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		named, err := provider()
		if err != nil {
			return err
		}
		o.Provider, o.LibvirtURI = named, session()
		return run(cmd.Context(), o)
	}
	cmd.Flags().StringVarP(&o.Kubeconfig, "kubeconfig", "k", "", "`file` of the management cluster")
	cmd.Flags().StringVarP(&o.ConfigFile, "config", "c", "", "cluster `file` whose management cluster is meant")
	output.AddFlag(cmd.Flags(), &o.Output, output.Wide, output.JSON, output.YAML)
	return cmd
}

// Run prints the list.
func Run(ctx context.Context, o *Options) error {
	env := o.Environment
	c, _, err := config.Load(config.Options{
		ClusterFile: o.ConfigFile, Flags: config.Flags{Provider: o.Provider, LibvirtURI: o.LibvirtURI}, Getenv: env.Getenv, HomeDir: env.HomeDir,
	})
	if err != nil {
		return err
	}
	if c.OnLibvirt() {
		return o.runLocal(ctx, c)
	}
	report := env.Reporter(c.Quiet)
	defer report.Close()
	clusters, err := cluster.List(ctx, env.ManagementOf(o.Kubeconfig, c), report)
	if err != nil {
		return err
	}
	return o.print(clusters)
}

func (o *Options) print(clusters []cluster.Listed) error {
	streams := o.Environment.Streams
	if o.Output.ForPrograms() {
		return output.Print(streams.Out, o.Output, clusters)
	}
	if len(clusters) == 0 {
		_, err := fmt.Fprintln(streams.Err, "No clusters.")
		return err
	}
	header := []string{"NAME", "NAMESPACE", "PHASE", "CONTROL PLANE", "WORKERS", "VERSION", "AGE"}
	if o.Output == output.Wide {
		header = append(header, "PROVIDER", "ENDPOINT", "MANAGEMENT")
	}
	rows := make([][]string, 0, len(clusters))
	for _, c := range clusters {
		row := []string{c.Name, c.Namespace, c.Phase, "", "", "", ""}
		if c.Message == "" {
			row = []string{c.Name, c.Namespace, c.Phase, c.ControlPlane.String(), c.Workers.String(), c.Version, o.age(c.Created)}
		}
		if o.Output == output.Wide {
			management := "-"
			if c.Management.Kind != "" {
				management = c.Management.String()
			}
			row = append(row, c.Provider, c.Endpoint, management)
		}
		rows = append(rows, row)
	}
	if err := output.Table(streams.Out, header, rows); err != nil {
		return err
	}
	for _, c := range clusters {
		if c.Message != "" {
			if _, err := fmt.Fprintf(streams.Err, "%s (namespace %s) is %s: %s\n", c.Name, c.Namespace, c.Phase, c.Message); err != nil {
				return err
			}
		}
	}
	return nil
}

func (o *Options) age(created time.Time) string {
	if created.IsZero() {
		return "-"
	}
	return duration.HumanDuration(o.Environment.Now().Sub(created))
}
