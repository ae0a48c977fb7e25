// Package start is the command "ocne management start".
package start

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cluster"
	"github.com/ocne-project/ocne/internal/cluster/progress"
)

// Options of the command.
type Options struct {
	Environment *cli.Environment
	// Foreground runs it until the command is ended.
	Foreground bool
	// SystemdUnit prints a unit for systemd: user or system. Install writes it instead.
	SystemdUnit string
	Install     bool
	// UserID is whose processes a unit of the system runs.
	UserID int
}

const long = `Start starts the embedded management cluster: etcd, an API server and the controllers of Cluster API and of the OLVM provider, as two
processes of yours on this machine. Without this command it appears with the first cluster that needs it and goes with the last one;
started by this command, it stays until 'ocne management stop'.

The processes live on when you log out, and not when the machine is started again: then the next command that needs the management
cluster starts it.`

const example = `  ocne management start
  ocne management start --systemd-unit user --install
  kubectl --kubeconfig "$(ocne management kubeconfig)" get clusters,machines -A`

// NewCommand returns the command; run is Run but in tests.
func NewCommand(env *cli.Environment, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Environment: env}
	cmd := &cobra.Command{
		Use:     "start",
		Short:   "Start the embedded management cluster, and keep it running",
		Long:    long,
		Example: example,
		Args:    cli.NoArguments,
	}
	f := cmd.Flags()
	f.BoolVar(&o.Foreground, "foreground", false, "run it until this command is ended")
	f.StringVar(&o.SystemdUnit, "systemd-unit", "", "print a systemd unit that keeps it running, of this `kind`: user or system")
	f.BoolVar(&o.Install, "install", false, "write the unit to where systemd finds it")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := o.check(); err != nil {
			return &cli.UsageError{Command: cmd.CommandPath(), Err: err}
		}
		return run(cmd.Context(), o)
	}
	return cmd
}

func (o *Options) check() error {
	switch {
	case o.SystemdUnit != "" && o.SystemdUnit != unitOfUser && o.SystemdUnit != unitOfSystem:
		return fmt.Errorf("--systemd-unit %s: use user or system", o.SystemdUnit)
	case o.Install && o.SystemdUnit == "":
		return errors.New("--install is for a unit: --systemd-unit user or system")
	case o.Foreground && o.SystemdUnit != "":
		return errors.New("--foreground and --systemd-unit exclude each other")
	}
	return nil
}

// Run starts it.
func Run(ctx context.Context, o *Options) error {
	env := o.Environment
	if o.SystemdUnit != "" {
		o.UserID = os.Getuid()
		if o.Install {
			return o.install()
		}
		_, err := fmt.Fprint(env.Streams.Out, o.unit())
		return err
	}
	report := env.Reporter(false)
	defer report.Close()
	if o.Foreground {
		return o.serve(ctx, report)
	}
	status, err := cluster.StartManagement(ctx, env.Management("", ""), report)
	if err != nil {
		return err
	}
	report.Step(fmt.Sprintf("The embedded management cluster runs at %s and manages %s", status.Server, cli.Count(len(status.Clusters), "cluster")))
	report.Close()
	_, err = fmt.Fprintf(env.Streams.Out, "  kubectl --kubeconfig %s get clusters,machines -A\n", cli.Quote(status.Kubeconfig))
	return err
}

// serve runs it until the context ends, which is how it is meant to end.
func (o *Options) serve(ctx context.Context, report progress.Reporter) error {
	env := o.Environment
	return cluster.ServeManagement(ctx, env.Management("", ""), func(kubeconfig, server string) {
		report.Step(fmt.Sprintf("The embedded management cluster runs at %s, kubeconfig %s", server, kubeconfig))
		if err := notifyReady(ctx, env.Getenv); err != nil {
			report.Warn(err.Error())
		}
	}, report)
}
