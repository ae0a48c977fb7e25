// Package cluster makes, lists and deletes clusters. It is what the command line is a skin of; everything in it is told what to do by
// options and tells what it does to a progress.Reporter.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/addon"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/cluster/workload"
	"github.com/ocne-project/ocne/internal/config"
)

// cleanUpTimeout bounds what is done after a command has failed or was interrupted.
const cleanUpTimeout = 30 * time.Second

// CreateOptions say what to create.
type CreateOptions struct {
	// Config is the loaded configuration; it is validated here.
	Config *config.Config
	// ConfigFile is the absolute path of the cluster file; empty when there is none. It is remembered.
	ConfigFile string
	// Management chooses the management cluster.
	Management ManagementOptions
	// Getenv reads the engine's credentials.
	Getenv func(string) string
	// NodeStartupTimeout is how long a VM may run before its node is Ready; 0 means DefaultNodeStartupTimeout.
	NodeStartupTimeout time.Duration
	// SkipPreflight are names of checks of the engine whose findings are left out, or "all".
	SkipPreflight []string
	// KeepOnError leaves what was made of a management cluster on a libvirt host when it does not come up.
	KeepOnError bool
}

// UnfinishedError says that a command ended before its target was reached. What was applied goes on by itself.
type UnfinishedError struct {
	// Err is why the command ended: context.Canceled after an interrupt.
	Err error
	// Begun says that something was written, or removed.
	Begun bool
	// Applied says that all of the cluster's objects are in the management cluster, or that its deletion has begun.
	Applied bool
	// Waiting is what was still waited for.
	Waiting []progress.Item
	// EngineGone says that a deletion waited for an engine that did not answer.
	EngineGone bool
}

// Error names what was still waited for.
func (e *UnfinishedError) Error() string {
	why := e.Err.Error()
	if errors.Is(e.Err, context.Canceled) {
		why = "interrupted"
	}
	if len(e.Waiting) == 0 {
		return why
	}
	var names []string
	for _, item := range e.Waiting {
		line := item.Name + ": " + item.State
		if item.Detail != "" {
			line += " - " + item.Detail
		}
		names = append(names, "  "+progress.OneLine(line))
	}
	return fmt.Sprintf("%s; still waiting for\n%s", why, strings.Join(names, "\n"))
}

// Unwrap returns why the command ended.
func (e *UnfinishedError) Unwrap() error { return e.Err }

// plan is everything that is applied, worked out before anything is touched.
type plan struct {
	key         client.ObjectKey
	account     config.Credentials
	credentials *corev1.Secret
	ca          *corev1.ConfigMap // nil when none is configured
	objects     []client.Object
	addons      []addon.Addon
	inEngine    []string // names of VMs of a cluster of this name that the engine holds already
}

func newPlan(c *config.Config, getenv func(string) string) (*plan, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	account, err := c.Credentials(getenv)
	if err != nil {
		return nil, err
	}
	p := &plan{
		key: keyOf(c), account: account, credentials: c.CredentialsSecret(account),
	}
	if p.ca, err = c.CAConfigMap(); err != nil {
		return nil, err
	}
	if p.addons, err = workload.Addons(c, c.OLVM.ControlPlaneMachine.ImageProfile, fmt.Sprintf("%s:%d", c.VirtualIP, c.APIServerPort)); err != nil {
		return nil, err
	}
	p.objects, err = c.Objects()
	return p, err
}

// Create makes the configured cluster, or makes an existing one what the configuration says, and waits until it is: every machine up to
// date and running, every node Ready. It may be interrupted and called again at any time. The error is an *UnfinishedError when the
// context ended first.
func Create(ctx context.Context, o CreateOptions, report progress.Reporter) (*Summary, error) {
	p, err := newPlan(o.Config, o.Getenv)
	if err != nil {
		return nil, err
	}
	mem, err := recallToWrite(o.Management, o.Config, report)
	if err != nil {
		return nil, err
	}
	if mem.known == nil { // else it may be its own, which only its management cluster can tell
		if err := o.refuseTakenKubeconfig(nil); err != nil {
			return nil, err
		}
	}
	c := o.Config
	report.Step(fmt.Sprintf("Cluster %s in namespace %s: Kubernetes %s, control plane nodes: %d, worker nodes: %d, API at %s port %d",
		c.Name, c.Namespace, c.KubernetesVersion, c.ControlPlaneNodes, c.Workers(), c.VirtualIP, c.APIServerPort))
	if err := ensureTemplates(ctx, o, p, report); err != nil {
		return nil, unfinished(ctx, err, nothing, nil)
	}
	if err := checkEngine(ctx, o, p, report); err != nil {
		return nil, unfinished(ctx, err, nothing, nil)
	}
	m, err := o.open(ctx, p, mem, report)
	if err != nil {
		return nil, unfinished(ctx, err, nothing, nil)
	}
	mem.tell(o.Management, m, report)
	report.Step("Management cluster: " + m.Description)
	last, err := m.create(ctx, o, p, mem, report)
	home := m
	if err == nil && c.SelfManaged {
		home, last, err = m.moveIn(ctx, o, p, mem, last, report)
	}
	m.backUpAfter(ctx, c.Backup, report)
	if err == nil {
		return summarize(last, c.KubeconfigPath(), home), m.closeAfter(ctx, home, report)
	}
	// Nothing is left running when nothing was applied.
	afterwards, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTimeout)
	defer cancel()
	return nil, errors.Join(err, m.CloseAndStopIfIdle(afterwards, report))
}

