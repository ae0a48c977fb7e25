package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/config"
)

// RelocateOptions say which clusters get another management cluster.
type RelocateOptions struct {
	// From chooses the management cluster that holds them by Flag, which is the embedded one when empty. Nothing else of it chooses.
	From ManagementOptions
	// To is the kubeconfig of the other one; empty means the embedded one.
	To string
	// One is the only cluster to move; nil means all.
	One *Selection
	// Backup says how the embedded management cluster is backed up afterwards.
	Backup config.Backup
}

// Relocate moves clusters from one management cluster to another, and returns those that it has moved. Their VMs stay as they are. It may be
// interrupted and called again.
func Relocate(ctx context.Context, o RelocateOptions, report progress.Reporter) ([]Listed, error) {
	if o.From.Flag == "" && o.To == "" {
		return nil, errors.New("the embedded management cluster is both where the clusters are and where they shall go: name another one")
	}
	from, err := OpenExistingManagement(ctx, o.From.only(), report)
	if errors.Is(err, ErrNoManagement) {
		return nil, &AdvisedError{
			Err:    errors.New("there is no embedded management cluster, and so no cluster in it"),
			Advice: "If a move was interrupted at its very end, everything is in the other one:\n  ocne cluster list --kubeconfig " + o.To,
		}
	}
	if err != nil {
		return nil, err
	}
	target := o.From.only()
	target.Flag = o.To
	to, err := OpenManagement(ctx, target, report)
	if err != nil {
		return nil, errors.Join(err, from.Close())
	}
	r := relocation{from: from, to: to, home: o.From.HomeDir, report: report}
	moved, err := r.run(ctx, o.One)
	for _, m := range []*Management{from, to} {
		m.backUpAfter(ctx, o.Backup, report)
	}
	if err != nil {
		return nil, errors.Join(err, from.Close(), to.CloseAndStopIfIdle(context.WithoutCancel(ctx), report))
	}
	return moved, errors.Join(to.Close(), from.CloseAndStopIfIdle(ctx, report))
}

// relocation is one run of the command.
type relocation struct {
	from, to *Management
	home     string // the user's home directory
	report   progress.Reporter
}

func (r relocation) run(ctx context.Context, one *Selection) ([]Listed, error) {
	if same, err := sameCluster(ctx, r.from.Client, r.to.Client); err != nil || same {
		if same {
			err = fmt.Errorf("both kubeconfigs are of the same management cluster: %s", r.to.Description)
		}
		return nil, err
	}
	keys, err := r.selected(ctx, one)
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		r.report.Step("The management cluster " + r.from.Description + " holds no cluster: nothing to move")
		return []Listed{}, nil
	}
	byNamespace := map[string][]client.ObjectKey{}
	for _, key := range keys {
		byNamespace[key.Namespace] = append(byNamespace[key.Namespace], key)
	}
	var clusters []takeOver
	for _, namespace := range slices.Sorted(maps.Keys(byNamespace)) {
		took, err := r.moveNamespace(ctx, namespace, byNamespace[namespace])
		if err != nil {
			return nil, err
		}
		clusters = append(clusters, took...)
	}
	if err := r.to.tookOver(ctx, r.home, clusters, r.report); err != nil {
		return nil, err
	}
	listed, err := r.to.list(ctx)
	return slices.DeleteFunc(listed, func(l Listed) bool {
		return !slices.Contains(keys, client.ObjectKey{Namespace: l.Namespace, Name: l.Name})
	}), err
}

// selected are the clusters to move: those that are in the source, and those that an interrupted move has taken out of it and not let go on.
func (r relocation) selected(ctx context.Context, one *Selection) ([]client.ObjectKey, error) {
	var here, there clusterv1.ClusterList
	if err := errors.Join(r.from.Client.List(ctx, &here), r.to.Client.List(ctx, &there)); err != nil {
		return nil, fmt.Errorf("list clusters: %w", err)
	}
	var keys, others []client.ObjectKey
	wanted := func(c *clusterv1.Cluster) bool {
		return one == nil || c.Name == one.Config.Name && (one.AnyNamespace || c.Namespace == one.Config.Namespace)
	}
	for i := range here.Items {
		c := &here.Items[i]
		if !wanted(c) {
			others = append(others, client.ObjectKeyFromObject(c))
			continue
		}
		if err := r.movable(ctx, c, there.Items); err != nil {
			return nil, err
		}
		keys = append(keys, client.ObjectKeyFromObject(c))
	}
	for i := range there.Items {
		c := &there.Items[i]
		if c.Annotations[moveAnnotation] == between && wanted(c) && !slices.Contains(keys, client.ObjectKeyFromObject(c)) {
			keys = append(keys, client.ObjectKeyFromObject(c))
		}
	}
	if one == nil {
		return keys, nil
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("there is no cluster %s in the management cluster %s", one.Config.Name, r.from.Description)
	}
	for _, other := range others {
		if other.Namespace == keys[0].Namespace {
			return nil, &AdvisedError{
				Err: fmt.Errorf("cluster %s is in the same namespace %s as cluster %s, and would be moved with it",
					other.Name, other.Namespace, keys[0].Name),
				Advice: "Nothing was moved. To move all clusters, name none.",
			}
		}
	}
	return keys, nil
}

