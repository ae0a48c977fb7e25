package capi_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/capi"
)

func TestProvidersAreTheOrdinaryProviderTheWholeBundleOrClusterAPIAlone(t *testing.T) {
	for list, want := range map[string]capi.Providers{
		"olvm":                                 capi.OLVM,
		" olvm ":                               capi.OLVM,
		"olvm,olvm":                            capi.OLVM,
		"core,bootstrap,control-plane,olvm":    capi.Bundle,
		"olvm, control-plane, bootstrap, core": capi.Bundle,
		"core,bootstrap,control-plane":         capi.ClusterAPI,
		"bootstrap,control-plane,core":         capi.ClusterAPI,
	} {
		got, err := capi.ParseProviders(list)
		require.NoError(t, err, list)
		require.Equal(t, want, got, list)
	}
}

func TestOtherListsOfProvidersAreRefusedWithTheChoice(t *testing.T) {
	for _, list := range []string{"", "core", "core,olvm", "bootstrap,control-plane", "libvirt", "olvm,,"} {
		_, err := capi.ParseProviders(list)
		require.ErrorContains(t, err, `"olvm"`, list)
		require.ErrorContains(t, err, `"core,bootstrap,control-plane,olvm"`, list)
	}
}

func TestEveryChoiceSaysWhatIsInIt(t *testing.T) {
	require.True(t, capi.Bundle.HasClusterAPI() && capi.Bundle.HasOLVM())
	require.True(t, !capi.OLVM.HasClusterAPI() && capi.OLVM.HasOLVM())
	require.True(t, capi.ClusterAPI.HasClusterAPI() && !capi.ClusterAPI.HasOLVM())
}
