package cluster

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/client-go/tools/clientcmd"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/cluster/record"
	"github.com/ocne-project/ocne/internal/cluster/workload"
	"github.com/ocne-project/ocne/internal/incluster"
)

// open returns the management cluster that holds the cluster's objects, or in which they are to be made. For a cluster that manages itself, it
// first completes what an interrupted command has left.
func (o CreateOptions) open(ctx context.Context, p *plan, mem *memory, report progress.Reporter) (*Management, error) {
	if !mem.atHome(o.Config) {
		return o.choose(ctx, mem, p.key, report)
	}
	if err := incluster.HasImages(o.Management.controllersImages()); err != nil {
		return nil, &AdvisedError{Err: err, Advice: "Nothing was changed. A cluster that manages itself needs this image, which belongs beside the programs of ocne: make image"}
	}
	h, err := findHomes(ctx, mem.options(o.Management), p.key, mem.ownKubeconfig(o.Config), report)
	if err != nil {
		return nil, mem.lost(ctx, err)
	}
	if err := mem.expectOwn(ctx, h); err != nil {
		return nil, errors.Join(err, h.close(ctx, nil))
	}
	m, err := h.resume(ctx, mem)
	if err == nil && m == nil {
		err = h.lost(mem)
	}
	if err == nil {
		mem.resumed(ctx, h.key, m, report)
	}
	if err != nil {
		return nil, errors.Join(err, h.close(ctx, nil))
	}
	if err := h.close(ctx, m); err != nil {
		return nil, err
	}
	if m == nil {
		return o.choose(ctx, mem, p.key, report)
	}
	if m.own { // with the controllers of this release, which may know more than those that run
		return m, o.updateControllers(ctx, m, report)
	}
	return m, nil
}

func (o CreateOptions) updateControllers(ctx context.Context, m *Management, report progress.Reporter) error {
	c, err := o.controllers(m, "The cluster's objects are in it as they were; until controllers run, nobody looks after them.", report)
	if err != nil {
		return err
	}
	return c.update(ctx)
}

// controllers are those in the cluster that a kubeconfig is for; stays says what is left when they do not come up.
func (o CreateOptions) controllers(own *Management, stays string, report progress.Reporter) (controllers, error) {
	return o.Management.controllersIn(o.Config.Name, own.Kubeconfig, stays, report)
}

// controllersIn are those in a cluster of that name.
func (o ManagementOptions) controllersIn(name, kubeconfig, stays string, report progress.Reporter) (controllers, error) {
	restConfig, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return controllers{}, fmt.Errorf("kubeconfig of the cluster: %w", err)
	}
	w, err := workload.AccessBy(restConfig, callTimeout)
	return controllers{cluster: name, images: o.controllersImages(), client: w, stays: stays, timeout: controllersTimeout, report: report}, err
}

// update installs them on the nodes that there are.
func (c controllers) update(ctx context.Context) error {
	s := &snapshot{}
	s.readNodes(ctx, workload.Of(c.client))
	return errors.Join(s.nodesErr, c.installOn(ctx, s))
}

func (c controllers) installOn(ctx context.Context, s *snapshot) error {
	arch, err := architecture(s)
	if err != nil {
		return err
	}
	return c.install(ctx, arch)
}

// moveIn makes a cluster manage itself, and returns it when it has shown that it does. The objects stay where they are until its controllers run.
func (m *Management) moveIn(
	ctx context.Context, o CreateOptions, p *plan, mem *memory, last *snapshot, report progress.Reporter,
) (home *Management, shown *snapshot, err error) {
	if m.own {
		return m, last, nil
	}
	if itself, err := m.isItself(ctx, last.cluster); err != nil || itself {
		return m, last, err
	}
	path := o.Config.KubeconfigPath()
	restConfig, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		return nil, nil, fmt.Errorf("kubeconfig of the cluster: %w", err)
	}
	own, err := newOwn(restConfig, path)
	if err != nil {
		return nil, nil, fmt.Errorf("kubeconfig of the cluster: %w", err)
	}
	c, err := o.controllers(own, "The cluster is still managed from where it was.", report)
	if err != nil {
		return nil, nil, err
	}
	if err := c.installOn(ctx, last); err != nil {
		return nil, nil, unfinished(ctx, err, complete, nil)
	}
	report.Step("Moving the objects of cluster " + p.key.Name + " into the cluster itself")
	mem.moves(ctx, p.key, m, own, report)
	if err := (transfer{from: m, to: own, key: p.key, mark: inward, report: report}).run(ctx); err != nil {
		return nil, nil, unfinished(ctx, err, complete, nil)
	}
	mem.moved(ctx, p.key, own, report)
	// The objects have come without their status: what the cluster says of itself from now on, its own controllers have found out.
	shown, err = own.await(ctx, o.awaited(p, report), report)
	if err != nil {
		return nil, nil, err
	}
	report.Step("Cluster " + p.key.Name + " manages itself")
	return own, shown, nil
}

