package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
)

func TestContainerGuestsNeedAnImageAndANetwork(t *testing.T) {
	for want, args := range map[string][]string{
		"--guests container needs --node-image: make node-image builds one": {"--guests", "container"},
		"open node image": {"--guests", "container", "--node-image", "/does/not/exist"},
		"--guest-network \"192.0.2.1\": must be addresses with prefix lengths, such as ": {"--guests", "container", "--node-image", "/", "--guest-network", "192.0.2.1"},
		"process 1 is no simulator with container guests":                                {"exec", "--pid", "1", "--", "true"},
		"requires at least 1 arg(s)":                                                     {"exec"},
	} {
		command := newCommand()
		command.SetArgs(args)
		require.ErrorContains(t, command.ExecuteContext(t.Context()), want)
	}
}

func TestEachVersionOfANodeImageHasATemplate(t *testing.T) {
	inv := imageInventory(&imageGuests{versions: []string{"v1.34.4", "v1.34.5"}})
	require.Len(t, inv.Templates, 2)
	for i, want := range []struct{ name, version string }{{"ock", "v1.34.4"}, {"ock-1.34.5", "v1.34.5"}} {
		require.Equal(t, want.name, inv.Templates[i].Name)
		require.Equal(t, want.version, inv.Templates[i].KubernetesVersion)
		require.Equal(t, "rhcos_x64", inv.Templates[i].OSType)
	}
	olvmsim.New(t, olvmsim.Options{Inventory: inv}) // the engine takes it
	require.Nil(t, imageInventory(nil))
}
