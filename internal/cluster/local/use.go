package local

import (
	"context"
	"errors"
	"io"
	"path/filepath"

	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/cluster/providers/libvirt"
	"github.com/ocne-project/ocne/internal/filelock"
)

func usePath(home, cluster string) string {
	return filepath.Join(home, ".ocne", "libvirt", cluster+".use")
}

// Use keeps DeleteUnused from removing a cluster until it is closed.
func Use(ctx context.Context, home, cluster string, report progress.Reporter) (io.Closer, error) {
	return filelock.Wait(ctx, usePath(home, cluster), filelock.Shared, func() {
		report.Step("Another command is about to remove cluster " + cluster + ": waiting for its end")
	})
}

// DeleteUnused removes a cluster that nobody uses and that is idle, as idle says while nobody can begin to use it.
func DeleteUnused(
	ctx context.Context, c libvirt.Connection, cluster, kubeconfig, home string, idle func(context.Context) (bool, error), report progress.Reporter,
) (removed bool, err error) {
	f, err := filelock.Try(usePath(home, cluster), filelock.Alone)
	if errors.Is(err, filelock.ErrHeld) {
		return false, nil // whoever uses it looks again when it is done
	}
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if unused, err := idle(ctx); err != nil || !unused {
		return false, err
	}
	return remove(ctx, c, cluster, kubeconfig, home, report)
}
