package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/ocne-project/ocne/pkg/ovirt"
)

const (
	// hostsRemembered is how long the names of a cluster's hosts are taken for granted; they are for people only.
	hostsRemembered = 10 * time.Minute
	// hostsAgainAfter is how soon they are read again for a host that is not among them.
	hostsAgainAfter = time.Minute
)

// HostName is the name of a host of the (host) cluster with that id; empty where the account does not see it.
func (e *Engine) HostName(ctx context.Context, clusterID, hostID string) (string, error) {
	for _, maxAge := range []time.Duration{hostsRemembered, hostsAgainAfter} {
		names, err := e.hosts.get(clusterID, maxAge, func() (map[string]string, error) { return e.readHosts(ctx, clusterID) })
		if err != nil {
			return "", fmt.Errorf("hosts of cluster %s: %w", clusterID, err)
		}
		if name := names[hostID]; name != "" {
			return name, nil
		}
	}
	return "", nil
}

func (e *Engine) readHosts(ctx context.Context, clusterID string) (map[string]string, error) {
	hosts, err := e.client.Hosts(ctx, clusterID)
	names := map[string]string{}
	if ovirt.KindOf(err) == ovirt.Forbidden { // that is an answer, too, and not asked for each machine
		return names, nil
	}
	for _, h := range hosts {
		names[h.ID] = h.Name
	}
	return names, err
}
