package integration

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/pkg/ovirt"
	"github.com/ocne-project/ocne/test/programs"
)

// shapes is an engine with versions of a template, and quotas.
const shapes = `
dataCenters: [{name: Default}]
clusters: [{name: Default}]
hosts: [{name: host1}, {name: host2}]
storageDomains: [{name: data}, {name: leases}]
networks: [{name: ovirtmgmt}]
vnicProfiles: [{name: ovirtmgmt}]
quotas: [{name: kubernetes}]
templates:
  - {name: ock, osType: rhcos_x64, kubernetesVersion: v1.33.10, disks: [{alias: ock-boot}]}
  - {name: many, osType: rhcos_x64, kubernetesVersion: v1.33.10, disks: [{alias: many-1-boot}]}
  - {name: many, version: 2, osType: rhcos_x64, kubernetesVersion: v1.33.10, disks: [{alias: many-2-boot}]}
  - {name: many, version: 3, osType: rhcos_x64, kubernetesVersion: v1.33.10, disks: [{alias: many-3-boot}]}
`

// shapedWorld has the engine, and a cluster file whose workers are as given.
func shapedWorld(t *testing.T, workers string) *world {
	t.Helper()
	inventory := filepath.Join(t.TempDir(), "inventory.yaml")
	require.NoError(t, os.WriteFile(inventory, []byte(shapes), 0o600))
	w := newWorld(t, "--inventory", inventory)
	w.workers(workers)
	return w
}

// workers changes what the cluster file says of the workers; it is the same as of the control plane but for that.
func (w *world) workers(shape string) {
	w.t.Helper()
	text, err := os.ReadFile(w.config)
	require.NoError(w.t, err)
	before, _, found := strings.Cut(string(text), "    workerMachine:")
	require.True(w.t, found)
	require.NoError(w.t, os.WriteFile(w.config, []byte(before+"    workerMachine:\n"+shape+"\n"), 0o600))
}

// allOfTheShape is every key of a machine that is about its shape.
const allOfTheShape = `      <<: *machine
      vmTemplateName: many
      vmTemplateVersion: 2
      tags: [kubernetes, rack-7]
      virtualMachine:
        memory: 4GB
        guaranteedMemory: 2Gi
        maxMemory: 8Gi
        cpu: {topology: {cores: 3, sockets: 1, threads: 2}}
        type: high_performance
        description: Worker of the payroll
        quotaName: kubernetes
        highAvailability: {priority: 50, leaseStorageDomainName: leases}
        deleteProtection: true
        console: {graphics: none, serial: true}
        network:
          ipv4: {subnet: SUBNET.0/24, ipAddresses: "SUBNET.110-SUBNET.139"}
          nameservers: [SUBNET.1]`

func TestShapeOfMachines(t *testing.T) {
	t.Parallel()
	w := shapedWorld(t, "      *machine")
	w.workers(strings.ReplaceAll(allOfTheShape, "SUBNET", w.subnet()))
	w.ocne("cluster", "start", "-c", w.config, "-w", "1")
	w.expectNodes(1, 1)
	management := w.management()
	s := site{management, t}
	plain, shaped := w.machinesByVersion(s)

	t.Run("every field is the VM's in the engine", func(t *testing.T) { w.expectShape(t, shaped) })
	t.Run("a machine that says nothing has what it always had", func(t *testing.T) {
		const gib = int64(1) << 30
		vm := w.vms()[plain.Name]
		require.Equal(t, []int64{2 * gib, 2 * gib, 2 * gib}, []int64{vm.Memory, vm.GuaranteedMemory, vm.MaxMemory})
		require.Nil(t, vm.HighAvailability)
		require.False(t, vm.DeleteProtected)
		require.NotEmpty(t, vm.Display, "the template's console")
		require.Contains(t, vm.Description, "managed by Cluster API")
	})
	t.Run("a field in place may change while the VM runs, and the controllers do nothing about it", func(t *testing.T) {
		patched(t, management, shaped, `{"spec":{"tags":["kubernetes"],
			"virtualMachine":{"memory":"6GB","description":"Other","cpu":{"topology":{"sockets":2}}}}}`)
		vm := w.vms()[shaped.Name]
		require.EqualValues(t, 4<<30, vm.Memory)
		require.Equal(t, "Worker of the payroll", vm.Description)
	})
	t.Run("any other change is refused, with the field and what to do", func(t *testing.T) {
		for field, change := range map[string]string{
			"spec.vmTemplateName":                  `{"spec":{"vmTemplateName":"ock"}}`,
			"spec.virtualMachine.deleteProtection": `{"spec":{"virtualMachine":{"deleteProtection":false}}}`,
			"spec.virtualMachine.network.gateway":  `{"spec":{"virtualMachine":{"network":{"gateway":"127.0.0.9"}}}}`,
		} {
			err := management.Patch(t.Context(), shaped.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(change)))
			require.True(t, apierrors.IsInvalid(err), "%s: %v", field, err)
			require.ErrorContains(t, err, field+" cannot change once the VM has run: replace the Machine")
		}
	})
	t.Run("delete lifts the protection and leaves nothing", func(*testing.T) {
		w.ocne("cluster", "delete", "-c", w.config)
		w.expectEmptyEngine()
	})
}

