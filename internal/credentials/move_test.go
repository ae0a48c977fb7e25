package credentials

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	clusterctlv1 "sigs.k8s.io/cluster-api/cmd/clusterctl/api/v1alpha3"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
)

func TestWhatAClusterNeedsMovesAlong(t *testing.T) {
	ctx := context.Background()
	ca := &corev1.ConfigMap{ObjectMeta: meta("ca")}
	elsewhere := &corev1.Secret{ObjectMeta: meta("shared")}
	elsewhere.Namespace = "engine"
	c := holding(t, secret(nil), ca, elsewhere)
	require.NoError(t, Protect(ctx, c, cluster("demo")))
	other := cluster("other")
	other.Spec.OLVMOvirtAPIServer.CredentialsSecret = infrav1.ObjectReference{Name: "shared", Namespace: "engine"}
	require.NoError(t, Protect(ctx, c, other))

	for _, o := range []client.Object{secret(nil), ca} {
		require.NoError(t, c.Get(ctx, client.ObjectKeyFromObject(o), o))
		require.Contains(t, o.GetLabels(), clusterctlv1.ClusterctlMoveLabel, "%T", o)
	}
	require.NoError(t, c.Get(ctx, client.ObjectKeyFromObject(elsewhere), elsewhere))
	require.NotContains(t, elsewhere.Labels, clusterctlv1.ClusterctlMoveLabel, "a move of its namespace must not take it from the clusters of others")
	require.NotEmpty(t, elsewhere.Finalizers)
}
