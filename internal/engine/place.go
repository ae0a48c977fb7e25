package engine

import (
	"context"
	"fmt"
	"time"
)

// placesRemembered is how long the ids behind names are taken for granted; errors are not remembered.
const placesRemembered = time.Minute

// PlaceNames are the names that a machine's spec uses for its surroundings in the engine.
type PlaceNames struct {
	DataCenter, Cluster, Network, VNICProfile, Template string
}

// Place holds the ids behind them.
type Place struct {
	ClusterID, NetworkID, VNICProfileID, TemplateID string
}

type rememberedPlace struct {
	place Place
	until time.Time
}

// Resolve looks the names up. An error names the first one that the engine does not have, or does not show to this account.
func (e *Engine) Resolve(ctx context.Context, names PlaceNames) (Place, error) {
	e.mu.Lock()
	known, ok := e.places[names]
	e.mu.Unlock()
	if ok && time.Now().Before(known.until) {
		return known.place, nil
	}
	place, err := e.resolve(ctx, names)
	if err != nil {
		return Place{}, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.places[names] = rememberedPlace{place: place, until: time.Now().Add(placesRemembered)}
	return place, nil
}

func (e *Engine) resolve(ctx context.Context, names PlaceNames) (Place, error) {
	dataCenter, err := e.client.DataCenterByName(ctx, names.DataCenter)
	if err != nil {
		return Place{}, fmt.Errorf("data center %q: %w", names.DataCenter, err)
	}
	cluster, err := e.client.ClusterByName(ctx, dataCenter.ID, names.Cluster)
	if err != nil {
		return Place{}, fmt.Errorf("cluster %q in data center %q: %w", names.Cluster, names.DataCenter, err)
	}
	network, err := e.client.NetworkByName(ctx, dataCenter.ID, names.Network)
	if err != nil {
		return Place{}, fmt.Errorf("network %q in data center %q: %w", names.Network, names.DataCenter, err)
	}
	profile, err := e.client.VNICProfileByName(ctx, network.ID, names.VNICProfile)
	if err != nil {
		return Place{}, fmt.Errorf("vNIC profile %q of network %q: %w", names.VNICProfile, names.Network, err)
	}
	template, err := e.client.TemplateByName(ctx, dataCenter.ID, names.Template)
	if err != nil {
		return Place{}, fmt.Errorf("template %q in data center %q: %w", names.Template, names.DataCenter, err)
	}
	return Place{
		ClusterID: cluster.ID, NetworkID: network.ID,
		VNICProfileID: profile.ID, TemplateID: template.ID,
	}, nil
}

// Sees checks that the account still sees where its VMs are: an engine answers an account without permissions as if nothing
// existed, which must not be taken for a deleted VM.
func (e *Engine) Sees(ctx context.Context, dataCenter, cluster string) error {
	dc, err := e.client.DataCenterByName(ctx, dataCenter)
	if err != nil {
		return fmt.Errorf("data center %q: %w", dataCenter, err)
	}
	if _, err := e.client.ClusterByName(ctx, dc.ID, cluster); err != nil {
		return fmt.Errorf("cluster %q: %w", cluster, err)
	}
	return nil
}
