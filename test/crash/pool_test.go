package crash

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/test/programs"
)

// machinesOfEach is how many machines each of three clusters makes at once.
const machinesOfEach = 25

// Two namespaces of one management cluster, and a second management cluster, know nothing of each other and take their addresses
// out of one pool. Only the engine sees them all.
func TestNoAddressIsUsedTwiceBesidesOtherManagementClusters(t *testing.T) {
	t.Parallel()
	engine := programs.StartEngine(t)
	first, second := newLabOf(t, engine), newLabOf(t, engine)
	clusters := []clusterAPI{first.sharing("one"), first.sharing("two"), second.sharing("one")}
	ctx, cancel := context.WithTimeout(context.Background(), programs.Patience)
	defer cancel()
	for _, c := range clusters {
		require.NoError(t, c.createCluster(ctx))
		for n := range machinesOfEach {
			require.NoError(t, c.createMachine(ctx, fmt.Sprintf("node-%d", n)))
		}
	}
	for _, l := range []*lab{first, second} {
		programs.Launch(t, nil, programs.Path(t, "ocne-manager"), "--kubeconfig", l.kubeconfig, "--providers", "olvm")
	}
	followAll(ctx, t, clusters, "every machine runs", (clusterAPI).running)
	expectEachAddressOnce(ctx, t, engine, clusters)
	expectNoneStartedInVain(t, engine)

	for _, c := range clusters {
		require.NoError(t, c.deleteAll(ctx))
	}
	followAll(ctx, t, clusters, "nothing is left", (clusterAPI).remains)
	require.Empty(t, engine.Holds(t).VMs)
	for _, c := range clusters {
		claimed := &ipamv1.IPAddressList{}
		require.NoError(t, c.List(ctx, claimed))
		require.Empty(t, claimed.Items)
	}
}

// sharing is a cluster whose machines take addresses that all clusters share: a quarter more than they need.
func (l *lab) sharing(namespace string) clusterAPI {
	return clusterAPI{
		Client: l.client, namespace: namespace, engineURL: l.engine.URL, engineCA: l.engine.CA,
		ipv4: infrav1.IPv4{Subnet: "10.99.0.0/24", IPAddresses: []string{"10.99.0.100-10.99.0.193"}},
	}
}

func (a clusterAPI) running(ctx context.Context) (string, error) {
	machines := &infrav1.OLVMMachineList{}
	if err := a.List(ctx, machines, client.InNamespace(a.namespace)); err != nil {
		return "", err
	}
	for i := range machines.Items {
		if m := &machines.Items[i]; !provisioned(m.Status.Initialization) {
			return fmt.Sprintf("%s %+v", m.Name, m.Status.Conditions), nil
		}
	}
	return "", nil
}

func followAll(
	ctx context.Context, t *testing.T, clusters []clusterAPI, what string, state func(clusterAPI, context.Context) (string, error),
) {
	t.Helper()
	last := ""
	for ; ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
		last = ""
		for _, c := range clusters {
			if err := c.follow(ctx); err != nil && !isConflict(err) && ctx.Err() == nil {
				require.NoError(t, err)
			}
			s, err := state(c, ctx)
			if ctx.Err() != nil {
				require.FailNow(t, what, "last state: %s%s", last, s)
			}
			require.NoError(t, err)
			last += s
		}
		if last == "" {
			return
		}
	}
	require.FailNow(t, what, "last state: %s", last)
}

// expectEachAddressOnce: every running VM has one address, nobody else has it, and it is the one that its machine has claimed.
func expectEachAddressOnce(ctx context.Context, t *testing.T, engine *programs.Engine, clusters []clusterAPI) {
	t.Helper()
	owner := map[netip.Addr]olvmsim.VM{}
	vms := engine.Holds(t).VMs
	require.Len(t, vms, len(clusters)*machinesOfEach, "one VM for each machine")
	for _, vm := range vms {
		mark, ok := machine.ParseMark(vm.Comment)
		require.True(t, ok)
		require.Len(t, mark.Addresses, 1)
		require.NotContains(t, owner, mark.Addresses[0], "address %s of VM %s", mark.Addresses[0], vm.ID)
		owner[mark.Addresses[0]] = vm
	}
	for _, c := range clusters {
		machines := &infrav1.OLVMMachineList{}
		require.NoError(t, c.List(ctx, machines, client.InNamespace(c.namespace)))
		claimed := &ipamv1.IPAddressList{}
		require.NoError(t, c.List(ctx, claimed, client.InNamespace(c.namespace)))
		require.Len(t, claimed.Items, machinesOfEach)
		byMachine := map[string]string{}
		for i := range claimed.Items {
			byMachine[claimed.Items[i].Spec.PoolRef.Name] = claimed.Items[i].Spec.Address
		}
		for i := range machines.Items {
			m := &machines.Items[i]
			address, err := netip.ParseAddr(byMachine[m.Name])
			require.NoError(t, err, "machine %s", m.Name)
			require.Equal(t, machine.VMID(m.Spec.ProviderID), owner[address].ID, "machine %s has %s", m.Name, address)
		}
	}
}

// expectNoneStartedInVain: a VM that was removed to give up its address had never been started.
func expectNoneStartedInVain(t *testing.T, engine *programs.Engine) {
	t.Helper()
	started, removed := map[string]bool{}, 0
	for _, r := range engine.Requests(t) {
		switch {
		case r.Status >= http.StatusBadRequest:
		case r.Path == "vms/{vm}/start":
			started[r.VMID] = true
		case r.Method == http.MethodDelete && r.Path == "vms/{vm}":
			removed++
			require.False(t, started[r.VMID], "VM %s was removed after its start", r.VMID)
		}
	}
	require.Len(t, started, 3*machinesOfEach)
	require.Positive(t, removed, "both chose the lowest free addresses, so some met")
	t.Logf("VMs that gave up their address before they were started: %d", removed)
}
