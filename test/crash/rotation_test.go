package crash

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/test/programs"
)

// machinesOfRotation are made in each round, and those of the round before are deleted at the same time.
const machinesOfRotation = 15

// The engine gets a new certificate authority and a new password while machines are made and deleted. The controllers are not restarted, and
// no machine that ran ceases to be Ready.
func TestCredentialsAndAuthorityAreRotatedUnderLoad(t *testing.T) {
	t.Parallel()
	engine := programs.StartEngine(t)
	l := newLabOf(t, engine)
	f := newFront(t, engine)
	c := clusterAPI{
		Client: l.client, namespace: "rotated", engineURL: f.url, engineCA: f.ca,
		ipv4: infrav1.IPv4{Subnet: "10.97.0.0/24", IPAddresses: []string{"10.97.0.10-10.97.0.250"}},
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(t, c.createCluster(ctx))
	manager := programs.Launch(t, nil, programs.Path(t, "ocne-manager"), "--kubeconfig", l.kubeconfig, "--providers", "olvm")
	all := []clusterAPI{c}
	c.createRound(ctx, t, 0)
	followAll(ctx, t, all, "the first machines run", (clusterAPI).running)

	for round := 1; round <= 3; round++ {
		old := f.ca
		c.createRound(ctx, t, round)
		renewed := f.renewAuthority() // the administrator of the engine comes first
		c.setData(ctx, t, &corev1.ConfigMap{ObjectMeta: c.metadata("engine-ca")}, "ca.crt", string(old)+string(renewed))
		password := fmt.Sprintf("%s-%d", programs.Password, round)
		f.setPassword(password)
		c.deleteRound(ctx, t, round-1)
		c.eventuallyReachable(ctx, t, false)
		c.setData(ctx, t, &corev1.Secret{ObjectMeta: c.metadata("engine")}, "password", password)
		c.setData(ctx, t, &corev1.ConfigMap{ObjectMeta: c.metadata("engine-ca")}, "ca.crt", string(renewed))
		followAll(ctx, t, all, "the machines of the round run, and those before are gone", func(a clusterAPI, ctx context.Context) (string, error) {
			if state, err := a.running(ctx); state != "" || err != nil {
				return state, err
			}
			if n := len(engine.Holds(t).VMs); n != machinesOfRotation {
				return fmt.Sprintf("%d VMs", n), nil
			}
			return "", nil
		})
		c.eventuallyReachable(ctx, t, true)
	}
	require.False(t, manager.Ended(), programs.Tail(manager.Log))
	require.NoError(t, c.deleteAll(ctx))
	followAll(ctx, t, all, "nothing is left", (clusterAPI).remains)
	require.Empty(t, engine.Holds(t).VMs)
}

func (a clusterAPI) createRound(ctx context.Context, t *testing.T, round int) {
	t.Helper()
	for n := range machinesOfRotation {
		require.NoError(t, a.createMachine(ctx, fmt.Sprintf("round-%d-%d", round, n)))
	}
}

// deleteRound deletes machines that run, after making sure that no rotation has made one of them cease to be Ready.
func (a clusterAPI) deleteRound(ctx context.Context, t *testing.T, round int) {
	t.Helper()
	for n := range machinesOfRotation {
		olvm := &infrav1.OLVMMachine{}
		require.NoError(t, a.Get(ctx, client.ObjectKey{Namespace: a.namespace, Name: fmt.Sprintf("round-%d-%d", round, n)}, olvm))
		require.True(t, meta.IsStatusConditionTrue(olvm.Status.Conditions, infrav1.ReadyCondition), "%s: %+v", olvm.Name, olvm.Status.Conditions)
		require.NoError(t, a.Delete(ctx, olvm))
	}
}

// setData changes one key of a Secret or ConfigMap.
func (a clusterAPI) setData(ctx context.Context, t *testing.T, object client.Object, key, value string) {
	t.Helper()
	require.NoError(t, a.Get(ctx, client.ObjectKeyFromObject(object), object))
	before := object.DeepCopyObject().(client.Object)
	switch o := object.(type) {
	case *corev1.Secret:
		o.Data[key] = []byte(value)
	case *corev1.ConfigMap:
		o.Data[key] = value
	}
	require.NoError(t, a.Patch(ctx, object, client.MergeFrom(before)))
}
