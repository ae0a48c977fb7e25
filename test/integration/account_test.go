package integration

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	operator         = "operator@internal"
	operatorPassword = "0perator-of-the-engine"
)

// What an account needs that is no administrator, and an engine in which it is not alone.
const limitedInventory = `
dataCenters: [{name: Default}, {name: Other}]
clusters: [{name: Default}, {name: Other, dataCenter: Other}]
hosts: [{name: host1}, {name: host2}]
storageDomains: [{name: data}]
networks: [{name: ovirtmgmt}]
vnicProfiles: [{name: ovirtmgmt}]
templates: [{name: ock, osType: rhcos_x64, kubernetesVersion: v1.33.10, disks: [{alias: ock-boot}]}]
users:
- name: ` + operator + `
  password: ` + operatorPassword + `
  roles:
  - {name: VmCreator, permits: [login, create_vm], on: {type: cluster, name: Default}}
  - {name: UserTemplateBasedVm, permits: [create_vm], on: {type: template, name: ock}}
  - {name: DiskCreator, permits: [create_disk], on: {type: storageDomain, name: data}}
  - {name: VnicProfileUser, permits: [configure_vm_network], on: {type: vnicProfile, name: ovirtmgmt}}
`

// An account that is no administrator gets filtered answers: no searches, no jobs, no hosts. It is enough for a cluster's whole life.
func TestLifeOfAClusterWithALimitedAccount(t *testing.T) {
	t.Parallel()
	inventory := filepath.Join(t.TempDir(), "inventory.yaml")
	require.NoError(t, os.WriteFile(inventory, []byte(limitedInventory), 0o600))
	w := newWorld(t, "--inventory", inventory)
	w.username, w.password = operator, operatorPassword

	w.ocne("cluster", "start", "-c", w.config)
	w.expectNodes(1, 2)
	w.ocne("cluster", "start", "-c", w.config, "-w", "3")
	w.expectNodes(1, 3)
	w.ocne("cluster", "start", "-c", w.config, "-w", "1")
	w.expectNodes(1, 1)
	w.ocne("cluster", "delete", "-c", w.config)
	w.expectEmptyEngine()

	refused, filtered := 0, 0
	for _, r := range w.sim.Requests(t) {
		if r.User != operator {
			continue
		}
		if r.Status == http.StatusForbidden {
			refused++
		} else if r.Path == "vms" && r.Method == http.MethodGet {
			filtered++
		}
	}
	require.Positive(t, refused, "the engine did treat it as no administrator")
	require.Positive(t, filtered)
	t.Logf("requests that were refused, after which the user-level view is asked for: %d", refused)
}
