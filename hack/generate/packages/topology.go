package packages

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/config"
)

// Topology is the Cluster of the ClusterClass whose objects are those of a configuration. The VM templates are the machines' own.
func Topology(c *config.Config) (*clusterv1.Cluster, error) {
	objects, err := c.Objects()
	if err != nil {
		return nil, err
	}
	variables, machines := map[string]any{}, map[string]infrav1.OLVMMachineSpec{}
	cluster := &clusterv1.Cluster{
		TypeMeta:   metav1.TypeMeta{APIVersion: clusterv1.GroupVersion.String(), Kind: "Cluster"},
		ObjectMeta: metav1.ObjectMeta{Name: c.Name, Namespace: c.Namespace},
	}
	for _, object := range objects {
		switch o := object.(type) {
		case *clusterv1.Cluster:
			cluster.Spec.ClusterNetwork = o.Spec.ClusterNetwork
		case *infrav1.OLVMCluster:
			if err := fields(o.Spec, variables); err != nil {
				return nil, err
			}
		case *infrav1.OLVMMachineTemplate:
			machines[o.Name] = o.Spec.Template.Spec
		}
	}
	variables[controlPlaneMachineVariable] = machines[c.Name+"-control-plane"]
	variables[apiServerPortVariable], variables[addonsVariable] = c.APIServerPortAlt, c.AddonsByKubeadm
	if len(c.CipherSuites) > 0 {
		variables[cipherSuitesVariable] = c.CipherSuites
	}
	if c.Node.Registry != "" {
		variables[registryVariable] = c.Node.Registry
	}
	workers := clusterv1.WorkersTopology{}
	for i, pool := range c.Pools() {
		of, machine := variables, machines[c.PoolObjects(pool.Name)]
		deployment := clusterv1.MachineDeploymentTopology{Class: WorkerClass, Name: pool.Name, Replicas: ptr.To(int32(pool.Nodes))}
		if i > 0 {
			of = map[string]any{}
		}
		of[workerMachineVariable] = machine
		if i > 0 {
			if deployment.Variables.Overrides, err = values(of); err != nil {
				return nil, err
			}
		}
		workers.MachineDeployments = append(workers.MachineDeployments, deployment)
	}
	cluster.Spec.Topology = clusterv1.Topology{
		ClassRef: clusterv1.ClusterClassRef{Name: ClassName}, Version: c.KubernetesVersion,
		ControlPlane: clusterv1.ControlPlaneTopology{Replicas: ptr.To(int32(c.ControlPlaneNodes))}, Workers: workers,
	}
	cluster.Spec.Topology.Variables, err = values(variables)
	return cluster, err
}

// fields adds those of a spec that are set.
func fields(spec any, variables map[string]any) error {
	content, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	return json.Unmarshal(content, &variables)
}

func values(variables map[string]any) ([]clusterv1.ClusterVariable, error) {
	var list []clusterv1.ClusterVariable
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		content, err := json.Marshal(variables[name])
		if err != nil {
			return nil, fmt.Errorf("variable %s: %w", name, err)
		}
		list = append(list, clusterv1.ClusterVariable{Name: name, Value: apiextensionsv1.JSON{Raw: content}})
	}
	return list, nil
}
