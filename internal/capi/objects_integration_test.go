package capi_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
)

const clusterName = "demo"

func metadata(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "default", Name: name}
}

// workers are a cluster whose infrastructure never comes, and one worker of it: everything that Cluster API does before it waits.
func workers() []client.Object {
	return []client.Object{
		&clusterv1.Cluster{
			ObjectMeta: metadata(clusterName),
			Spec: clusterv1.ClusterSpec{
				ControlPlaneEndpoint: clusterv1.APIEndpoint{Host: "192.0.2.10", Port: 6443},
				InfrastructureRef:    clusterv1.ContractVersionedObjectReference{APIGroup: infrav1.Group, Kind: "OLVMCluster", Name: clusterName},
			},
		},
		&bootstrapv1.KubeadmConfigTemplate{ObjectMeta: metadata("workers")},
		&infrav1.OLVMMachineTemplate{
			ObjectMeta: metadata("workers"),
			Spec: infrav1.OLVMMachineTemplateSpec{Template: infrav1.OLVMMachineTemplateResource{Spec: infrav1.OLVMMachineSpec{
				OLVMOvirtClusterName: "Default",
				VMTemplateName:       "ock",
				OLVMNetwork:          infrav1.OLVMNetwork{NetworkName: "ovirtmgmt", VNICProfileName: "ovirtmgmt"},
				VirtualMachine: infrav1.VirtualMachine{
					Memory:  "4GB",
					Network: infrav1.Network{IPv4: infrav1.IPv4{Subnet: "192.0.2.0/24", IPAddresses: []string{"192.0.2.20-192.0.2.29"}}},
				},
			}}},
		},
		machineDeployment("v1.35.0"),
	}
}

func machineDeployment(version string) *clusterv1.MachineDeployment {
	return &clusterv1.MachineDeployment{
		ObjectMeta: metadata("workers"),
		Spec: clusterv1.MachineDeploymentSpec{
			ClusterName: clusterName,
			Replicas:    ptr.To[int32](1),
			Template: clusterv1.MachineTemplateSpec{Spec: clusterv1.MachineSpec{
				ClusterName: clusterName,
				Version:     version,
				Bootstrap: clusterv1.Bootstrap{ConfigRef: clusterv1.ContractVersionedObjectReference{
					APIGroup: bootstrapv1.GroupVersion.Group, Kind: "KubeadmConfigTemplate", Name: "workers",
				}},
				InfrastructureRef: clusterv1.ContractVersionedObjectReference{APIGroup: infrav1.Group, Kind: "OLVMMachineTemplate", Name: "workers"},
			}},
		},
	}
}

// resourceVersions of all objects of some kinds in the namespace default.
func resourceVersions(t *testing.T, cluster *managementCluster, kinds ...string) map[string]string {
	t.Helper()
	versions := map[string]string{}
	for _, kind := range kinds {
		version := clusterv1.GroupVersion
		if kind == "KubeadmConfig" {
			version = bootstrapv1.GroupVersion
		}
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(version.WithKind(kind + "List"))
		require.NoError(t, cluster.List(t.Context(), list, client.InNamespace("default")))
		for _, item := range list.Items {
			versions[kind+"/"+item.GetName()] = item.GetResourceVersion()
		}
	}
	return versions
}
