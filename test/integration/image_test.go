package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/test/programs"
)

// bare is an engine without VM templates.
const bare = `
dataCenters: [{name: Default}]
clusters: [{name: Default}]
hosts: [{name: host1}, {name: host2}]
storageDomains: [{name: data}]
networks: [{name: ovirtmgmt}]
vnicProfiles: [{name: ovirtmgmt}]
templates: []
`

// One command makes a cluster on an engine that has no VM template: the image comes from a registry with a certificate and a password of its
// own. What the engine has is never sent again.
func TestStartMakesTheVMTemplate(t *testing.T) {
	t.Parallel()
	disk := programs.OCKImage(t)
	inventory := filepath.Join(t.TempDir(), "inventory.yaml")
	require.NoError(t, os.WriteFile(inventory, []byte(bare), 0o600))
	w := fleet{newWorld(t, "--inventory", inventory)}
	r := programs.StartRegistry(t, "olcne/ock:1.33,amd64="+disk, "olcne/ock:1.34,amd64="+disk)
	w.registryAuth = r.AuthFile
	w.edit("providers:\n  olvm:\n", fmt.Sprintf("bootVolumeContainerImage: %s/olcne/ock\nproviders:\n  olvm:\n"+
		"    olvmOCK: {storageDomainName: data, registryCAPath: %s}\n", r.Address, r.CAFile))

	out := w.ocne("cluster", "start", "--provider", "olvm", "-c", w.config)
	require.Contains(t, out, "The engine has no VM template ock: it is made of the image "+r.Address+"/olcne/ock:1.33")
	w.expectNodes(1, 2)
	template, err := w.engine.TemplateByName(t.Context(), "", "ock")
	require.NoError(t, err)
	for _, vm := range w.vms() {
		require.Equal(t, template.ID, vm.OriginalTemplateID)
	}
	require.Equal(t, 1, w.sim.ImageTransfers(t))

	w.ocne("cluster", "start", "--provider", "olvm", "-c", w.config)
	require.Equal(t, 1, w.sim.ImageTransfers(t), "a second start sends nothing")

	out = w.ocne("cluster", "upgrade", "-c", w.config, "--version", "1.34.5", "--vm-template", "ock-1.34")
	require.Contains(t, out, "The engine has no VM template ock-1.34: it is made of the image "+r.Address+"/olcne/ock:1.34")
	require.Equal(t, 2, w.sim.ImageTransfers(t))
	w.expectNodes(1, 2)
	for _, vm := range w.vms() {
		require.NotEqual(t, template.ID, vm.OriginalTemplateID)
	}
	w.ocne("cluster", "delete", "-c", w.config)
	require.Empty(t, w.vms())
}
