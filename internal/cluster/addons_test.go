package cluster

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/config"
)

func TestTheKindsOfAddonsAreKnownWithoutAskingTheAPIServer(t *testing.T) {
	list, err := addonsOf(&config.Config{
		PodSubnets: []string{"10.244.0.0/16"}, ServiceSubnets: []string{"10.96.0.0/12"}, CNI: "flannel",
		VirtualIP: "192.0.2.160", APIServerPort: 6443, KubeProxyMode: "iptables",
	})
	require.NoError(t, err)
	require.Len(t, list, 3)
	for _, a := range list {
		for _, object := range a.Objects {
			kind := object.GroupVersionKind()
			_, err := workloadMapper().RESTMapping(kind.GroupKind(), kind.Version)
			require.NoError(t, err, a.Name)
		}
	}
}
