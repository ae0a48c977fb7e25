package crash

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/ovirt"
	"github.com/ocne-project/ocne/test/programs"
)

// lab is one management cluster and one engine, which many benches share.
type lab struct {
	client     client.Client
	kubeconfig string
	engine     *programs.Engine
	benches    atomic.Int64
}

func newLab(t *testing.T) *lab {
	t.Helper()
	return newLabOf(t, programs.StartEngine(t))
}

// newLabOf is a management cluster beside others that use the same engine.
func newLabOf(t *testing.T, engine *programs.Engine) *lab {
	t.Helper()
	l := &lab{kubeconfig: programs.StartControlPlane(t), engine: engine}
	l.client = programs.Management(t, l.kubeconfig)
	installCRDs(t, l.client)
	return l
}

// bench is one machine in a namespace of its own, with controllers that can be killed at any of their requests.
type bench struct {
	clusterAPI
	t           *testing.T
	lab         *lab
	name        string // of the machine
	engine, api *proxy
	kubeconfig  string
	providerID  string // once it was chosen

	mu      sync.Mutex
	manager *programs.Daemon
}

func (l *lab) newBench(t *testing.T) *bench {
	t.Helper()
	n := l.benches.Add(1)
	namespace := fmt.Sprintf("crash-%d", n)
	b := &bench{t: t, lab: l, name: namespace + "-1"}
	cfg, err := clientcmd.BuildConfigFromFlags("", l.kubeconfig)
	require.NoError(t, err)
	toAPI, err := rest.TransportFor(cfg)
	require.NoError(t, err)
	toEngine := l.engine.Transport(t)
	t.Cleanup(toEngine.CloseIdleConnections)
	b.engine = startProxy(t, l.engine.URL, toEngine, engineCall)
	b.api = startProxy(t, cfg.Host, toAPI, apiWrite(namespace))
	b.kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{"c": {Server: b.api.url, CertificateAuthorityData: b.api.ca}},
		Contexts:       map[string]*clientcmdapi.Context{"c": {Cluster: "c"}},
		CurrentContext: "c",
	}, b.kubeconfig))
	subnet := fmt.Sprintf("10.%d.%d.", n/256, n%256)
	b.clusterAPI = clusterAPI{
		Client: l.client, namespace: namespace, engineURL: b.engine.url, engineCA: b.engine.ca,
		ipv4: infrav1.IPv4{Subnet: subnet + "0/24", IPAddresses: []string{subnet + "10-" + subnet + "19"}},
	}
	return b
}

// launch starts the controllers.
func (b *bench) launch() {
	b.t.Helper()
	m := programs.Launch(b.t, nil, programs.PlainPath(b.t, "ocne-manager"),
		"--kubeconfig", b.kubeconfig, "--providers", "olvm", "--namespace", b.namespace, "--concurrency", "2")
	b.mu.Lock()
	defer b.mu.Unlock()
	b.manager = m
}

// kill ends the controllers as a crash does, and returns when they are gone.
func (b *bench) kill() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.manager.Kill()
}

// newTrap kills the controllers at a point.
func (b *bench) newTrap(p point) *trap {
	t := newTrap(p.server, p.call, p.moment, b.kill)
	b.t.Cleanup(t.letGo) // what holds a request ends with the test
	return t
}

// record begins to count requests anew, with a trap or without one.
func (b *bench) record(t *trap) {
	toEngine, toAPI := t, (*trap)(nil)
	if t != nil && t.server != engineServer {
		toEngine, toAPI = nil, t
	}
	b.engine.record(toEngine)
	b.api.record(toAPI)
}

// until plays Cluster API core until the condition holds, and starts the controllers again after they were killed. What was recorded
// until then is returned.
func (b *bench) until(what string, t *trap, condition func(context.Context) (string, error)) (toEngine, toAPI []call) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), programs.Patience)
	defer cancel()
	b.poll(ctx, what, t, condition)
	toEngine, toAPI = b.engine.stop(), b.api.stop()
	if t != nil && t.chosen.Load() { // a request that was held takes effect before anybody counts
		<-t.settled
		b.poll(ctx, what, t, condition)
	}
	return toEngine, toAPI
}

