package inventory_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/olvmsim/inventory"
)

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "inventory.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestInventoryFileIsReadStrictly(t *testing.T) {
	inv, err := inventory.Load(write(t, `
dataCenters: [{name: dc1}]
clusters: [{name: c1, dataCenter: dc1}]
templates: [{name: t1, osType: rhcos_x64, disks: [{sizeBytes: 1073741824}], kubernetesVersion: v1.34.0}]
users:
  - name: operator@internal
    password: pw
    roles:
      - name: Creator
        permits: [create_vm]
        on: {type: cluster, name: c1}
`))
	require.NoError(t, err)
	require.Equal(t, inventory.Inventory{
		DataCenters: []inventory.DataCenter{{Name: "dc1"}},
		Clusters:    []inventory.Cluster{{Name: "c1", DataCenter: "dc1"}},
		Templates: []inventory.Template{{
			Name: "t1", OSType: "rhcos_x64", Disks: []inventory.Disk{{SizeBytes: 1 << 30}}, KubernetesVersion: "v1.34.0",
		}},
		Users: []inventory.User{{Name: "operator@internal", Password: "pw", Roles: []inventory.Role{{
			Name: "Creator", Permits: []string{"create_vm"}, On: inventory.Object{Type: "cluster", Name: "c1"},
		}}}},
	}, inv)
	_, err = inventory.Load(write(t, "dataCentres: []\n"))
	require.ErrorContains(t, err, `unknown field "dataCentres"`)
	_, err = inventory.Load("/does/not/exist")
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestBrokenReferencesAreNamed(t *testing.T) {
	for text, want := range map[string]string{
		`{}`: "at least one data center and one cluster",
		`{dataCenters: [{name: a}], clusters: [{name: c, dataCenter: b}]}`:                                      `cluster c: no data center "b"`,
		`{dataCenters: [{name: a}], clusters: [{name: c}], hosts: [{name: h, cluster: d}]}`:                     `host h: no cluster "d"`,
		`{dataCenters: [{name: a}], clusters: [{name: c}], affinityLabels: [{name: l, hosts: [h]}]}`:            `affinity label l: no host "h"`,
		`{dataCenters: [{name: a}], clusters: [{name: c}], vnicProfiles: [{name: p}]}`:                          `vNIC profile p: no network "p"`,
		`{dataCenters: [{name: a}], clusters: [{name: c}], templates: [{name: t, disks: [{}]}]}`:                `template t: no storage domain ""`,
		`{dataCenters: [{name: a}], clusters: [{name: c}], templates: [{name: t, nics: [{vnicProfile: "x"}]}]}`: `template t: no vNIC profile "x"`,
	} {
		_, err := olvmsim.Start(t.Context(), olvmsim.Options{StateDir: t.TempDir(), InventoryFile: write(t, text)})
		require.ErrorContains(t, err, want)
	}
}

func TestWrongValuesAreNamed(t *testing.T) {
	const base = "dataCenters: [{name: a}]\nclusters: [{name: c}]\n"
	withRoles := func(roles string) string { return "users: [{name: u@internal, password: p, roles: [" + roles + "]}]" }
	for text, want := range map[string]string{
		`templates: [{name: t, status: down}]`:                                   `template t: status "down": must be one of illegal, locked, ok`,
		`templates: [{name: t, version: 2}]`:                                     `template t: version 2 must follow version 1 in the file`,
		`templates: [{name: t}, {name: t}]`:                                      `template t: version 1 is there twice`,
		"networks: [{name: n}]\nvnicProfiles: [{name: n, networkFilter: x}]":     `vNIC profile n: no network filter "x": there are vdsm-`,
		`users: [{name: u, password: p}]`:                                        `user "u": the name must be NAME@PROFILE`,
		`users: [{name: u@internal}]`:                                            `user "u@internal": a password is needed`,
		`users: [{name: admin@internal, password: p}]`:                           `user "admin@internal": the name is taken`,
		withRoles(`{name: r}`):                                                   `role "r": a name and permits are needed`,
		withRoles(`{name: r, permits: [fly]}`):                                   `role "r": permit "fly" is not one of the engine's`,
		withRoles(`{name: r, permits: [run_vm]}, {name: r, permits: [stop_vm]}`): `role "r": it has other permits elsewhere`,
		withRoles(`{name: r, permits: [run_vm], on: {type: cluster, name: x}}`):  `role "r": no cluster "x"`,
		withRoles(`{name: r, permits: [run_vm], on: {type: vm}}`):                `role "r": on.type "vm": must be system, dataCenter,`,
	} {
		_, err := olvmsim.Start(t.Context(), olvmsim.Options{StateDir: t.TempDir(), InventoryFile: write(t, base+text)})
		require.ErrorContains(t, err, want)
	}
}
