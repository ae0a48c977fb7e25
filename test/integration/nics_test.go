package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/ovirt"
	"github.com/ocne-project/ocne/test/programs"
)

// storageInventory has two networks beside the nodes' own.
const storageInventory = `
dataCenters: [{name: Default}]
clusters: [{name: Default}]
hosts: [{name: host1}]
storageDomains: [{name: data}]
networks: [{name: ovirtmgmt}, {name: storage}, {name: backup}]
vnicProfiles: [{name: ovirtmgmt}, {name: storage}, {name: backup}]
templates: [{name: ock, osType: rhcos_x64, kubernetesVersion: v1.33.10, disks: [{alias: ock-boot}]}]
`

func newStorageWorld(t *testing.T) *world {
	t.Helper()
	file := filepath.Join(t.TempDir(), "inventory.yaml")
	require.NoError(t, os.WriteFile(file, []byte(storageInventory), 0o600))
	return newWorld(t, "--inventory", file)
}

// additionalNICs gives all machines of the cluster file a NIC with an address of a range and one without an address.
func (w *world) additionalNICs(ranges string) {
	w.rewrite("        memory: 2GB\n", "        memory: 2GB\n"+fmt.Sprintf(`        additionalNICs:
        - vnicName: nic2
          networkName: storage
          vnicProfileName: storage
          interface: enp2s0
          ipv4: {subnet: 198.51.100.0/24, ipAddresses: "%s"}
          mtu: 9000
          routes: [{to: 203.0.113.0/24, via: 198.51.100.1}]
        - {vnicName: nic3, networkName: backup, vnicProfileName: backup, interface: enp3s0, interfaceType: e1000}
`, ranges))
}

func (w *world) nicsOf(vmID string) map[string]ovirt.NIC {
	w.t.Helper()
	list, err := w.engine.NICs(context.Background(), vmID)
	require.NoError(w.t, err)
	byName := map[string]ovirt.NIC{}
	for _, nic := range list {
		byName[nic.Name] = nic
	}
	return byName
}

// addressesOn are those that marks carry on a network, each with its VM; it fails when two have the same one.
func (w *world) addressesOn(network string) map[netip.Addr]string {
	w.t.Helper()
	dataCenter, err := w.engine.DataCenterByName(context.Background(), "Default")
	require.NoError(w.t, err)
	on, err := w.engine.NetworkByName(context.Background(), dataCenter.ID, network)
	require.NoError(w.t, err)
	held := map[netip.Addr]string{}
	for name, vm := range w.vms() {
		mark, ours := machine.ParseMark(vm.Comment)
		require.True(w.t, ours)
		for _, a := range mark.On(on.ID) {
			require.Empty(w.t, held[a], "%s on network %s is of two VMs", a, network)
			held[a] = name
		}
	}
	return held
}

// console is what a VM's guest wrote on its serial console.
func (w *world) console(vm ovirt.VM) string {
	w.t.Helper()
	files, err := filepath.Glob(filepath.Join(w.sim.State, "console", "*"+vm.ID+"*"))
	require.NoError(w.t, err)
	require.Len(w.t, files, 1, "console of VM %s", vm.Name)
	text, err := os.ReadFile(files[0])
	require.NoError(w.t, err)
	return string(text)
}

