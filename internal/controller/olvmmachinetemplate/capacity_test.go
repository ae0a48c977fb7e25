package olvmmachinetemplate

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/capi"
)

// read reads a status as the cluster autoscaler's Cluster API provider does (resourceCapacityFromInfrastructureObject and
// systemInfoFromInfrastructureObject in its clusterapi_unstructured.go): both maps must hold nothing but strings, and what is no quantity is
// left out. A group can grow from zero when cpu and memory are there; pods are 110 unless an annotation says how many.
func read(t *testing.T, status infrav1.OLVMMachineTemplateStatus) (capacity map[string]resource.Quantity, nodeInfo map[string]string) {
	t.Helper()
	content, err := json.Marshal(status)
	require.NoError(t, err)
	var seen struct {
		Capacity map[string]string `json:"capacity"`
		NodeInfo map[string]string `json:"nodeInfo"`
	}
	require.NoError(t, json.Unmarshal(content, &seen))
	capacity = map[string]resource.Quantity{}
	for name, value := range seen.Capacity {
		quantity, err := resource.ParseQuantity(value)
		require.NoError(t, err)
		capacity[name] = quantity
	}
	return capacity, seen.NodeInfo
}

// What the status says is what a person would write into the annotations capacity.cluster-autoscaler.kubernetes.io/cpu, memory and
// ephemeral-disk for the same machine.
func TestTheCapacityIsThatOfTheMachine(t *testing.T) {
	for _, tc := range []struct {
		name string
		vm   infrav1.VirtualMachine
		want map[string]string
	}{
		{"cores of all sockets, with all their threads",
			infrav1.VirtualMachine{Memory: "16GB", CPU: infrav1.CPU{Topology: infrav1.CPUTopology{Cores: 4, Sockets: 2, Threads: 2}}},
			map[string]string{"cpu": "16", "memory": "16Gi"}},
		{"what is not said is the default", infrav1.VirtualMachine{Memory: "7GB"}, map[string]string{"cpu": "4", "memory": "7Gi"}},
		{"one number alone", infrav1.VirtualMachine{Memory: "7168MB", CPU: infrav1.CPU{Topology: infrav1.CPUTopology{Cores: 8}}},
			map[string]string{"cpu": "16", "memory": "7Gi"}},
		{"memory is what the VM gets, in whole MiB", infrav1.VirtualMachine{Memory: "2147483999"}, map[string]string{"cpu": "4", "memory": "2Gi"}},
		{"a boot disk of a known size", infrav1.VirtualMachine{Memory: "1.5Gi", BootDiskSize: "50GB"},
			map[string]string{"cpu": "4", "memory": "1536Mi", "ephemeral-storage": "50Gi"}},
		{"disks for data are not the node's", infrav1.VirtualMachine{Memory: "7GB", DataDisks: []infrav1.DataDisk{{Name: "data", Size: "1TB"}}},
			map[string]string{"cpu": "4", "memory": "7Gi"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			status, err := statusOf(infrav1.OLVMMachineSpec{VirtualMachine: tc.vm})
			require.NoError(t, err)
			got, _ := read(t, status)
			require.Len(t, got, len(tc.want))
			for name, want := range tc.want {
				quantity := got[name]
				require.Zero(t, quantity.Cmp(resource.MustParse(want)), "%s is %s, and not %s", name, quantity.String(), want)
			}
		})
	}
}

func TestASizeThatCannotBeReadIsLeftOut(t *testing.T) {
	status, err := statusOf(infrav1.OLVMMachineSpec{VirtualMachine: infrav1.VirtualMachine{Memory: "2KB"}})
	require.ErrorContains(t, err, `memory: size "2KB"`)
	got, _ := read(t, status)
	require.Len(t, got, 1)
	require.Contains(t, got, "cpu")
}

func TestTheArchitectureIsKubernetesOwnName(t *testing.T) {
	for engine, want := range map[string]string{
		"": "amd64", "x86_64": "amd64", "aarch64": "arm64", "ppc64": "ppc64le", "s390x": "s390x", "vax": "",
	} {
		status, err := statusOf(infrav1.OLVMMachineSpec{VirtualMachine: infrav1.VirtualMachine{
			Memory: "7GB", CPU: infrav1.CPU{Architecture: engine},
		}})
		require.NoError(t, err)
		_, got := read(t, status)
		require.Equal(t, want, got["architecture"], "architecture %q", engine)
		require.Equal(t, "linux", got["operatingSystem"])
	}
}

func TestNothingIsWrittenWhileNothingChanges(t *testing.T) {
	template := &infrav1.OLVMMachineTemplate{}
	template.Namespace, template.Name = "ocne", "demo-md-0"
	template.Spec.Template.Spec.VirtualMachine.Memory = "16GB"
	c := fake.NewClientBuilder().WithScheme(capi.NewScheme()).WithObjects(template).WithStatusSubresource(template).Build()
	r := &Reconciler{Client: c}
	reconcile := func() string {
		_, err := r.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(template)})
		require.NoError(t, err)
		require.NoError(t, c.Get(t.Context(), client.ObjectKeyFromObject(template), template))
		return template.ResourceVersion
	}
	first := reconcile()
	require.Equal(t, "16Gi", template.Status.Capacity.Memory().String())
	require.Equal(t, first, reconcile())

	template.Spec.Template.Spec.VirtualMachine.Memory = "32GB"
	require.NoError(t, c.Update(t.Context(), template))
	second := reconcile()
	require.NotEqual(t, first, second)
	require.Equal(t, "32Gi", template.Status.Capacity.Memory().String())
	require.Equal(t, second, reconcile())
}
