package engine

import (
	"context"
	"fmt"
)

// NICNames are the names that a machine's spec uses for the surroundings of a NIC beside the first one.
type NICNames struct {
	DataCenter, Network, VNICProfile string
}

// NICPlace holds the ids behind them.
type NICPlace struct {
	NetworkID, VNICProfileID string
}

// ResolveNIC looks the names up. An error names the first one that the engine does not have, or does not show to this account.
func (e *Engine) ResolveNIC(ctx context.Context, names NICNames) (NICPlace, error) {
	return e.nics.get(names, rememberedFor, func() (NICPlace, error) {
		dataCenter, err := e.DataCenter(ctx, names.DataCenter)
		if err != nil {
			return NICPlace{}, err
		}
		network, err := e.client.NetworkByName(ctx, dataCenter.ID, names.Network)
		if err != nil {
			return NICPlace{}, fmt.Errorf("network %q in data center %q: %w", names.Network, names.DataCenter, err)
		}
		profile, err := e.client.VNICProfileByName(ctx, network.ID, names.VNICProfile)
		if err != nil {
			return NICPlace{}, fmt.Errorf("vNIC profile %q of network %q: %w", names.VNICProfile, names.Network, err)
		}
		return NICPlace{NetworkID: network.ID, VNICProfileID: profile.ID}, nil
	})
}