// A pool of a second network that is too small makes a machine wait, which goes on when it grows.
func TestMachinesWithAdditionalNICs(t *testing.T) {
	t.Parallel()
	w := newStorageWorld(t)
	kubeconfig := startManagement(t, "ReconcilerRateLimiting=false")
	s := site{programs.Management(t, kubeconfig), t}
	const pool, larger = "198.51.100.1-198.51.100.3", "198.51.100.1-198.51.100.5"
	w.additionalNICs(pool)
	start := []string{"cluster", "start", "--kubeconfig", kubeconfig, "-c", w.config, "--skip-preflight", "addresses"}
	w.rewrite("workerNodes: 2", "workerNodes: 1")
	w.ocne(start...)
	w.expectNodes(1, 1)

	t.Run("each VM has its NICs, and its mark their addresses", func(t *testing.T) {
		storage := w.addressesOn("storage")
		require.Len(t, storage, 2)
		require.NotContains(t, storage, netip.MustParseAddr("198.51.100.1"), "the next hop of a route is nobody's")
		require.Empty(t, w.addressesOn("backup"))
		vms := w.vms()
		for name, m := range s.machines() {
			nics := w.nicsOf(vms[name].ID)
			require.Len(t, nics, 3)
			require.Equal(t, "e1000", nics["nic3"].Interface)
			require.NotEqual(t, nics["nic1"].VNICProfileID, nics["nic2"].VNICProfileID)
			status := m.Status.OLVM.AdditionalNICs
			require.Len(t, status, 2)
			require.Equal(t, "storage", status[0].NetworkName)
			require.Len(t, status[0].IPAddresses, 1)
			require.Equal(t, name, storage[netip.MustParseAddr(status[0].IPAddresses[0])])
			require.Empty(t, status[1].IPAddresses)
			require.NotEmpty(t, status[1].NetworkID)
			for _, a := range m.Status.Addresses {
				require.False(t, strings.HasPrefix(a.Address, "198.51.100."), "%s is no address of the node", a.Address)
			}
		}
	})
	t.Run("the guest has the address, and is a node by its first one", func(t *testing.T) {
		for a, name := range w.addressesOn("storage") {
			require.Contains(t, w.console(w.vms()[name]), fmt.Sprintf("enp2s0.nmconnection: address %s/24", a))
		}
		controlPlane, workers := w.nodes()
		for _, node := range append(controlPlane, workers...) {
			require.Len(t, internalIPs(t, node), 1)
			require.True(t, strings.HasPrefix(internalIPs(t, node)[0].String(), w.subnet()))
		}
	})
	t.Run("a pool that is exhausted is named, and waited for", func(t *testing.T) {
		s.scaleWorkers(2)
		message := s.waiting(infrav1.PoolExhaustedReason)
		require.Contains(t, message, "additional NIC nic2: no address is free in the IPv4 pool "+pool+" of network storage (2 addresses)")
		require.Contains(t, message, "add addresses to ipAddresses of NIC nic2 in OLVMMachineTemplate demo-md-0")
		message = s.condition(infrav1.AddressesAvailableCondition, infrav1.PoolExhaustedReason)
		require.Contains(t, message, pool+" of network storage (of 2 usable: 2 by ocne/demo)")
		waits := names(s.machines())
		w.rewrite(pool, larger, "workerNodes: 1", "workerNodes: 2")
		w.ocne(start...)
		s.allWon(3)
		require.Equal(t, waits, names(s.machines()), "no machine was replaced")
		require.Len(t, w.addressesOn("storage"), 3)
	})
	t.Run("owners that were lost are written again", func(*testing.T) { s.expectOwnersRestored() })
	t.Run("delete gives everything back", func(t *testing.T) {
		require.Len(t, s.addresses(), 6)
		w.ocne("cluster", "delete", "--kubeconfig", kubeconfig, "-c", w.config)
		w.expectEmptyEngine()
		require.Empty(t, s.addresses())
	})
}

// Two clusters of management clusters that do not know each other share a range of a second network, and the engine arbitrates.
func TestClustersThatShareARangeOfASecondNetwork(t *testing.T) {
	t.Parallel()
	w := newStorageWorld(t)
	w.additionalNICs("198.51.100.10-198.51.100.19")
	var sites []site
	var launched []*background
	for _, name := range []string{"demo", "prod"} {
		kubeconfig := startManagement(t, "ReconcilerRateLimiting=false")
		sites = append(sites, site{programs.Management(t, kubeconfig), t})
		file := filepath.Join(w.home, name+".yaml")
		text, err := os.ReadFile(w.config)
		require.NoError(t, err)
		subnet := w.subnet()
		changed := strings.NewReplacer("name: demo", "name: "+name, "workerNodes: 2", "workerNodes: 1",
			subnet+".100", subnet+map[string]string{"demo": ".100", "prod": ".101"}[name],
		).Replace(string(text))
		require.NoError(t, os.WriteFile(file, []byte(changed), 0o600))
		launched = append(launched, w.launch("cluster", "start", "--kubeconfig", kubeconfig, "-c", file))
	}
	for _, start := range launched {
		start.wait(t, 0)
	}
	for _, s := range sites {
		s.allWon(2)
	}
	require.Len(t, w.addressesOn("storage"), 4)
	require.Len(t, w.addressesOn("ovirtmgmt"), 4)
}

