// Package status is the command "ocne management status".
package status

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
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
	// Output is the format: Text, JSON or YAML.
	Output output.Format
}

const long = `Status shows the embedded management cluster of this machine: whether it runs and since when, its versions, which clusters it manages,
where its state is, and the newest backup that was made by itself. It starts nothing. What it manages is known only while it runs.

Its state is absent, stopped, running, or degraded: then a process of it has ended, or its API does not answer.`

const example = `  ocne management status
  ocne management status -o json`

// NewCommand returns the command; run is Run but in tests.
func NewCommand(env *cli.Environment, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Environment: env}
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "Show the embedded management cluster",
		Long:    long,
		Example: example,
		Args:    cli.NoArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), o) },
	}
	output.AddFlag(cmd.Flags(), &o.Output, output.JSON, output.YAML)
	return cmd
}

// Run prints the status.
func Run(ctx context.Context, o *Options) error {
	env := o.Environment
	c, _, err := config.Load(config.Options{Getenv: env.Getenv, HomeDir: env.HomeDir})
	if err != nil {
		return err
	}
	status, err := cluster.StatusOfManagement(ctx, env.Management("", ""), c.Backup)
	if err != nil {
		return err
	}
	return o.print(status)
}

func (o *Options) print(s *cluster.ManagementStatus) error {
	out := o.Environment.Streams.Out
	if o.Output.ForPrograms() {
		return output.Print(out, o.Output, s)
	}
	now := o.Environment.Now()
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, row := range rows(s, now) {
		_, _ = fmt.Fprintf(table, "%s:\t%s\n", row[0], row[1])
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return printClusters(out, s, now)
}

func rows(s *cluster.ManagementStatus, now time.Time) [][2]string {
	state := s.State
	if s.Since != nil {
		state += ", started " + duration.HumanDuration(now.Sub(*s.Since)) + " ago"
	}
	switch {
	case s.Served:
		state += "; kept running by 'ocne management start --foreground'"
	case s.Kept:
		state += "; stays until 'ocne management stop'"
	case s.State == cluster.ManagementRunning:
		state += "; goes with its last cluster"
	case s.State == cluster.ManagementStopped:
		state += "; the next command that needs it starts it"
	}
	list := [][2]string{{"State", state}}
	add := func(name, value string) {
		if value != "" {
			list = append(list, [2]string{name, value})
		}
	}
	add("Problem", s.Problem)
	add("API", s.Server)
	if v := s.Versions; v != nil {
		var words []string
		for _, part := range [][2]string{{"Kubernetes", v.Kubernetes}, {"Cluster API", v.ClusterAPI}, {"OLVM provider", v.Provider}} {
			if part[1] != "" {
				words = append(words, part[0]+" "+part[1])
			}
		}
		add("Versions", strings.Join(words, ", "))
	}
	add("Kubeconfig", s.Kubeconfig)
	if s.State != cluster.ManagementAbsent {
		add("Directory", fmt.Sprintf("%s (%d MB)", s.Directory, s.Bytes/1e6))
	}
	if b := s.LastBackup; b != nil {
		add("Last backup", fmt.Sprintf("%s, %s ago", b.Path, duration.HumanDuration(now.Sub(b.Created))))
	}
	for _, p := range s.Processes {
		add("Process", fmt.Sprintf("%s %d, log %s", p.Name, p.PID, p.Log))
	}
	return list
}

func printClusters(out io.Writer, s *cluster.ManagementStatus, now time.Time) error {
	if len(s.Clusters) == 0 {
		return nil
	}
	cells := make([][]string, 0, len(s.Clusters))
	for _, c := range s.Clusters {
		cells = append(cells, []string{
			c.Name, c.Namespace, c.Phase, c.ControlPlane.String(), c.Workers.String(), c.Version, duration.HumanDuration(now.Sub(c.Created)),
		})
	}
	_, _ = fmt.Fprintln(out)
	return output.Table(out, []string{"NAME", "NAMESPACE", "PHASE", "CONTROL PLANE", "WORKERS", "VERSION", "AGE"}, cells)
}