// machinesByVersion tells the control plane's machine from the worker's.
func (w *world) machinesByVersion(s site) (plain, shaped *infrav1.OLVMMachine) {
	w.t.Helper()
	for _, m := range s.machines() {
		if m.Spec.VMTemplateVersion == "" {
			plain = &m
		} else {
			shaped = &m
		}
	}
	require.NotNil(w.t, plain)
	require.NotNil(w.t, shaped)
	return plain, shaped
}

func (w *world) expectShape(t *testing.T, m *infrav1.OLVMMachine) {
	t.Helper()
	const gib = int64(1) << 30
	ctx, vm := t.Context(), w.vms()[m.Name]
	dataCenter, err := w.engine.DataCenterByName(ctx, "Default")
	require.NoError(t, err)
	require.Equal(t, []int64{2 * gib, 4 * gib, 8 * gib}, []int64{vm.GuaranteedMemory, vm.Memory, vm.MaxMemory})
	require.Equal(t, ovirt.CPUTopology{Cores: 3, Sockets: 1, Threads: 2}, vm.CPU)
	require.Equal(t, "high_performance", vm.Type)
	require.Equal(t, "Worker of the payroll", vm.Description)
	require.True(t, vm.DeleteProtected)
	require.Empty(t, vm.Display, "no graphics console")
	require.Equal(t, &ovirt.HighAvailability{Priority: 50}, vm.HighAvailability)

	domains, err := w.engine.StorageDomains(ctx, dataCenter.ID)
	require.NoError(t, err)
	lease := slices.IndexFunc(domains, func(d ovirt.StorageDomain) bool { return d.ID == vm.LeaseStorageDomainID })
	require.GreaterOrEqual(t, lease, 0)
	require.Equal(t, "leases", domains[lease].Name)
	quotas, err := w.engine.Quotas(ctx, dataCenter.ID)
	require.NoError(t, err)
	quota := slices.IndexFunc(quotas, func(q ovirt.DataCenterQuota) bool { return q.ID == vm.QuotaID })
	require.GreaterOrEqual(t, quota, 0)
	require.Equal(t, "kubernetes", quotas[quota].Name)

	tags, err := w.engine.VMTags(ctx, vm.ID)
	require.NoError(t, err)
	var names []string
	for _, tag := range tags {
		names = append(names, tag.Name)
	}
	require.ElementsMatch(t, []string{"kubernetes", "rack-7"}, names)
	template, err := w.engine.Template(ctx, cmp.Or(vm.OriginalTemplateID, vm.TemplateID))
	require.NoError(t, err)
	require.Equal(t, "many", template.Name)
	require.Equal(t, 2, template.Version)
	require.Equal(t, template.ID, m.Status.OLVM.VMTemplateID)
	require.True(t, w.serialConsole(t, vm.ID), "serial console")
}

// serialConsole asks for all content of a VM: engines leave the serial console out otherwise.
func (w *world) serialConsole(t *testing.T, vmID string) bool {
	t.Helper()
	transport := w.sim.Transport(t)
	defer transport.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.sim.URL+"/api/vms/"+vmID, nil)
	require.NoError(t, err)
	r.SetBasicAuth(programs.Username, programs.Password)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("All-Content", "true")
	reply, err := (&http.Client{Transport: transport}).Do(r)
	require.NoError(t, err)
	defer reply.Body.Close()
	content, err := io.ReadAll(reply.Body)
	require.NoError(t, err)
	var vm struct{ Console struct{ Enabled string } }
	require.NoError(t, json.Unmarshal(content, &vm), "%s", content)
	return vm.Console.Enabled == "true"
}

func patched(t *testing.T, c client.Client, m *infrav1.OLVMMachine, change string) {
	t.Helper()
	require.NoError(t, c.Patch(t.Context(), m.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(change))))
}