func (m *Management) create(ctx context.Context, o CreateOptions, p *plan, mem *memory, report progress.Reporter) (*snapshot, error) {
	if err := errors.Join(m.checkIgnition(ctx, p.key.Namespace), m.checkExisting(ctx, p)); err != nil {
		return nil, unfinished(ctx, err, nothing, nil)
	}
	own, err := readKubeconfig(ctx, m.Client, p.key)
	if err == nil {
		err = o.refuseTakenKubeconfig(own)
	}
	if err != nil {
		return nil, unfinished(ctx, err, nothing, nil)
	}
	if o.Config.SelfManaged && !m.own {
		if err := m.refuseOthers(ctx, p.key); err != nil { // now, and not when it has to move
			return nil, unfinished(ctx, err, nothing, nil)
		}
	}
	if err := mem.began(ctx, m, o); err != nil {
		return nil, unfinished(ctx, err, nothing, nil)
	}
	if err := m.applyPlan(ctx, p, report); err != nil {
		mem.undo(ctx, p.key, m, report)
		return nil, unfinished(ctx, err, begun, nil)
	}
	report.Step(fmt.Sprintf("Applied the objects of cluster %s", o.Config.Name))
	last, err := m.await(ctx, o.awaited(p, report), report)
	if err != nil {
		return nil, err
	}
	report.Step(fmt.Sprintf("Cluster %s is ready", o.Config.Name))
	return last, nil
}

// awaited is the cluster that the configuration describes.
func (o CreateOptions) awaited(p *plan, report progress.Reporter) awaited {
	c := o.Config
	t := target{controlPlane: int32(c.ControlPlaneNodes), pools: map[string]int32{}} // in range, as Validate makes sure
	for _, pool := range c.Pools() {
		t.pools[c.PoolObjects(pool.Name)] = int32(pool.Nodes)
	}
	nodes := &releases{report: report, next: "If the cluster has just been made, delete it, write the release that the VM template holds into kubernetesVersion, or name\n" +
		"another VM template, and start it again. Otherwise 'ocne cluster upgrade -c FILE' replaces the machines."}
	return awaited{
		key: p.key, title: "Cluster " + c.Name, target: t, reached: t.reached, check: nodes.others, kubeconfig: c.KubeconfigPath(),
		nodeStartup: o.NodeStartupTimeout, addons: p.addons,
	}
}

// observeNodes completes a snapshot with what the cluster's own API says. An API that does not answer is a state of the cluster; only
// a kubeconfig that cannot be used or written is an error.
func (m *Management) observeNodes(ctx context.Context, key client.ObjectKey, w *workload.Cluster, s *snapshot, report progress.Reporter) error {
	if !s.controlPlaneInitialized() {
		return nil
	}
	kubeconfig, err := readKubeconfig(ctx, m.Client, key)
	if err != nil {
		s.nodesErr = err
		return nil //nolint:nilerr // shown as the state of the cluster
	}
	written, err := w.Connect(kubeconfig)
	if err != nil {
		return err
	}
	if written {
		report.Step("Wrote the kubeconfig " + w.Path())
	}
	s.readNodes(ctx, w)
	s.addons = w.ApplyAddons(ctx, s.nodesErr, report)
	return nil
}

// applyPlan applies everything in an order in which each object finds what it needs.
func (m *Management) applyPlan(ctx context.Context, p *plan, report progress.Reporter) error {
	namespaces := []string{p.key.Namespace, p.credentials.Namespace}
	if p.ca != nil {
		namespaces = append(namespaces, p.ca.Namespace)
	}
	for _, name := range namespaces {
		if err := ensureNamespace(ctx, m.Client, name, report); err != nil {
			return err
		}
	}
	if err := applyShared(ctx, m.Client, p.credentials, report); err != nil {
		return err
	}
	if p.ca != nil {
		if err := applyShared(ctx, m.Client, p.ca, report); err != nil {
			return err
		}
	}
	for _, obj := range p.objects {
		if err := apply(ctx, m.Client, obj); err != nil {
			return err
		}
	}
	return nil
}

// extent is how far a command got in changing something.
type extent int

const (
	nothing extent = iota
	begun
	complete
)

// unfinished turns an error that comes from the end of the context into an UnfinishedError, which keeps what one within it waited for, and leaves every
// other one as it is.
func unfinished(ctx context.Context, err error, changed extent, items []progress.Item) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	e := &UnfinishedError{Err: context.Cause(ctx), Begun: changed >= begun, Applied: changed == complete}
	var within *UnfinishedError
	if errors.As(err, &within) {
		e.Begun, e.Waiting = e.Begun || within.Begun, within.Waiting
	}
	for _, item := range items {
		if !item.Done {
			e.Waiting = append(e.Waiting, item)
		}
	}
	return e
}
