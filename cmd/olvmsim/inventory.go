package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/ocne-project/ocne/pkg/olvmsim"
)

type inventoryOptions struct {
	connection
	output string
}

func newInventoryCommand() *cobra.Command {
	var options inventoryOptions
	command := &cobra.Command{
		Use:   "inventory",
		Short: "Show the VMs, disks and NICs that a running simulator holds",
		Long:  "Show the VMs, disks and NICs that a running simulator holds. The password is taken from " + passwordVariable + ".",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return options.run(cmd.Context(), cmd.OutOrStdout())
		},
	}
	options.addTo(command)
	flags := command.Flags()
	flags.StringVarP(&options.output, "output", "o", "", "output format: a table, or json")
	return command
}

func (o *inventoryOptions) run(ctx context.Context, out io.Writer) error {
	if o.output != "" && o.output != "json" {
		return fmt.Errorf("--output %q: must be json or empty", o.output)
	}
	var state olvmsim.State
	if err := o.get(ctx, olvmsim.StatePath, &state); err != nil {
		return fmt.Errorf("read inventory of %s: %w", o.url, err)
	}
	if o.output == "json" {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(state)
	}
	return printState(out, state)
}

// printState leaves out the disks of templates: they are there from the start.
func printState(out io.Writer, state olvmsim.State) error {
	if len(state.VMs) > 0 {
		table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
		_, _ = fmt.Fprintln(table, "NAME\tSTATUS\tHOST\tADDRESSES")
		for _, v := range state.VMs {
			_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", v.Name, v.Status, cmp.Or(v.Host, "-"), cmp.Or(strings.Join(v.Addresses, ","), "-"))
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	disks := 0
	for _, d := range state.Disks {
		if d.TemplateID == "" {
			disks++
		}
	}
	_, err := fmt.Fprintf(out, "%d VMs, %d disks, %d NICs\n", len(state.VMs), disks, len(state.NICs))
	return err
}
