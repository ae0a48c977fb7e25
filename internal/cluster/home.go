package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/cluster/record"
	"github.com/ocne-project/ocne/internal/cluster/workload"
)

// ownTimeout bounds the question to a cluster's own API whether it manages itself.
const ownTimeout = 20 * time.Second

// homes are the management clusters that may hold the objects of a cluster that manages itself. While a move is not complete, both do.
type homes struct {
	key client.ObjectKey
	// kubeconfig is the path of the cluster's own.
	kubeconfig string
	// other is the management cluster that it was made from, or nil; own is the cluster itself, or nil when it holds no objects of itself.
	other, own *Management
	// inOther and inOwn are its objects there, or nil.
	inOther, inOwn *clusterv1.Cluster
	// silent is why the cluster's own API, of which there is a kubeconfig, could not be asked; unasked is why the other one could not be.
	silent, unasked error
	report          progress.Reporter
}

// errNamesItself is why a management cluster that was named is not the other one.
var errNamesItself = errors.New("what names it leads to the cluster itself")

// findHomes looks for the cluster's objects in the cluster itself and in the management cluster that the options choose.
func findHomes(ctx context.Context, o ManagementOptions, key client.ObjectKey, kubeconfig string, report progress.Reporter) (*homes, error) {
	h := &homes{key: key, kubeconfig: kubeconfig, report: report}
	h.own, h.inOwn, h.silent = openOwn(ctx, kubeconfig, key)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	other, err := OpenExistingManagement(ctx, o, report)
	if err != nil && moving(h.inOwn) && o.recorded != nil && o.recorded.Kind == record.Libvirt {
		if exists, why := o.hostedExists(ctx, *o.recorded, err); !exists {
			err = why // ErrNoManagement when it was removed, because it held nothing any more
		}
	}
	switch {
	case errors.Is(err, ErrNoManagement):
		return h, nil
	case err != nil && h.own != nil && ctx.Err() == nil:
		h.unasked = err
		report.Warn(fmt.Sprintf("The management cluster that cluster %s may have been made from is not asked: %v", key.Name, err))
		return h, nil
	case err != nil:
		return nil, err
	}
	if h.own != nil {
		same, err := sameCluster(ctx, h.own.Client, other.Client)
		if err != nil || same {
			h.unasked = errNamesItself
			return h, errors.Join(err, other.Close())
		}
	}
	h.other = other
	if h.inOther, err = other.clusterNamed(ctx, key); err != nil {
		return nil, errors.Join(err, other.Close())
	}
	return h, nil
}

// resume completes a move that was interrupted, and returns the management cluster that holds the objects: nil when none does.
func (h *homes) resume(ctx context.Context, mem *memory) (*Management, error) {
	if err := h.bothAsked(ctx, mem); err != nil {
		return nil, err
	}
	switch {
	case h.inOwn != nil && h.inOther != nil:
		t := transfer{from: h.other, to: h.own, key: h.key, mark: inward, report: h.report}
		if !moving(h.inOther) && !moving(h.inOwn) {
			return nil, &AdvisedError{
				Err:    fmt.Errorf("cluster %s is in two management clusters: in %s, and in itself", h.key, h.other.Description),
				Advice: "Nothing was changed. Find out which of the two is right, and remove the objects from the other one as docs/howto/move-a-cluster.md says.",
			}
		}
		if h.inOther.Annotations[moveAnnotation] == outward || h.inOwn.Annotations[moveAnnotation] == outward {
			t.from, t.to, t.mark = h.own, h.other, outward
		}
		h.report.Step("Going on with the move of the cluster's objects")
		if err := t.run(ctx); err != nil {
			return nil, err
		}
		return t.to, nil
	case h.inOwn != nil:
		return h.own, h.own.settleIfMoving(ctx, h.key, h.inOwn)
	case h.inOther != nil:
		return h.other, h.other.settleIfMoving(ctx, h.key, h.inOther)
	}
	return nil, nil
}

// bothAsked refuses to go on with a move when one side was not asked: the other one may hold a part of the objects. Unpaused, a part would make new VMs
// beside those that run, or be deleted without them.
func (h *homes) bothAsked(ctx context.Context, mem *memory) error {
	for _, c := range []*clusterv1.Cluster{h.inOther, h.inOwn} {
		if moving(c) && c.Annotations[moveAnnotation] != inward && c.Annotations[moveAnnotation] != outward {
			return inPart(c) // the other side of it is no home
		}
	}
	if moving(h.inOther) && h.silent != nil {
		return h.oneSided("the cluster itself ("+h.kubeconfig+")", h.silent, "Run the same command again when it answers.\n"+
			"If the cluster's API is gone for good, remove that kubeconfig and run the same command again: what is in the other management cluster is\n"+
			"then taken for all there is, and 'ocne cluster orphans' shows what is left in the engine.")
	}
	place := mem.outside()
	switch {
	case !moving(h.inOwn):
		return nil
	case place != nil && !mem.chooses:
		if h.other != nil {
			if err := h.other.identify(ctx); err != nil || place.Same(h.other.place) {
				return err
			}
		}
		return h.oneSided(place.String(), errors.New("--kubeconfig names another one"),
			"Run the same command again without --kubeconfig: "+mem.file.Path+" knows the management cluster.")
	case h.unasked == nil:
		return nil
	case place != nil:
		return h.oneSided(place.String(), h.unasked, "Run the same command again when it answers.\n"+
			"If it is gone for good, forget the cluster, and run the same command again with the cluster file (-c FILE): what is in the cluster itself is\n"+
			"then taken for all there is.\n  ocne cluster delete -C "+h.key.Name+" --forget")
	}
	return h.oneSided("the other management cluster", h.unasked, "Name the one that the cluster was moved from or to, with --kubeconfig, and run the\n"+
		"same command again when it answers. If it is gone for good, name none, nor by KUBECONFIG or the configuration: what is in the cluster itself is\n"+
		"then taken for all there is.")
}

