package integration

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/cluster"
	"github.com/ocne-project/ocne/test/programs"
)

// releases is an engine with a VM template for each of some Kubernetes releases.
const releases = `
dataCenters: [{name: Default}]
clusters: [{name: Default}]
hosts: [{name: host1}, {name: host2}]
storageDomains: [{name: data}]
networks: [{name: ovirtmgmt}]
vnicProfiles: [{name: ovirtmgmt}]
templates:
  - {name: ock, osType: rhcos_x64, kubernetesVersion: v1.33.10, disks: [{alias: ock-1.33-boot}]}
  - {name: ock-1.34, osType: rhcos_x64, kubernetesVersion: v1.34.5, disks: [{alias: ock-1.34-boot}]}
  - {name: ock-1.35, osType: rhcos_x64, kubernetesVersion: v1.35.1, disks: [{alias: ock-1.35-boot}]}
`

// fleet is a world whose cluster has a second worker pool.
type fleet struct{ *world }

func newFleet(t *testing.T) fleet {
	t.Helper()
	inventory := filepath.Join(t.TempDir(), "inventory.yaml")
	require.NoError(t, os.WriteFile(inventory, []byte(releases), 0o600))
	w := fleet{newWorld(t, "--inventory", inventory)}
	w.edit("workerNodes: 2", "workerNodes: 1")
	w.edit("workerMachine: *machine", "workerMachine: *machine\n    workerPools:\n"+
		"      - {name: big, workerNodes: 1, machine: {virtualMachine: {memory: 4GB}}}")
	return w
}

// edit changes the cluster file.
func (w fleet) edit(old, changed string) {
	w.t.Helper()
	text, err := os.ReadFile(w.config)
	require.NoError(w.t, err)
	require.Contains(w.t, string(text), old)
	require.NoError(w.t, os.WriteFile(w.config, []byte(strings.ReplaceAll(string(text), old, changed)), 0o600))
}

// refused runs a command that fails, and compares what it left.
func (w fleet) refused(want string, args ...string) {
	w.t.Helper()
	before, templates := ids(w.vms()), w.templates()
	command, out := w.command(args...)
	require.Error(w.t, command.Run(), "ocne %s:\n%s", strings.Join(args, " "), out)
	require.Contains(w.t, out.String(), want)
	require.NotContains(w.t, out.String(), "DATA RACE")
	require.Equal(w.t, before, ids(w.vms()))
	require.Equal(w.t, templates, w.templates(), "nothing was changed")
	w.t.Logf("$ ocne %s\n%s", strings.Join(args, " "), out)
}

func (w fleet) management() client.Client {
	w.t.Helper()
	return programs.Management(w.t, filepath.Join(w.managementDir(), "controlplane", "kubeconfig"))
}

// templates are the names of the cluster's machine templates.
func (w fleet) templates() []string {
	w.t.Helper()
	list := &infrav1.OLVMMachineTemplateList{}
	require.NoError(w.t, w.management().List(context.Background(), list))
	names := make([]string, 0, len(list.Items))
	for i := range list.Items {
		names = append(names, list.Items[i].Name)
	}
	slices.Sort(names)
	return names
}

func (w fleet) machines() (controlPlane, workers []clusterv1.Machine) {
	w.t.Helper()
	list := &clusterv1.MachineList{}
	require.NoError(w.t, w.management().List(context.Background(), list))
	for i := range list.Items {
		if _, ok := list.Items[i].Labels[clusterv1.MachineControlPlaneLabel]; ok {
			controlPlane = append(controlPlane, list.Items[i])
		} else {
			workers = append(workers, list.Items[i])
		}
	}
	return controlPlane, workers
}

// expectVersion compares the kubelets of all nodes.
func (w fleet) expectVersion(version string) {
	w.t.Helper()
	controlPlane, workers := w.nodes()
	for _, node := range append(controlPlane, workers...) {
		require.Equal(w.t, version, node.Status.NodeInfo.KubeletVersion, "node %s", node.Name)
	}
}

// expectControlPlaneFirst: no new worker is older than a new control plane machine.
func (w fleet) expectControlPlaneFirst() {
	w.t.Helper()
	controlPlane, workers := w.machines()
	for i := range controlPlane {
		for j := range workers {
			require.False(w.t, workers[j].CreationTimestamp.Before(&controlPlane[i].CreationTimestamp),
				"%s was made before %s", workers[j].Name, controlPlane[i].Name)
		}
	}
}

