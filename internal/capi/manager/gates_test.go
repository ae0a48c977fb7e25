package manager

import (
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/cluster-api/feature"

	"github.com/ocne-project/ocne/internal/capi"
)

func TestTheBundleSwitchesIgnitionAndTopologyOn(t *testing.T) {
	gates := feature.MutableGates.DeepCopy()
	require.False(t, gates.Enabled(feature.KubeadmBootstrapFormatIgnition), "Cluster API's own default")
	require.NoError(t, setFeatureGates(gates, capi.Bundle, "ReconcilerRateLimiting=false"))
	require.True(t, gates.Enabled(feature.KubeadmBootstrapFormatIgnition))
	require.True(t, gates.Enabled(feature.ClusterTopology))
	require.False(t, gates.Enabled(feature.ReconcilerRateLimiting))
}

func TestTheUserOverridesTheGatesOfTheBundle(t *testing.T) {
	gates := feature.MutableGates.DeepCopy()
	require.NoError(t, setFeatureGates(gates, capi.Bundle, "ClusterTopology=false"))
	require.False(t, gates.Enabled(feature.ClusterTopology))
}

func TestGatesThatCannotWorkAreRefusedByName(t *testing.T) {
	for wanted, message := range map[string]string{
		"RuntimeSDK=true":     "RuntimeSDK is not supported",
		"InPlaceUpdates=true": "InPlaceUpdates is not supported",
		"PriorityQueue=false": "ReconcilerRateLimiting needs PriorityQueue",
		"NoSuchGate=true":     "NoSuchGate",
	} {
		require.ErrorContains(t, setFeatureGates(feature.MutableGates.DeepCopy(), capi.Bundle, wanted), message, wanted)
	}
}
