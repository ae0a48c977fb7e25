// Package list is the command "ocne cluster list".
package list

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/duration"
	"sigs.k8s.io/yaml"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cluster"
	"github.com/ocne-project/ocne/internal/config"
)

// Options of the command.
type Options struct {
	Environment *cli.Environment
	// Kubeconfig names the management cluster.
	Kubeconfig string
	// Output is the format: empty (a table), wide, json or yaml.
	Output string
}

const long = `List shows the clusters of the management cluster: the one of --kubeconfig, else of KUBECONFIG, else of the key kubeconfig in the
defaults file, else the embedded one, which is started when it exists and does not run.`

const example = `  ocne cluster list
  ocne cluster list -o wide
  ocne cluster list -o json`

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
	cmd.Flags().StringVarP(&o.Kubeconfig, "kubeconfig", "k", "", "`file` of the management cluster")
	cmd.Flags().StringVarP(&o.Output, "output", "o", "", "output `format`: wide, json or yaml")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if !slices.Contains([]string{"", "wide", "json", "yaml"}, o.Output) {
			return &cli.UsageError{
				Command: cmd.CommandPath(),
				Err:     fmt.Errorf("unknown output format %q: use wide, json or yaml", o.Output),
			}
		}
		return run(cmd.Context(), o)
	}
	return cmd
}

// Run prints the list.
func Run(ctx context.Context, o *Options) error {
	env := o.Environment
	c, _, err := config.Load(config.Options{Getenv: env.Getenv, HomeDir: env.HomeDir})
	if err != nil {
		return err
	}
	report := env.Reporter(c.Quiet)
	defer report.Close()
	clusters, err := cluster.List(ctx, env.Management(o.Kubeconfig, c.Management.Kubeconfig), report)
	if err != nil {
		return err
	}
	return o.print(clusters)
}

func (o *Options) print(clusters []cluster.Listed) error {
	out := o.Environment.Streams.Out
	switch o.Output {
	case "json":
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(clusters)
	case "yaml":
		content, err := yaml.Marshal(clusters)
		if err != nil {
			return err
		}
		_, err = out.Write(content)
		return err
	}
	if len(clusters) == 0 {
		_, err := fmt.Fprintln(o.Environment.Streams.Err, "No clusters.")
		return err
	}
	return o.table(clusters)
}

func (o *Options) table(clusters []cluster.Listed) error {
	table := tabwriter.NewWriter(o.Environment.Streams.Out, 0, 0, 3, ' ', 0)
	wide := o.Output == "wide"
	header := []string{"NAME", "NAMESPACE", "PHASE", "CONTROL PLANE", "WORKERS", "VERSION", "AGE"}
	if wide {
		header = append(header, "PROVIDER", "ENDPOINT")
	}
	_, _ = fmt.Fprintln(table, strings.Join(header, "\t"))
	for _, c := range clusters {
		row := []string{
			c.Name, c.Namespace, cmp.Or(c.Phase, "-"), c.ControlPlane.String(), c.Workers.String(), cmp.Or(c.Version, "-"),
			o.age(c.Created),
		}
		if wide {
			row = append(row, cmp.Or(c.Provider, "-"), cmp.Or(c.Endpoint, "-"))
		}
		_, _ = fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	return table.Flush()
}

func (o *Options) age(created time.Time) string {
	return duration.HumanDuration(o.Environment.Now().Sub(created))
}
