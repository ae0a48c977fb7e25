package cluster

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/backup"
	"github.com/ocne-project/ocne/internal/capi/objects"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/config"
	"github.com/ocne-project/ocne/internal/filelock"
)

// restoring is the value of moveAnnotation on a Cluster that is not restored completely.
const restoring = "restored-from-a-backup"

// askOldTimeout bounds the question whether the management cluster of a backup still runs.
const askOldTimeout = 10 * time.Second

// RestoreOptions say what to restore, and where.
type RestoreOptions struct {
	// Management chooses the management cluster by Flag, which is the embedded one when empty. Nothing else of it chooses.
	Management ManagementOptions
	// File is the backup, and KeyFile decrypts it.
	File, KeyFile string
	// Backup says how an embedded management cluster is backed up when it has taken over.
	Backup config.Backup
}

// RestoreManagement makes the clusters of a backup managed again, by the embedded management cluster or by another one, and returns them. Their VMs
// are taken over as they are. It refuses clusters that are there already, and those that another management cluster still works on, as far as it knows
// of that one and can ask it. Interrupted, it may be called again.
func RestoreManagement(ctx context.Context, o RestoreOptions, report progress.Reporter) ([]Listed, error) {
	key, err := backup.LoadKey(o.KeyFile)
	if err != nil {
		return nil, &AdvisedError{Err: err, Advice: "Nothing was changed. Name the key that the backup was made with: --key-file FILE"}
	}
	c, err := backup.Read(o.File, key)
	if err != nil {
		return nil, &AdvisedError{Err: err, Advice: "Nothing was changed. Name another backup, or the key that this one was made with: --key-file FILE"}
	}
	report.Step(fmt.Sprintf("The backup is of %s, of the management cluster %s on %s",
		c.Created.Format(time.RFC3339), c.Source.Description, c.Source.Host))
	if len(clustersIn(c.Objects)) == 0 {
		return nil, fmt.Errorf("backup %s holds no cluster", o.File)
	}
	r := restore{RestoreOptions: o, content: c, report: report}
	if err := r.refuseTwoManagers(ctx); err != nil {
		return nil, err
	}
	m, err := OpenManagement(ctx, o.Management.only(), report)
	if err != nil {
		return nil, err
	}
	report.Step("Management cluster: " + m.Description)
	r.Management = m
	listed, err := r.run(ctx)
	m.backUpAfter(ctx, o.Backup, report)
	if err != nil {
		afterwards, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTimeout)
		defer cancel()
		return nil, errors.Join(err, m.CloseAndStopIfIdle(afterwards, report))
	}
	return listed, m.Close()
}

// restore is one run of the command.
type restore struct {
	RestoreOptions
	*Management
	content backup.Content
	report  progress.Reporter
}

