package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/cluster/record"
	"github.com/ocne-project/ocne/internal/config"
)

// DeleteOptions say what to delete.
type DeleteOptions struct {
	// Config gives the name, the kubeconfig's path and the names of the Secret and the ConfigMap. It need not be valid.
	Config *config.Config
	// AnyNamespace looks for the name in every namespace instead of the configuration's.
	AnyNamespace bool
	// Management chooses the management cluster.
	Management ManagementOptions
	// Abandon deletes the cluster without asking its engine, which is gone for good.
	Abandon bool
	// Forget removes the cluster from the record only, because its management cluster is gone for good.
	Forget bool
}

// Delete removes a cluster and waits until neither the engine nor the management cluster holds anything of it; then it removes what
// ocne made beside it, and an embedded management cluster that manages nothing any more. It may be interrupted and called again. A
// cluster that is gone already is fine, unless there are others: then its name is taken for a mistake, and the error lists them.
//
// The VMs are those that an abandoned cluster may have left in its engine; they come with an error, too.
func Delete(ctx context.Context, o DeleteOptions, report progress.Reporter) ([]AbandonedVM, error) {
	mem, err := recall(o.Management, o.Config, o.AnyNamespace, report)
	if err != nil {
		return nil, err
	}
	if o.Management, err = mem.notItself(o.Management, report); err != nil {
		return nil, err
	}
	o.Config = mem.config(o.Config)
	if o.Forget {
		return nil, unfinished(ctx, o.forget(ctx, mem, report), nothing, nil)
	}
	m, err := o.open(ctx, mem, report)
	if errors.Is(err, ErrNoManagement) {
		report.Step(fmt.Sprintf("There is no management cluster and so no cluster %s: nothing to delete", o.Config.Name))
		return nil, keepKubeconfig(o.Config.KubeconfigPath(), report)
	}
	if err != nil {
		return nil, unfinished(ctx, err, nothing, nil)
	}
	mem.tell(o.Management, m, report)
	report.Step("Management cluster: " + m.Description)
	d := &deletion{DeleteOptions: o, Management: m, report: report, key: keyOf(o.Config), mem: mem}
	changed, err := d.run(ctx)
	m.backUpAfter(ctx, o.Config.Backup, report)
	if err != nil {
		return d.left, errors.Join(err, m.Close())
	}
	mem.warn(ctx, o.Config.Name, mem.forget(ctx, d.key, m), report)
	return d.left, unfinished(ctx, m.CloseAndStopIfIdle(ctx, report), extentOfDeletion(changed), nil)
}

// forget is for a cluster whose management cluster is gone for good.
func (o DeleteOptions) forget(ctx context.Context, mem *memory, report progress.Reporter) error {
	if mem.known == nil {
		return &AdvisedError{
			Err:    fmt.Errorf("no management cluster is remembered for a cluster %s in %s", o.Config.Name, mem.file.Path),
			Advice: "See what is remembered: ocne cluster list",
		}
	}
	asking, cancel := context.WithTimeout(ctx, elsewhereTimeout)
	defer cancel()
	place, way := mem.known.Management, "in"
	holds, err := o.Management.holds(asking, mem.known, progress.Quiet{Reporter: report})
	if to := mem.known.MovingTo; holds && to != nil { // the move can be completed only when both answer
		place, way = *to, "on its way to"
		holds, err = o.Management.answers(asking, to, progress.Quiet{Reporter: report})
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case holds:
		return &AdvisedError{
			Err:    fmt.Errorf("cluster %s is %s %s, which is there", o.Config.Name, way, place),
			Advice: "Nothing was forgotten. Delete the cluster, without --forget.",
		}
	case err == nil || errors.Is(err, ErrNoManagement):
	default:
		report.Warn(fmt.Sprintf("%s cannot be asked whether it holds the cluster: %v", place, err))
	}
	gone := *mem.known
	err = mem.file.Forget(ctx, func(c record.Cluster) bool { return c.Namespace == gone.Namespace && c.Name == gone.Name })
	if err != nil {
		return err
	}
	report.Step(fmt.Sprintf("Forgot that cluster %s is held by %s; nothing else was removed", gone.Name, gone.Management))
	return keepKubeconfig(o.Config.KubeconfigPath(), report)
}

// deletion is one run of the command.
type deletion struct {
	DeleteOptions
	*Management
	report progress.Reporter
	left   []AbandonedVM
	key    client.ObjectKey // of the cluster
	mem    *memory
}

// extentOfDeletion: what has begun to go goes on by itself.
func extentOfDeletion(changed bool) extent {
	if changed {
		return complete
	}
	return nothing
}

