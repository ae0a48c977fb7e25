package manager

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/cache"

	"github.com/ocne-project/ocne/internal/capi"
)

// Cluster API allows one set of cache options in a process, so the rules share one test.
func TestTheCacheOfTheBundle(t *testing.T) {
	options := cacheOptions(capi.NewScheme(), capi.Bundle, "team-a")
	require.Contains(t, options.DefaultNamespaces, "team-a")

	t.Run("keeps managedFields, or core and control plane provider write without end", func(t *testing.T) {
		require.Nil(t, options.DefaultTransform)
	})
	t.Run("keeps MachineSets whole, which core reconciles", func(t *testing.T) {
		for object := range options.ByObject {
			_, trimmed := object.(*clusterv1.MachineSet)
			require.False(t, trimmed)
		}
	})
	t.Run("keeps the CA Secrets that the control plane provider reads", func(t *testing.T) {
		ca := &corev1.Secret{Data: map[string][]byte{"tls.crt": []byte("x")}}
		ca.Name = "demo-ca"
		kept, err := secretOptions(t, options).Transform(ca)
		require.NoError(t, err)
		require.NotEmpty(t, kept.(*corev1.Secret).Data)
	})
}

func secretOptions(t *testing.T, options cache.Options) cache.ByObject {
	t.Helper()
	for object, by := range options.ByObject {
		if _, ok := object.(*corev1.Secret); ok {
			return by
		}
	}
	t.Fatal("no options for Secrets")
	return cache.ByObject{}
}
