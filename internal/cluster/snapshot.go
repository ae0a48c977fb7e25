package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/ptr"
	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/cluster/workload"
)

// snapshot is everything that the management cluster and the cluster itself say about one cluster at one time.
type snapshot struct {
	cluster        *clusterv1.Cluster   // nil when there is none
	infrastructure *infrav1.OLVMCluster // nil when there is none
	controlPlane   *controlplanev1.KubeadmControlPlane
	workers        []clusterv1.MachineDeployment
	machines       []clusterv1.Machine
	infraMachines  []infrav1.OLVMMachine
	addresses      []ipamv1.IPAddress

	nodes    []corev1.Node
	nodesErr error // why the nodes are not known

	addons []workload.AddonState // of those that this command installs
}

// errNotAsked is the reason before the cluster has a kubeconfig.
var errNotAsked = errors.New("the cluster has no API yet")

// observe reads the management cluster. Errors are those of its API; objects that are absent are nil or empty.
func observe(ctx context.Context, c client.Client, key client.ObjectKey) (*snapshot, error) {
	s := &snapshot{nodesErr: errNotAsked}
	ofCluster := []client.ListOption{client.InNamespace(key.Namespace), client.MatchingLabels{clusterv1.ClusterNameLabel: key.Name}}
	inNamespace := client.InNamespace(key.Namespace)

	cluster := &clusterv1.Cluster{}
	if err := c.Get(ctx, key, cluster); err == nil {
		s.cluster = cluster
	} else if !apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("read cluster %s: %w", key, err)
	}
	var infrastructures infrav1.OLVMClusterList
	var controlPlanes controlplanev1.KubeadmControlPlaneList
	var workers clusterv1.MachineDeploymentList
	var machines clusterv1.MachineList
	var infraMachines infrav1.OLVMMachineList
	var addresses ipamv1.IPAddressList
	for _, read := range []struct {
		list    client.ObjectList
		what    string
		options []client.ListOption
	}{
		{&infrastructures, "OLVMClusters", []client.ListOption{inNamespace}},
		{&controlPlanes, "KubeadmControlPlanes", ofCluster},
		{&workers, "MachineDeployments", ofCluster},
		{&machines, "Machines", ofCluster},
		{&infraMachines, "OLVMMachines", ofCluster},
		{&addresses, "IPAddresses", ofCluster},
	} {
		if err := c.List(ctx, read.list, read.options...); err != nil {
			return nil, fmt.Errorf("list %s of cluster %s: %w", read.what, key, err)
		}
	}
	s.infrastructure = findInfrastructure(infrastructures.Items, key.Name)
	if len(controlPlanes.Items) > 0 {
		s.controlPlane = &controlPlanes.Items[0]
	}
	s.workers, s.machines, s.infraMachines = workers.Items, machines.Items, infraMachines.Items
	s.addresses = addresses.Items
	slices.SortFunc(s.machines, func(a, b clusterv1.Machine) int { return compareMachines(&a, &b) })
	return s, nil
}

// findInfrastructure accepts the label and the name: the label is Cluster API's, and comes only after the first reconcile.
func findInfrastructure(all []infrav1.OLVMCluster, name string) *infrav1.OLVMCluster {
	for i := range all {
		if all[i].Labels[clusterv1.ClusterNameLabel] == name || all[i].Name == name {
			return &all[i]
		}
	}
	return nil
}

// compareMachines puts the control plane first, and the oldest first within a group.
func compareMachines(a, b *clusterv1.Machine) int {
	if isControlPlane(a) != isControlPlane(b) {
		if isControlPlane(a) {
			return -1
		}
		return 1
	}
	if c := a.CreationTimestamp.Compare(b.CreationTimestamp.Time); c != 0 {
		return c
	}
	if a.Name < b.Name {
		return -1
	}
	return 1
}

func isControlPlane(m *clusterv1.Machine) bool {
	_, ok := m.Labels[clusterv1.MachineControlPlaneLabel]
	return ok
}

func (s *snapshot) infraMachine(m *clusterv1.Machine) *infrav1.OLVMMachine {
	for i := range s.infraMachines {
		if s.infraMachines[i].Name == m.Spec.InfrastructureRef.Name {
			return &s.infraMachines[i]
		}
	}
	return nil
}

// leaving are the OLVMMachines that are being deleted and have no Machine any more. One that has no Machine and is not being deleted is new, or
// was forgotten: controllers that die between the two requests that make a machine have made an OLVMMachine without a VM, and the control
// plane's (Cluster API 1.14) makes another one and leaves it until the cluster goes.
func (s *snapshot) leaving() []*infrav1.OLVMMachine {
	machined := map[string]bool{}
	for i := range s.machines {
		machined[s.machines[i].Spec.InfrastructureRef.Name] = true
	}
	var leaving []*infrav1.OLVMMachine
	for i := range s.infraMachines {
		if im := &s.infraMachines[i]; !machined[im.Name] && !im.DeletionTimestamp.IsZero() {
			leaving = append(leaving, im)
		}
	}
	return leaving
}

// strayNodes are the names of nodes that no machine has: a removed machine's, until Cluster API has removed it, or one that joined by itself.
func (s *snapshot) strayNodes() []string {
	machined := map[string]bool{}
	for i := range s.machines {
		m := &s.machines[i]
		machined[m.Status.NodeRef.Name], machined[m.Spec.InfrastructureRef.Name] = true, true // a new node has its VM's name before it is referred to
	}
	var stray []string
	for i := range s.nodes {
		if name := s.nodes[i].Name; !machined[name] {
			stray = append(stray, name)
		}
	}
	return stray
}

func (s *snapshot) node(name string) *corev1.Node {
	for i := range s.nodes {
		if s.nodes[i].Name == name {
			return &s.nodes[i]
		}
	}
	return nil
}

func (s *snapshot) hasReadyNode(m *clusterv1.Machine) bool {
	node := s.node(m.Status.NodeRef.Name)
	if node == nil {
		return false
	}
	ready, _ := workload.Ready(node)
	return ready
}

// pool is the MachineDeployment of a name, or nil.
func (s *snapshot) pool(name string) *clusterv1.MachineDeployment {
	for i := range s.workers {
		if s.workers[i].Name == name {
			return &s.workers[i]
		}
	}
	return nil
}

// controlPlaneInitialized says whether the cluster's API exists.
func (s *snapshot) controlPlaneInitialized() bool {
	return s.cluster != nil && ptr.Deref(s.cluster.Status.Initialization.ControlPlaneInitialized, false)
}

// gone says whether the management cluster holds nothing of the cluster any more, and so the engine neither.
func (s *snapshot) gone() bool {
	return s.cluster == nil && s.infrastructure == nil && s.controlPlane == nil &&
		len(s.workers)+len(s.machines)+len(s.infraMachines)+len(s.addresses) == 0
}
