package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/cluster/providers/libvirt"
	"github.com/ocne-project/ocne/internal/cluster/record"
	"github.com/ocne-project/ocne/internal/incluster"
)

// elsewhereTimeout bounds the question to a management cluster that is not used whether it holds a cluster.
const elsewhereTimeout = 20 * time.Second

// choose opens the management cluster that a cluster is made in, or was made in before. A second one is not made in another.
func (o CreateOptions) choose(ctx context.Context, mem *memory, key client.ObjectKey, report progress.Reporter) (*Management, error) {
	switch {
	case mem.chooses:
		return o.remembered(ctx, mem, key, report)
	case mem.known == nil:
		return o.openOrMake(ctx, report)
	}
	m, err := OpenManagement(ctx, o.Management, report)
	if err != nil {
		return nil, err
	}
	if err := o.refuseSecond(ctx, mem, m, key, report); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// remembered opens the management cluster that holds the cluster. When that one does not hold it any more, another one
// that is named is used.
func (o CreateOptions) remembered(ctx context.Context, mem *memory, key client.ObjectKey, report progress.Reporter) (*Management, error) {
	m, err := OpenExistingManagement(ctx, mem.options(o.Management), report)
	if err != nil {
		return nil, mem.lost(ctx, err)
	}
	if err := mem.expect(ctx, m, key); err != nil {
		return nil, errors.Join(err, m.CloseAndStopIfIdle(ctx, report))
	}
	found, err := m.clusterNamed(ctx, key)
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	from, another := o.Management.namesAnother(m)
	if found != nil || !another {
		if err := o.Management.refresh(ctx, m, report); err != nil {
			return nil, errors.Join(err, m.Close())
		}
		return m, nil
	}
	report.Step(fmt.Sprintf("Cluster %s is not in %s any more, where it was as %s says: %s is used", key.Name, m.place, mem.file.Path, from))
	mem.chooses = false
	if err := m.CloseAndStopIfIdle(ctx, report); err != nil {
		return nil, err
	}
	return o.openOrMake(ctx, report)
}

// refresh gives a management cluster of ours on a libvirt host the controllers of this release, if it is not the one that had them installed.
func (o ManagementOptions) refresh(ctx context.Context, m *Management, report progress.Reporter) error {
	if m.hosted == nil {
		return nil
	}
	return o.refreshIn(ctx, m.place.Cluster, m.Kubeconfig, report)
}

func (o ManagementOptions) refreshIn(ctx context.Context, name, kubeconfig string, report progress.Reporter) error {
	if err := incluster.HasImages(o.controllersImages()); err != nil {
		report.Warn(fmt.Sprintf("management cluster %s keeps the controllers that it has: %v", name, err))
		return nil
	}
	return o.installControllers(ctx, name, kubeconfig, report)
}

// errReplaced is why an embedded management cluster cannot be used: somebody has removed its directory.
var errReplaced = errors.New("its state is gone, and another one has taken its place")

// replaced says that another embedded management cluster stands where the remembered one was.
func (mem *memory) replaced(m *Management) bool {
	return mem.chooses && m.embedded != nil && mem.known.Management.Kind == record.Embedded && !mem.known.Management.Same(m.place)
}

// expect refuses an embedded management cluster that has taken the place of the remembered one, unless it has got the cluster.
func (mem *memory) expect(ctx context.Context, m *Management, key client.ObjectKey) error {
	if !mem.replaced(m) {
		return nil
	}
	if found, err := m.clusterNamed(ctx, key); err != nil || found != nil {
		return err
	}
	return mem.lost(ctx, errReplaced)
}

// refuseSecond refuses to make a cluster in a management cluster that is named by --kubeconfig while the remembered one holds it.
func (o CreateOptions) refuseSecond(ctx context.Context, mem *memory, m *Management, key client.ObjectKey, report progress.Reporter) error {
	if err := m.identify(ctx); err != nil || mem.known.Management.Same(m.place) {
		return err
	}
	if found, err := m.clusterNamed(ctx, key); err != nil || found != nil {
		return err
	}
	asking, cancel := context.WithTimeout(ctx, elsewhereTimeout)
	defer cancel()
	holds, err := o.Management.holds(asking, mem.known, progress.Quiet{Reporter: report})
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, ErrNoManagement):
		return nil
	case err != nil:
		report.Warn(fmt.Sprintf("%s, which held cluster %s, cannot be asked whether it still does: %v", mem.known.Management, key.Name, err))
		return nil
	case !holds:
		return nil
	}
	return &AdvisedError{
		Err: fmt.Errorf("cluster %s is held by %s already: two management clusters would work against each other", key.Name, mem.known.Management),
		Advice: "Nothing was changed. Leave --kubeconfig away to go on with that cluster, move it (docs/howto/move-a-cluster.md), or choose another name or\n" +
			"namespace.",
	}
}

// holds asks a remembered management cluster whether it still holds a cluster.
func (o ManagementOptions) holds(ctx context.Context, c *record.Cluster, report progress.Reporter) (bool, error) {
	m, err := o.reopen(ctx, &c.Management, report)
	if err != nil && c.Management.Kind == record.Libvirt {
		return o.hostedExists(ctx, c.Management, err)
	}
	if err != nil {
		return false, err
	}
	found, err := m.clusterNamed(ctx, client.ObjectKey{Namespace: c.Namespace, Name: c.Name})
	return found != nil, errors.Join(err, m.Close())
}

// hostedExists is for a management cluster on a libvirt host that does not answer, for the reason that is given. As long as its VM exists, it may come
// back with what it holds.
func (o ManagementOptions) hostedExists(ctx context.Context, m record.Management, reason error) (bool, error) {
	host, err := o.hostOf(m)
	if err != nil {
		return false, err
	}
	there, err := libvirt.Info(ctx, host, m.Cluster)
	if err == nil {
		err = there.RequireOwner(host.Owner)
	}
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, libvirt.ErrNoCluster), errors.Is(err, libvirt.ErrOthers):
		return false, ErrNoManagement
	}
	return false, reason
}

// reopen opens a remembered management cluster.
func (o ManagementOptions) reopen(ctx context.Context, p *record.Management, report progress.Reporter) (*Management, error) {
	o.Flag, o.recorded = "", p
	m, err := OpenExistingManagement(ctx, o, report)
	if err == nil && p.Kind == record.Self {
		m.own, m.place.Kind = true, record.Self
	}
	return m, err
}

// answers says whether a remembered management cluster can be used.
func (o ManagementOptions) answers(ctx context.Context, p *record.Management, report progress.Reporter) (bool, error) {
	m, err := o.reopen(ctx, p, report)
	if err != nil {
		return false, err
	}
	return true, m.Close()
}