// What the engine does not have is told before a VM is made, by the command and by the machine, and goes on when it is mended.
func TestShapesThatTheEngineDoesNotHave(t *testing.T) {
	t.Parallel()
	w := shapedWorld(t, "      <<: *machine\n    workerPools:")
	for title, test := range map[string]struct{ machine, key, says string }{
		"quota": {"virtualMachine: {quotaName: kubernets}", "virtualMachine.quotaName", `sees no quota "kubernets"; it sees "kubernetes", "Default"`},
		"storage domain of leases": {
			"virtualMachine: {highAvailability: {leaseStorageDomainName: lease}}", "virtualMachine.highAvailability.leaseStorageDomainName",
			`sees no storage domain "lease"; it sees "leases", "data"`,
		},
		"version of a template": {
			"vmTemplateName: many, vmTemplateVersion: 7", "vmTemplateVersion",
			`no version of VM template "many" "7"; there are 1, 2, 3`,
		},
		"which version of a template": {"vmTemplateName: many", "vmTemplateVersion", `VM template "many" has the versions 3, 2, 1: choose one`},
		"id of a template": {
			`vmTemplateName: "", vmTemplateID: 1b2c4c3e-0d0f-4a3c-8f5e-5d2f0b0f6a11`, "vmTemplateID",
			`no VM template with the id "1b2c4c3e-0d0f-4a3c-8f5e-5d2f0b0f6a11"; there are`,
		},
	} {
		t.Run(title, func(t *testing.T) {
			w.workers("      <<: *machine\n    workerPools:\n      - {name: odd, workerNodes: 1, machine: {" + test.machine + "}}")
			out := w.refused("config", "validate", "--engine", "-c", w.config)
			require.Contains(t, out, "providers.olvm.workerPools[0].machine."+test.key)
			require.Contains(t, out, test.says)
		})
	}

	t.Run("machines tell it, too, and go on when it is mended", func(t *testing.T) {
		w.workers("      <<: *machine\n    workerPools:\n" +
			"      - {name: quota, workerNodes: 1, machine: {virtualMachine: {quotaName: kubernets}}}\n" +
			"      - {name: lease, workerNodes: 1, machine: {virtualMachine: {highAvailability: {leaseStorageDomainName: lease}}}}\n" +
			"      - {name: version, workerNodes: 1, machine: {vmTemplateName: many}}")
		start := w.launch("cluster", "start", "-c", w.config, "-w", "0", "--skip-preflight", "all")
		w.expectToldAndMended(t)
		<-start.ended // well or not, as it was mended in time or not
		w.ocne("cluster", "delete", "-c", w.config)
		w.expectEmptyEngine()
	})
}

func (w *world) expectToldAndMended(t *testing.T) {
	t.Helper()
	kubeconfig := filepath.Join(w.managementDir(), "controlplane", "kubeconfig")
	programs.Eventually(t, "there is a management cluster", func() (bool, string) {
		_, err := os.Stat(kubeconfig)
		return err == nil, fmt.Sprint(err)
	})
	c := w.management()
	for pool, test := range map[string]struct{ reason, says, mend string }{
		"quota": {
			infrav1.NotFoundInEngineReason, `no quota "kubernets"; there are kubernetes, Default`, `{"spec":{"virtualMachine":{"quotaName":"kubernetes"}}}`,
		},
		"lease": {
			infrav1.NotFoundInEngineReason, `no storage domain "lease"; there are leases, data`,
			`{"spec":{"virtualMachine":{"highAvailability":{"leaseStorageDomainName":"leases"}}}}`,
		},
		"version": {
			infrav1.InvalidSpecReason, `VM template "many" has the versions 3, 2, 1: choose one with vmTemplateVersion, a number or latest`,
			`{"spec":{"vmTemplateVersion":"latest"}}`,
		},
	} {
		machine := awaitMachine(t, c, "demo-"+pool+"-", func(m *infrav1.OLVMMachine) (bool, string) {
			condition := conditions.Get(m, infrav1.VMReadyCondition)
			return condition != nil && condition.Reason == test.reason && strings.Contains(condition.Message, test.says), fmt.Sprintf("%+v", condition)
		})
		patched(t, c, machine, test.mend)
		awaitMachine(t, c, machine.Name, func(m *infrav1.OLVMMachine) (bool, string) {
			return conditions.IsTrue(m, infrav1.VMReadyCondition), fmt.Sprintf("%+v", m.Status.Conditions)
		})
	}
}

// awaitMachine waits for the first machine whose name begins so.
func awaitMachine(t *testing.T, c client.Client, name string, until func(*infrav1.OLVMMachine) (bool, string)) (found *infrav1.OLVMMachine) {
	t.Helper()
	programs.Eventually(t, "machine "+name, func() (bool, string) {
		list := &infrav1.OLVMMachineList{}
		if err := c.List(context.Background(), list); err != nil {
			return false, err.Error()
		}
		for i := range list.Items {
			if found = &list.Items[i]; strings.HasPrefix(found.Name, name) {
				return until(found)
			}
		}
		return false, "none"
	})
	return found
}
