package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/annotations"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/capi/move"
	"github.com/ocne-project/ocne/internal/cluster/progress"
)

// moveAnnotation is on a Cluster from before its objects are moved until the move is complete, on both sides. Its value says where to.
const moveAnnotation = "ocne-project.github.io/move"

const (
	inward  = "into-the-cluster"
	outward = "out-of-the-cluster"
	between = "between-management-clusters"
)

// transferTitle is that of what is shown meanwhile.
const transferTitle = "Moving the cluster's objects"

// transferTimeout bounds how long a move is tried again; clusterctl refuses it while a node is on its way.
const transferTimeout = 10 * time.Minute

// transfer is a move of a cluster's objects from one management cluster to another, of which one is the cluster itself. It may be interrupted
// anywhere and run again: the Cluster is the first object that the target gets, and the last that the source loses.
type transfer struct {
	from, to *Management
	key      client.ObjectKey
	// mark is inward or outward.
	mark   string
	report progress.Reporter
}

// run moves and lets the target go on. Both sides must have the providers.
func (t transfer) run(ctx context.Context) error {
	if err := t.from.refuseOthers(ctx, t.key); err != nil {
		return err
	}
	if err := t.awaitQuiet(ctx); err != nil {
		return err
	}
	if err := t.copyShared(ctx); err != nil {
		return err
	}
	patch := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%q}}}`, moveAnnotation, t.mark)
	if err := t.from.patchCluster(ctx, t.key, patch); err != nil {
		return err
	}
	if err := t.move(ctx); err != nil {
		return err
	}
	return t.to.settle(ctx, t.key)
}

// refuseOthers refuses to move a cluster that is not alone in its namespace: clusterctl moves everything of a namespace.
func (m *Management) refuseOthers(ctx context.Context, key client.ObjectKey) error {
	var clusters clusterv1.ClusterList
	if err := m.Client.List(ctx, &clusters, client.InNamespace(key.Namespace)); err != nil {
		return fmt.Errorf("list the clusters of namespace %s: %w", key.Namespace, err)
	}
	for i := range clusters.Items {
		if other := clusters.Items[i].Name; other != key.Name {
			return &AdvisedError{
				Err:    fmt.Errorf("cluster %s cannot be moved: cluster %s is in the same namespace %s, and would be moved with it", key.Name, other, key.Namespace),
				Advice: "Give a cluster that manages itself a namespace of its own: providers.olvm.namespace",
			}
		}
	}
	return nil
}

// awaitQuiet waits until no machine comes or goes. A Cluster that is paused by an interrupted move is as quiet as it gets.
func (t transfer) awaitQuiet(ctx context.Context) error {
	deadline := time.Now().Add(transferTimeout)
	defer t.report.Close()
	return t.from.watch(ctx, t.key, t.report, func(s *snapshot) (bool, error) {
		if s.cluster == nil || moving(s.cluster) {
			return true, nil
		}
		var waiting []progress.Item
		for i := range s.machines {
			m := &s.machines[i]
			switch {
			case !m.DeletionTimestamp.IsZero():
				waiting = append(waiting, progress.Item{Name: "machine " + m.Name, State: "is being deleted"})
			case !m.Status.NodeRef.IsDefined():
				waiting = append(waiting, progress.Item{Name: "machine " + m.Name, State: "has no node yet"})
			}
		}
		if len(waiting) == 0 {
			return true, nil
		}
		t.report.Show(transferTitle, waiting)
		if time.Now().After(deadline) {
			return false, &AdvisedError{
				Err:    fmt.Errorf("the objects of cluster %s cannot be moved: %s %s for %s", t.key.Name, waiting[0].Name, waiting[0].State, transferTimeout),
				Advice: "Nothing was moved. Delete the Machine or find out what it waits for, then run the same command again.",
			}
		}
		return false, nil
	})
}

// copyShared gives the target the engine's credentials and CA, which may be in another namespace, where clusterctl does not look.
func (t transfer) copyShared(ctx context.Context) error {
	s, err := observe(ctx, t.from.Client, t.key)
	if err != nil || s.infrastructure == nil {
		return err
	}
	server := s.infrastructure.Spec.OLVMOvirtAPIServer
	if err := t.copyObject(ctx, &corev1.Secret{}, objectKey(server.CredentialsSecret, t.key.Namespace)); err != nil {
		return err
	}
	if server.CAConfigMap == nil {
		return nil
	}
	return t.copyObject(ctx, &corev1.ConfigMap{}, objectKey(*server.CAConfigMap, t.key.Namespace))
}

func (t transfer) copyObject(ctx context.Context, obj client.Object, key client.ObjectKey) error {
	err := t.from.Client.Get(ctx, key, obj)
	if apierrors.IsNotFound(err) {
		return nil // an interrupted move has taken it along
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", key, err)
	}
	if err := ensureNamespace(ctx, t.to.Client, key.Namespace, t.report); err != nil {
		return err
	}
	labels := obj.GetLabels()
	switch o := obj.(type) {
	case *corev1.Secret:
		obj = &corev1.Secret{Type: o.Type, Data: o.Data}
	case *corev1.ConfigMap:
		obj = &corev1.ConfigMap{Data: o.Data, BinaryData: o.BinaryData}
	}
	obj.SetName(key.Name)
	obj.SetNamespace(key.Namespace)
	obj.SetLabels(labels)
	return apply(ctx, t.to.Client, obj)
}

// move calls clusterctl's library until it has moved everything.
func (t transfer) move(ctx context.Context) error {
	return untilMoved(ctx, "cluster "+t.key.Name, t.report, t.moveOnce)
}

// untilMoved tries a move again for a while: clusterctl refuses one while a node is on its way.
func untilMoved(ctx context.Context, what string, report progress.Reporter, once func(context.Context) error) error {
	deadline := time.Now().Add(transferTimeout)
	defer report.Close()
	for {
		err := once(ctx)
		if err == nil || ctx.Err() != nil {
			return errors.Join(err, context.Cause(ctx))
		}
		if time.Now().After(deadline) {
			return &AdvisedError{
				Err:    fmt.Errorf("the objects of %s cannot be moved: %w", what, err),
				Advice: "Run the same command again: it goes on with the move.",
			}
		}
		report.Show(transferTitle, []progress.Item{{Name: "move", State: "waiting", Detail: err.Error()}})
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

// moveOnce calls clusterctl's library once, unless nothing is left to move.
func (t transfer) moveOnce(ctx context.Context) error {
	left, err := t.from.holdForMove(ctx, t.key)
	if err != nil || !left {
		return err
	}
	return moveNamespace(ctx, t.from, t.to, t.key.Namespace)
}

// holdForMove makes a cluster one that clusterctl moves, and says whether there is any: the Cluster is the last object that a move deletes.
// clusterctl looks at the objects before it pauses the cluster, and takes no cluster that is paused. So everything of the cluster is paused
// one by one, and the Cluster itself, which an interrupted move has paused, is not.
func (m *Management) holdForMove(ctx context.Context, key client.ObjectKey) (left bool, err error) {
	c, err := m.clusterNamed(ctx, key)
	if err != nil || c == nil {
		return false, err
	}
	if err := m.holdStill(ctx, key); err != nil {
		return false, err
	}
	return true, m.patchCluster(ctx, key, []byte(`{"spec":{"paused":null}}`))
}

// moveNamespace lets clusterctl move everything of a namespace. It reads kubeconfigs from one file each.
func moveNamespace(ctx context.Context, from, to *Management, namespace string) (err error) {
	var paths [2]string
	for i, side := range []*Management{from, to} {
		path, done, failed := side.oneFile()
		if failed != nil {
			return fmt.Errorf("kubeconfig of the management cluster %s: %w", side.Description, failed)
		}
		defer func() { err = errors.Join(err, done()) }()
		paths[i] = path
	}
	return move.Namespace(ctx, paths[0], paths[1], namespace)
}

func (m *Management) patchCluster(ctx context.Context, key client.ObjectKey, patch []byte) error {
	c := &clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}}
	if err := m.Client.Patch(ctx, c, client.RawPatch(types.MergePatchType, patch), fieldOwner); err != nil {
		return fmt.Errorf("change cluster %s: %w", key, err)
	}
	return nil
}

// settle lets a management cluster go on with a cluster that was moved to it, or that was to be moved away.
func (m *Management) settle(ctx context.Context, key client.ObjectKey) error {
	if err := m.letGoOn(ctx, key); err != nil {
		return err
	}
	return m.patchCluster(ctx, key, fmt.Appendf(nil, `{"metadata":{"annotations":{%q:null}},"spec":{"paused":null}}`, moveAnnotation))
}

// moving says that a move of the cluster was begun and not ended.
func moving(c *clusterv1.Cluster) bool { return c != nil && c.Annotations[moveAnnotation] != "" }

// inPart is the error of a cluster of which a part of the objects may be elsewhere.
func inPart(c *clusterv1.Cluster) error {
	return &AdvisedError{Err: fmt.Errorf("cluster %s is moved or restored in part", fullName(c)), Advice: "Nothing was changed. " + goOn(c)}
}

// goOn is the advice for a cluster that is moving: only the command that was interrupted knows where the rest of it is.
func goOn(c *clusterv1.Cluster) string {
	advice := "Do not unpause it. If no other command is at it, run the one again that was interrupted; it goes on"
	switch c.Annotations[moveAnnotation] {
	case inward:
		return advice + ":\n  ocne cluster start -c FILE"
	case outward:
		return advice + ":\n  ocne cluster delete -C " + c.Name
	case between:
		return advice + ":\n  ocne management move"
	case restoring:
		return advice + ":\n  ocne management restore FILE"
	}
	return advice + "."
}

// unpausing are the commands that let a paused cluster go on; empty for one that is not paused.
func unpausing(c *clusterv1.Cluster) string {
	var commands string
	if ptr.Deref(c.Spec.Paused, false) {
		commands += fmt.Sprintf("\n  kubectl -n %s patch cluster %s --type merge -p '{\"spec\":{\"paused\":false}}'", c.Namespace, c.Name)
	}
	if annotations.HasPaused(c) {
		commands += fmt.Sprintf("\n  kubectl -n %s annotate cluster %s %s-", c.Namespace, c.Name, clusterv1.PausedAnnotation)
	}
	return commands
}
