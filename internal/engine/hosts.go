package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ocne-project/ocne/pkg/ovirt"
)

const (
	// hostsRemembered is how long the names of a cluster's hosts are taken for granted; they are for people only.
	hostsRemembered = 10 * time.Minute
	// hostsAgainAfter is how soon they are read again for a host that is not among them.
	hostsAgainAfter = time.Minute
	// missingAgainAfter is how soon they are read again for a machine that waits for a host of that name.
	missingAgainAfter = 10 * time.Second
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

// HostIDs are the ids of hosts of the (host) cluster with that id, by their names. The error is a *MissingError for a name that no host has.
func (e *Engine) HostIDs(ctx context.Context, clusterID string, names []string) ([]string, error) {
	var ids []string
	for _, name := range names {
		id, err := e.hostID(ctx, clusterID, name)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func (e *Engine) hostID(ctx context.Context, clusterID, name string) (string, error) {
	var known map[string]string
	for _, maxAge := range []time.Duration{hostsRemembered, missingAgainAfter} {
		var err error
		known, err = e.hosts.get(clusterID, maxAge, func() (map[string]string, error) { return e.readHosts(ctx, clusterID) })
		if err != nil {
			return "", fmt.Errorf("hosts of cluster %s: %w", clusterID, err)
		}
		for id, other := range known {
			if other == name {
				return id, nil
			}
		}
	}
	return "", &MissingError{What: "host", Name: name, Existing: slices.Collect(maps.Values(known))}
}