// A cluster grows, shrinks, and goes from release to release.
func TestScaleAndUpgradeOfACluster(t *testing.T) {
	t.Parallel()
	w := newFleet(t)
	w.ocne("cluster", "start", "-c", w.config)
	w.expectNodes(1, 2)
	steps := []struct {
		name string
		run  func(fleet)
	}{
		{"scaling is refused before anything is changed", fleet.scalingIsRefused},
		{"scaling changes what it is told to change", fleet.scales},
		{"an upgrade is refused before anything is changed", fleet.upgradeIsRefused},
		{"staging makes templates and replaces nothing", fleet.stages},
		{"an interrupted upgrade goes on when it is run again", fleet.upgrades},
		{"start takes the upgraded cluster as it is once the file says so", fleet.startsUpgraded},
		{"what changes in the file replaces the machines of one pool only", fleet.reshapes},
		{"a VM template of another release is noticed, and another one helps", fleet.recoversFromAWrongTemplate},
	}
	for _, step := range steps {
		if !t.Run(step.name, func(t *testing.T) {
			outer := w.t
			w.t = t
			defer func() { w.t = outer }()
			step.run(w)
		}) {
			return
		}
	}
	w.ocne("cluster", "delete", "-c", w.config)
	w.expectEmptyEngine()
	require.Empty(t, processesOf(t, w.home), "processes that work in the user's home")
}

func (w fleet) scalingIsRefused() {
	w.refused("--control-plane-nodes is 2, but etcd needs an odd number", "cluster", "scale", "-C", "demo", "-n", "2")
	w.refused("say how many nodes there shall be", "cluster", "scale", "-C", "demo")
	w.refused("cluster demo has several worker pools: big, md-0", "cluster", "scale", "-C", "demo", "-w", "3")
	w.refused("cluster demo has no worker pool huge", "cluster", "scale", "-C", "demo", "-w", "3", "--pool", "huge")
	w.refused("hold 30 usable addresses", "cluster", "scale", "-C", "demo", "-w", "40", "--pool", "big")
	w.refused("there is no cluster other", "cluster", "scale", "-C", "other", "-n", "3")
}

func (w fleet) scales() {
	out := w.ocne("cluster", "scale", "-c", w.config, "-n", "3", "-w", "2", "--pool", "md-0")
	w.expectNodes(3, 3)
	require.Contains(w.t, out, "says workerNodes: 1. Write 2 there")
	require.Contains(w.t, out, "says controlPlaneNodes: 1. Write 3 there")
	var d cluster.Details
	text := w.ocne("cluster", "scale", "-C", "demo", "-n", "1", "-w", "1", "--pool", "demo-md-0", "-o", "json", "-l", "error")
	require.NoError(w.t, json.Unmarshal([]byte(text), &d), text)
	require.True(w.t, d.Ready)
	w.expectNodes(1, 2)
}

func (w fleet) upgradeIsRefused() {
	upgrade := func(args ...string) []string { return append([]string{"cluster", "upgrade", "-C", "demo"}, args...) }
	w.refused("by one minor release at a time", upgrade("--version", "1.35.1", "--vm-template", "ock-1.35")...)
	w.refused("cannot go back to v1.32.13", upgrade("--version", "1.32", "--vm-template", "ock")...)
	w.refused("1.99.0 is not supported", upgrade("--version", "1.99.0")...)
	w.refused("VM template holds one version of Kubernetes, and none was named that holds v1.34.5", upgrade("--version", "1.34.5")...)
	w.refused(`template "ock-9"`, upgrade("--version", "1.34.5", "--vm-template", "ock-9")...)
	w.refused("say what the machines shall become", upgrade()...)
	w.edit(`kubernetesVersion: "1.33"`, `kubernetesVersion: "1.34.5"`)
	w.refused("To upgrade the cluster", "cluster", "start", "-c", w.config, "--skip-preflight", "all")
	w.edit(`kubernetesVersion: "1.34.5"`, `kubernetesVersion: "1.33"`)
}

func (w fleet) stages() {
	before := ids(w.vms())
	var staged cluster.Staged
	text := w.ocne("cluster", "stage", "-C", "demo", "-v", "1.34.5", "--vm-template", "ock-1.34", "-o", "json", "-l", "error")
	require.NoError(w.t, json.Unmarshal([]byte(text), &staged), text)
	require.Len(w.t, staged.Steps, 3)
	require.Equal(w.t, "demo-control-plane", staged.Steps[0].Group)
	require.Equal(w.t, before, ids(w.vms()))
	require.Len(w.t, w.templates(), 6)
	for _, step := range staged.Steps {
		require.Regexp(w.t, regexp.MustCompile("^"+step.Group+"-[0-9a-f]{8}$"), step.MachineTemplate)
		require.Contains(w.t, w.templates(), step.MachineTemplate)
	}
	require.Contains(w.t, w.ocne("cluster", "stage", "-C", "demo", "-v", "1.34.5", "--vm-template", "ock-1.34"), "kubectl --kubeconfig")
	require.Len(w.t, w.templates(), 6, "the same templates")
	w.tryStep(staged)
}

