package list

import (
	"context"

	"github.com/ocne-project/ocne/internal/cluster"
	"github.com/ocne-project/ocne/internal/cluster/local"
	"github.com/ocne-project/ocne/internal/cluster/providers/libvirt"
	"github.com/ocne-project/ocne/internal/config"
)

// runLocal prints the clusters of a libvirt host.
func (o *Options) runLocal(ctx context.Context, c *config.Config) error {
	found, err := libvirt.List(ctx, local.Connection(c, o.Environment.Getenv))
	if err != nil {
		return err
	}
	clusters := make([]cluster.Listed, 0, len(found))
	for _, f := range found {
		clusters = append(clusters, listed(f))
	}
	return o.print(clusters)
}

func listed(c libvirt.Cluster) cluster.Listed {
	l := cluster.Listed{
		Name: c.Name, Namespace: "-", Provider: config.ProviderLibvirt, Phase: "Provisioning", Version: c.KubernetesVersion, Endpoint: c.Server,
	}
	if c.Ready {
		l.Phase = "Provisioned"
	}
	for _, n := range c.Nodes {
		group := &l.Workers
		if n.Role == libvirt.RoleControlPlane {
			group = &l.ControlPlane
		}
		group.Desired++
		if n.State == "running" {
			group.Ready++
		}
	}
	return l
}
