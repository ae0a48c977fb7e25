package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ocne-project/ocne/pkg/olvmsim"
)

// newClockCommand, newJournalCommand, newCheckCommand and newStateCommand are about a running simulator.
func newClockCommand() *cobra.Command {
	engine := &connection{}
	command := &cobra.Command{
		Use: "clock", Short: "Show or advance the engine's time", Args: cobra.NoArgs,
		Long: `Show or advance the engine's time. Only a simulator with --clock stepped can be advanced: everything that is due
by then has happened when the command ends.`,
		Example: "  olvmsim clock advance 30m --ca-file ca.pem",
		RunE: func(cmd *cobra.Command, _ []string) error {
			var state olvmsim.ClockState
			if err := engine.get(cmd.Context(), olvmsim.ClockPath, &state); err != nil {
				return fmt.Errorf("read clock: %w", err)
			}
			return printClock(cmd.OutOrStdout(), state)
		},
	}
	engine.addTo(command)
	command.AddCommand(&cobra.Command{
		Use: "advance DURATION", Short: "Let engine time pass", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := time.ParseDuration(args[0])
			if err != nil {
				return fmt.Errorf("%q is not a duration such as 30s or 5m", args[0])
			}
			var state olvmsim.ClockState
			if err := engine.post(cmd.Context(), olvmsim.ClockPath, olvmsim.ClockChange{Advance: olvmsim.Duration(d)}, &state); err != nil {
				return fmt.Errorf("advance clock: %w", err)
			}
			return printClock(cmd.OutOrStdout(), state)
		},
	})
	return command
}

func printClock(out io.Writer, state olvmsim.ClockState) error {
	_, err := fmt.Fprintf(out, "%s (%s)\n", state.Now.UTC().Format(time.RFC3339), state.Clock)
	return err
}

func newJournalCommand() *cobra.Command {
	engine := &connection{}
	var reproducible bool
	command := &cobra.Command{
		Use: "journal", Short: "Print the calls that clients made, one JSON object in each line", Args: cobra.NoArgs,
		Long: `Print the calls that clients made with what they changed, one JSON object in each line, for olvmsim replay.
Passwords and boot documents are not in it: their lengths and checksums are.`,
		Example: "  olvmsim journal --ca-file ca.pem > run.jsonl",
		RunE: func(cmd *cobra.Command, _ []string) error {
			var entries []olvmsim.Request
			if err := engine.get(cmd.Context(), olvmsim.RequestsPath, &entries); err != nil {
				return fmt.Errorf("read journal: %w", err)
			}
			if reproducible {
				entries = olvmsim.Reproducible(entries)
			}
			return olvmsim.WriteJournal(cmd.OutOrStdout(), entries)
		},
	}
	engine.addTo(command)
	command.Flags().BoolVar(&reproducible, "reproducible", false, "leave out real times, which differ between runs with one seed")
	return command
}

func newCheckCommand() *cobra.Command {
	engine := &connection{}
	command := &cobra.Command{
		Use: "check", Short: "Look for what cannot be in a running simulator's state", Args: cobra.NoArgs,
		Long: `Look for what cannot be in a running simulator's state: names and MAC addresses that are there twice, disks that
removed VMs left behind, locks without a job, and the like. The command fails where it finds something.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var result olvmsim.CheckResult
			if err := engine.get(cmd.Context(), olvmsim.CheckPath, &result); err != nil {
				return fmt.Errorf("check: %w", err)
			}
			if len(result.Violations) > 0 {
				return errors.New("check: " + strings.Join(result.Violations, "\n"))
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "everything is in order")
			return err
		},
	}
	engine.addTo(command)
	return command
}

func newNotSimulatedCommand() *cobra.Command {
	engine := &connection{}
	command := &cobra.Command{
		Use: "not-simulated", Short: "Count the calls of what the simulator does not simulate", Args: cobra.NoArgs,
		Long: `Count the calls that clients made of what the simulator does not simulate: collections that were answered as empty ones,
and everything that was answered 501.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var calls []olvmsim.NotSimulatedCall
			if err := engine.get(cmd.Context(), olvmsim.NotSimulatedPath, &calls); err != nil {
				return fmt.Errorf("not simulated: %w", err)
			}
			for _, c := range calls {
				if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%d\t%s\t%s\n", c.Count, c.Method, c.Path); err != nil {
					return err
				}
			}
			return nil
		},
	}
	engine.addTo(command)
	return command
}

func newStateCommand() *cobra.Command {
	engine := &connection{}
	command := &cobra.Command{Use: "state", Short: "Save what a running simulator holds", Args: cobra.NoArgs}
	engine.addTo(command)
	command.AddCommand(&cobra.Command{
		Use: "save FILE", Short: "Save what a running simulator holds, for olvmsim --load", Args: cobra.ExactArgs(1),
		Long: `Save what a running simulator holds, for olvmsim --load. Boot documents are in it, so only its owner can read the
file. The content of disks is not in it: give --load the same --state-dir. Passwords of users are not in it either: give --load
the same --inventory.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var state json.RawMessage
			if err := engine.get(cmd.Context(), olvmsim.SavePath, &state); err != nil {
				return fmt.Errorf("save state: %w", err)
			}
			if err := os.WriteFile(args[0], state, 0o600); err != nil {
				return fmt.Errorf("save state: %w", err)
			}
			return nil
		},
	})
	return command
}

func newReplayCommand() *cobra.Command {
	var options olvmsim.Options
	command := &cobra.Command{
		Use: "replay FILE", Short: "Make the calls of a journal again and show where it goes another way", Args: cobra.ExactArgs(1),
		Long: `Make the calls of a journal that changed something again, in a fresh simulator of its own with a stepped clock, and
compare statuses and changes. Give the seed and the inventory of the journal's run. The command fails where something differs.`,
		Example: "  olvmsim replay run.jsonl --seed 7",
		RunE: func(cmd *cobra.Command, args []string) error {
			return replay(cmd.Context(), cmd.OutOrStdout(), args[0], options)
		},
	}
	flags := command.Flags()
	flags.Int64Var(&options.Seed, "seed", 0, "seed of the journal's run")
	flags.StringVar(&options.InventoryFile, "inventory", "", "inventory of the journal's run")
	return command
}

func replay(ctx context.Context, out io.Writer, path string, options olvmsim.Options) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	defer func() { _ = file.Close() }() // it was read only
	entries, err := olvmsim.ReadJournal(file)
	if err != nil {
		return fmt.Errorf("replay %s: %w", path, err)
	}
	options.Clock = olvmsim.Stepped
	if len(entries) > 0 && options.Seed == 0 {
		options.StartTime = entries[0].EngineTime
	}
	simulator, err := olvmsim.Start(ctx, options)
	if err != nil {
		return err
	}
	defer simulator.Stop()
	differences, err := simulator.Replay(ctx, entries)
	if err != nil {
		return err
	}
	for _, d := range differences {
		if _, err := fmt.Fprintln(out, d); err != nil {
			return err
		}
	}
	if len(differences) > 0 {
		return fmt.Errorf("replay %s: %d differences", path, len(differences))
	}
	_, err = fmt.Fprintf(out, "%d entries: no difference\n", len(entries))
	return err
}
