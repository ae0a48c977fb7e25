package packages

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/config"
)

// number stands for a variable in a field that is a number, until the object is written.
type number struct {
	value    int
	variable string
}

const (
	controlPlaneCount = iota + 70001
	workerCount
	controlPlaneCores
	controlPlaneSockets
	workerCores
	workerSockets
	ipv6PrefixLength
)

// numbers: clusterctl itself sets the counts, by its flags or to 1 and 0.
func numbers() []number {
	return []number{
		{controlPlaneCount, "${CONTROL_PLANE_MACHINE_COUNT}"},
		{workerCount, "${WORKER_MACHINE_COUNT}"},
		{controlPlaneCores, "${OLVM_CONTROL_PLANE_CORES:=2}"},
		{controlPlaneSockets, "${OLVM_CONTROL_PLANE_SOCKETS:=2}"},
		{workerCores, "${OLVM_WORKER_CORES:=2}"},
		{workerSockets, "${OLVM_WORKER_SOCKETS:=2}"},
		{ipv6PrefixLength, "${OLVM_IPV6_PREFIX_LENGTH:=64}"},
	}
}

// clusterTemplates are the templates of "clusterctl generate cluster": what ocne applies, with variables in the place of values.
func clusterTemplates() (map[string][]byte, error) {
	files := map[string][]byte{}
	for flavor, adapt := range map[string]func(*config.Config){
		"":               func(*config.Config) {},
		"-dualstack":     dualStack,
		"-external-ipam": externalIPAM,
	} {
		c := clusterConfig()
		adapt(c)
		content, err := clusterTemplate(c)
		if err != nil {
			return nil, fmt.Errorf("cluster template%s: %w", flavor, err)
		}
		files[ClusterctlDir+"/cluster-template"+flavor+".yaml"] = content
	}
	cluster, err := Topology(clusterConfig())
	if err != nil {
		return nil, fmt.Errorf("cluster template-topology: %w", err)
	}
	content, err := templateOf(cluster)
	files[ClusterctlDir+"/cluster-template-topology.yaml"] = content
	return files, err
}

func clusterConfig() *config.Config {
	return &config.Config{
		Name: "${CLUSTER_NAME}", Namespace: "${NAMESPACE}", Provider: config.ProviderOLVM,
		KubernetesVersion: "${KUBERNETES_VERSION}",
		ControlPlaneNodes: controlPlaneCount, WorkerNodes: workerCount,
		VirtualIP: "${OLVM_VIRTUAL_IP}", APIServerPort: 6443, APIServerPortAlt: 6444,
		AddonsByKubeadm: true, // nobody else would install them
		PodSubnets:      []string{"${POD_CIDR:=10.244.0.0/16}"}, ServiceSubnets: []string{"${SERVICE_CIDR:=10.96.0.0/12}"},
		OLVM: config.OLVM{
			DatacenterName: "${OLVM_DATACENTER:=Default}",
			APIServer: config.APIServer{
				ServerURL:         "${OLVM_SERVER_URL}",
				CredentialsSecret: infrav1.ObjectReference{Name: "${OLVM_CREDENTIALS_SECRET:=olvm-credentials}"},
				CAConfigMap:       infrav1.ObjectReference{Name: "${OLVM_CA_CONFIGMAP:=olvm-ca}"},
			},
			ControlPlaneMachine: machine("CONTROL_PLANE", "7GB", controlPlaneCores, controlPlaneSockets),
			WorkerMachine:       machine("WORKER", "16GB", workerCores, workerSockets),
		},
	}
}

// machine is one group's; its variables are called after the group.
func machine(group, memory string, cores, sockets int32) config.Machine {
	return config.Machine{
		OLVMOvirtClusterName: "${OLVM_CLUSTER:=Default}",
		VMTemplateName:       "${OLVM_VM_TEMPLATE}",
		OLVMNetwork: infrav1.OLVMNetwork{
			NetworkName: "${OLVM_NETWORK:=ovirtmgmt}", VNICProfileName: "${OLVM_VNIC_PROFILE:=ovirtmgmt}",
		},
		VirtualMachine: infrav1.VirtualMachine{
			Memory: "${OLVM_" + group + "_MEMORY:=" + memory + "}",
			CPU:    infrav1.CPU{Topology: infrav1.CPUTopology{Cores: cores, Sockets: sockets}},
			Network: infrav1.Network{
				Gateway:     `${OLVM_GATEWAY:=""}`,
				Interface:   "${OLVM_INTERFACE:=enp1s0}",
				Nameservers: []string{"${OLVM_NAMESERVERS:=[]}"},
				IPv4: infrav1.IPv4{
					Subnet: "${OLVM_SUBNET}", IPAddresses: []string{"${OLVM_" + group + "_ADDRESSES}"},
				},
			},
		},
	}
}

// dualStack adds IPv6 to the nodes, and to pods and services: the subnets of ocne's own example.
func dualStack(c *config.Config) {
	c.PodSubnets = append(c.PodSubnets, "fd00:10:244::/56")
	c.ServiceSubnets = append(c.ServiceSubnets, "fd00:10:96::/112")
	for group, m := range map[string]*config.Machine{"CONTROL_PLANE": &c.OLVM.ControlPlaneMachine, "WORKER": &c.OLVM.WorkerMachine} {
		m.VirtualMachine.Network.IPv6 = &infrav1.IPv6{
			IPAddresses:  []string{"${OLVM_" + group + "_IPV6_ADDRESSES}"},
			PrefixLength: ipv6PrefixLength,
			Gateway:      `${OLVM_IPV6_GATEWAY:=""}`,
		}
	}
}

// externalIPAM takes the addresses of nodes from pools of another IPAM provider.
func externalIPAM(c *config.Config) {
	for group, m := range map[string]*config.Machine{"CONTROL_PLANE": &c.OLVM.ControlPlaneMachine, "WORKER": &c.OLVM.WorkerMachine} {
		m.VirtualMachine.Network.IPv4 = infrav1.IPv4{}
		m.VirtualMachine.Network.AddressesFromPools = []infrav1.PoolReference{{
			APIGroup: "${OLVM_POOL_GROUP:=ipam.cluster.x-k8s.io}", Kind: "${OLVM_POOL_KIND:=InClusterIPPool}", Name: "${OLVM_" + group + "_POOL}",
		}}
	}
}

func clusterTemplate(c *config.Config) ([]byte, error) {
	objects, err := c.Objects()
	if err != nil {
		return nil, err
	}
	return templateOf(objects...)
}

func templateOf(objects ...client.Object) ([]byte, error) { return documents(objects, withVariables) }

// documents writes objects one after the other, each as a YAML document that is changed first.
func documents[T runtime.Object](objects []T, change func(string) string) ([]byte, error) {
	var out bytes.Buffer
	for _, object := range objects {
		encoded, err := encode(object)
		if err != nil {
			return nil, err
		}
		content, err := yaml.Marshal(encoded.Object)
		if err != nil {
			return nil, fmt.Errorf("write %s: %w", object.GetObjectKind().GroupVersionKind(), err)
		}
		out.WriteString("---\n")
		out.WriteString(change(string(content)))
	}
	return out.Bytes(), nil
}

// withVariables puts the variables of numbers in, and makes the one that is a list the whole value of its field: clusterctl knows no empty
// defaults.
func withVariables(text string) string {
	for _, n := range numbers() {
		text = strings.ReplaceAll(text, ": "+strconv.Itoa(n.value)+"\n", ": "+n.variable+"\n")
	}
	return regexp.MustCompile(`(?m):\n +- (\$\{\w+:=\[\]\})$`).ReplaceAllString(text, ": $1")
}
