package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/cluster/providers/libvirt"
	"github.com/ocne-project/ocne/internal/cluster/workload"
	"github.com/ocne-project/ocne/internal/filelock"
)

// DefaultPatience is how long nodes may take, from the start of their machines, to register, and again to become Ready: a host without KVM needs it.
const DefaultPatience = 30 * time.Minute

// lookEvery is the time between two looks at the nodes.
const lookEvery = time.Second

// Started is a cluster whose nodes are all Ready.
type Started struct {
	libvirt.Cluster
	// Kubeconfig is the path of the file that was written.
	Kubeconfig string
	Ready      []corev1.Node
}

// Start makes a cluster, goes on with one that another run did not complete, or starts the machines of one that is there, installs the add-ons that
// its nodes need, and returns when all of them are Ready. home is where .ocne is. Errors of the host are of type *libvirt.Error.
func Start(ctx context.Context, p Plan, home string, report progress.Reporter) (*Started, error) {
	there, err := p.look(ctx, home) // before an image is pulled for it
	if err != nil {
		return nil, err
	}
	unlock, err := lock(ctx, home, p.Cluster, report)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if p.Private {
		if p.Owner, err = ensureOwner(home, there.Owner); err != nil {
			return nil, err
		}
	}
	p.Patience = cmp.Or(p.Patience, DefaultPatience)
	made, err := p.machines(ctx, there, home, report)
	if err != nil {
		return nil, err
	}
	server := made.Nodes[0].Address.String() + ":" + strconv.Itoa(p.APIPort)
	addons, err := p.Addons(server)
	if err != nil {
		return nil, err
	}
	w := workload.New(p.Kubeconfig, addons)
	written, err := w.Connect(made.Kubeconfig)
	if err != nil {
		return nil, err
	}
	if written {
		report.Step("Wrote the kubeconfig " + p.Kubeconfig)
	}
	nodes, err := p.awaitReady(ctx, w, len(made.Nodes), report)
	if err != nil {
		return nil, err
	}
	report.Step("Cluster " + p.Cluster + " is ready")
	return &Started{Cluster: made.Cluster, Kubeconfig: p.Kubeconfig, Ready: nodes}, nil
}

// machines makes or starts them. The image is pulled only for machines that are missing.
func (p *Plan) machines(ctx context.Context, there libvirt.Cluster, home string, report progress.Reporter) (libvirt.Started, error) {
	p.Report = func(text string) { report.Step("Cluster " + p.Cluster + ": " + text) }
	if there.Ready && len(there.Nodes) >= p.ControlPlaneNodes+p.WorkerNodes {
		p.Keep(there)
		return libvirt.Start(ctx, p.StartOptions)
	}
	held, err := p.openImage(ctx, home, report)
	if err != nil {
		return libvirt.Started{}, err
	}
	made, err := libvirt.Start(ctx, p.StartOptions)
	return made, errors.Join(err, held.Close())
}

// TakenError says that a kubeconfig is in the way: it may be another cluster's.
type TakenError struct{ Cluster, Kubeconfig string }

// Error names both.
func (e *TakenError) Error() string {
	return fmt.Sprintf("cluster %s is not on the libvirt host, and %s, where its kubeconfig would be written, is there: another cluster may need it",
		e.Cluster, e.Kubeconfig)
}

// Advice says what to do.
func (e *TakenError) Advice() string {
	return "Nothing was changed. Choose another name, or move the file away when nobody needs it."
}

// look finds the cluster on its host, and refuses one of somebody else, and to make one whose kubeconfig would replace another cluster's.
func (p *Plan) look(ctx context.Context, home string) (libvirt.Cluster, error) {
	there, err := p.Find(ctx, home)
	if !errors.Is(err, libvirt.ErrNoCluster) {
		return there, err
	}
	return there, p.refuseTaken(home)
}

// refuseTaken: the kubeconfig of a management cluster stays where a command was killed that removed it, or virsh has removed its VM. Then nothing that is
// remembered needs it.
func (p *Plan) refuseTaken(home string) error {
	_, err := os.Stat(p.Kubeconfig)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("kubeconfig of cluster %s: %w", p.Cluster, err)
	}
	if p.Private {
		if needed, err := needsKubeconfig(home, p.Cluster, p.Kubeconfig); err != nil || !needed {
			return err
		}
	}
	return &TakenError{p.Cluster, p.Kubeconfig}
}

