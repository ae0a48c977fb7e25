// Command olvmsim runs a simulated OLVM engine, or shows and changes one that runs.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ocne-project/ocne/pkg/olvmsim"
)

// version is set by the linker.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	err := newCommand().ExecuteContext(ctx)
	stop()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) { // of a command that olvmsim exec ran, which has told why
		os.Exit(exit.ExitCode())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "olvmsim:", err)
		os.Exit(1)
	}
}

func newCommand() *cobra.Command {
	options := serveOptions{
		listen: "127.0.0.1:8443", timeScale: 1, clock: string(olvmsim.Real),
		guests: guestOptions{kind: guestsNone, network: defaultGuestNetwork},
	}
	command := &cobra.Command{
		Use:   "olvmsim",
		Short: "Simulate an OLVM engine",
		Long: `Simulate an Oracle Linux Virtualization Manager engine: REST API, sign-on, and VMs with their life cycles.

When it is ready, one JSON line on standard output says where: url, caFile, username. The password of admin@internal
is taken from OLVMSIM_PASSWORD; without it, one is generated and printed on standard error. It runs until SIGINT or
SIGTERM.`,
		Args: cobra.NoArgs, Version: version, SilenceErrors: true, SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			options.password = os.Getenv(passwordVariable)
			return options.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := command.Flags()
	flags.StringVar(&options.listen, "listen", options.listen, "address and port to listen on")
	flags.StringVar(&options.caFile, "ca-file", "", "where the CA's certificate is written (default ca.pem in the state directory)")
	flags.StringVar(&options.guests.kind, "guests", options.guests.kind, "what runs in the VMs: none, instant or container (Linux, root)")
	flags.StringVar(&options.guests.nodeImage, "node-image", "", "directory of the node image that container guests boot")
	flags.StringVar(&options.guests.network, "guest-network", options.guests.network,
		"gateway addresses of the container guests' network with the lengths of its subnets, separated by a comma")
	flags.StringVar(&options.inventory, "inventory", "", "YAML file with what the engine holds at start (default: a small installation)")
	flags.StringVar(&options.stateDir, "state-dir", "", "directory for the CA and the VMs' console logs (default: a temporary one)")
	flags.StringVar(&options.clock, "clock", options.clock, "how the engine's time passes: real, or stepped by olvmsim clock advance")
	flags.Int64Var(&options.seed, "seed", 0, "makes ids, chances and the engine's time at the start the same in every run (default: random)")
	flags.StringVar(&options.scenario, "scenario", "", "YAML file with what goes wrong in the course of the run")
	flags.StringVar(&options.load, "load", "", "file of olvmsim state save to go on from")
	flags.StringVar(&options.imageIO.Listen, "imageio-listen", "", "address and port of the data plane of image transfers (default a random port)")
	flags.StringVar(&options.imageIO.ListenProxy, "imageio-proxy-listen", "", "address and port of its proxy (default a random port)")
	flags.Float64Var(&options.timeScale, "time-scale", options.timeScale, "how many times faster than real time the engine's time runs")
	command.AddCommand(
		newInventoryCommand(), newSetCommand(), newFaultCommand(), newClockCommand(), newJournalCommand(), newReplayCommand(), newCheckCommand(),
		newNotSimulatedCommand(), newStateCommand(),
	)
	command.AddCommand(containerCommands()...)
	return command
}
