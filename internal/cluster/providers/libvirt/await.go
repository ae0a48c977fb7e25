package libvirt

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// How often the nodes are looked for, and how long one answer of the API may take.
const (
	lookEvery     = 2 * time.Second
	answerTimeout = 10 * time.Second
)

// await waits until all nodes have registered. It ends early when a virtual machine stops.
func (c *creation) await(ctx context.Context, kubeconfig []byte, patience time.Duration) error {
	config, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	if err != nil {
		return failed("read the kubeconfig of", c.o.Cluster, err)
	}
	config.Timeout = answerTimeout
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return failed("make a client of", c.o.Cluster, err)
	}
	late, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	again := time.NewTicker(lookEvery)
	defer again.Stop()
	said, last := "", c.nodes
	var before error // why the API did not answer
	for {
		missing, reason := c.missing(ctx, client)
		switch {
		case ctx.Err() != nil:
			return c.ended(ctx, last[0], before)
		case reason != nil:
			missing = last // what the API said when it answered
		case len(missing) == 0:
			return nil
		}
		last, before = missing, reason
		if err := c.requireRunning(); err != nil && ctx.Err() == nil {
			return err
		}
		if text := waiting(c.nodes[0].Server, missing, reason); text != said {
			said = text
			c.o.Report(text)
		}
		select {
		case <-late.Done(): // it ends with ctx, too
			if ctx.Err() != nil {
				return c.ended(ctx, missing[0], reason)
			}
			return c.neverCame(missing[0], because(ErrTooLate, "within "+patience.String(), reason))
		case <-again.C:
		}
	}
}

func waiting(server string, missing []*node, reason error) string {
	if reason != nil {
		return "waiting for the API at " + server
	}
	return fmt.Sprintf("waiting for %d nodes, such as %s", len(missing), missing[0].name())
}

// missing are the nodes that have not registered, with the reason when the API does not answer.
func (c *creation) missing(ctx context.Context, client kubernetes.Interface) ([]*node, error) {
	list, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	there := map[string]bool{}
	for _, n := range list.Items {
		there[n.Name] = true
	}
	var missing []*node
	for _, n := range c.nodes {
		if !there[n.name()] {
			missing = append(missing, n)
		}
	}
	return missing, nil
}

// requireRunning fails with ErrStopped when a virtual machine does not run any more.
func (c *creation) requireRunning() error {
	for _, n := range c.nodes {
		d, err := c.DomainLookupByName(n.name())
		if err != nil {
			return failed("look up domain", n.name(), err)
		}
		state, err := c.state(d)
		if err != nil {
			return err
		}
		if state != "running" && state != "paused" {
			return c.neverCame(n, fmt.Errorf("%w: it is %s", ErrStopped, state))
		}
	}
	return nil
}

// ended says what was being waited for when the context ended. Its connection to the host ended with it.
func (c *creation) ended(ctx context.Context, n *node, reason error) error {
	cause := context.Cause(ctx)
	if errors.Is(cause, context.Canceled) {
		return failed("wait for", c.o.Cluster, cause)
	}
	problem := &Error{Op: "wait for node", Object: n.name(), Err: because(cause, "", reason)}
	looking, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTimeout)
	defer cancel()
	if h, err := open(looking, c.o.Connection); err == nil { // else there is no console to show
		defer h.close()
		problem.Console = h.console(c.pool.StoragePool, n.name())
	}
	return problem
}

// neverCame shows what the virtual machine wrote last.
func (c *creation) neverCame(n *node, err error) error {
	return &Error{
		Op: "wait for node", Object: n.name(), Err: err, Console: c.console(c.pool.StoragePool, n.name()),
		Remedy: "Start it again with --keep-on-error and look at its console: virsh -c " + c.uri + " console " + n.name() + ".",
	}
}