// tryStep is what the user does with kubectl: the patch must be one that the API server takes. A dry run leaves it to the next story.
func (w fleet) tryStep(staged cluster.Staged) {
	pool := &clusterv1.MachineDeployment{}
	key := client.ObjectKey{Namespace: staged.Namespace, Name: "demo-md-0"}
	m := w.management()
	require.NoError(w.t, m.Get(context.Background(), key, pool))
	i := slices.IndexFunc(staged.Steps, func(s cluster.StagedStep) bool { return s.Group == "demo-md-0" })
	patch := client.RawPatch(types.MergePatchType, []byte(staged.Steps[i].Patch))
	require.NoError(w.t, m.Patch(context.Background(), pool, patch, client.DryRunAll))
	require.Equal(w.t, "v1.34.5", pool.Spec.Template.Spec.Version)
	require.Equal(w.t, staged.Steps[i].MachineTemplate, pool.Spec.Template.Spec.InfrastructureRef.Name)
}

func (w fleet) upgrades() {
	before := ids(w.vms())
	upgrade := []string{"cluster", "upgrade", "-C", "demo", "--version", "1.34.5", "--vm-template", "ock-1.34"}
	out := w.interrupt(w.t, "a control plane machine is new", func() (bool, string) {
		controlPlane, _ := w.machines()
		return slices.ContainsFunc(controlPlane, func(m clusterv1.Machine) bool { return m.Spec.Version == "v1.34.5" }), "all are old"
	}, upgrade...)
	require.Contains(w.t, out, "What has begun goes on without this command")
	require.Contains(w.t, out, "cluster upgrade -C demo -v v1.34.5 --vm-template ock-1.34")
	out = w.ocne(upgrade...)
	require.Contains(w.t, out, "Cluster demo is of Kubernetes v1.34.5")
	w.expectNodes(1, 2)
	w.expectVersion("v1.34.5")
	w.expectControlPlaneFirst()
	after := ids(w.vms())
	for name := range before {
		require.NotContains(w.t, after, name, "every machine was replaced")
	}
	require.Len(w.t, w.templates(), 3, "the old templates are gone: %v", w.templates())
	require.Contains(w.t, w.ocne(upgrade...), "Cluster demo is of Kubernetes v1.34.5")
	require.Equal(w.t, after, ids(w.vms()), "once more replaces nothing")
}

func (w fleet) startsUpgraded() {
	w.refused("its control plane is of Kubernetes v1.34.5, and the configuration says v1.33.10", "cluster", "start", "-c", w.config)
	w.edit(`kubernetesVersion: "1.33"`, `kubernetesVersion: "1.34.5"`)
	w.refused("were made from other values than the configuration has now", "cluster", "start", "-c", w.config)
	w.edit("vmTemplateName: ock\n", "vmTemplateName: ock-1.34\n")
	before, templates := ids(w.vms()), w.templates()
	w.ocne("cluster", "start", "-c", w.config)
	require.Equal(w.t, before, ids(w.vms()))
	require.Equal(w.t, templates, w.templates())
}

func (w fleet) reshapes() {
	before := ids(w.vms())
	w.edit("memory: 4GB", "memory: 6GB")
	out := w.ocne("cluster", "upgrade", "-c", w.config)
	require.Contains(w.t, out, "Replacing the machines of the worker pool demo-big")
	w.expectNodes(1, 2)
	for name, vm := range w.vms() {
		if strings.HasPrefix(name, "demo-big-") {
			require.NotContains(w.t, before, name)
			require.Equal(w.t, int64(6)<<30, vm.Memory)
		} else {
			require.Contains(w.t, before, name, "machines of other groups stay")
		}
	}
	require.Len(w.t, w.templates(), 3)
}

func (w fleet) recoversFromAWrongTemplate() {
	command, out := w.command("cluster", "upgrade", "-C", "demo", "--version", "1.35.1", "--vm-template", "ock-1.34")
	require.Error(w.t, command.Run(), out.String())
	require.Contains(w.t, out.String(), "its VM template ock-1.34 holds Kubernetes v1.34.5, and not v1.35.1")
	w.t.Log(out.String())
	_, workers := w.machines()
	for i := range workers {
		require.Equal(w.t, "v1.34.5", workers[i].Spec.Version, "workers wait for the control plane")
	}
	w.ocne("cluster", "upgrade", "-C", "demo", "--version", "1.35.1", "--vm-template", "ock-1.35")
	w.expectNodes(1, 2)
	w.expectVersion("v1.35.1")
	w.expectControlPlaneFirst()
}