func (h *homes) oneSided(side string, why error, advice string) error {
	return &AdvisedError{
		Err:    fmt.Errorf("cluster %s is moved in part, and %s cannot be asked: %w", h.key, side, why),
		Advice: "Nothing was changed. " + advice,
	}
}

func (m *Management) settleIfMoving(ctx context.Context, key client.ObjectKey, c *clusterv1.Cluster) error {
	if !moving(c) {
		return nil
	}
	return m.settle(ctx, key)
}

// lost is the error of a cluster that is known to exist, by its kubeconfig or by a move that has begun, and whose objects are not found.
func (h *homes) lost(mem *memory) error {
	switch {
	case h.silent != nil:
		return &AdvisedError{
			Err: fmt.Errorf("cluster %s manages itself, and its API (%s) cannot be asked: %w", h.key.Name, h.kubeconfig, h.silent),
			Advice: "Nothing was changed. Repair the cluster's API: its VMs are in the engine.\n" +
				"If the cluster is gone for good, remove the kubeconfig; 'ocne cluster orphans' shows and removes what it left in the engine.",
		}
	case mem.chooses && mem.known.MovingTo != nil:
		return &AdvisedError{
			Err: fmt.Errorf("cluster %s was on its way from %s to %s, as %s says, and is found in neither of them",
				h.key.Name, mem.known.Management, mem.known.MovingTo, mem.file.Path),
			Advice: "Nothing was changed. The cluster itself is asked only where its kubeconfig is: " + h.kubeconfig + "\n" +
				"If the cluster is gone for good, forget it, then list and remove what it left in the engine:\n" +
				"  ocne cluster delete -C " + h.key.Name + " --forget\n  ocne cluster orphans -c FILE",
		}
	}
	return nil
}

// close ends the connections; an embedded management cluster that is not used any more is stopped, if it manages nothing.
func (h *homes) close(ctx context.Context, used *Management) error {
	if h.other == nil || h.other == used {
		return nil
	}
	return h.other.CloseAndStopIfIdle(ctx, h.report)
}

// openOwn connects to a cluster as the management cluster of itself; nil when it is none, or there is no kubeconfig.
func openOwn(ctx context.Context, kubeconfig string, key client.ObjectKey) (*Management, *clusterv1.Cluster, error) {
	if _, err := os.Stat(kubeconfig); errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	asking, cancel := context.WithTimeout(ctx, ownTimeout)
	defer cancel()
	restConfig, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, nil, err
	}
	api, err := rest.UnversionedRESTClientFor(withoutCodec(callsOfOcne(restConfig)))
	if err != nil {
		return nil, nil, err
	}
	if manages, _, err := served(asking, api, neededResources()[0]); err != nil || !manages {
		return nil, nil, err
	}
	m, err := newOwn(restConfig, kubeconfig)
	if err != nil {
		return nil, nil, err
	}
	c, err := m.clusterNamed(asking, key)
	if err != nil || c == nil {
		return nil, nil, err
	}
	return m, c, nil
}

func newOwn(restConfig *rest.Config, kubeconfig string) (*Management, error) {
	m := &Management{Kubeconfig: kubeconfig, Description: restConfig.Host + ", the cluster itself", own: true}
	path, err := filepath.Abs(kubeconfig)
	if err != nil {
		return nil, err
	}
	m.place = record.Management{Kind: record.Self, Files: []string{path}, Server: withoutUser(restConfig.Host)}
	m.Client, err = newClient(restConfig)
	return m, err
}

// clusterNamed returns nil when there is no such cluster.
func (m *Management) clusterNamed(ctx context.Context, key client.ObjectKey) (*clusterv1.Cluster, error) {
	c := &clusterv1.Cluster{}
	err := m.Client.Get(ctx, key, c)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read cluster %s: %w", key, err)
	}
	return c, nil
}

// sameCluster says whether two APIs are of one cluster.
func sameCluster(ctx context.Context, a, b client.Client) (bool, error) {
	first, err := clusterID(ctx, a)
	if err != nil {
		return false, err
	}
	second, err := clusterID(ctx, b)
	return first == second, err
}

// isItself says whether a management cluster is the very cluster whose objects it holds. A cluster that cannot be asked is not: its API would be
// the one that has just told of it.
func (m *Management) isItself(ctx context.Context, c *clusterv1.Cluster) (bool, error) {
	if m.embedded != nil || m.own {
		return m.own, nil
	}
	kubeconfig, err := readKubeconfig(ctx, m.Client, client.ObjectKeyFromObject(c))
	if err != nil || len(kubeconfig) == 0 {
		return false, err
	}
	w, err := workload.Access(kubeconfig)
	if err != nil {
		return false, err
	}
	same, err := sameCluster(ctx, m.Client, w)
	if err != nil && ctx.Err() == nil {
		return false, nil
	}
	return same, err
}
