package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/ocne-project/ocne/pkg/olvmsim"
)

func newFaultCommand() *cobra.Command {
	engine := &connection{}
	command := &cobra.Command{
		Use:   "fault",
		Short: "Make things go wrong in a running simulator",
		Long: `Make things go wrong in a running simulator: with calls that match, or with the installation.
The password is taken from ` + passwordVariable + `.`,
		Args: cobra.NoArgs,
	}
	engine.addTo(command)
	command.AddCommand(newFaultAddCommand(engine), newFaultListCommand(engine), newFaultClearCommand(engine))
	return command
}

func newFaultAddCommand(engine *connection) *cobra.Command {
	var o faultOptions
	command := &cobra.Command{
		Use:   "add KIND",
		Short: "Add a fault and print its id",
		Long: `Add a fault and print its id. Faults hit the calls that all of the match flags fit; those of the installation happen at
once unless calls are given.

Kinds:
` + kindsHelp(),
		Example: `  # the reply to the next creation of a VM is lost
  olvmsim fault add drop-after-commit --method POST --path vms --count 1 --ca-file ca.pem
  # every third call on average takes two seconds longer
  olvmsim fault add latency --delay 2s --probability 0.33 --ca-file ca.pem
  # the second start of a VM whose name begins with worker- is refused
  olvmsim fault add locked --method POST --path 'vms/*/start' --match-vm 'worker-*' --after 1 --count 1 --ca-file ca.pem
  # a host dies, and the engine restarts and needs a minute
  olvmsim fault add host-down --host host1 --ca-file ca.pem
  olvmsim fault add engine-restart --delay 1m --ca-file ca.pem`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.add(cmd.Context(), cmd.OutOrStdout(), engine, olvmsim.Kind(args[0]))
		},
	}
	o.addFlags(command)
	return command
}

func kindsHelp() string {
	var out strings.Builder
	for _, k := range olvmsim.Kinds() {
		_, _ = fmt.Fprintf(&out, "  %-20s %s\n", k.Kind, k.Help)
	}
	return out.String()
}

// faultOptions are a fault as flags.
type faultOptions struct {
	fault     olvmsim.Fault
	delay     time.Duration
	available string
}

func (o *faultOptions) addFlags(command *cobra.Command) {
	flags, match, effect := command.Flags(), &o.fault.Match, &o.fault.Effect
	flags.StringVar(&match.Method, "method", "", "calls with this method")
	flags.StringVar(&match.Path, "path", "", "calls of this path below the API's root, such as 'vms/*/start', 'vms/**' or 'vms|disks'")
	flags.StringVar(&match.User, "user", "", "calls of this user; * is a wildcard")
	flags.StringVar(&match.VM, "match-vm", "", "calls about VMs of this name; * is a wildcard")
	flags.StringVar(&match.Body, "body", "", "calls with this text in the body")
	flags.IntVar(&o.fault.After, "after", 0, "how many matching calls pass before")
	flags.IntVar(&o.fault.Count, "count", 0, "how many calls are hit (default: all)")
	flags.Float64Var(&o.fault.Probability, "probability", 0, "chance of a call to be hit, 0 to 1 (default 1)")
	flags.DurationVar(&o.delay, "delay", 0, "how long: see the kinds")
	flags.Float64Var(&effect.Factor, "factor", 0, "how many times as long VMs boot (slow-boot, instead of --delay)")
	flags.StringVar(&effect.Detail, "detail", "", "words of a refusal")
	flags.Float64Var(&effect.Share, "share", 0, "share of a list that is missing, 0 to 1 (default 0.5)")
	flags.StringVar(&effect.VM, "vm", "", "name of the VM (default: the call's), or a pattern of names")
	flags.StringVar(&effect.NewName, "new-name", "", "the VM's new name")
	flags.StringVar(&effect.Host, "host", "", "name of the host")
	flags.BoolVar(&effect.Migrate, "migrate", false, "the host's VMs are moved, not killed")
	flags.StringVar(&effect.StorageDomain, "storage-domain", "", "name of the storage domain")
	flags.StringVar(&o.available, "available", "0", "what the storage domain has left: a number with KiB, MiB, GiB or TiB, or of bytes")
	flags.StringVar(&effect.Disk, "disk", "", "aliases of disks; * is a wildcard (default: all)")
	flags.BoolVar(&effect.Refuse, "refuse", false, "connections to the restarting engine are closed")
}

func (o *faultOptions) add(ctx context.Context, out io.Writer, engine *connection, kind olvmsim.Kind) (err error) {
	o.fault.Effect.Kind, o.fault.Effect.Delay = kind, olvmsim.Duration(o.delay)
	if o.fault.Effect.AvailableBytes, err = parseSize(o.available); err != nil {
		return fmt.Errorf("--available: %w", err)
	}
	var added olvmsim.Fault
	if err := engine.post(ctx, olvmsim.FaultsPath, o.fault, &added); err != nil {
		return fmt.Errorf("add fault: %w", err)
	}
	_, err = fmt.Fprintln(out, added.ID)
	return err
}

func newFaultListCommand(engine *connection) *cobra.Command {
	var output string
	command := &cobra.Command{
		Use:   "list",
		Short: "List the faults that wait for calls or last",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var faults []olvmsim.Fault
			if err := engine.get(cmd.Context(), olvmsim.FaultsPath, &faults); err != nil {
				return fmt.Errorf("list faults: %w", err)
			}
			if output == "json" {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(faults)
			}
			return printFaults(cmd.OutOrStdout(), faults)
		},
	}
	command.Flags().StringVarP(&output, "output", "o", "", "json, or empty for a table")
	return command
}

func printFaults(out io.Writer, faults []olvmsim.Fault) error {
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "ID\tKIND\tCALLS\tSEEN\tHITS")
	for _, f := range faults {
		calls := strings.TrimSpace(f.Match.Method + " " + f.Match.Path)
		if calls == "" {
			calls = "-"
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\n", f.ID, f.Effect.Kind, calls, f.Seen, f.Hits)
	}
	return table.Flush()
}

func newFaultClearCommand(engine *connection) *cobra.Command {
	var all bool
	command := &cobra.Command{
		Use:   "clear [ID...]",
		Short: "Clear faults and end what they do, as far as it can be taken back",
		RunE: func(cmd *cobra.Command, args []string) error {
			if all == (len(args) > 0) {
				return fmt.Errorf("clear faults: give ids or --all")
			}
			paths := []string{olvmsim.FaultsPath}
			if !all {
				paths = nil
				for _, id := range args {
					paths = append(paths, olvmsim.FaultPath(id))
				}
			}
			for _, path := range paths {
				if err := engine.call(cmd.Context(), http.MethodDelete, path, nil, nil); err != nil {
					return fmt.Errorf("clear faults: %w", err)
				}
			}
			return nil
		},
	}
	command.Flags().BoolVar(&all, "all", false, "clear all")
	return command
}
