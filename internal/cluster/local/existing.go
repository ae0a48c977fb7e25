package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/cluster/providers/libvirt"
)

// Delete removes a cluster from its host, and its kubeconfig from this machine. One that is not there is no error: found is false then.
func Delete(ctx context.Context, c libvirt.Connection, cluster, kubeconfig, home string, report progress.Reporter) (found bool, err error) {
	unlock, err := lock(ctx, home, cluster, report)
	if err != nil {
		return false, err
	}
	defer unlock()
	err = libvirt.Delete(ctx, libvirt.DeleteOptions{
		Connection: c, Cluster: cluster, Report: func(text string) { report.Step("Cluster " + cluster + ": " + text) },
	})
	missing := errors.Is(err, libvirt.ErrNoCluster)
	if err != nil && !missing {
		return true, err
	}
	if missing {
		return false, nil // a kubeconfig of that name is another cluster's
	}
	if err := os.Remove(kubeconfig); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return true, fmt.Errorf("remove the cluster's kubeconfig: %w", err)
	}
	report.Step("Cluster " + cluster + " is deleted")
	return true, nil
}
