package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/cluster/providers/libvirt"
	"github.com/ocne-project/ocne/internal/cluster/record"
	"github.com/ocne-project/ocne/internal/filelock"
)

// ManagesError says that a cluster is the management cluster of others.
type ManagesError struct {
	Cluster string
	// Names of the clusters in it, as they are remembered.
	Names []string
}

// Error names them.
func (e *ManagesError) Error() string {
	return fmt.Sprintf("cluster %s is the management cluster of %s", e.Cluster, strings.Join(e.Names, ", "))
}

// Advice says what to do with them.
func (e *ManagesError) Advice() string {
	return "Nothing was deleted. Delete those clusters, or move them to another management cluster (ocne management move); it goes with the last one.\n" +
		"If nobody needs it, forget them first: ocne cluster delete -C NAME --forget"
}

// Delete removes a cluster from its host, and its kubeconfig from this machine, unless it is remembered to manage others (*ManagesError), a command uses it,
// or it is private to another user (libvirt.ErrOthers). One that is not there is no error: found is false then.
func Delete(ctx context.Context, c libvirt.Connection, cluster, kubeconfig, home string, report progress.Reporter) (found bool, err error) {
	if c.Owner, err = Owner(home); err != nil {
		return false, err
	}
	there, err := libvirt.Info(ctx, c, cluster)
	if err == nil {
		err = there.RequireOwner(c.Owner)
	}
	if err != nil && !errors.Is(err, libvirt.ErrNoCluster) {
		return false, err
	}
	names, err := managed(home, c.URI, cluster)
	if err != nil {
		return false, err
	}
	if len(names) > 0 {
		return true, &ManagesError{cluster, names}
	}
	use, err := filelock.Try(usePath(home, cluster), filelock.Alone)
	if errors.Is(err, filelock.ErrHeld) {
		return true, fmt.Errorf("cluster %s is used as a management cluster by another command: %w", cluster, err)
	}
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, use.Close()) }()
	return remove(ctx, c, cluster, kubeconfig, home, report)
}

// managed are the clusters that a cluster of a host is remembered to hold.
func managed(home, host, cluster string) (names []string, err error) {
	all, err := record.Of(home).Clusters()
	var foreign *record.ForeignError
	if errors.As(err, &foreign) {
		return nil, nil
	}
	for _, c := range all {
		for _, m := range []*record.Management{&c.Management, c.MovingTo} {
			if m != nil && m.Kind == record.Libvirt && m.Host == host && m.Cluster == cluster {
				names = append(names, c.Name+" (namespace "+c.Namespace+")")
				break
			}
		}
	}
	return names, err
}

// needsKubeconfig says whether something is remembered that needs the kubeconfig of a cluster: a management cluster that it leads to, or another cluster of
// that name, whose kubeconfig is in the same place.
func needsKubeconfig(home, cluster, kubeconfig string) (bool, error) {
	all, err := record.Of(home).Clusters()
	var foreign *record.ForeignError
	if errors.As(err, &foreign) {
		return true, nil // nothing is remembered
	}
	for _, c := range all {
		for _, m := range []*record.Management{&c.Management, c.MovingTo} {
			if m != nil && slices.Contains(m.Files, kubeconfig) {
				return true, nil
			}
		}
		if c.Name == cluster {
			return true, nil
		}
	}
	return false, err
}

// remove does it. Whoever may be using the cluster has been asked.
func remove(ctx context.Context, c libvirt.Connection, cluster, kubeconfig, home string, report progress.Reporter) (found bool, err error) {
	unlock, err := lock(ctx, home, cluster, report)
	if err != nil {
		return false, err
	}
	defer unlock()
	if c.Owner, err = Owner(home); err != nil {
		return false, err
	}
	err = libvirt.Delete(ctx, libvirt.DeleteOptions{
		Connection: c, Cluster: cluster, Report: func(text string) { report.Step("Cluster " + cluster + ": " + text) },
	})
	missing := errors.Is(err, libvirt.ErrNoCluster)
	if err != nil && !missing {
		return true, err
	}
	if missing {
		return false, nil // a kubeconfig of that name may be another cluster's
	}
	if err := os.Remove(kubeconfig); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return true, fmt.Errorf("remove the cluster's kubeconfig: %w", err)
	}
	report.Step("Cluster " + cluster + " is deleted")
	return true, nil
}