// movable refuses what clusterctl would move wrongly, before anything is changed.
func (r relocation) movable(ctx context.Context, c *clusterv1.Cluster, there []clusterv1.Cluster) error {
	refuse := func(advice, format string, args ...any) error {
		return &AdvisedError{Err: fmt.Errorf(format, args...), Advice: "Nothing was moved. " + advice}
	}
	mark := c.Annotations[moveAnnotation]
	double := slices.ContainsFunc(there, func(t clusterv1.Cluster) bool { return t.Namespace == c.Namespace && t.Name == c.Name })
	switch {
	case mark == between && (double || c.DeletionTimestamp.IsZero()):
		return nil
	case mark == between: // moved, it would come back to life on the other side
		return errors.Join(refuse("Wait until it is gone.", "cluster %s is being deleted", fullName(c)),
			r.giveUp(ctx, []client.ObjectKey{client.ObjectKeyFromObject(c)}))
	case mark != "":
		return refuse(goOn(c), "cluster %s is being moved or restored by another command", fullName(c))
	case double:
		return refuse("Find out which of the two is right, and remove the objects from the other one as docs/howto/move-a-cluster.md says.",
			"cluster %s is in both management clusters", fullName(c))
	case !c.DeletionTimestamp.IsZero():
		return refuse("Wait until it is gone.", "cluster %s is being deleted", fullName(c))
	case ptr.Deref(c.Spec.Paused, false):
		return refuse("Let it go on first: set spec.paused of the Cluster object to false.", "cluster %s is paused", fullName(c))
	}
	itself, err := r.from.isItself(ctx, c)
	if itself && err == nil {
		return refuse("Its objects leave it when it is deleted.", "cluster %s manages itself", fullName(c))
	}
	return err
}

// moveNamespace moves all clusters of a namespace, which are moved together.
func (r relocation) moveNamespace(ctx context.Context, namespace string, keys []client.ObjectKey) (took []takeOver, err error) {
	if err := r.to.checkIgnition(ctx, namespace); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.giveUp(ctx, keys))
		}
	}()
	for _, key := range keys {
		t := transfer{from: r.from, to: r.to, key: key, mark: between, report: r.report}
		s, err := observe(ctx, r.from.Client, key)
		if err != nil {
			return nil, err
		}
		took = append(took, seenIn(key, s))
		if s.cluster == nil {
			continue // only its end is missing
		}
		if err := errors.Join(t.awaitQuiet(ctx), ctx.Err()); err != nil {
			return nil, err
		}
		if err := t.copyShared(ctx); err != nil {
			return nil, err
		}
		if err := r.from.patchCluster(ctx, key, fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%q}}}`, moveAnnotation, between)); err != nil {
			return nil, err
		}
	}
	r.report.Step(fmt.Sprintf("Moving the objects of namespace %s to %s", namespace, r.to.Description))
	err = untilMoved(ctx, "namespace "+namespace, r.report, func(ctx context.Context) error { return r.moveOnce(ctx, namespace, keys) })
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		if err := r.to.settle(ctx, key); err != nil {
			return nil, err
		}
	}
	return took, nil
}

// seenIn is what the other side has to see again.
func seenIn(key client.ObjectKey, s *snapshot) takeOver {
	t := takeOver{key: key, initialized: s.controlPlaneInitialized()}
	for i := range s.machines {
		if s.machines[i].Status.NodeRef.IsDefined() {
			t.machines = append(t.machines, s.machines[i].Name)
		}
	}
	return t
}

// moveOnce is transfer.moveOnce for several clusters.
func (r relocation) moveOnce(ctx context.Context, namespace string, keys []client.ObjectKey) error {
	anything := false
	for _, key := range keys {
		left, err := r.from.holdForMove(ctx, key)
		if err != nil {
			return err
		}
		anything = anything || left
	}
	if !anything {
		return nil
	}
	return moveNamespace(ctx, r.from, r.to, namespace)
}

// giveUp lets the source go on with the clusters of which the target has got nothing. The others stay paused: the next run goes on with them.
func (r relocation) giveUp(ctx context.Context, keys []client.ObjectKey) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTimeout)
	defer cancel()
	for _, key := range keys {
		here, err := r.from.clusterNamed(ctx, key)
		if err != nil {
			return err
		}
		there, err := r.to.clusterNamed(ctx, key)
		if err != nil {
			return err
		}
		switch {
		case moving(here) && there == nil:
			if err := r.from.settle(ctx, key); err != nil {
				return err
			}
			r.report.Step(fmt.Sprintf("Cluster %s was not moved: %s goes on with it", key.Name, r.from.Description))
		case moving(there):
			r.report.Warn(fmt.Sprintf("Cluster %s is moved in part, and paused: run the same command again, which goes on", key.Name))
		}
	}
	return nil
}
