package crash

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/test/programs"
)

const (
	// smallOutage is how many machines run when the engine goes down, unless OCNE_OUTAGE_MACHINES says it: five hundred beside all other
	// tests would starve those. unfinishedOfOutage are asked for meanwhile.
	smallOutage, unfinishedOfOutage = 50, 20
	// outage is how long the engine is down. The controllers ask it in the same rhythm however long it lasts: once it is known to be down,
	// every 10 s. Five minutes would show nothing else and take four minutes more.
	outage = time.Minute
	// mostWhileDown and mostOnReturn are requests per second.
	mostWhileDown, mostOnReturn = 5, 20
)

// An engine that is down is no affair of many machines: one object tells it, hardly anybody asks, and its return is no storm. For five
// hundred: hack/outage.sh.
func TestAnEngineThatIsDownChangesOneObject(t *testing.T) {
	t.Parallel()
	machinesOfOutage := sizeOfOutage(t)
	engine := programs.StartEngine(t)
	l := newLabOf(t, engine)
	f := newFront(t, engine)
	c := clusterAPI{
		Client: l.client, namespace: "large", engineURL: f.url, engineCA: f.ca,
		ipv4: infrav1.IPv4{Subnet: "10.98.0.0/16", IPAddresses: []string{"10.98.1.0-10.98.3.255"}},
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*programs.Patience) // many machines, and other tests beside it
	defer cancel()
	require.NoError(t, c.createCluster(ctx))
	for n := range machinesOfOutage {
		require.NoError(t, c.createMachine(ctx, fmt.Sprintf("node-%d", n)))
	}
	manager := programs.Launch(t, nil, programs.PlainPath(t, "ocne-manager"), "--kubeconfig", l.kubeconfig, "--providers", "olvm")
	followAll(ctx, t, []clusterAPI{c}, "every machine runs", (clusterAPI).settled)

	before := c.versions(ctx, t)
	f.setDown(true)
	started := time.Now()
	c.eventuallyReachable(ctx, t, false)
	for n := range unfinishedOfOutage {
		require.NoError(t, c.createMachine(ctx, fmt.Sprintf("late-%d", n)))
	}
	time.Sleep(time.Until(started.Add(outage))) // the time that passes is what is tested
	changed := c.changed(ctx, t, before)
	asked, most := f.since(started, time.Now())
	require.False(t, manager.Ended(), programs.Tail(manager.Log))
	t.Logf("down for %s with %d machines: %d requests, at most %d in a second; changed objects: %v", outage, machinesOfOutage, asked, most, changed)
	require.Equal(t, []string{"OLVMCluster " + clusterName}, changed)
	require.Less(t, float64(asked)/outage.Seconds(), float64(mostWhileDown))

	returned := time.Now()
	f.setDown(false)
	c.eventuallyReachable(ctx, t, true)
	followAll(ctx, t, []clusterAPI{c}, "the machines that were asked for meanwhile run", (clusterAPI).settled)
	asked, most = f.since(returned, time.Now())
	t.Logf("back, and %d more machines run after %s: %d requests, at most %d in a second",
		unfinishedOfOutage, time.Since(returned).Round(time.Second), asked, most)
	require.Less(t, most, mostOnReturn)
	require.Equal(t, []string{"OLVMCluster " + clusterName}, c.changed(ctx, t, before), "the machines that ran were left alone")
	require.Len(t, engine.Holds(t).VMs, machinesOfOutage+unfinishedOfOutage)
}

func sizeOfOutage(t *testing.T) (machines int) {
	t.Helper()
	wanted := os.Getenv("OCNE_OUTAGE_MACHINES")
	if wanted == "" {
		return smallOutage
	}
	machines, err := strconv.Atoi(wanted)
	require.NoError(t, err, "OCNE_OUTAGE_MACHINES")
	return machines
}

// settled says which machine is not Ready with a joined node and a cleared boot document yet: nothing is left to do for the others.
func (a clusterAPI) settled(ctx context.Context) (string, error) {
	machines := &infrav1.OLVMMachineList{}
	if err := a.List(ctx, machines, client.InNamespace(a.namespace)); err != nil {
		return "", err
	}
	for i := range machines.Items {
		m := &machines.Items[i]
		if m.Status.OLVM == nil || !m.Status.OLVM.VirtualMachine.InitializationCleared || m.Status.OLVM.VirtualMachine.Status != "up" {
			return fmt.Sprintf("%s %+v", m.Name, m.Status.Conditions), nil
		}
	}
	return "", nil
}

// versions are the resource versions of everything that the controllers write, by kind and name.
func (a clusterAPI) versions(ctx context.Context, t *testing.T) map[string]string {
	t.Helper()
	machines, clusters := &infrav1.OLVMMachineList{}, &infrav1.OLVMClusterList{}
	require.NoError(t, a.List(ctx, machines, client.InNamespace(a.namespace)))
	require.NoError(t, a.List(ctx, clusters, client.InNamespace(a.namespace)))
	found := map[string]string{}
	for i := range machines.Items {
		found["OLVMMachine "+machines.Items[i].Name] = machines.Items[i].ResourceVersion
	}
	for i := range clusters.Items {
		found["OLVMCluster "+clusters.Items[i].Name] = clusters.Items[i].ResourceVersion
	}
	return found
}

// changed names the objects that were written since; new ones do not count.
func (a clusterAPI) changed(ctx context.Context, t *testing.T, before map[string]string) []string {
	t.Helper()
	var names []string
	for name, version := range a.versions(ctx, t) {
		if was, known := before[name]; known && was != version {
			names = append(names, name)
		}
	}
	return names
}

func (a clusterAPI) eventuallyReachable(ctx context.Context, t *testing.T, want bool) {
	t.Helper()
	programs.Eventually(t, fmt.Sprintf("EngineReachable is %t", want), func() (bool, string) {
		olvm := &infrav1.OLVMCluster{}
		require.NoError(t, a.Get(ctx, client.ObjectKey{Namespace: a.namespace, Name: clusterName}, olvm))
		return meta.IsStatusConditionTrue(olvm.Status.Conditions, infrav1.EngineReachableCondition) == want, fmt.Sprintf("%+v", olvm.Status.Conditions)
	})
}
