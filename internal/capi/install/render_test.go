package install

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ocne-project/ocne/internal/capi"
)

func rendered(t *testing.T) objects {
	t.Helper()
	all, err := render(WebhookTarget{URL: "https://127.0.0.1:9443", CABundle: []byte("PEM")}, capi.Bundle, "v0.1.0")
	require.NoError(t, err)
	return all
}

func TestEveryObjectIsMarkedAsOurs(t *testing.T) {
	all := rendered(t)
	for _, group := range [][]*unstructured.Unstructured{all.crds, all.webhooks, all.inventory} {
		require.NotEmpty(t, group)
		for _, object := range group {
			require.Equal(t, capi.ManagedBy, object.GetLabels()[capi.ManagedByLabel], object.GetName())
		}
	}
}

func TestCRDsCarryTheLabelsOfContractProviderAndClusterctl(t *testing.T) {
	byName := map[string]map[string]string{}
	for _, crd := range rendered(t).crds {
		byName[crd.GetName()] = crd.GetLabels()
		require.Contains(t, crd.GetLabels(), "clusterctl.cluster.x-k8s.io", crd.GetName())
	}
	for name, want := range map[string]map[string]string{
		"clusters.cluster.x-k8s.io": {
			"cluster.x-k8s.io/provider": "cluster-api", "cluster.x-k8s.io/v1beta1": "v1beta1", "cluster.x-k8s.io/v1beta2": "v1beta2",
		},
		"kubeadmconfigs.bootstrap.cluster.x-k8s.io": {
			"cluster.x-k8s.io/provider": "bootstrap-kubeadm", "cluster.x-k8s.io/v1beta1": "v1beta1", "cluster.x-k8s.io/v1beta2": "v1beta2",
		},
		"kubeadmcontrolplanes.controlplane.cluster.x-k8s.io": {
			"cluster.x-k8s.io/provider": "control-plane-kubeadm", "cluster.x-k8s.io/v1beta2": "v1beta2",
		},
		"olvmmachines.infrastructure.cluster.x-k8s.io": {
			"cluster.x-k8s.io/provider": "infrastructure-olvm", "cluster.x-k8s.io/v1beta2": "v1",
		},
		"providers.clusterctl.cluster.x-k8s.io": {"clusterctl.cluster.x-k8s.io/core": "inventory"},
	} {
		require.Subset(t, byName[name], want, name)
	}
	require.NotContains(t, byName["olvmmachines.infrastructure.cluster.x-k8s.io"], "cluster.x-k8s.io/v1beta1",
		"the OLVM provider does not implement the old contract")
}

func TestEveryCRDWithSeveralVersionsConvertsThroughTheTarget(t *testing.T) {
	converted := 0
	for _, crd := range rendered(t).crds {
		versions, _, err := unstructured.NestedSlice(crd.Object, "spec", "versions")
		require.NoError(t, err)
		url, _, err := unstructured.NestedString(crd.Object, "spec", "conversion", "webhook", "clientConfig", "url")
		require.NoError(t, err)
		if len(versions) == 1 {
			require.Empty(t, url, crd.GetName())
			continue
		}
		require.Equal(t, "https://127.0.0.1:9443/convert", url, crd.GetName())
		converted++
	}
	require.Equal(t, 17, converted, "every CRD of Cluster API has more than one version")
}

func TestEveryWebhookCallsTheTarget(t *testing.T) {
	webhooks := rendered(t).webhooks
	names := map[string]bool{}
	for _, configuration := range webhooks {
		names[configuration.GetKind()+"/"+configuration.GetName()] = true
		list, _, err := unstructured.NestedSlice(configuration.Object, "webhooks")
		require.NoError(t, err)
		require.NotEmpty(t, list)
		for _, w := range list {
			clientConfig := w.(map[string]any)["clientConfig"].(map[string]any)
			require.Len(t, clientConfig, 2, "a URL and a CA, and no Service")
			require.True(t, strings.HasPrefix(clientConfig["url"].(string), "https://127.0.0.1:9443/"), clientConfig["url"])
			require.Equal(t, base64.StdEncoding.EncodeToString([]byte("PEM")), clientConfig["caBundle"])
		}
	}
	require.Len(t, names, 6, "a mutating and a validating configuration for each of the three providers")
}

func TestTheInventoryNamesEveryProviderWithItsVersion(t *testing.T) {
	versions := map[string]any{}
	for _, entry := range rendered(t).inventory {
		require.Equal(t, capi.Namespace, entry.GetNamespace())
		require.Equal(t, entry.GetName(), entry.GetLabels()["cluster.x-k8s.io/provider"])
		versions[entry.GetName()] = entry.Object["version"]
	}
	require.Len(t, versions, 4)
	require.Equal(t, "v0.1.0", versions["infrastructure-olvm"])
	require.Equal(t, versions["cluster-api"], versions["bootstrap-kubeadm"])
	require.Regexp(t, `^v1\.\d+\.\d+$`, versions["cluster-api"])
}

func TestClusterAPIAloneLeavesTheOLVMProviderToItsPackages(t *testing.T) {
	all, err := render(WebhookTarget{URL: "https://127.0.0.1:9443"}, capi.ClusterAPI, "v0.1.0")
	require.NoError(t, err)
	bundle := rendered(t)
	require.Len(t, all.crds, len(bundle.crds)-4)
	require.Len(t, all.inventory, len(bundle.inventory)-1)
	require.Len(t, all.webhooks, len(bundle.webhooks))
	for _, object := range append(all.crds, all.inventory...) {
		require.NotEqual(t, "infrastructure-olvm", object.GetLabels()["cluster.x-k8s.io/provider"], object.GetName())
	}
}
