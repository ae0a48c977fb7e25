package config

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// nodeLost is how long a node may be silent, in seconds, before its machine is replaced: a VM that was powered off or is gone, a guest
	// that hangs.
	nodeLost = 5 * 60
	// vmLost is how long a machine may be without a running VM, its creation included: copying a template's disk takes minutes.
	vmLost = 20 * 60
	// nodeStartup is how long a VM may run before its node has joined.
	nodeStartup = 20 * 60
)

// healthCheck replaces machines whose node is lost, or that have no VM. While the engine cannot be reached nothing is replaced: the
// OLVMCluster is not Ready then, and Cluster API waits. A node that reports that it is not Ready is left alone: before the pod network is
// installed, none is Ready.
func (c *Config) healthCheck(name string, machines map[string]string) client.Object {
	return &clusterv1.MachineHealthCheck{
		TypeMeta:   kind(clusterv1.GroupVersion.Group, clusterv1.GroupVersion.Version, "MachineHealthCheck"),
		ObjectMeta: c.meta(name),
		Spec: clusterv1.MachineHealthCheckSpec{
			ClusterName: c.Name,
			Selector:    metav1.LabelSelector{MatchLabels: machines},
			Checks: clusterv1.MachineHealthCheckChecks{
				NodeStartupTimeoutSeconds: ptr.To[int32](nodeStartup),
				UnhealthyNodeConditions: []clusterv1.UnhealthyNodeCondition{
					{Type: corev1.NodeReady, Status: corev1.ConditionUnknown, TimeoutSeconds: ptr.To[int32](nodeLost)},
				},
				UnhealthyMachineConditions: []clusterv1.UnhealthyMachineCondition{
					{Type: clusterv1.MachineInfrastructureReadyCondition, Status: metav1.ConditionFalse, TimeoutSeconds: ptr.To[int32](vmLost)},
				},
			},
		},
	}
}

func (c *Config) controlPlaneHealthCheck() client.Object {
	labels := c.labels()
	labels[clusterv1.MachineControlPlaneLabel] = ""
	return c.healthCheck(c.controlPlaneName(), labels)
}

func (c *Config) workerHealthCheck(name string) client.Object {
	labels := c.labels()
	labels[clusterv1.MachineDeploymentNameLabel] = name
	return c.healthCheck(name, labels)
}

// oneAtATime keeps a fault that all workers seem to have, such as a network that is cut, from replacing all of them at once.
func oneAtATime() clusterv1.MachineDeploymentRemediationSpec {
	return clusterv1.MachineDeploymentRemediationSpec{MaxInFlight: ptr.To(intstr.FromInt32(1))}
}
