package manager

import (
	"errors"
	"fmt"

	"k8s.io/component-base/featuregate"
	"sigs.k8s.io/cluster-api/feature"

	"github.com/ocne-project/ocne/internal/capi"
)

// SetFeatureGates sets Cluster API's feature gates, given as "Name=true,Other=false", over the defaults of the bundle. The gates
// are variables of the process that Cluster API reads from everywhere: call this once, from main, before New.
//
// Gates that need a Runtime SDK client are refused: Cluster API keeps that client internal.
func SetFeatureGates(providers capi.Providers, wanted string) error {
	return setFeatureGates(feature.MutableGates, providers, wanted)
}

func setFeatureGates(gates featuregate.MutableFeatureGate, providers capi.Providers, wanted string) error {
	defaults := map[string]bool{}
	if providers.HasClusterAPI() {
		defaults[string(feature.KubeadmBootstrapFormatIgnition)] = true
		defaults[string(feature.ClusterTopology)] = true
	}
	if err := gates.SetFromMap(defaults); err != nil {
		return fmt.Errorf("set the feature gates of the bundle: %w", err)
	}
	if err := gates.Set(wanted); err != nil {
		return fmt.Errorf("feature gates %q: %w", wanted, err)
	}
	for _, unsupported := range []featuregate.Feature{feature.RuntimeSDK, feature.InPlaceUpdates} {
		if providers.HasClusterAPI() && gates.Enabled(unsupported) {
			return fmt.Errorf("feature gate %s is not supported here: run Cluster API's own managers and --providers=olvm", unsupported)
		}
	}
	if gates.Enabled(feature.ReconcilerRateLimiting) && !gates.Enabled(feature.PriorityQueue) {
		return errors.New("feature gate ReconcilerRateLimiting needs PriorityQueue: switch both off, or neither")
	}
	return nil
}
