// Package scale is the command "ocne cluster scale".
package scale

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cli/cluster/info"
	"github.com/ocne-project/ocne/internal/cluster"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/config"
)

// Options of the command.
type Options struct {
	Environment *cli.Environment
	cli.Change
	// ControlPlaneNodes and WorkerNodes are the numbers that are wanted; nil means not given.
	ControlPlaneNodes, WorkerNodes *int
	// Pool is the worker pool of WorkerNodes; empty when there is only one.
	Pool string
}

const long = `Scale changes the number of a cluster's nodes, and waits until the cluster has them: new nodes are Ready, and of removed ones nothing is
left in the engine. It needs no cluster file.

Control plane nodes are added and removed one after the other, because each holds a member of etcd. Nodes that go are drained; disks of
persistent volumes stay.

--worker-nodes is for the worker pool that --pool names, such as md-0; --pool may be left out when there is only one. A further pool is
made by the key workerPools in the cluster file and 'ocne cluster start'.

Before it changes anything, it compares the address pools with the nodes, and asks the engine, with the account of the cluster's
Secret, whether it has what the machines need. --skip-preflight leaves checks out, as with 'ocne cluster start'.

Ctrl-C ends the command, and not what has begun. Run it again to wait for it.

The numbers in a cluster file are not changed: write the new ones there, or the next 'ocne cluster start' brings the old ones back.`

const example = `  # Five workers
  ocne cluster scale -C demo --worker-nodes 5

  # Three control plane nodes, and two workers in the pool big
  ocne cluster scale -C demo --control-plane-nodes 3 --worker-nodes 2 --pool big`

// NewCommand returns the command; run is Run but in tests.
func NewCommand(env *cli.Environment, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Environment: env}
	cmd := &cobra.Command{
		Use:     "scale",
		Short:   "Change the number of a cluster's nodes",
		Long:    long,
		Example: example,
		Args:    cli.NoArguments,
	}
	complete := cli.ChangeFlags(cmd, &o.Change)
	f := cmd.Flags()
	controlPlanes := f.Uint16P("control-plane-nodes", "n", 0, "`number` of control plane nodes, odd")
	workers := f.Uint16P("worker-nodes", "w", 0, "`number` of worker nodes of the pool")
	f.StringVar(&o.Pool, "pool", "", "`name` of the worker pool, such as md-0")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		o.ControlPlaneNodes = cli.GivenCount(cmd, "control-plane-nodes", controlPlanes)
		o.WorkerNodes = cli.GivenCount(cmd, "worker-nodes", workers)
		if err := errors.Join(complete(), o.check(cmd.CommandPath())); err != nil {
			return err
		}
		return run(cmd.Context(), o)
	}
	return cmd
}

func (o *Options) check(command string) error {
	wrong := func(format string, args ...any) error {
		return &cli.UsageError{Command: command, Err: fmt.Errorf(format, args...)}
	}
	switch {
	case o.ControlPlaneNodes == nil && o.WorkerNodes == nil:
		return wrong("say how many nodes there shall be: --control-plane-nodes, --worker-nodes, or both")
	case o.Pool != "" && o.WorkerNodes == nil:
		return wrong("--pool is for --worker-nodes, which is not given")
	case o.ControlPlaneNodes != nil:
		if err := config.CheckControlPlaneNodes(*o.ControlPlaneNodes); err != nil {
			return wrong("--control-plane-nodes %w", err)
		}
	}
	if o.WorkerNodes != nil {
		if err := config.CheckWorkerNodes(*o.WorkerNodes); err != nil {
			return wrong("--worker-nodes %w", err)
		}
	}
	return nil
}

// Run scales the cluster and shows it.
func Run(ctx context.Context, o *Options) error {
	env := o.Environment
	which, report, err := env.Open(o.Existing)
	if err != nil {
		return err
	}
	defer report.Close()
	ctx, cancel := cli.WithTimeout(ctx, o.Timeout)
	defer cancel()
	details, err := cluster.Scale(ctx, cluster.ScaleOptions{
		Selection: which, ControlPlaneNodes: o.ControlPlaneNodes, WorkerNodes: o.WorkerNodes, Pool: o.Pool,
		NodeStartupTimeout: o.NodeStartupTimeout, SkipPreflight: o.SkipPreflight,
	}, report)
	report.Close()
	if err != nil {
		return o.Advised(err, env.CommandLine("scale", o.Existing, which.Config.Name, o.words()...))
	}
	o.remind(which.Config, report)
	return info.Print(env, o.Output, details)
}

func (o *Options) words() []string {
	var words []string
	if n := o.ControlPlaneNodes; n != nil {
		words = append(words, "-n", strconv.Itoa(*n))
	}
	if n := o.WorkerNodes; n != nil {
		words = append(words, "-w", strconv.Itoa(*n))
	}
	if o.Pool != "" {
		words = append(words, "--pool", o.Pool)
	}
	return append(words, o.Words()...)
}

// remind tells which numbers of the cluster file are not the cluster's any more.
func (o *Options) remind(c *config.Config, report progress.Reporter) {
	if o.ConfigFile == "" {
		return
	}
	warn := func(key string, have int, want *int) {
		if want != nil && have != *want {
			report.Warn(fmt.Sprintf("%s says %s: %d. Write %d there, or the next 'ocne cluster start -c %s' brings %d back",
				o.ConfigFile, key, have, *want, cli.Quote(o.ConfigFile), have))
		}
	}
	warn("controlPlaneNodes", c.ControlPlaneNodes, o.ControlPlaneNodes)
	pools := c.Pools()
	for _, p := range pools {
		if o.Pool == p.Name || o.Pool == c.PoolObjects(p.Name) || o.Pool == "" && len(pools) == 1 {
			warn(p.NodesKey(), p.Nodes, o.WorkerNodes)
		}
	}
}
