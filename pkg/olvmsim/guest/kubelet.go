package guest

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ocne-project/ocne/pkg/olvmsim"
)

const controlPlaneRole = "node-role.kubernetes.io/control-plane"

// kubelet is what the kubelet of a machine reports about it.
type kubelet struct {
	name         string
	controlPlane bool
	providerID   string // "" unless the document has one
	addresses    []string
	labels       map[string]string
	taints       []corev1.Taint
	version      string
	systemUUID   string // an oVirt VM's SMBIOS UUID is its id
}

// newKubelet puts together what the document says about a node: kubeadm's registration first, then the command line
// that the document adds, which comes later and wins.
func newKubelet(sys *system, reg nodeRegistration, controlPlane bool, vm olvmsim.GuestVM, con console) (kubelet, error) {
	arguments, err := reg.arguments()
	if err != nil {
		return kubelet{}, err
	}
	sys.nodeIP.run(arguments, sys.connections, con)
	maps.Copy(arguments, sys.arguments)
	k := kubelet{controlPlane: controlPlane, version: vm.KubernetesVersion, systemUUID: vm.ID, labels: map[string]string{}}
	if k.name, err = nodeName(sys, reg); err != nil {
		return kubelet{}, err
	}
	switch id := arguments["provider-id"]; {
	case literal(id):
		k.providerID = id
	case id != "":
		con.printf("kubelet", "provider id %q is not a literal, and instant guests run no shell: node %s has no provider id", id, k.name)
	default:
		con.printf("kubelet", "no provider id in the boot document: node %s has none", k.name)
	}
	k.addresses = nodeAddresses(sys, arguments["node-ip"], con)
	for label := range strings.SplitSeq(arguments["node-labels"], ",") {
		if key, value, ok := strings.Cut(label, "="); ok {
			k.labels[key] = value
		}
	}
	switch {
	case reg.Taints != nil:
		k.taints = *reg.Taints
	case controlPlane:
		k.taints = []corev1.Taint{{Key: controlPlaneRole, Effect: corev1.TaintEffectNoSchedule}}
	}
	return k, nil
}

// nodeAddresses follows the kubelet without a cloud provider: --node-ip, which has to be an address of the machine,
// or else the machine's first address, IPv4 preferred.
func nodeAddresses(sys *system, nodeIP string, con console) []string {
	if nodeIP == "" || nodeIP == "0.0.0.0" || nodeIP == "::" {
		return []string{sys.addresses()[0].String()}
	}
	var out []string
	for ip := range strings.SplitSeq(nodeIP, ",") {
		if a, err := netip.ParseAddr(ip); err != nil || !slices.Contains(sys.addresses(), a) {
			con.printf("kubelet", "failed to validate nodeIP: node IP %q not found in the host's network interfaces", ip)
			continue
		}
		out = append(out, ip)
	}
	return out
}

// node is the Node object as the kubelet registers it, Ready.
func (k kubelet) node() *corev1.Node {
	n := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: k.name, UID: newUID(), Labels: map[string]string{
			corev1.LabelHostname: k.name, corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64",
		}},
		Spec: corev1.NodeSpec{ProviderID: k.providerID, Taints: k.taints},
		Status: corev1.NodeStatus{
			NodeInfo: corev1.NodeSystemInfo{
				KubeletVersion: k.version, OperatingSystem: "linux", Architecture: "amd64", OSImage: "instant guest of olvmsim",
				ContainerRuntimeVersion: "cri-o://" + strings.TrimPrefix(k.version, "v"), SystemUUID: k.systemUUID, MachineID: k.systemUUID,
			},
		},
	}
	maps.Copy(n.Labels, k.labels)
	if k.controlPlane {
		n.Labels[controlPlaneRole] = ""
	}
	for _, ip := range k.addresses {
		n.Status.Addresses = append(n.Status.Addresses, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: ip})
	}
	n.Status.Addresses = append(n.Status.Addresses, corev1.NodeAddress{Type: corev1.NodeHostName, Address: k.name})
	setNodeConditions(n, true)
	return n
}

// setNodeConditions sets what the kubelet of a running machine reports, or what the node controller writes once that
// kubelet has fallen silent. Machine health checks measure from LastTransitionTime.
func setNodeConditions(n *corev1.Node, running bool) {
	now := metav1.Now()
	old := map[corev1.NodeConditionType]corev1.NodeCondition{}
	for _, c := range n.Status.Conditions {
		old[c.Type] = c
	}
	n.Status.Conditions = nil
	for _, c := range []corev1.NodeCondition{
		{Type: corev1.NodeMemoryPressure, Status: corev1.ConditionFalse, Reason: "KubeletHasSufficientMemory"},
		{Type: corev1.NodeDiskPressure, Status: corev1.ConditionFalse, Reason: "KubeletHasNoDiskPressure"},
		{Type: corev1.NodePIDPressure, Status: corev1.ConditionFalse, Reason: "KubeletHasSufficientPID"},
		{Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady"},
	} {
		if !running {
			c.Status, c.Reason, c.Message = corev1.ConditionUnknown, "NodeStatusUnknown", "Kubelet stopped posting node status."
		}
		c.LastHeartbeatTime, c.LastTransitionTime = now, now
		if o, ok := old[c.Type]; ok && o.Status == c.Status {
			c.LastTransitionTime = o.LastTransitionTime
		}
		n.Status.Conditions = append(n.Status.Conditions, c)
	}
}

func nodeReady(n *corev1.Node) bool {
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}