// closeAfter ends the connection to the management cluster that a cluster was made in; an embedded one that manages nothing any more is stopped.
func (m *Management) closeAfter(ctx context.Context, home *Management, report progress.Reporter) error {
	if home == m {
		return m.Close()
	}
	return unfinished(ctx, m.CloseAndStopIfIdle(ctx, report), complete, nil)
}

// openHome opens the management cluster of a cluster that manages itself. It changes nothing: a move that was interrupted is told.
func (o Selection) openHome(ctx context.Context, mem *memory, report progress.Reporter) (*Management, *clusterv1.Cluster, error) {
	key := keyOf(o.Config)
	h, err := findHomes(ctx, mem.options(o.Management), key, mem.ownKubeconfig(o.Config), report)
	if err != nil {
		return nil, nil, mem.lost(ctx, err)
	}
	for _, c := range []*clusterv1.Cluster{h.inOther, h.inOwn} {
		if moving(c) {
			return nil, nil, errors.Join(&AdvisedError{
				Err:    fmt.Errorf("the objects of cluster %s are being moved between its management clusters", key.Name),
				Advice: "Nothing was changed. " + goOn(c),
			}, h.close(ctx, nil))
		}
	}
	if err := mem.expectOwn(ctx, h); err != nil {
		return nil, nil, errors.Join(err, h.close(ctx, nil))
	}
	switch {
	case h.inOwn != nil:
		return h.own, h.inOwn, h.close(ctx, h.own)
	case h.inOther != nil:
		return h.other, h.inOther, nil
	}
	return nil, nil, errors.Join(h.lost(mem), h.close(ctx, nil))
}

// open returns the management cluster that a cluster is deleted from, which cannot be the cluster itself: its objects are moved out of it first.
func (o DeleteOptions) open(ctx context.Context, mem *memory, report progress.Reporter) (*Management, error) {
	if !mem.atHome(o.Config) {
		m, err := OpenExistingManagement(ctx, mem.options(o.Management), report)
		if err != nil {
			return nil, mem.lost(ctx, err)
		}
		if err := mem.expect(ctx, m, keyOf(o.Config)); err != nil {
			return nil, errors.Join(err, m.CloseAndStopIfIdle(ctx, report))
		}
		return o.moveOutOfItself(ctx, mem, m, report)
	}
	key := keyOf(o.Config)
	h, err := findHomes(ctx, mem.options(o.Management), key, mem.ownKubeconfig(o.Config), report)
	if err != nil {
		return nil, mem.lost(ctx, err)
	}
	if err := mem.expectOwn(ctx, h); err != nil {
		return nil, errors.Join(err, h.close(ctx, nil))
	}
	m, err := h.resume(ctx, mem)
	if err == nil && m == nil {
		err = h.lost(mem)
	}
	if err == nil {
		mem.resumed(ctx, h.key, m, report)
	}
	switch {
	case err != nil:
		return nil, errors.Join(err, h.close(ctx, nil))
	case m != nil && m.own:
		return o.moveOut(ctx, mem, m, h, report)
	case m == nil && h.other == nil:
		return nil, mem.lost(ctx, ErrNoManagement)
	case h.own != nil: // the other one is another cluster
		return h.other, nil
	}
	return o.moveOutOfItself(ctx, mem, h.other, report)
}

// moveOutOfItself is for a cluster that is named, as its own management cluster, by --kubeconfig or KUBECONFIG.
func (o DeleteOptions) moveOutOfItself(ctx context.Context, mem *memory, m *Management, report progress.Reporter) (*Management, error) {
	found, _, err := m.find(ctx, Selection{Config: o.Config, AnyNamespace: o.AnyNamespace})
	if err != nil || found == nil {
		return m, nil //nolint:nilerr // told by whoever looks for it next
	}
	itself, err := m.isItself(ctx, found)
	if err != nil || !itself {
		return m, err
	}
	m.own, m.place.Kind = true, record.Self
	return o.moveOut(ctx, mem, m, &homes{key: client.ObjectKeyFromObject(found), own: m, inOwn: found, report: report}, report)
}

// moveOut moves a cluster's objects to the management cluster that is chosen, or to the embedded one, where it is itself.
func (o DeleteOptions) moveOut(ctx context.Context, mem *memory, own *Management, h *homes, report progress.Reporter) (*Management, error) {
	other := h.other
	if other == nil {
		var err error
		if other, err = o.Management.openEmbedded(ctx, report); err != nil {
			return nil, err
		}
	}
	report.Step(fmt.Sprintf("Moving the objects of cluster %s out of it, to %s", h.key.Name, other.Description))
	mem.moves(ctx, h.key, own, other, report)
	if err := (transfer{from: own, to: other, key: h.key, mark: outward, report: report}).run(ctx); err != nil {
		return nil, errors.Join(err, other.CloseAndStopIfIdle(context.WithoutCancel(ctx), report))
	}
	mem.moved(ctx, h.key, other, report)
	return other, nil
}
