package cluster

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Summary is a cluster that has reached its target.
type Summary struct {
	Name, Namespace string
	// Kubeconfig is the path of the file that was written.
	Kubeconfig string
	// ManagementKubeconfig is the path for kubectl's --kubeconfig; empty when $KUBECONFIG holds it.
	ManagementKubeconfig string
	// ManagementContext is the value for kubectl's --context; empty when it is the kubeconfig's current one.
	ManagementContext string
	// Nodes as the cluster's own API reports them.
	Nodes []Node
	// Machines as the management cluster reports them.
	Machines []Machine
}

// Node is a node in the words of kubectl get nodes.
type Node struct {
	Name, Status, Roles, Version, InternalIP string
}

// Machine is a machine and its VM.
type Machine struct {
	Name, VMStatus, Address, ProviderID string
}

const roleLabel = "node-role.kubernetes.io/"

func summarize(s *snapshot, kubeconfig string, m *Management) *Summary {
	result := &Summary{
		Name: s.cluster.Name, Namespace: s.cluster.Namespace,
		Kubeconfig: kubeconfig, ManagementKubeconfig: m.Kubeconfig, ManagementContext: m.Context,
	}
	for i := range s.machines {
		machine := &s.machines[i]
		row := Machine{Name: machine.Name, ProviderID: machine.Spec.ProviderID}
		if im := s.infraMachine(machine); im != nil && im.Status.OLVM != nil {
			row.VMStatus, row.Address = im.Status.OLVM.VirtualMachine.Status, im.Status.OLVM.IPAddress
		}
		result.Machines = append(result.Machines, row)
		if node := s.node(machine.Status.NodeRef.Name); node != nil {
			result.Nodes = append(result.Nodes, newNode(node))
		}
	}
	return result
}

func newNode(n *corev1.Node) Node {
	row := Node{Name: n.Name, Status: "NotReady", Version: n.Status.NodeInfo.KubeletVersion}
	if ready, _ := nodeReady(n); ready {
		row.Status = "Ready"
	}
	var roles []string
	for label := range n.Labels {
		if role, ok := strings.CutPrefix(label, roleLabel); ok {
			roles = append(roles, role)
		}
	}
	slices.Sort(roles)
	row.Roles = strings.Join(roles, ",")
	if row.Roles == "" {
		row.Roles = "<none>"
	}
	for _, a := range n.Status.Addresses {
		if a.Type == corev1.NodeInternalIP {
			row.InternalIP = a.Address
			break
		}
	}
	return row
}
