package contract

import (
	"fmt"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/config/crd"
	"github.com/ocne-project/ocne/internal/capi/manifests"
	"github.com/ocne-project/ocne/test/programs"
)

// TestWhatIsWatched runs the provider as one of several in a management cluster without Cluster API; the test makes Cluster API's objects.
func TestWhatIsWatched(t *testing.T) {
	kubeconfig := programs.StartControlPlane(t)
	f := &fixture{WithWatch: programs.Management(t, kubeconfig), sim: programs.StartEngine(t), kubeconfig: kubeconfig}
	f.installDefinitions(t)
	start := func(t *testing.T, flags ...string) {
		var ready struct{ HealthURL string }
		programs.Start(t, &ready, nil, programs.Path(t, "ocne-manager"), append([]string{"--kubeconfig", kubeconfig, "--providers", "olvm"}, flags...)...)
	}
	t.Run("watch-filter", func(t *testing.T) {
		start(t, "--watch-filter", "blue")
		other, unlabelled, blue := f.bareCluster(t, "red", "red"), f.bareCluster(t, "none", ""), f.bareCluster(t, "blue", "blue")
		blue.expectProvisioned(t)
		other.expectUntouched(t)
		unlabelled.expectUntouched(t)
	})
	t.Run("namespace", func(t *testing.T) {
		start(t, "--namespace", "here")
		elsewhere, here := f.bareCluster(t, "elsewhere", ""), f.bareCluster(t, "here", "")
		here.expectProvisioned(t)
		elsewhere.expectUntouched(t)
	})
	t.Run("one after the other", func(t *testing.T) {
		start(t)
		for _, name := range []string{"red", "none", "elsewhere"} {
			f.newCluster(t, name, 1, 0).expectProvisioned(t)
		}
	})
}

func (f *fixture) installDefinitions(t *testing.T) {
	t.Helper()
	for _, file := range []struct {
		from fs.FS
		name string
	}{
		{manifests.Files(), "core/cluster.x-k8s.io_clusters.yaml"}, {manifests.Files(), "core/cluster.x-k8s.io_machines.yaml"},
		{manifests.Files(), "core/ipam.cluster.x-k8s.io_ipaddresses.yaml"}, {manifests.Files(), "core/ipam.cluster.x-k8s.io_ipaddressclaims.yaml"},
		{crd.Files(), "olvmclusters.yaml"}, {crd.Files(), "olvmmachines.yaml"}, {crd.Files(), "olvmmachinetemplates.yaml"},
	} {
		raw, err := fs.ReadFile(file.from, file.name)
		require.NoError(t, err)
		d := &apiextensionsv1.CustomResourceDefinition{}
		require.NoError(t, yaml.Unmarshal(raw, d), file.name)
		d.Spec.Conversion = nil // nobody serves it here
		require.NoError(t, f.Create(t.Context(), d), file.name)
		programs.Eventually(t, "the CRD is served", func() (bool, string) {
			require.NoError(t, f.Get(t.Context(), client.ObjectKeyFromObject(d), d))
			for _, condition := range d.Status.Conditions {
				if condition.Type == apiextensionsv1.Established && condition.Status == apiextensionsv1.ConditionTrue {
					return true, ""
				}
			}
			return false, file.name
		})
	}
}

// bareCluster is a Cluster and its OLVMCluster with the label of a filter, unless it is empty.
func (f *fixture) bareCluster(t *testing.T, name, filter string) *cluster {
	t.Helper()
	c := f.newCluster(t, name, 1, 0)
	c.createCredentials(t)
	objects, err := c.config.Objects()
	require.NoError(t, err)
	owner, infra := objects[0].(*clusterv1.Cluster), objects[1].(*infrav1.OLVMCluster)
	if filter != "" {
		owner.Labels[clusterv1.WatchLabel], infra.Labels[clusterv1.WatchLabel] = filter, filter
	}
	require.NoError(t, c.Create(t.Context(), owner))
	infra.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(owner, clusterv1.GroupVersion.WithKind("Cluster"))}
	require.NoError(t, c.Create(t.Context(), infra))
	return c
}

func (c *cluster) expectProvisioned(t *testing.T) {
	t.Helper()
	programs.Eventually(t, "OLVMCluster "+c.name()+" is provisioned", func() (bool, string) {
		infra := get(t, c, c.name(), &infrav1.OLVMCluster{})
		return isTrue(infra, infrav1.ReadyCondition), fmt.Sprintf("%+v", infra.Status.Conditions)
	})
}

// expectUntouched: it is older than one that was reconciled, and nothing was written.
func (c *cluster) expectUntouched(t *testing.T) {
	t.Helper()
	infra := get(t, c, c.name(), &infrav1.OLVMCluster{})
	require.Empty(t, infra.Finalizers)
	require.Empty(t, infra.Status)
	require.Empty(t, get(t, c, c.config.OLVM.APIServer.CredentialsSecret.Name, &corev1.Secret{}).Finalizers)
}
