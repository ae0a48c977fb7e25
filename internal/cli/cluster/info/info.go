// Package info is the command "ocne cluster info": a cluster as a tree, once or as it changes.
package info

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cli/output"
	"github.com/ocne-project/ocne/internal/cluster"
)

// Options of the command.
type Options struct {
	Environment *cli.Environment
	// Existing says which cluster.
	Existing cli.Existing
	// Output is the format: Text, Wide, JSON or YAML.
	Output output.Format
	// Watch goes on and shows what changes.
	Watch bool
}

const long = `Info shows a cluster as a tree: the engine, the endpoint, how far the address pools are used, and the control plane and every group
of workers with their machines: state, Kubernetes version, node, VM, host and addresses. Below whatever is not as it should be stand
the words of whoever said so (the engine's own, for a refusal) and what to do about it.

It reads the management cluster, and asks the cluster's own API for its nodes. It changes nothing, and needs no credentials of the
engine: what is told of VMs is what the controllers saw last.

--watch goes on until the cluster is gone or Ctrl-C. On a terminal it draws the tree again; anywhere else it writes the tree once, and
then a line for everything that changes.

Name the cluster with -c or -C; without either, it is the one of the defaults file, or "ocne". With -C alone it is looked for in
all namespaces.

With --provider libvirt, or a configuration that says so, it shows the VMs of a cluster on a libvirt host.

-o wide adds ids, ages and since when something is not as it should be. Programs read -o json or -o yaml.`

const example = `  # How is the cluster?
  ocne cluster info -C demo

  # See what happens
  ocne cluster info -C demo --watch

  # The VM of each machine
  ocne cluster info -C demo -o json | jq -r '.machines[] | .name + " " + .vm.id'`

// NewCommand returns the command; run is Run but in tests.
func NewCommand(env *cli.Environment, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Environment: env}
	cmd := &cobra.Command{
		Use:     "info",
		Short:   "Show a cluster and everything of it as a tree",
		Long:    long,
		Example: example,
		Args:    cli.NoArguments,
	}
	complete := cli.ExistingFlags(cmd, &o.Existing)
	provider, session := cli.ProviderFlag(cmd), cli.SessionFlag(cmd, "")
	f := cmd.Flags()
	output.AddFlag(f, &o.Output, output.Wide, output.JSON, output.YAML)
	f.BoolVarP(&o.Watch, "watch", "w", false, "go on, and show what changes")
	// Flags of the existing ocne, which asks nodes for their disks and processes; they do nothing with OLVM.
	f.StringP("nodes", "N", "", "")
	f.BoolP("skip-nodes", "s", false, "")
	for _, unused := range []string{"nodes", "skip-nodes"} {
		f.Lookup(unused).Hidden = true
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if o.Watch && o.Output.ForPrograms() {
			return &cli.UsageError{Command: cmd.CommandPath(), Err: errors.New("--watch is for people: give it without -o, or with -o wide")}
		}
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

// Run shows the cluster.
func Run(ctx context.Context, o *Options) error {
	env := o.Environment
	which, report, err := env.Open(o.Existing)
	if err != nil {
		return err
	}
	defer report.Close()
	if which.Config.OnLibvirt() {
		report.Close()
		return o.runLocal(ctx, which.Config)
	}
	if o.Watch {
		w := o.watcher()
		return w.end(cluster.Follow(ctx, which, report, w.look))
	}
	details, err := cluster.Show(ctx, which, report)
	if err != nil {
		return err
	}
	report.Close()
	return Print(env, o.Output, details)
}

// Print writes a cluster in one of the formats.
func Print(env *cli.Environment, f output.Format, d *cluster.Details) error {
	out := env.Streams.Out
	if f.ForPrograms() {
		return output.Print(out, f, d)
	}
	lines := newTree(d, f == output.Wide).lines(columns(env), env.Now())
	_, err := io.WriteString(out, strings.Join(lines, "\n")+"\n")
	return err
}

// columns is the width of the text: a hundred are easy to read, and a terminal may have fewer.
func columns(env *cli.Environment) int {
	const most, least = 100, 40
	if width, _ := env.Streams.Size(); width > 0 {
		return min(most, max(least, width-1))
	}
	return most
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
