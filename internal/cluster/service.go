package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/cluster/providers/embedded"
	"github.com/ocne-project/ocne/internal/config"
)

// StartManagement starts the embedded management cluster, whatever else is configured, and keeps it running also while it manages nothing.
func StartManagement(ctx context.Context, o ManagementOptions, report progress.Reporter) (*ManagementStatus, error) {
	m, err := o.openEmbedded(ctx, report)
	if err != nil {
		return nil, err
	}
	status, err := (*ManagementStatus)(nil), m.embedded.Keep()
	if err == nil {
		status, err = StatusOfManagement(ctx, o, config.Backup{})
	}
	return status, errors.Join(err, m.Close())
}

// ServeManagement runs the embedded management cluster until the context ends, and then stops it. ready is called when it is ready.
func ServeManagement(ctx context.Context, o ManagementOptions, ready func(kubeconfig, server string), report progress.Reporter) error {
	err := embedded.Serve(ctx, o.embeddedOptions(report), func(s *embedded.Session) { ready(s.Kubeconfig, s.Server) })
	if errors.Is(err, embedded.ErrServed) {
		return &AdvisedError{Err: err, Advice: "Nothing was changed. See it with: ocne management status"}
	}
	return err
}

// StopManagement ends the processes of the embedded management cluster and keeps its state: the next command that needs it starts it again.
func StopManagement(ctx context.Context, o ManagementOptions, report progress.Reporter) error {
	status, err := StatusOfManagement(ctx, o, config.Backup{})
	if err != nil {
		return err
	}
	if status.State == ManagementAbsent {
		report.Step("There is no embedded management cluster: nothing to stop")
		return nil
	}
	if status.Problem != "" {
		report.Warn("The embedded management cluster does not say what it manages: " + status.Problem)
	}
	if err := embedded.Stop(ctx, o.embeddedOptions(report)); err != nil {
		return stopError(err)
	}
	report.Step("Embedded management cluster: stopped. Its state stays in " + o.embeddedDir())
	if len(status.Clusters) > 0 {
		report.Warn(fmt.Sprintf("Until it runs again, these clusters run on, and nobody repairs or changes them: %s. "+
			"'ocne management start' starts it, and so does every command about one of them", strings.Join(clusterNames(status.Clusters), ", ")))
	}
	return nil
}

// RemoveManagement stops the embedded management cluster and removes its state. It refuses while there is a cluster in it, and has stopped
// nothing then.
func RemoveManagement(ctx context.Context, o ManagementOptions, report progress.Reporter) error {
	exists, err := embedded.Exists(o.embeddedDir())
	if err != nil {
		return fmt.Errorf("embedded management cluster: %w", err)
	}
	if !exists {
		report.Step("There is no embedded management cluster: nothing to remove")
		return nil
	}
	m, err := o.openEmbedded(ctx, report) // what it manages can only be asked while it runs
	if err != nil {
		return err
	}
	clusters, err := m.list(ctx)
	if err == nil && len(clusters) > 0 {
		err = &AdvisedError{
			Err: fmt.Errorf("the embedded management cluster is not removed: it manages %s", strings.Join(clusterNames(clusters), ", ")),
			Advice: "Nothing was stopped. Without it, nobody would know which VMs belong to them. Delete the clusters, or move them to another\n" +
				"management cluster, then run the same command again:\n" +
				"  ocne cluster delete -C NAME\n  ocne management move --to-kubeconfig FILE",
		}
	}
	if err != nil {
		return errors.Join(err, m.Close())
	}
	if embedded.Served(o.embeddedDir()) { // it has a session, too
		if err := errors.Join(m.Close(), embedded.Stop(ctx, o.embeddedOptions(report))); err != nil {
			return stopError(err)
		}
		if m, err = o.openEmbedded(ctx, report); err != nil {
			return err
		}
	}
	if err := m.embedded.Release(); err != nil {
		return errors.Join(fmt.Errorf("embedded management cluster: %w", err), m.Close())
	}
	stopped, err := m.embedded.StopIfIdle(ctx, m.idle)
	switch {
	case err != nil:
		return stopError(err)
	case !stopped:
		return errors.New("the embedded management cluster is not removed: another command has begun to make a cluster in it")
	}
	report.Step("Embedded management cluster: stopped and removed")
	return nil
}

func stopError(err error) error {
	err = fmt.Errorf("stop the embedded management cluster: %w", err)
	if errors.Is(err, embedded.ErrInUse) {
		return &AdvisedError{Err: err, Advice: "Nothing was stopped. Let that command end, or interrupt it, then run the same command again."}
	}
	return err
}

// clusterNames are the names of clusters for people.
func clusterNames(clusters []Listed) []string {
	names := make([]string, len(clusters))
	for i, c := range clusters {
		names[i] = fmt.Sprintf("%s (namespace %s)", c.Name, c.Namespace)
	}
	return names
}

// ManagementKubeconfig is the path of the embedded management cluster's kubeconfig. It starts the cluster when it does not run.
func ManagementKubeconfig(ctx context.Context, o ManagementOptions, report progress.Reporter) (path string, err error) {
	exists, err := embedded.Exists(o.embeddedDir())
	if err != nil {
		return "", fmt.Errorf("embedded management cluster: %w", err)
	}
	if !exists {
		return "", &AdvisedError{
			Err:    errors.New("there is no embedded management cluster"),
			Advice: "It appears with the first cluster that is made in it, or with:\n  ocne management start",
		}
	}
	m, err := o.openEmbedded(ctx, report)
	if err != nil {
		return "", err
	}
	return m.Kubeconfig, m.Close()
}
