package capi_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/capi"
)

func TestProvidersAreTheOrdinaryProviderOrTheWholeBundle(t *testing.T) {
	for list, want := range map[string]capi.Providers{
		"olvm":                                 capi.OLVM,
		" olvm ":                               capi.OLVM,
		"olvm,olvm":                            capi.OLVM,
		"core,bootstrap,control-plane,olvm":    capi.Bundle,
		"olvm, control-plane, bootstrap, core": capi.Bundle,
	} {
		got, err := capi.ParseProviders(list)
		require.NoError(t, err, list)
		require.Equal(t, want, got, list)
	}
}

func TestOtherListsOfProvidersAreRefusedWithTheChoice(t *testing.T) {
	for _, list := range []string{"", "core", "core,olvm", "bootstrap,control-plane,core", "libvirt", "olvm,,"} {
		_, err := capi.ParseProviders(list)
		require.ErrorContains(t, err, `"olvm"`, list)
		require.ErrorContains(t, err, `"core,bootstrap,control-plane,olvm"`, list)
	}
}