// The addresses of a second network come from an IPAM provider, of any family.
func TestAdditionalNICsWithAddressesFromPools(t *testing.T) {
	t.Parallel()
	w := newStorageWorld(t)
	kubeconfig := startManagement(t, "ReconcilerRateLimiting=false")
	s := site{programs.Management(t, kubeconfig), t}
	w.rewrite("        memory: 2GB\n", "        memory: 2GB\n"+fmt.Sprintf("        additionalNICs: [{vnicName: Storage_1, networkName: storage, "+
		"vnicProfileName: storage, interface: enp2s0, addressesFromPools: [{apiGroup: %s, kind: Pool, name: storage}]}]\n", programs.IPAMGroup),
		"workerNodes: 2", "workerNodes: 1")
	provider := programs.StartIPAM(s.t, s)
	provider.Fill("storage", "", 64, "fd00:60::a")
	start := w.launch("cluster", "start", "--kubeconfig", kubeconfig, "-c", w.config)
	require.Contains(t, s.waiting(infrav1.PoolExhaustedReason), "to Pool storage: PoolExhausted")
	provider.Fill("storage", "", 64, "fd00:60::a", "fd00:60::b")
	start.wait(t, 0)
	s.allWon(2)
	require.Len(t, w.addressesOn("storage"), 2)
	require.Len(t, s.claims(), 2)
	w.ocne("cluster", "delete", "--kubeconfig", kubeconfig, "-c", w.config)
	w.expectEmptyEngine()
	programs.Eventually(t, "claims and addresses are gone", func() (bool, string) {
		return len(s.claims())+len(s.addresses()) == 0, fmt.Sprint(s.claims(), s.addresses())
	})
}

// A network that the engine does not have is told, and made up for.
func TestAnAdditionalNetworkThatIsMissing(t *testing.T) {
	t.Parallel()
	w := newStorageWorld(t)
	kubeconfig := startManagement(t, "ReconcilerRateLimiting=false")
	s := site{programs.Management(t, kubeconfig), t}
	w.additionalNICs("198.51.100.10-198.51.100.19")
	w.rewrite("networkName: backup", "networkName: bakcup")
	out := w.launch("cluster", "start", "--kubeconfig", kubeconfig, "-c", w.config).wait(t, 1)
	require.Contains(t, out, "virtualMachine.additionalNICs[1].networkName")
	require.Contains(t, out, `sees no network "bakcup"; it sees "backup"`)
	require.Empty(t, w.vms(), "nothing was made")

	command := []string{"cluster", "start", "--kubeconfig", kubeconfig, "-c", w.config, "--skip-preflight", "network", "-w", "0"}
	start := w.launch(command...)
	programs.Eventually(t, "the machine says what is missing", func() (bool, string) {
		for _, m := range s.machines() {
			c, found := conditions.Get(&m, infrav1.VMReadyCondition), conditions.Get(&m, infrav1.PreflightPassedCondition)
			if c != nil && found != nil && c.Reason == infrav1.NotFoundInEngineReason {
				require.Contains(t, c.Message, `additional NIC nic3: network "bakcup"`)
				require.Contains(t, found.Message, `"backup"`, "the nearest name")
				return true, ""
			}
		}
		return false, "no machine says so"
	})
	for name := range s.machines() {
		object := &infrav1.OLVMMachine{ObjectMeta: metav1.ObjectMeta{Namespace: "ocne", Name: name}}
		patch := []byte(`[{"op": "replace", "path": "/spec/virtualMachine/additionalNICs/1/networkName", "value": "backup"}]`)
		require.NoError(t, s.Patch(context.Background(), object, client.RawPatch(types.JSONPatchType, patch)))
	}
	<-start.ended // perhaps with what was missing
	w.ocne(command...)
	s.allWon(1)
}

