package cluster

import "github.com/ocne-project/ocne/internal/cluster/workload"

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
	Nodes []workload.Node
	// Machines as the management cluster reports them.
	Machines []Machine
}

// Machine is a machine and its VM.
type Machine struct {
	Name, VMStatus, Address, ProviderID string
}

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
			result.Nodes = append(result.Nodes, workload.NewNode(node))
		}
	}
	return result
}
