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
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/addon"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/config"
)

// cleanUpTimeout bounds what is done after a command has failed or was interrupted.
const cleanUpTimeout = 30 * time.Second

// CreateOptions say what to create.
type CreateOptions struct {
	// Config is the loaded configuration; it is validated here.
	Config *config.Config
	// Management chooses the management cluster.
	Management ManagementOptions
	// Getenv reads the engine's credentials.
	Getenv func(string) string
	// NodeStartupTimeout is how long a VM may run before its node is Ready; 0 means DefaultNodeStartupTimeout.
	NodeStartupTimeout time.Duration
	// SkipPreflight are names of checks of the engine whose findings are left out, or "all".
	SkipPreflight []string
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
		key: client.ObjectKey{Namespace: c.Namespace, Name: c.Name}, account: account, credentials: c.CredentialsSecret(account),
	}
	if p.ca, err = c.CAConfigMap(); err != nil {
		return nil, err
	}
	if p.addons, err = addonsOf(c); err != nil {
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
	c := o.Config
	report.Step(fmt.Sprintf("Cluster %s in namespace %s: Kubernetes %s, control plane nodes: %d, worker nodes: %d, API at %s port %d",
		c.Name, c.Namespace, c.KubernetesVersion, c.ControlPlaneNodes, c.WorkerNodes, c.VirtualIP, c.APIServerPort))
	if err := checkEngine(ctx, o, p, report); err != nil {
		return nil, unfinished(ctx, err, nothing, nil)
	}
	m, err := OpenManagement(ctx, o.Management, report)
	if err != nil {
		return nil, unfinished(ctx, err, nothing, nil)
	}
	report.Step("Management cluster: " + m.Description)
	summary, err := m.create(ctx, o, p, report)
	if err == nil {
		return summary, m.Close()
	}
	// Nothing is left running when nothing was applied.
	afterwards, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTimeout)
	defer cancel()
	return nil, errors.Join(err, m.CloseAndStopIfIdle(afterwards, report))
}

func (m *Management) create(ctx context.Context, o CreateOptions, p *plan, report progress.Reporter) (*Summary, error) {
	if err := errors.Join(m.checkIgnition(ctx, p.key.Namespace), m.checkExisting(ctx, p)); err != nil {
		return nil, unfinished(ctx, err, nothing, nil)
	}
	if err := m.applyPlan(ctx, p, report); err != nil {
		return nil, unfinished(ctx, err, begun, nil)
	}
	report.Step(fmt.Sprintf("Applied the objects of cluster %s", o.Config.Name))
	return m.await(ctx, o, p, report)
}

// await waits until the cluster is what it shall be, or does not become it by itself.
func (m *Management) await(ctx context.Context, o CreateOptions, p *plan, report progress.Reporter) (*Summary, error) {
	c, key := o.Config, p.key
	t := target{controlPlane: int32(c.ControlPlaneNodes), workers: int32(c.WorkerNodes)} // in range, as Validate makes sure
	w := &workload{kubeconfigPath: c.KubeconfigPath(), addons: p.addons}
	dog := newWatchdog(o.NodeStartupTimeout, time.Now)
	var last *snapshot
	var waiting []progress.Item
	title := "Cluster " + c.Name
	err := m.watch(ctx, key, report, title, func(s *snapshot) (bool, error) {
		if s.cluster == nil {
			return false, fmt.Errorf("cluster %s was deleted while it was waited for", key)
		}
		if err := m.observeNodes(ctx, key, w, s, report); err != nil {
			return false, err
		}
		last, waiting = s, t.view(s)
		report.Show(title, waiting)
		if t.reached(s) {
			return true, nil
		}
		lasting := dog.check(s)
		if len(lasting) == 0 {
			lasting = dog.still(waiting)
		}
		if len(lasting) > 0 {
			return false, &StuckError{
				Name: key.Name, Namespace: key.Namespace, Management: m.Description, Problems: lasting, VMs: s.vmsInEngine(),
			}
		}
		return false, nil
	})
	report.Close()
	if err != nil {
		return nil, unfinished(ctx, err, complete, waiting)
	}
	report.Step(fmt.Sprintf("Cluster %s is ready", c.Name))
	return summarize(last, w.kubeconfigPath, m), nil
}

// checkExisting refuses what cannot be made of the cluster that is there already, before anything is changed.
func (m *Management) checkExisting(ctx context.Context, p *plan) error {
	existing := &clusterv1.Cluster{}
	switch err := m.Client.Get(ctx, p.key, existing); {
	case client.IgnoreNotFound(err) != nil:
		return fmt.Errorf("read cluster %s: %w", p.key, err)
	case err == nil && !existing.DeletionTimestamp.IsZero():
		return fmt.Errorf("cluster %s %w", p.key.Name, ErrBeingDeleted)
	case err != nil && len(p.inEngine) > 0:
		return &AdvisedError{
			Err: fmt.Errorf("the engine holds VMs of a cluster %s that this management cluster (%s) does not know: %s",
				p.key, m.Description, strings.Join(p.inEngine, ", ")),
			Advice: "Nothing was changed. If another management cluster manages them, give it with --kubeconfig, or choose another name.\n" +
				"If that one is gone for good, remove these VMs in the engine first.",
		}
	}
	for _, obj := range p.objects {
		want, ok := obj.(*infrav1.OLVMMachineTemplate)
		if !ok {
			continue
		}
		have := &infrav1.OLVMMachineTemplate{}
		err := m.Client.Get(ctx, client.ObjectKeyFromObject(want), have)
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read OLVMMachineTemplate %s: %w", client.ObjectKeyFromObject(want), err)
		}
		// Cluster API replaces machines only for a template of another name: this change would silently be left out. Pools are looked up
		// in the template when a machine takes an address, so they may change.
		if !equality.Semantic.DeepEqual(withPoolsOf(want, have).Spec, want.Spec) {
			return &AdvisedError{
				Err: fmt.Errorf("the machines of cluster %s were made from other values than the configuration has now (template %s)",
					p.key.Name, want.Name),
				Advice: "Replacing machines is not implemented yet. Put the old values back, or delete the cluster and start it again.\n" +
					"Only ipAddresses may change: machines that are made later take their addresses from the new ranges.",
			}
		}
	}
	return nil
}

// observeNodes completes a snapshot with what the cluster's own API says. An API that does not answer is a state of the cluster; only
// a kubeconfig that cannot be used or written is an error.
func (m *Management) observeNodes(ctx context.Context, key client.ObjectKey, w *workload, s *snapshot, report progress.Reporter) error {
	if !s.controlPlaneInitialized() {
		return nil
	}
	kubeconfig, err := readKubeconfig(ctx, m.Client, key)
	if err != nil {
		s.nodesErr = err
		return nil //nolint:nilerr // shown as the state of the cluster
	}
	written, err := w.connect(kubeconfig)
	if err != nil {
		return err
	}
	if written {
		report.Step("Wrote the kubeconfig " + w.kubeconfigPath)
	}
	w.readNodes(ctx, s)
	w.applyAddons(ctx, s, report)
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

// unfinished turns an error that comes from the end of the context into an UnfinishedError and leaves every other one as it is.
func unfinished(ctx context.Context, err error, changed extent, items []progress.Item) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	e := &UnfinishedError{Err: context.Cause(ctx), Begun: changed >= begun, Applied: changed == complete}
	for _, item := range items {
		if !item.Done {
			e.Waiting = append(e.Waiting, item)
		}
	}
	return e
}
