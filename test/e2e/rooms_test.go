package e2e

import (
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
)

const (
	storageNIC = `
        additionalNICs:
        - vnicName: nic2
          networkName: storage
          vnicProfileName: storage
          interface: enp2s0
          mtu: 1400
          ipv4: {subnet: 198.51.100.0/24, ipAddresses: "198.51.100.10-198.51.100.30"}
          routes: [{to: 203.0.113.0/24, via: 198.51.100.1}]
`
	rooms = `
    failureDomains:
    - {name: room-1, olvmOvirtClusterName: One}
    - {name: room-2, olvmOvirtClusterName: Two}
    - {name: room-3, olvmOvirtClusterName: Three}
`
)

// inRooms spreads the control plane of a cluster file over three failure domains, and gives each machine a NIC in a second network.
func inRooms(t *testing.T, config string) {
	t.Helper()
	text, err := os.ReadFile(config)
	require.NoError(t, err)
	changed := strings.NewReplacer(
		"olvmOvirtClusterName: Default", `olvmOvirtClusterName: ""`,
		"        memory: 2GB\n", "        memory: 2GB"+storageNIC,
		"    workerMachine: *machine\n", "    workerMachine: {<<: *machine, failureDomain: room-2}"+rooms,
	).Replace(string(text))
	require.NoError(t, os.WriteFile(config, []byte(changed), 0o600))
}

// What the nodes themselves show of where they run and of their networks.
func TestNodesInFailureDomainsWithTwoNetworks(t *testing.T) {
	w := newWorldOf(t, "testdata/rooms.yaml")
	s := demo()
	s.ControlPlane = 3
	config := w.write(s)
	inRooms(t, config)
	w.start(config)
	w.expectNodes(t, s)
	w.tell(t, "control plane nodes run on hosts of three failure domains, the worker in its own", func(t *testing.T, w *world) {
		hosts := map[string]int{}
		for _, vm := range w.controlPlane(s) {
			hosts[vm.Host]++
		}
		require.Equal(t, map[string]int{"one": 1, "two": 1, "three": 1}, hosts)
		for _, vm := range w.sim.Holds(t).VMs {
			if strings.HasPrefix(vm.Name, s.Name+"-md-0-") {
				require.Equal(t, "two", vm.Host)
			}
		}
	})
	w.tell(t, "each node has its address, MTU and route of the second network, and its kubelet the first one's", func(t *testing.T, w *world) {
		w.expectStorageNetwork(t, s)
	})
	w.tell(t, "delete leaves nothing in the engine", func(t *testing.T, w *world) {
		w.ocne("cluster", "delete", "-c", config)
		require.Empty(t, w.sim.Holds(t).VMs)
	})
}

// expectStorageNetwork compares each node's second NIC with what its OLVMMachine says, and lets the nodes reach each other through it.
func (w *world) expectStorageNetwork(t *testing.T, s site) {
	t.Helper()
	list := &infrav1.OLVMMachineList{}
	require.NoError(t, w.management().List(t.Context(), list, client.InNamespace("ocne")))
	require.Len(t, list.Items, s.ControlPlane+s.Workers)
	nodes, held := w.nodes(s), map[netip.Addr]string{}
	for _, m := range list.Items {
		require.Len(t, m.Status.OLVM.AdditionalNICs, 1, m.Name)
		require.Len(t, m.Status.OLVM.AdditionalNICs[0].IPAddresses, 1, m.Name)
		address := netip.MustParseAddr(m.Status.OLVM.AdditionalNICs[0].IPAddresses[0])
		require.Empty(t, held[address], "%s is of two nodes", address)
		held[address] = m.Name
		require.True(t, strings.HasPrefix(internalAddress(nodes[m.Name]), network+"."), m.Name)

		out, err := w.inVM(m.Name, "ip", "-4", "-o", "address", "show", "dev", "enp2s0")
		require.NoError(t, err)
		require.Contains(t, out, address.String()+"/24")
		out, err = w.inVM(m.Name, "ip", "-o", "link", "show", "dev", "enp2s0")
		require.NoError(t, err)
		require.Contains(t, out, "mtu 1400")
		out, err = w.inVM(m.Name, "ip", "-4", "route", "show", "203.0.113.0/24")
		require.NoError(t, err)
		require.Contains(t, out, "via 198.51.100.1 dev enp2s0")
		out, err = w.inVM(m.Name, "ip", "-4", "route", "show", "default")
		require.NoError(t, err)
		require.Contains(t, out, "dev enp1s0")
		require.NotContains(t, out, "enp2s0")
	}
	for from := range nodes {
		for address, to := range held {
			_, err := w.inVM(from, "ping", "-c", "1", "-W", "5", "-I", "enp2s0", address.String())
			require.NoError(t, err, "%s reaches %s through the second network", from, to)
		}
	}
}