func (r restore) run(ctx context.Context) ([]Listed, error) {
	goesOn, err := r.refuseExisting(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.refuseHeld(ctx); err != nil {
		return nil, err
	}
	// One at a time: the objects are in files while clusterctl's library reads them.
	directory := filepath.Join(r.RestoreOptions.Management.HomeDir, ".ocne", "restore")
	lock, err := filelock.Wait(ctx, directory+".lock", filelock.Alone, func() { r.report.Step("Waiting for another restore") })
	if err != nil {
		return nil, err
	}
	defer func() { _ = lock.Close() }()
	r.report.Step(fmt.Sprintf("Restoring %d objects", len(r.content.Objects)))
	restorer := objects.Restorer{Kubeconfig: r.Kubeconfig, Directory: directory, Annotations: map[string]string{moveAnnotation: restoring}}
	if goesOn {
		err = restorer.Finish(ctx, r.content.Objects)
	} else {
		err = restorer.Restore(ctx, r.content.Objects)
	}
	if err != nil {
		return nil, &AdvisedError{
			Err:    fmt.Errorf("restore %s: %w", r.File, err),
			Advice: "No VM was touched. Run the same command again: it goes on where it was. Until then, the clusters are paused.",
		}
	}
	if err := r.finish(ctx); err != nil {
		return nil, &AdvisedError{
			Err:    fmt.Errorf("restore %s: %w", r.File, err),
			Advice: "All objects are restored, and no VM was touched. Run the same command again: only its end is missing.",
		}
	}
	return r.list(ctx)
}

// finish waits until the controllers have taken over what is restored. The marks go last: until then, the command may be interrupted and called again.
func (r restore) finish(ctx context.Context) error {
	clusters := clustersToTakeOver(r.content.Objects)
	if err := r.tookOver(ctx, r.RestoreOptions.Management.HomeDir, clusters, r.report); err != nil {
		return err
	}
	for _, t := range clusters {
		err := r.patchCluster(ctx, t.key, fmt.Appendf(nil, `{"metadata":{"annotations":{%q:null}}}`, moveAnnotation))
		if client.IgnoreNotFound(err) != nil { // one that was being deleted is gone by now
			return err
		}
	}
	return nil
}

// clustersToTakeOver are the clusters of a backup, but those that were paused: nobody looks at them.
func clustersToTakeOver(all []*unstructured.Unstructured) []takeOver {
	var clusters []takeOver
	for _, found := range clustersIn(all) {
		t := takeOver{key: client.ObjectKeyFromObject(found)}
		paused, _, _ := unstructured.NestedBool(found.Object, "spec", "paused")
		initialized, _, _ := unstructured.NestedBool(found.Object, "status", "initialization", "controlPlaneInitialized")
		t.initialized = initialized && !paused
		for _, o := range all {
			node, _, _ := unstructured.NestedString(o.Object, "status", "nodeRef", "name")
			ofCluster := o.GetNamespace() == t.key.Namespace && o.GetLabels()[clusterv1.ClusterNameLabel] == t.key.Name
			if o.GetKind() == "Machine" && node != "" && !paused && ofCluster {
				t.machines = append(t.machines, o.GetName())
			}
		}
		clusters = append(clusters, t)
	}
	return clusters
}

// refuseExisting: a cluster that is there already is managed already, and may have changed since the backup. One that bears the mark of a restore was
// left by one that was interrupted; when all of them go on already, only the end of it is missing.
func (r restore) refuseExisting(ctx context.Context) (goesOn bool, err error) {
	active, resumed := 0, 0
	for _, found := range clustersIn(r.content.Objects) {
		key := client.ObjectKeyFromObject(found)
		existing, err := r.clusterNamed(ctx, key)
		if err != nil {
			return false, err
		}
		wasPaused, _, _ := unstructured.NestedBool(found.Object, "spec", "paused")
		if !wasPaused {
			active++
		}
		if existing == nil {
			continue
		}
		if existing.Annotations[moveAnnotation] == restoring {
			if !wasPaused && !ptr.Deref(existing.Spec.Paused, false) {
				resumed++
			}
			continue
		}
		return false, &AdvisedError{
			Err: fmt.Errorf("cluster %s (namespace %s) is in the management cluster %s already", key.Name, key.Namespace, r.Description),
			Advice: "Nothing was changed. A restore is for clusters that nobody manages any more: this one is managed, and may have changed\n" +
				"since the backup.\n" +
				"  ocne cluster info -C " + key.Name,
		}
	}
	return active > 0 && active == resumed, nil
}

// refuseTwoManagers asks the management cluster that the backup is of. Two that work on one cluster would each replace what the other deletes.
func (r restore) refuseTwoManagers(ctx context.Context) error {
	source := r.content.Source
	asking, cancel := context.WithTimeout(ctx, askOldTimeout)
	defer cancel()
	old, err := openOld(asking, source)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil || old == nil {
		r.report.Warn(fmt.Sprintf("The management cluster that the backup is of, %s on %s, does not answer from here. It must not be started again: "+
			"it would take the clusters up a second time. Where its directory still exists, remove it", source.Description, source.Host))
		return nil
	}
	for _, found := range clustersIn(r.content.Objects) {
		key := client.ObjectKeyFromObject(found)
		managed, err := old.clusterNamed(asking, key)
		if err != nil {
			return err
		}
		if managed == nil || ptr.Deref(managed.Spec.Paused, false) {
			continue
		}
		return &AdvisedError{
			Err: fmt.Errorf("cluster %s (namespace %s) is managed by the management cluster that the backup is of, which still runs: %s",
				key.Name, key.Namespace, source.Description),
			Advice: "Nothing was changed. Two management clusters that work on one cluster would each replace what the other deletes.\n" +
				"If that one works, move its clusters instead:\n  ocne management move --to-kubeconfig FILE\n" +
				"If it shall go, stop it there, and do not start it again:\n  ocne management stop",
		}
	}
	return nil
}

// openOld connects to the management cluster of a backup; nil when another one answers in its place.
func openOld(ctx context.Context, source backup.Source) (*Management, error) {
	restConfig, err := clientcmd.RESTConfigFromKubeConfig(source.Kubeconfig)
	if err != nil {
		return nil, err
	}
	m := &Management{Description: source.Description}
	if m.Client, err = newClient(restConfig); err != nil {
		return nil, err
	}
	id, err := clusterID(ctx, m.Client)
	if err != nil || id != source.ID {
		return nil, err
	}
	return m, nil
}
