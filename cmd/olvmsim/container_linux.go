package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/olvmsim/guest/container"
	installation "github.com/ocne-project/ocne/pkg/olvmsim/inventory"
)

// bootCommand is the hidden command that becomes PID 1 of a container guest.
const bootCommand = "boot-guest"

// defaultGuestNetwork is container.DefaultGateways.
const defaultGuestNetwork = "192.0.2.1/24,fd6f:6c76:6d00::1/64"

// imageGuests are container guests, and the image that they boot.
type imageGuests struct {
	*container.Guests
	versions []string
}

func newContainerGuests(o guestOptions) (olvmsim.Guests, error) {
	if o.nodeImage == "" {
		return nil, errors.New("--guests container needs --node-image: make node-image builds one and prints its directory")
	}
	var gateways []netip.Prefix
	for _, text := range strings.Split(o.network, ",") {
		gateway, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("--guest-network %q: must be addresses with prefix lengths, such as %s", o.network, defaultGuestNetwork)
		}
		gateways = append(gateways, gateway)
	}
	image, err := container.OpenImage(o.nodeImage)
	if err != nil {
		return nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find olvmsim: %w", err)
	}
	guests, err := container.New(container.Options{Image: image, Dir: o.dir, Gateways: gateways, Program: []string{program, bootCommand}})
	if err != nil {
		return nil, err
	}
	return &imageGuests{guests, image.Versions}, nil
}

// imageInventory is the default inventory with a template for each version of the image: ock for the first, ock-1.34.5 for others. It is nil
// for guests that boot no image.
func imageInventory(guests olvmsim.Guests) *installation.Inventory {
	g, ok := guests.(*imageGuests)
	if !ok {
		return nil
	}
	all := installation.Default()
	first := all.Templates[0]
	first.KubernetesVersion = ""
	all.Templates = []installation.Template{first}
	for i, version := range g.versions {
		if i == 0 {
			all.Templates[0].KubernetesVersion = version
			continue
		}
		another := first
		another.Name = first.Name + "-" + strings.TrimPrefix(version, "v")
		another.Disks = []installation.Disk{{Alias: another.Name + "-boot"}}
		another.KubernetesVersion = version
		all.Templates = append(all.Templates, another)
	}
	return &all
}

func containerCommands() []*cobra.Command {
	boot := &cobra.Command{
		Use: bootCommand, Short: "Become the first process of a container guest", Hidden: true, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return container.Boot() },
	}
	return []*cobra.Command{boot, newExecCommand()}
}

type execOptions struct {
	pid int
	vm  string
}

func newExecCommand() *cobra.Command {
	var options execOptions
	command := &cobra.Command{
		Use:   "exec [flags] -- COMMAND [ARG...]",
		Short: "Run a command in the network of a simulator's container guests, or in one of them",
		Long: `Run a command in the network of a simulator's container guests, with the machine's own files; or with --vm inside a VM that runs.
It needs root, and ends with the command's exit status.`,
		Example: "  olvmsim exec -- curl -k https://192.0.2.100:6443/livez\n  olvmsim exec --vm demo-control-plane-x7k2p -- journalctl -u kubelet",
		Args:    cobra.MinimumNArgs(1),
		RunE:    options.run,
	}
	flags := command.Flags()
	flags.IntVar(&options.pid, "pid", 0, "process id of the simulator; needed when several run")
	flags.StringVar(&options.vm, "vm", "", "name or id of the VM")
	return command
}

func (o *execOptions) run(cmd *cobra.Command, args []string) error {
	mark, err := o.mark()
	if err != nil {
		return fmt.Errorf("exec: %w", err)
	}
	command := &exec.Cmd{Path: args[0], Args: args, Stdin: cmd.InOrStdin(), Stdout: cmd.OutOrStdout(), Stderr: cmd.ErrOrStderr()}
	if o.vm == "" {
		return container.RunInSegment(cmd.Context(), mark, command)
	}
	const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	if err := os.Setenv("PATH", path); err != nil { // the command is looked up in the VM
		return fmt.Errorf("exec: %w", err)
	}
	command.Dir = "/"
	command.Env = []string{"PATH=" + path, "HOME=/root", "TERM=" + os.Getenv("TERM")}
	return container.RunInVM(cmd.Context(), mark, o.vm, command)
}

// mark finds the simulator.
func (o execOptions) mark() (container.Mark, error) {
	marks, err := container.Marks()
	if err != nil {
		return container.Mark{}, err
	}
	var pids []string
	for _, m := range marks {
		if m.PID == o.pid {
			return m, nil
		}
		pids = append(pids, fmt.Sprint(m.PID))
	}
	switch {
	case o.pid != 0:
		return container.Mark{}, fmt.Errorf("process %d is no simulator with container guests", o.pid)
	case len(marks) == 0:
		return container.Mark{}, errors.New("no simulator with container guests runs: start olvmsim --guests container, as this user")
	case len(marks) > 1:
		return container.Mark{}, fmt.Errorf("several simulators run: choose one with --pid: %s", strings.Join(pids, ", "))
	}
	return marks[0], nil
}