// The API server says what does not go together.
func TestAdditionalNICsThatTheAPIServerRefuses(t *testing.T) {
	t.Parallel()
	s := site{programs.Management(t, startManagement(t, "ReconcilerRateLimiting=false")), t}
	const base = `"vnicName":"nic2","networkName":"n","vnicProfileName":"p","interface":"enp2s0"`
	const ipv4 = `,"ipv4":{"subnet":"198.51.100.0/24","ipAddresses":["198.51.100.7"]}`
	bare := func(name, device string) string {
		return `{"networkName":"n","vnicProfileName":"p","vnicName":"` + name + `","interface":"` + device + `"}`
	}
	for name, tc := range map[string]struct{ nics, want string }{
		"one without an address":   {`{` + base + `}`, ""},
		"one with a route":         {`{` + base + ipv4 + `,"routes":[{"to":"10.0.0.0/8","via":"198.51.100.1"}]}`, ""},
		"SLAAC":                    {`{` + base + `,"ipv6":{"autoConf":true}}`, ""},
		"the first NIC's name":     {bare("nic1", "enp2s0"), "must not have the first NIC's vnicName"},
		"the first's interface":    {bare("nic2", "enp1s0"), "must not have the first NIC's interface"},
		"one name twice":           {`{` + base + `},` + bare("nic2", "enp3s0"), "Duplicate value"},
		"one interface twice":      {`{` + base + `},` + bare("nic3", "enp2s0"), "must have different interfaces"},
		"pools and ranges":         {`{` + base + ipv4 + `,"addressesFromPools":[{"apiGroup":"g","kind":"K","name":"p"}]}`, "takes the place of ipv4"},
		"a route without address":  {`{` + base + `,"routes":[{"to":"10.0.0.0/8","via":"198.51.100.1"}]}`, "routes need an address"},
		"the default route":        {`{` + base + ipv4 + `,"routes":[{"to":"0.0.0.0/0","via":"198.51.100.1"}]}`, "never has the default route"},
		"an IPv6 gateway":          {`{` + base + `,"ipv6":{"ipAddresses":["fd00::7"],"gateway":"fd00::1"}}`, "has no gateway"},
		"IPv6 that has no address": {`{` + base + `,"ipv6":{"prefixLength":64}}`, "either ipAddresses or autoConf"},
	} {
		t.Run(name, func(t *testing.T) {
			m := &infrav1.OLVMMachine{ObjectMeta: metav1.ObjectMeta{Namespace: "default", GenerateName: "nics-"}}
			m.Spec = infrav1.OLVMMachineSpec{
				OLVMOvirtClusterName: "Default", VMTemplateName: "ock", OLVMNetwork: infrav1.OLVMNetwork{NetworkName: "n", VNICProfileName: "p"},
				VirtualMachine: infrav1.VirtualMachine{
					Memory:  "2GB",
					Network: infrav1.Network{IPv4: infrav1.IPv4{Subnet: "192.0.2.0/24", IPAddresses: []string{"192.0.2.10"}}},
				},
			}
			require.NoError(t, json.Unmarshal([]byte("["+tc.nics+"]"), &m.Spec.VirtualMachine.AdditionalNICs))
			err := s.Create(context.Background(), m, client.DryRunAll)
			if tc.want == "" {
				require.NoError(t, err)
				return
			}
			require.True(t, apierrors.IsInvalid(err), "%v", err)
			require.ErrorContains(t, err, tc.want)
		})
	}
}
