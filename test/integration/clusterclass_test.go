package integration

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/hack/generate/packages"
	"github.com/ocne-project/ocne/internal/config"
	"github.com/ocne-project/ocne/test/programs"
)

const touched = "integration.example.com/touched"

// classy is a world in whose management cluster the shipped ClusterClass is, and a cluster of it.
type classy struct {
	*world
	*programs.Bundle
	of *config.Config
}

// newClassy makes the cluster of the cluster file; its VM templates follow the release.
func newClassy(t *testing.T) classy {
	t.Helper()
	inventory := filepath.Join(t.TempDir(), "inventory.yaml")
	require.NoError(t, os.WriteFile(inventory, []byte(releases), 0o600))
	w := classy{world: newWorld(t, "--inventory", inventory), Bundle: programs.StartBundle(t)}
	var err error
	w.of, _, err = config.Load(config.Options{ClusterFile: w.config, HomeDir: w.home})
	require.NoError(t, err)
	w.of.WorkerNodes = 1
	ca, err := w.of.CAConfigMap()
	require.NoError(t, err)
	credentials := w.of.CredentialsSecret(config.Credentials{Username: programs.Username, Password: programs.Password})
	for _, object := range []client.Object{&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.of.Namespace}}, credentials, ca} {
		require.NoError(t, w.Create(t.Context(), object), object.GetName())
	}
	w.install(t)
	w.of.OLVM.ControlPlaneMachine.VMTemplateName, w.of.OLVM.WorkerMachine.VMTemplateName = "", ""
	cluster, err := packages.Topology(w.of)
	require.NoError(t, err)
	cluster.Spec.Topology.Variables = append(cluster.Spec.Topology.Variables, variable(t, "vmTemplates", map[string]string{"v1.33.10": "ock"}))
	require.NoError(t, w.Create(t.Context(), cluster))
	return w
}

// install applies the file of the release.
func (w classy) install(t *testing.T) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", packages.ClusterctlDir, "clusterclass-"+packages.ClassName+".yaml"))
	require.NoError(t, err)
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(content), 1<<16)
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(object)
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
		object.SetNamespace(w.of.Namespace)
		require.NoError(t, w.Create(t.Context(), object), object.GetName())
	}
}

func variable(t *testing.T, name string, value any) clusterv1.ClusterVariable {
	t.Helper()
	v := clusterv1.ClusterVariable{Name: name}
	var err error
	v.Value.Raw, err = json.Marshal(value)
	require.NoError(t, err)
	return v
}

// change changes the topology of the Cluster.
func (w classy) change(t *testing.T, change func(*clusterv1.Topology)) {
	t.Helper()
	cluster := &clusterv1.Cluster{}
	require.NoError(t, w.Get(t.Context(), client.ObjectKey{Namespace: w.of.Namespace, Name: w.name}, cluster))
	before := cluster.DeepCopy()
	change(&cluster.Spec.Topology)
	require.NoError(t, w.Patch(t.Context(), cluster, client.MergeFrom(before)))
}

// set sets a variable of the Cluster.
func (w classy) set(t *testing.T, name string, value any) func(*clusterv1.Topology) {
	return func(topology *clusterv1.Topology) {
		for i := range topology.Variables {
			if topology.Variables[i].Name == name {
				topology.Variables[i] = variable(t, name, value)
			}
		}
	}
}

// grown is a Machine with the memory of its VM, in GiB, and its release.
func (w classy) grown(t *testing.T) (controlPlane, workers map[string]string, why string) {
	t.Helper()
	controlPlane, workers = map[string]string{}, map[string]string{}
	machines, vms := &clusterv1.MachineList{}, w.vms()
	require.NoError(t, w.List(t.Context(), machines))
	for _, m := range machines.Items {
		vm, found := vms[m.Spec.InfrastructureRef.Name]
		if !found || m.Status.Phase != string(clusterv1.MachinePhaseRunning) {
			why = fmt.Sprintf("Machine %s is %s: %+v", m.Name, m.Status.Phase, m.Status.Conditions)
		}
		of := workers
		if _, is := m.Labels[clusterv1.MachineControlPlaneLabel]; is {
			of = controlPlane
		}
		of[m.Name] = fmt.Sprintf("%d GiB, %s", vm.Memory>>30, m.Spec.Version)
	}
	if len(vms) != len(machines.Items) {
		why = fmt.Sprintf("%d VMs and %d Machines", len(vms), len(machines.Items))
	}
	return controlPlane, workers, why
}

// become waits until there is one control plane node and one worker, both as they shall be.
func (w classy) become(t *testing.T, controlPlane, worker string) (one, other string) {
	t.Helper()
	programs.Eventually(t, "the machines are as the variables say", func() (bool, string) {
		have, others, why := w.grown(t)
		for name, is := range have {
			if one = name; is != controlPlane {
				why += fmt.Sprintf("; %s: %s", name, is)
			}
		}
		for name, is := range others {
			if other = name; is != worker {
				why += fmt.Sprintf("; %s: %s", name, is)
			}
		}
		if len(have) != 1 || len(others) != 1 {
			why += fmt.Sprintf("; %d and %d machines", len(have), len(others))
		}
		return why == "", why
	})
	return one, other
}