// run says whether anything was deleted, or began to be.
func (d *deletion) run(ctx context.Context) (changed bool, err error) {
	m, o, report := d.Management, d.DeleteOptions, d.report
	found, others, err := m.find(ctx, Selection{Config: o.Config, AnyNamespace: o.AnyNamespace})
	switch {
	case err != nil:
	case found != nil:
		err = deletable(found)
	default:
		err = d.elsewhere(ctx)
	}
	if err != nil {
		return false, unfinished(ctx, err, nothing, nil)
	}
	l := leftovers{
		key:        keyOf(o.Config),
		kubeconfig: o.Config.KubeconfigPath(),
		access:     configuredAccess(o.Config),
		secret:     objectKey(o.Config.OLVM.APIServer.CredentialsSecret, o.Config.Namespace),
		ca:         caKey(o.Config),
	}
	if found != nil {
		l.key, l.known = client.ObjectKeyFromObject(found), true
		d.key = l.key
		if err := d.deleteCluster(ctx, found, &l); err != nil {
			return true, err
		}
	}
	removed, err := m.removeLeftovers(ctx, l, report)
	changed = found != nil || removed
	switch {
	case err != nil:
		return changed, unfinished(ctx, err, extentOfDeletion(changed), nil)
	case found != nil:
		report.Step(fmt.Sprintf("Cluster %s is deleted", l.key.Name))
	case removed:
		report.Step(fmt.Sprintf("Cluster %s was gone already; removed what was left of it", l.key.Name))
	case len(others) > 0 && !d.mem.chooses: // else its name is no mistake
		return false, m.noSuchCluster(o.Config.Name, others)
	default:
		report.Step(fmt.Sprintf("There is no cluster %s in the management cluster: nothing to delete", l.key.Name))
	}
	return changed, nil
}

// elsewhere refuses to take a cluster for gone that is looked for in another management cluster than the remembered one.
func (d *deletion) elsewhere(ctx context.Context) error {
	place, err := d.mem.another(ctx, d.Management)
	if err != nil || place == nil {
		return err
	}
	name := d.Config.Name
	return &AdvisedError{
		Err: fmt.Errorf("there is no cluster %s in the management cluster %s: it is in %s, or on its way there, as %s says",
			name, d.Description, place, d.mem.file.Path),
		Advice: "Nothing was changed. Leave --kubeconfig away to delete it there. If it is gone for good, forget it:\n  ocne cluster delete -C " + name + " --forget",
	}
}

// deletable refuses what would not be deleted, or not as a whole.
func deletable(c *clusterv1.Cluster) error {
	commands := unpausing(c)
	switch {
	case provider(c) != config.ProviderOLVM:
		return fmt.Errorf("cluster %s belongs to another provider (%s), so ocne does not delete it", fullName(c), c.Spec.InfrastructureRef.Kind)
	case moving(c):
		return inPart(c)
	case commands != "" && c.DeletionTimestamp.IsZero():
		return &AdvisedError{
			Err: fmt.Errorf("cluster %s is paused, and Cluster API deletes nothing of a paused cluster", fullName(c)),
			Advice: "Nothing was changed. If nobody moves it to another management cluster at present, let it go on, in the management cluster,\n" +
				"and delete it then:" + commands,
		}
	}
	return nil
}

// deleteCluster deletes the Cluster object, on which Cluster API deletes everything of it in order, and waits until all is gone.
func (d *deletion) deleteCluster(ctx context.Context, c *clusterv1.Cluster, l *leftovers) error {
	key, begun := client.ObjectKeyFromObject(c), !c.DeletionTimestamp.IsZero()
	s, err := observe(ctx, d.Client, key)
	if err == nil && d.Abandon {
		err = d.abandon(ctx, s)
		d.left = s.abandonedVMs()
	}
	if err != nil {
		d.left = nil
		return unfinished(ctx, err, extentOfDeletion(begun), nil)
	}
	if begun {
		d.report.Step(fmt.Sprintf("Cluster %s in namespace %s is being deleted already", key.Name, key.Namespace))
	} else {
		d.report.Step(fmt.Sprintf("Deleting cluster %s in namespace %s", key.Name, key.Namespace))
	}
	l.access = d.ownAccess(ctx, c, s.infrastructure)
	if s.infrastructure != nil {
		server := s.infrastructure.Spec.OLVMOvirtAPIServer
		l.secret = objectKey(server.CredentialsSecret, key.Namespace)
		if server.CAConfigMap != nil {
			l.ca = objectKey(*server.CAConfigMap, key.Namespace)
		}
	}
	if err := d.Client.Delete(ctx, c); err != nil && !apierrors.IsNotFound(err) {
		return unfinished(ctx, fmt.Errorf("delete cluster %s: %w", key, err), complete, nil)
	}
	return d.awaitGone(ctx, key)
}

// awaitGone waits until the management cluster holds nothing of the cluster any more.
func (d *deletion) awaitGone(ctx context.Context, key client.ObjectKey) error {
	title, engine := "Deleting cluster "+key.Name, silence{now: time.Now}
	var last *snapshot
	var waiting []progress.Item
	err := d.watch(ctx, key, d.report, func(s *snapshot) (bool, error) {
		last, waiting = s, deletionView(s)
		d.report.Show(title, waiting)
		if words, lasts := engine.lasts(s); lasts {
			d.report.Warn(words)
		}
		return s.gone(), nil
	})
	d.report.Close()
	err = unfinished(ctx, err, complete, waiting)
	if u := (*UnfinishedError)(nil); errors.As(err, &u) {
		u.EngineGone = abandonable(last)
	}
	return err
}