func (b *bench) poll(ctx context.Context, what string, t *trap, condition func(context.Context) (string, error)) {
	b.t.Helper()
	state := ""
	for ctx.Err() == nil {
		if b.manager.Ended() {
			require.True(b.t, t != nil && t.chosen.Load(), "the controllers ended by themselves: %s", programs.Tail(b.manager.Log))
			b.launch()
		}
		err := b.follow(ctx)
		if err == nil {
			b.expectOneProviderID(ctx)
			state, err = condition(ctx)
		}
		switch {
		case err == nil && state == "":
			return
		case err != nil && !isConflict(err):
			require.NoError(b.t, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	require.FailNow(b.t, what, "last state: %s, log: %s", state, programs.Tail(b.manager.Log))
}

// expectOneProviderID: once chosen, a machine's id is never another one.
func (b *bench) expectOneProviderID(ctx context.Context) {
	olvm := &infrav1.OLVMMachine{}
	if err := b.Get(ctx, client.ObjectKey{Namespace: b.namespace, Name: b.name}, olvm); err != nil || olvm.Spec.ProviderID == "" {
		return
	}
	if b.providerID == "" {
		b.providerID = olvm.Spec.ProviderID
	}
	require.Equal(b.t, b.providerID, olvm.Spec.ProviderID)
}

// runs is empty when the machine runs, its node has joined, and nothing is left to be done.
func (b *bench) runs(ctx context.Context) (string, error) {
	olvm := &infrav1.OLVMMachine{}
	if err := b.Get(ctx, client.ObjectKey{Namespace: b.namespace, Name: b.name}, olvm); err != nil {
		return "", err
	}
	if olvm.Status.OLVM == nil || !provisioned(olvm.Status.Initialization) || !olvm.Status.OLVM.VirtualMachine.InitializationCleared {
		return fmt.Sprintf("%+v", olvm.Status.Conditions), nil
	}
	return "", nil
}

// gone is empty when nothing is left of the cluster's infrastructure in the management cluster.
func (b *bench) gone(ctx context.Context) (string, error) { return b.remains(ctx) }

// expectOneVM: the engine holds one VM for the machine, made once and started once, and the addresses are its own.
func (b *bench) expectOneVM() {
	b.t.Helper()
	require.NotEmpty(b.t, b.providerID)
	id := machine.VMID(b.providerID)
	holds := b.lab.engine.Holds(b.t)
	var mine []olvmsim.VM
	var addresses []string
	for _, vm := range holds.VMs {
		mark, ok := machine.ParseMark(vm.Comment)
		require.True(b.t, ok, "every VM carries a mark: %+v", vm)
		if mark.Machine == b.namespace+"/"+b.name {
			mine = append(mine, vm)
			for _, a := range mark.Addresses {
				addresses = append(addresses, a.String())
			}
		}
	}
	require.Len(b.t, mine, 1, "VMs of the machine")
	require.Equal(b.t, id, mine[0].ID)
	require.NotEqual(b.t, ovirt.StatusDown, mine[0].Status)
	require.False(b.t, mine[0].HasCustomScript, "the boot document is cleared")
	require.Len(b.t, ofVM(holds.NICs, id), 1, "NICs")
	claimed := &ipamv1.IPAddressList{}
	require.NoError(b.t, b.List(context.Background(), claimed, client.InNamespace(b.namespace)))
	require.Len(b.t, claimed.Items, 1, "addresses")
	require.Equal(b.t, []string{claimed.Items[0].Spec.Address}, addresses, "what the VM carries is what is taken")
	require.Equal(b.t, 1, b.succeeded(http.MethodPost, "vms"), "VMs that were made")
	require.Equal(b.t, 1, b.succeeded(http.MethodPost, "vms/{vm}/start"), "starts")
}

func ofVM(nics []olvmsim.NIC, id string) []olvmsim.NIC {
	return slices.DeleteFunc(slices.Clone(nics), func(n olvmsim.NIC) bool { return n.VMID != id })
}

// succeeded counts the requests about the machine's VM that the engine carried out.
func (b *bench) succeeded(method, path string) (n int) {
	for _, r := range b.lab.engine.Requests(b.t) {
		if r.VMID == machine.VMID(b.providerID) && r.Method == method && r.Path == path && r.Status < http.StatusBadRequest {
			n++
		}
	}
	return n
}

// groups are the engine's affinity groups.
func (b *bench) groups() []ovirt.AffinityGroup {
	b.t.Helper()
	c := b.lab.engine.Client
	dataCenter, err := c.DataCenterByName(context.Background(), "Default")
	require.NoError(b.t, err)
	where, err := c.ClusterByName(context.Background(), dataCenter.ID, "Default")
	require.NoError(b.t, err)
	groups, err := c.AffinityGroups(context.Background(), where.ID)
	require.NoError(b.t, err)
	return groups
}

// expectNothing: the engine and the management cluster hold nothing of the machine, and the credentials are free.
func (b *bench) expectNothing() {
	b.t.Helper()
	holds := b.lab.engine.Holds(b.t)
	for _, vm := range holds.VMs {
		require.NotContains(b.t, vm.Name+vm.Comment, b.name, "a VM is left")
	}
	for _, disk := range holds.Disks {
		require.NotContains(b.t, disk.Alias, b.name+"_", "a disk is left")
	}
	require.Empty(b.t, ofVM(holds.NICs, machine.VMID(b.providerID)), "NICs")
	for _, group := range b.groups() {
		require.NotContains(b.t, group.Description, b.namespace+"/", "an affinity group is left")
	}
	addresses := &ipamv1.IPAddressList{}
	require.NoError(b.t, b.List(context.Background(), addresses, client.InNamespace(b.namespace)))
	require.Empty(b.t, addresses.Items, "addresses")
	secret := &corev1.Secret{}
	require.NoError(b.t, b.Get(context.Background(), client.ObjectKey{Namespace: b.namespace, Name: "engine"}, secret))
	require.Empty(b.t, secret.Finalizers, "the credentials are not held any more")
}
