package workload

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// RoleLabel is what labels that name a node's roles begin with (kubectl's printers).
const RoleLabel = "node-role.kubernetes.io/"

// Node is a node in the words of kubectl get nodes.
type Node struct {
	Name, Status, Roles, Version, InternalIP string
}

// NewNode puts a node into words.
func NewNode(n *corev1.Node) Node {
	row := Node{Name: n.Name, Status: "NotReady", Version: n.Status.NodeInfo.KubeletVersion}
	if ready, _ := Ready(n); ready {
		row.Status = "Ready"
	}
	var roles []string
	for label := range n.Labels {
		if role, ok := strings.CutPrefix(label, RoleLabel); ok {
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

// Ready says whether a node is, or what it says itself about why it is not.
func Ready(n *corev1.Node) (ready bool, message string) {
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue, c.Message
		}
	}
	return false, "the node has not reported its condition"
}
