package start

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cluster"
	"github.com/ocne-project/ocne/internal/config"
)

// command is a command line for the same cluster and management cluster, to be copied into a shell.
func (o *Options) command(verb, name string) string {
	words := []string{cli.Quote(cmp.Or(o.Environment.Command, "ocne")), "cluster", verb}
	kubeconfig := o.Kubeconfig
	if verb == "list" && kubeconfig == "" && o.configured != "" && o.Environment.Getenv("KUBECONFIG") == "" {
		kubeconfig = o.configured // list reads no cluster file
	}
	if verb != "list" {
		if o.ConfigFile != "" {
			words = append(words, "-c", cli.Quote(o.ConfigFile))
		}
		if o.ConfigFile == "" || o.Flags.Name != nil {
			words = append(words, "-C", cli.Quote(name))
		}
	}
	if verb == "start" {
		words = append(words, o.startFlags()...)
	}
	if kubeconfig != "" {
		words = append(words, "-k", cli.Quote(kubeconfig))
	}
	if o.Flags.LibvirtURI != nil && verb != "list" {
		words = append(words, "--session", cli.Quote(*o.Flags.LibvirtURI))
	}
	if o.Flags.Provider != nil && *o.Flags.Provider == config.ProviderLibvirt && verb != "start" {
		words = append(words, "-P", config.ProviderLibvirt)
	}
	return strings.Join(words, " ")
}

func (o *Options) startFlags() []string {
	var words []string
	for _, flag := range []struct {
		name  string
		value *string
	}{
		{"-P", o.Flags.Provider}, {"-v", o.Flags.KubernetesVersion}, {"--virtual-ip", o.Flags.VirtualIP},
	} {
		if flag.value != nil {
			words = append(words, flag.name, cli.Quote(*flag.value))
		}
	}
	for _, flag := range []struct {
		name  string
		value *int
	}{{"-n", o.Flags.ControlPlaneNodes}, {"-w", o.Flags.WorkerNodes}} {
		if flag.value != nil {
			words = append(words, flag.name, strconv.Itoa(*flag.value))
		}
	}
	if t := o.NodeStartupTimeout; t != 0 && t != cluster.DefaultNodeStartupTimeout {
		words = append(words, "--node-startup-timeout", t.String())
	}
	if len(o.SkipPreflight) > 0 {
		words = append(words, "--skip-preflight", strings.Join(o.SkipPreflight, ","))
	}
	return words
}

func (o *Options) print(s *cluster.Summary) error {
	if err := o.printMachines(s); err != nil {
		return err
	}
	next := []string{
		"kubectl --kubeconfig " + cli.Quote(s.Kubeconfig) + " get nodes",
		o.command("list", ""),
		o.scaled(s) + "   # another number of workers",
		o.command("delete", s.Name),
	}
	if s.ManagementKubeconfig != "" {
		kubectl := "kubectl --kubeconfig " + cli.Quote(s.ManagementKubeconfig)
		if s.ManagementContext != "" {
			kubectl += " --context " + cli.Quote(s.ManagementContext)
		}
		next = append(next, kubectl+" get clusters,machines,olvmmachines -A   # Cluster API's view")
	}
	return o.printNext(next)
}

func (o *Options) printNext(commands []string) error {
	_, err := fmt.Fprintf(o.Environment.Streams.Out, "\nWhat next:\n  %s\n", strings.Join(commands, "\n  "))
	return err
}

// printMachines shows the nodes, and the VMs behind them.
func (o *Options) printMachines(s *cluster.Summary) error {
	out := tabwriter.NewWriter(o.Environment.Streams.Out, 0, 0, 3, ' ', 0)
	row := func(cells ...string) { _, _ = fmt.Fprintln(out, strings.Join(cells, "\t")) }
	row("NAME", "STATUS", "ROLES", "VERSION", "INTERNAL-IP")
	for _, n := range s.Nodes {
		row(n.Name, n.Status, n.Roles, n.Version, n.InternalIP)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	row()
	row("MACHINE", "VM STATUS", "ADDRESS", "PROVIDER ID")
	for _, m := range s.Machines {
		row(m.Name, cmp.Or(m.VMStatus, "-"), cmp.Or(m.Address, "-"), cmp.Or(m.ProviderID, "-"))
	}
	return out.Flush()
}

// scaled is the start command with two workers more.
func (o *Options) scaled(s *cluster.Summary) string {
	workers := 2
	for _, n := range s.Nodes {
		if n.Roles == "<none>" {
			workers++
		}
	}
	more := *o
	more.Flags.WorkerNodes = &workers
	return more.command("start", s.Name)
}
