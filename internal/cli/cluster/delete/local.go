package delete

import (
	"context"
	"errors"
	"fmt"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cluster"
	"github.com/ocne-project/ocne/internal/cluster/local"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/config"
)

// runLocal deletes a cluster on a libvirt host.
func (o *Options) runLocal(ctx context.Context, c *config.Config, report progress.Reporter) error {
	if o.Abandon || o.Forget {
		return &cli.UsageError{Command: "ocne cluster delete", Err: errors.New("--abandon and --forget are for clusters with provider olvm")}
	}
	env := o.Environment
	found, err := local.Delete(ctx, local.Connection(c, env.Getenv), c.Name, c.KubeconfigPath(), env.HomeDir, report)
	if errors.Is(err, context.Canceled) {
		return &cluster.AdvisedError{
			Err: &cluster.UnfinishedError{Err: context.Canceled}, Advice: "Run the same command again to delete the rest of cluster " + c.Name + ".",
		}
	}
	if err == nil && !found {
		report.Step(fmt.Sprintf("There is no cluster %s on the libvirt host %s. With --provider olvm, the management clusters are searched", c.Name, c.Libvirt.URI))
	}
	return err
}
