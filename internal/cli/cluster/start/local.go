package start

import (
	"context"
	"errors"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cluster"
	"github.com/ocne-project/ocne/internal/cluster/local"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/cluster/providers/libvirt"
	"github.com/ocne-project/ocne/internal/cluster/workload"
	"github.com/ocne-project/ocne/internal/config"
)

// runLocal makes a cluster on a libvirt host.
func (o *Options) runLocal(ctx context.Context, c *config.Config, report progress.Reporter) error {
	plan, err := local.Configured(c, o.Environment.Getenv)
	if err != nil {
		return err
	}
	named := config.ProviderLibvirt
	o.Flags.Provider = &named // for commands to try next, which do not take it for granted
	plan.KeepOnError = o.KeepOnError
	if !o.patient {
		plan.Patience = o.NodeStartupTimeout
	}
	started, err := local.Start(ctx, plan, o.Environment.HomeDir, report)
	report.Close()
	if err != nil {
		return o.advisedLocal(c, err, errors.Is(err, context.Cause(ctx)) && errors.Is(ctx.Err(), context.DeadlineExceeded))
	}
	s := summary(started)
	if err := o.printMachines(s); err != nil {
		return err
	}
	return o.printNext([]string{
		"kubectl --kubeconfig " + cli.Quote(s.Kubeconfig) + " get nodes", o.command("info", s.Name), o.command("delete", s.Name),
	})
}

func summary(started *local.Started) *cluster.Summary {
	s := &cluster.Summary{Name: started.Name, Kubeconfig: started.Kubeconfig}
	for i := range started.Ready {
		s.Nodes = append(s.Nodes, workload.NewNode(&started.Ready[i]))
	}
	for _, n := range started.Nodes {
		s.Machines = append(s.Machines, cluster.Machine{
			Name: n.Name, VMStatus: n.State, Address: n.Address.String(), ProviderID: libvirt.ProviderID(n.ID),
		})
	}
	return s
}

// advisedLocal says after an interrupt, or when the time of --timeout is over, what is left. A creation that was never complete was removed again by
// then.
func (o *Options) advisedLocal(c *config.Config, err error, late bool) error {
	var kept *libvirt.KeptError
	var left *libvirt.LeftError
	var problem *libvirt.Error
	var waiting *local.NotReadyError
	name := c.Name
	switch {
	case errors.Is(err, libvirt.ErrNoDaemon) && !c.OnLibvirt() && errors.As(err, &problem):
		return &cluster.AdvisedError{Err: err, Advice: problem.Advice() + "\nNobody has named a provider, which means libvirt. For clusters on OLVM, write " +
			"provider: olvm, or give --provider olvm."}
	case errors.As(err, &kept):
		return &cluster.AdvisedError{Err: err, Advice: "What was made is kept. To go on, or to remove it:\n  " +
			o.command("start", name) + "\n  " + o.command("delete", name)}
	case errors.As(err, &left):
		return &cluster.AdvisedError{Err: err, Advice: "To remove the rest, or to go on:\n  " + o.command("delete", name) + "\n  " + o.command("start", name)}
	case errors.Is(err, context.Canceled):
		return &cluster.AdvisedError{Err: &cluster.UnfinishedError{Err: context.Canceled}, Advice: "A cluster whose nodes had all registered stays, another " +
			"one was removed. To make it, or to go on:\n  " + o.command("start", name)}
	case late && errors.As(err, &waiting):
		return &cluster.AdvisedError{Err: err, Advice: "The cluster stays. To look at its pods, or to go on:\n  kubectl --kubeconfig " +
			cli.Quote(waiting.Kubeconfig) + " get pods -A\n  " + o.command("start", name)}
	case late:
		return &cluster.AdvisedError{Err: err, Advice: "A cluster whose nodes had all registered stays, another one was removed; --keep-on-error would keep it.\n" +
			"To make it with more time (--timeout), or to go on:\n  " + o.command("start", name)}
	}
	return err
}