// expectNoChurn has the topology reconciled three times, and compares what stands in the API server.
func (w classy) expectNoChurn(t *testing.T, round string) {
	t.Helper()
	var before map[string]string
	programs.Eventually(t, "old templates go", func() (bool, string) {
		before = w.versions(t)
		return len(before) == 6, fmt.Sprint(before) // the class's three, one of each group, and the OLVMCluster
	})
	vms := ids(w.vms())
	for i := range 3 {
		value := fmt.Sprintf("%s %d", round, i)
		w.change(t, func(topology *clusterv1.Topology) {
			topology.Workers.MachineDeployments[0].Metadata.Annotations = map[string]string{touched: value}
		})
		programs.Eventually(t, "the topology is reconciled", func() (bool, string) {
			deployments := &clusterv1.MachineDeploymentList{}
			require.NoError(t, w.List(t.Context(), deployments))
			return len(deployments.Items) == 1 && deployments.Items[0].Annotations[touched] == value, value
		})
		require.Equal(t, before, w.versions(t))
	}
	require.Equal(t, vms, ids(w.vms()), "no machine was replaced")
}

// versions are those of the provider's templates, and the generation of the OLVMCluster.
func (w classy) versions(t *testing.T) map[string]string {
	t.Helper()
	versions := map[string]string{}
	machines, clusters, infra := &infrav1.OLVMMachineTemplateList{}, &infrav1.OLVMClusterTemplateList{}, &infrav1.OLVMClusterList{}
	for _, list := range []client.ObjectList{machines, clusters, infra} {
		require.NoError(t, w.List(t.Context(), list))
	}
	for _, o := range machines.Items {
		versions["machines "+o.Name] = o.ResourceVersion
	}
	for _, o := range clusters.Items {
		versions["cluster "+o.Name] = o.ResourceVersion
	}
	for _, o := range infra.Items {
		versions["OLVMCluster "+o.Name] = fmt.Sprint(o.Generation)
	}
	return versions
}

// expectCapacity: the cluster autoscaler reads it of the template that the MachineDeployment names.
func (w classy) expectCapacity(t *testing.T, memory string) {
	t.Helper()
	deployments := &clusterv1.MachineDeploymentList{}
	require.NoError(t, w.List(t.Context(), deployments))
	require.Len(t, deployments.Items, 1)
	ref, template := deployments.Items[0].Spec.Template.Spec.InfrastructureRef, &infrav1.OLVMMachineTemplate{}
	require.NoError(t, w.Get(t.Context(), client.ObjectKey{Namespace: w.of.Namespace, Name: ref.Name}, template))
	require.Equal(t, memory, template.Status.Capacity.Memory().String())
	require.Equal(t, "4", template.Status.Capacity.Cpu().String())
	require.Equal(t, infrav1.NodeInfo{Architecture: "amd64", OperatingSystem: "linux"}, template.Status.NodeInfo)
}

// expectDryRun: Cluster API compares templates by a server-side apply in a dry run. What comes back is what was applied, and nothing is stored.
func (w classy) expectDryRun(t *testing.T) {
	t.Helper()
	stored := &infrav1.OLVMMachineTemplate{}
	key := client.ObjectKey{Namespace: w.of.Namespace, Name: packages.ClassName + "-worker"}
	require.NoError(t, w.Get(t.Context(), key, stored))
	applied := &infrav1.OLVMMachineTemplate{
		TypeMeta:   metav1.TypeMeta{APIVersion: infrav1.GroupVersion().String(), Kind: "OLVMMachineTemplate"},
		ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}, Spec: *stored.Spec.DeepCopy(),
	}
	applied.Annotations = map[string]string{clusterv1.TopologyDryRunAnnotation: ""}
	applied.Spec.Template.Spec.VirtualMachine.Memory = "4GiB"
	want := *applied.Spec.DeepCopy()
	//nolint:staticcheck // the typed object is what is to be compared
	require.NoError(t, w.Patch(t.Context(), applied, client.Apply, client.DryRunAll, client.ForceOwnership, client.FieldOwner("capi-topology")))
	require.Equal(t, want, applied.Spec)
	version := stored.ResourceVersion
	require.NoError(t, w.Get(t.Context(), key, stored))
	require.Equal(t, version, stored.ResourceVersion)
}

