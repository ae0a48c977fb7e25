package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/config"
)

const pools = `workerNodes: 2
providers:
  olvm:
    workerPools:
      - name: big
        workerNodes: 3
        machine: {virtualMachine: {memory: 64GB, network: {ipv4: {ipAddresses: "192.0.2.230-192.0.2.240"}}}}
      - {name: spare}
`

func TestAWorkerPoolSaysOnlyWhatIsDifferentFromTheFirstOne(t *testing.T) {
	c, _ := load(t, valid(t), pools, config.Flags{WorkerNodes: ptr(4)})
	require.NoError(t, c.Validate())
	require.Equal(t, 7, c.Workers(), "the flag is for the first pool")
	all := c.Pools()
	require.Equal(t, []string{"md-0", "big", "spare"}, []string{all[0].Name, all[1].Name, all[2].Name})
	first, big, spare := all[0].Machine, all[1].Machine, all[2].Machine
	require.Equal(t, first, spare)
	require.Equal(t, "64GB", big.VirtualMachine.Memory)
	require.Equal(t, []string{"192.0.2.230-192.0.2.240"}, big.VirtualMachine.Network.IPv4.IPAddresses)
	big.VirtualMachine.Memory = first.VirtualMachine.Memory
	big.VirtualMachine.Network.IPv4.IPAddresses = first.VirtualMachine.Network.IPv4.IPAddresses
	require.Equal(t, first, big, "everything else is inherited")
	require.Equal(t, "16GB", first.VirtualMachine.Memory, "and nothing goes the other way")
}

func TestEveryWorkerPoolHasItsOwnObjects(t *testing.T) {
	c, _ := load(t, valid(t), pools, config.Flags{})
	objects, err := c.Objects()
	require.NoError(t, err)
	replicas, memory, configs, checks := map[string]int32{}, map[string]string{}, []string{}, []string{}
	for _, obj := range objects {
		switch o := obj.(type) {
		case *clusterv1.MachineDeployment:
			replicas[o.Name] = *o.Spec.Replicas
			require.Equal(t, o.Name, o.Spec.Template.Spec.InfrastructureRef.Name)
			require.Equal(t, o.Name, o.Spec.Template.Spec.Bootstrap.ConfigRef.Name)
			require.Equal(t, o.Name, o.Spec.Selector.MatchLabels[clusterv1.MachineDeploymentNameLabel])
		case *infrav1.OLVMMachineTemplate:
			memory[o.Name] = o.Spec.Template.Spec.VirtualMachine.Memory
		case *clusterv1.MachineHealthCheck:
			checks = append(checks, o.Name)
		case *controlplanev1.KubeadmControlPlane:
		default:
			if o.GetObjectKind().GroupVersionKind().Kind == "KubeadmConfigTemplate" {
				configs = append(configs, o.GetName())
			}
		}
	}
	require.Equal(t, map[string]int32{"small-md-0": 2, "small-big": 3, "small-spare": 0}, replicas)
	require.Equal(t, map[string]string{"small-control-plane": "7GB", "small-md-0": "16GB", "small-big": "64GB", "small-spare": "16GB"}, memory)
	require.Equal(t, []string{"small-md-0", "small-big", "small-spare"}, configs)
	require.Equal(t, []string{"small-control-plane", "small-md-0", "small-big", "small-spare"}, checks)
}

func TestWorkerPoolsThatCannotBeMade(t *testing.T) {
	const key = "providers.olvm.workerPools"
	pool := func(text string) string { return on(key, "["+text+"]") }
	checkRules(t, []rule{
		{"no name", pool("{workerNodes: 1}"), key + "[0].name", `"" cannot be a pool's name`},
		{"capital letters", pool("{name: Big}"), key + "[0].name", "write lower case letters"},
		{"the first pool's name", pool("{name: md-0}"), key + "[0].name", "workerNodes and workerMachine describe"},
		{"the control plane's name", pool("{name: control-plane}"), key + "[0].name", "is taken"},
		{"one name twice", pool("{name: a}, {name: a}"), key + "[1].name", "is taken"},
		{"a long name", pool("{name: a-pool-for-everything-that-needs-a-lot-of-memory}"), key + "[0].name", "50 characters together"},
		{"fewer than none", pool("{name: a, workerNodes: -1}"), key + "[0].workerNodes", "is -1: write a number from 0"},
		{"a machine that cannot be made", pool("{name: a, machine: {virtualMachine: {memory: lots}}}"), key + "[0].machine.virtualMachine.memory", "lots"},
		{
			"more nodes than the pods' subnet has room for", "podSubnet: 10.244.0.0/22\n" + pool("{name: a, workerNodes: 4}"), "podSubnet",
			"room for 4 nodes",
		},
		{
			"more nodes than there are addresses, which the first pool needs, too",
			"workerNodes: 15\n" + pool("{name: a, workerNodes: 3}, {name: b, workerNodes: 4}"),
			key + "[1].machine.virtualMachine.network.ipv4.ipAddresses",
			"hold 21 usable addresses (without gateway, virtual IP, network and broadcast address) for 15 worker nodes, 3 worker nodes of pool a and " +
				"4 worker nodes of pool b, which share them: add 1 or more",
		},
	})
}

func TestUnknownKeysOfAWorkerPoolAreReported(t *testing.T) {
	file := write(t, "demo.yaml", on("providers.olvm.workerPools", "[{name: a, nodes: 3}]"))
	_, _, err := config.Load(config.Options{ClusterFile: file, HomeDir: t.TempDir()})
	require.ErrorContains(t, err, "providers.olvm.workerPools[0].nodes: unknown key")
}

func TestNumbersOfNodesThatAClusterCannotHave(t *testing.T) {
	for n, want := range map[int]string{0: "write 1, 3, 5 or 7", 2: "write 1 or 3", 9: "write 1, 3, 5 or 7"} {
		require.ErrorContains(t, config.CheckControlPlaneNodes(n), want)
	}
	require.NoError(t, config.CheckControlPlaneNodes(5))
	require.ErrorContains(t, config.CheckWorkerNodes(-1), "from 0 to 5000")
	require.ErrorContains(t, config.CheckPodSubnets([]string{"10.244.0.0/22"}, 5), "room for 4 nodes")
	require.NoError(t, config.CheckPodSubnets([]string{"10.244.0.0/22", "fd00::/56"}, 4))
}
