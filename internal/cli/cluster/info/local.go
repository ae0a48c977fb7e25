package info

import (
	"context"
	"errors"
	"fmt"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cli/output"
	"github.com/ocne-project/ocne/internal/cluster/local"
	"github.com/ocne-project/ocne/internal/cluster/providers/libvirt"
	"github.com/ocne-project/ocne/internal/config"
)

// runLocal shows a cluster on a libvirt host, as that knows it.
func (o *Options) runLocal(ctx context.Context, c *config.Config) error {
	if o.Watch {
		return &cli.UsageError{Command: "ocne cluster info", Err: errors.New("--watch is for clusters with provider olvm")}
	}
	found, err := libvirt.Info(ctx, local.Connection(c, o.Environment.Getenv), c.Name)
	if err != nil {
		return err
	}
	out := o.Environment.Streams.Out
	if o.Output.ForPrograms() {
		return output.Print(out, o.Output, found)
	}
	state := "complete"
	if !found.Ready {
		state = "not complete: run 'ocne cluster start' again, or delete it"
	}
	if _, err := fmt.Fprintf(out, "Cluster %s on %s: Kubernetes %s, API at %s, %s\n", found.Name, c.Libvirt.URI, found.KubernetesVersion, found.Server, state); err != nil {
		return err
	}
	header := []string{"VM", "ROLE", "STATE", "ADDRESS"}
	if o.Output == output.Wide {
		header = append(header, "ID")
	}
	rows := make([][]string, len(found.Nodes))
	for i, n := range found.Nodes {
		rows[i] = []string{n.Name, string(n.Role), n.State, n.Address.String()}
		if o.Output == output.Wide {
			rows[i] = append(rows[i], n.ID)
		}
	}
	return output.Table(out, header, rows)
}