// expectNodeMasks makes clusters whose nodes cannot have the default part of the IPv6 pod subnet.
func (w classy) expectNodeMasks(t *testing.T) {
	for name, suites := range map[string][]string{"wide": nil, "wide-with-suites": {"TLS_AES_128_GCM_SHA256"}} {
		of := *w.of
		of.Name, of.CipherSuites = name, suites
		of.VirtualIP = netip.MustParseAddr(of.VirtualIP).Next().String()
		of.PodSubnets, of.ServiceSubnets = []string{"10.244.0.0/16", "fd00:10::/104"}, []string{"10.96.0.0/12", "fd00:20::/112"}
		objects, err := of.Objects()
		require.NoError(t, err)
		var want *controlplanev1.KubeadmControlPlane
		for _, object := range objects {
			if found, is := object.(*controlplanev1.KubeadmControlPlane); is {
				want = found
			}
		}
		cluster, err := packages.Topology(&of)
		require.NoError(t, err)
		cluster.Spec.Topology.Variables = append(cluster.Spec.Topology.Variables, variable(t, "vmTemplates", map[string]string{"v1.33.10": "ock"}))
		require.NoError(t, w.Create(t.Context(), cluster))
		// A Cluster that is deleted before that leaves its MachineDeployment for ever: Cluster API's controller of it needs the Cluster.
		programs.Eventually(t, "topology of cluster "+name+" is reconciled", func() (bool, string) {
			require.NoError(t, w.Get(t.Context(), client.ObjectKeyFromObject(cluster), cluster))
			return conditions.IsTrue(cluster, clusterv1.ClusterTopologyReconciledCondition), fmt.Sprintf("%+v", cluster.Status.Conditions)
		})
		made := &controlplanev1.KubeadmControlPlane{}
		require.NoError(t, w.Get(t.Context(), client.ObjectKeyFromObject(want), made))
		manager := made.Spec.KubeadmConfigSpec.ClusterConfiguration.ControllerManager
		require.Equal(t, want.Spec.KubeadmConfigSpec.ClusterConfiguration.ControllerManager, manager)
		require.Contains(t, fmt.Sprintf("%+v", manager.ExtraArgs), "node-cidr-mask-size-ipv6")
		require.NoError(t, w.Delete(t.Context(), cluster))
		programs.Eventually(t, "cluster "+name+" is gone", func() (bool, string) {
			err := w.Get(t.Context(), client.ObjectKeyFromObject(cluster), &clusterv1.Cluster{})
			return apierrors.IsNotFound(err), fmt.Sprint(err)
		})
	}
}

// A cluster of the shipped ClusterClass lives as one of ocne's own does, by its variables alone.
func TestLifeOfAClusterOfTheClusterClass(t *testing.T) {
	t.Parallel()
	w := newClassy(t)
	controlPlane, worker := w.become(t, "2 GiB, v1.33.10", "2 GiB, v1.33.10")
	w.expectCapacity(t, "2Gi")
	w.expectNoChurn(t, "new")
	w.expectDryRun(t)

	w.expectNodeMasks(t)

	t.Log("a variable changes the workers, and nothing else")
	w.of.OLVM.WorkerMachine.VirtualMachine.Memory = "3GB"
	resized, err := packages.Topology(w.of)
	require.NoError(t, err)
	for _, v := range resized.Spec.Topology.Variables {
		if v.Name == "workerMachine" {
			w.change(t, w.set(t, v.Name, v.Value))
		}
	}
	same, larger := w.become(t, "2 GiB, v1.33.10", "3 GiB, v1.33.10")
	require.Equal(t, controlPlane, same)
	require.NotEqual(t, worker, larger)
	w.expectCapacity(t, "3Gi")
	w.expectNoChurn(t, "resized")

	t.Log("an upgrade is a release and its VM template")
	w.change(t, func(topology *clusterv1.Topology) {
		topology.Version = "v1.34.5"
		w.set(t, "vmTemplates", map[string]string{"v1.33.10": "ock", "v1.34.5": "ock-1.34"})(topology)
	})
	newer, upgraded := w.become(t, "2 GiB, v1.34.5", "3 GiB, v1.34.5")
	first, second := &clusterv1.Machine{}, &clusterv1.Machine{}
	require.NoError(t, w.Get(t.Context(), client.ObjectKey{Namespace: w.of.Namespace, Name: newer}, first))
	require.NoError(t, w.Get(t.Context(), client.ObjectKey{Namespace: w.of.Namespace, Name: upgraded}, second))
	require.False(t, second.CreationTimestamp.Before(&first.CreationTimestamp), "the control plane goes first")
	for _, m := range []*clusterv1.Machine{first, second} {
		olvm := &infrav1.OLVMMachine{}
		require.NoError(t, w.Get(t.Context(), client.ObjectKey{Namespace: w.of.Namespace, Name: m.Spec.InfrastructureRef.Name}, olvm))
		require.Equal(t, "ock-1.34", olvm.Spec.VMTemplateName)
	}
	w.expectNoChurn(t, "upgraded")

	require.NoError(t, w.Delete(t.Context(), resized))
	programs.Eventually(t, "the cluster is gone", func() (bool, string) {
		clusters := &clusterv1.ClusterList{}
		require.NoError(t, w.List(t.Context(), clusters))
		return len(clusters.Items) == 0, fmt.Sprintf("%d Clusters", len(clusters.Items))
	})
	w.expectEmptyEngine()
}