// Find finds the cluster on its host. It fails with libvirt.ErrNoCluster when there is none, and with libvirt.ErrOthers when it is private to another
// user than the one whose home directory is given.
func (p *Plan) Find(ctx context.Context, home string) (libvirt.Cluster, error) {
	var err error
	if p.Owner, err = Owner(home); err != nil {
		return libvirt.Cluster{}, err
	}
	there, err := libvirt.Info(ctx, p.Connection, p.Cluster)
	if err != nil {
		return there, err
	}
	return there, there.RequireOwner(p.Owner)
}

// awaitReady installs the add-ons and waits for the nodes.
func (p *Plan) awaitReady(ctx context.Context, w *workload.Cluster, expected int, report progress.Reporter) ([]corev1.Node, error) {
	defer report.Close()
	late, cancel := context.WithTimeout(ctx, p.Patience)
	defer cancel()
	again := time.NewTicker(lookEvery)
	defer again.Stop()
	var known []corev1.Node // what was seen last: an API that comes up comes and goes
	items := []progress.Item{{Name: "API", State: "not asked yet"}}
	for {
		nodes, err := w.Nodes(ctx)
		if err == nil {
			known = nodes
		}
		states := w.ApplyAddons(ctx, err, report)
		if ctx.Err() != nil {
			return nil, p.ended(ctx, items)
		}
		items = append(workload.AddonItems(states, err == nil), nodeItems(known, err)...)
		if err == nil && workload.AllApplied(states) && len(nodes) >= expected && allDone(items) {
			return nodes, nil
		}
		report.Show("Cluster "+p.Cluster, items)
		select {
		case <-late.Done(): // it ends with ctx, too
			if ctx.Err() != nil {
				return nil, p.ended(ctx, items)
			}
			return nil, &NotReadyError{Cluster: p.Cluster, Kubeconfig: p.Kubeconfig, After: p.Patience, Waiting: items}
		case <-again.C:
		}
	}
}

// ended says what was being waited for when the context ended, unless somebody ended it.
func (p *Plan) ended(ctx context.Context, items []progress.Item) error {
	cause := context.Cause(ctx)
	if errors.Is(cause, context.Canceled) {
		return cause
	}
	return &NotReadyError{Cluster: p.Cluster, Kubeconfig: p.Kubeconfig, Err: cause, Waiting: items}
}

func nodeItems(nodes []corev1.Node, err error) []progress.Item {
	items := make([]progress.Item, 0, len(nodes)+1)
	if err != nil {
		items = append(items, progress.Item{Name: "API", State: "does not answer", Detail: err.Error()})
	}
	for i := range nodes {
		item := progress.Item{Name: "node " + nodes[i].Name, State: "Ready", Done: true}
		if ready, why := workload.Ready(&nodes[i]); !ready {
			item = progress.Item{Name: item.Name, State: "not Ready", Detail: why}
		}
		items = append(items, item)
	}
	return items
}

func allDone(items []progress.Item) bool {
	for _, i := range items {
		if !i.Done {
			return false
		}
	}
	return true
}

// NotReadyError says that a cluster's nodes have registered and did not become Ready. Start leaves the cluster.
type NotReadyError struct {
	Cluster, Kubeconfig string
	// After is how long they were waited for, and Err why no longer, when something else ended the wait.
	After   time.Duration
	Err     error
	Waiting []progress.Item
}

// Error names what was still waited for.
func (e *NotReadyError) Error() string {
	text := fmt.Sprintf("cluster %s is not ready after %s; still waiting for", e.Cluster, e.After)
	if e.Err != nil {
		text = fmt.Sprintf("cluster %s is not ready: %v; still waiting for", e.Cluster, e.Err)
	}
	for _, i := range e.Waiting {
		if !i.Done {
			text += "\n  " + i.Text()
		}
	}
	return text
}

// Unwrap returns what ended the wait; nil when it was long enough.
func (e *NotReadyError) Unwrap() error { return e.Err }

// Advice says how to look at it.
func (e *NotReadyError) Advice() string {
	return "The cluster stays. Look at its pods, and run the same command again to go on:\n  kubectl --kubeconfig " + e.Kubeconfig + " get pods -A"
}

// lock keeps two commands from making or removing one cluster at the same time.
func lock(ctx context.Context, home, cluster string, report progress.Reporter) (unlock func(), err error) {
	path := filepath.Join(home, ".ocne", "libvirt", cluster+".lock")
	f, err := filelock.Wait(ctx, path, filelock.Alone, func() {
		report.Step("Another command works on cluster " + cluster + ": waiting for its end")
	})
	if err != nil {
		return nil, err
	}
	return func() { _ = f.Close() }, nil // nothing was written
}
