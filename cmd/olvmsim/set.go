package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ocne-project/ocne/pkg/olvmsim"
)

func newSetCommand() *cobra.Command {
	engine := &connection{}
	command := &cobra.Command{
		Use:   "set",
		Short: "Change what a running simulator is like",
		Long: `Change what a running simulator is like, as an administrator, a failure or time would change a real engine.
The password is taken from ` + passwordVariable + `.`,
		Args: cobra.NoArgs,
	}
	engine.addTo(command)
	command.AddCommand(
		newSetStorageDomainCommand(engine), newSetGuestsCommand(engine),
		newSetStatusCommand(engine, "host", "up, maintenance, non_responsive or another of the engine's", olvmsim.HostPath),
		newSetStatusCommand(engine, "template", "ok, locked or illegal", olvmsim.TemplatePath),
	)
	return command
}

func newSetStorageDomainCommand(engine *connection) *cobra.Command {
	var available string
	command := &cobra.Command{
		Use:     "storagedomain NAME",
		Short:   "Set how much of a storage domain is free",
		Example: "  olvmsim set storagedomain data --available 1GiB --ca-file ca.pem",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			bytes, err := parseSize(available)
			if err != nil {
				return fmt.Errorf("--available: %w", err)
			}
			return wrapSet("storage domain "+args[0], engine.put(cmd.Context(), olvmsim.StorageDomainPath(args[0]),
				olvmsim.StorageDomainChange{AvailableBytes: &bytes}))
		},
	}
	flags := command.Flags()
	flags.StringVar(&available, "available", "", "free space: a number with KiB, MiB, GiB or TiB, or of bytes")
	_ = command.MarkFlagRequired("available") // fails only for a flag that does not exist
	return command
}

func newSetStatusCommand(engine *connection, kind, statuses string, path func(name string) string) *cobra.Command {
	var status string
	command := &cobra.Command{
		Use:   kind + " NAME",
		Short: "Set the status of a " + kind,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return wrapSet(kind+" "+args[0], engine.put(cmd.Context(), path(args[0]), olvmsim.StatusChange{Status: status}))
		},
	}
	flags := command.Flags()
	flags.StringVar(&status, "status", "", "the status: "+statuses)
	_ = command.MarkFlagRequired("status") // fails only for a flag that does not exist
	return command
}

func newSetGuestsCommand(engine *connection) *cobra.Command {
	var hang bool
	command := &cobra.Command{
		Use:   "guests",
		Short: "Set whether what runs in VMs that are switched on hangs",
		Long: `Set whether what runs in VMs that are switched on hangs: such a VM runs, and nothing happens in it. With --hang=false,
guests that hang start after all.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return wrapSet("guests", engine.put(cmd.Context(), olvmsim.GuestsPath, olvmsim.GuestsChange{Hang: &hang}))
		},
	}
	flags := command.Flags()
	flags.BoolVar(&hang, "hang", false, "true or false")
	_ = command.MarkFlagRequired("hang") // fails only for a flag that does not exist
	return command
}

func wrapSet(object string, err error) error {
	if err != nil {
		return fmt.Errorf("set %s: %w", object, err)
	}
	return nil
}

// parseSize reads a size such as 1GiB, or a number of bytes.
func parseSize(text string) (bytes int64, err error) {
	number, unit := strings.TrimSuffix(text, "B"), int64(1)
	for suffix, factor := range map[string]int64{"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40} {
		if rest, ok := strings.CutSuffix(number, suffix); ok {
			number, unit = rest, factor
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/unit {
		return 0, fmt.Errorf("%q is not a size: write a number with KiB, MiB, GiB or TiB, or of bytes", text)
	}
	return n * unit, nil
}
