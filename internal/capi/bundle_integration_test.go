package capi_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/capi"
	"github.com/ocne-project/ocne/internal/capi/install"
	"github.com/ocne-project/ocne/internal/capi/servingcert"
)

// patience is how long a test waits for something that should be quick.
const patience = 2 * time.Minute

func TestTheBundleInAnEmptyManagementCluster(t *testing.T) {
	cluster := startManagementCluster(t)
	certificates := t.TempDir()
	m := cluster.startBundle(t, "--cert-dir", certificates)

	t.Run("its probes answer", func(t *testing.T) { probesAnswer(t, m) })
	t.Run("every webhook that is installed is served", func(t *testing.T) { webhooksAreServed(t, cluster) })
	t.Run("clusterctl finds its inventory", func(t *testing.T) { inventoryIsComplete(t, cluster) })
	t.Run("a machine deployment of an impossible version is refused", func(t *testing.T) { bogusVersionIsRefused(t, cluster) })
	t.Run("objects come to rest", func(t *testing.T) { objectsComeToRest(t, cluster, m) })
	t.Run("objects can be read in the old version", func(t *testing.T) { oldVersionIsConverted(t, cluster) })
	t.Run("installing again changes nothing", func(t *testing.T) { installingAgainChangesNothing(t, cluster) })
	t.Run("it stops when asked and starts again where it was", func(t *testing.T) {
		require.NoError(t, m.stop(), m.stderr(t))
		again := cluster.startBundle(t, "--cert-dir", certificates, "--leader-elect")
		bogusVersionIsRefused(t, cluster)
		eventually(t, 50*time.Millisecond, func() bool {
			var leases coordinationv1.LeaseList
			return cluster.List(t.Context(), &leases, client.InNamespace(capi.Namespace)) == nil && len(leases.Items) == 1
		}, "the manager holds its Lease")
		require.NoError(t, again.stop(), again.stderr(t))
	})
	t.Run("a rotated CA reaches every webhook and conversion", func(t *testing.T) { rotatedCAIsPublished(t, cluster) })
	t.Run("it refuses to go beside a Cluster API of somebody else", func(t *testing.T) { foreignClusterAPIIsRefused(t, cluster) })
	t.Run("the ordinary provider runs there", func(t *testing.T) {
		m, ready := cluster.tryManager(t, "--providers", "olvm")
		require.True(t, ready, m.stderr(t))
		require.Empty(t, m.WebhookURL)
		probesAnswer(t, m)
		require.NoError(t, m.stop(), m.stderr(t))
	})
}

// eventually asks at an interval until the answer is yes.
func eventually(t *testing.T, interval time.Duration, condition func() bool, what string) {
	t.Helper()
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(interval) {
		require.True(t, time.Now().Before(deadline), what)
	}
}

func probesAnswer(t *testing.T, m *manager) {
	for _, path := range []string{"/healthz", "/readyz"} {
		response, err := http.Get(m.HealthURL + path)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusOK, response.StatusCode, path)
	}
}

// webhookClientConfigs are the addresses that the API server calls, by the name of the webhook or CRD.
func webhookClientConfigs(t *testing.T, cluster *managementCluster) map[string]admissionv1.WebhookClientConfig {
	t.Helper()
	configs := map[string]admissionv1.WebhookClientConfig{}
	var mutating admissionv1.MutatingWebhookConfigurationList
	require.NoError(t, cluster.List(t.Context(), &mutating))
	for _, configuration := range mutating.Items {
		for _, webhook := range configuration.Webhooks {
			configs[webhook.Name] = webhook.ClientConfig
		}
	}
	var validating admissionv1.ValidatingWebhookConfigurationList
	require.NoError(t, cluster.List(t.Context(), &validating))
	for _, configuration := range validating.Items {
		for _, webhook := range configuration.Webhooks {
			configs[webhook.Name] = webhook.ClientConfig
		}
	}
	var crds apiextensionsv1.CustomResourceDefinitionList
	require.NoError(t, cluster.List(t.Context(), &crds))
	for _, crd := range crds.Items {
		if conversion := crd.Spec.Conversion; conversion.Strategy == apiextensionsv1.WebhookConverter {
			configs[crd.Name] = admissionv1.WebhookClientConfig{
				URL: conversion.Webhook.ClientConfig.URL, CABundle: conversion.Webhook.ClientConfig.CABundle,
			}
		}
	}
	return configs
}

func webhooksAreServed(t *testing.T, cluster *managementCluster) {
	configs := webhookClientConfigs(t, cluster)
	require.Greater(t, len(configs), 40)
	for name, config := range configs {
		roots := x509.NewCertPool()
		require.True(t, roots.AppendCertsFromPEM(config.CABundle), name)
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}
		response, err := (&http.Client{Transport: transport}).Post(*config.URL, "application/json", strings.NewReader("{}"))
		require.NoError(t, err, name)
		require.NoError(t, response.Body.Close())
		require.NotEqual(t, http.StatusNotFound, response.StatusCode, "%s: nothing is registered at %s", name, *config.URL)
	}
}

func inventoryIsComplete(t *testing.T, cluster *managementCluster) {
	providers := &unstructured.UnstructuredList{}
	providers.SetGroupVersionKind(schema.GroupVersionKind{Group: "clusterctl.cluster.x-k8s.io", Version: "v1alpha3", Kind: "ProviderList"})
	require.NoError(t, cluster.List(t.Context(), providers, client.MatchingLabels{"clusterctl.cluster.x-k8s.io/core": "inventory"}))
	var names []string
	for _, provider := range providers.Items {
		names = append(names, provider.GetNamespace()+"/"+provider.GetName())
	}
	require.ElementsMatch(t, []string{
		"ocne-system/cluster-api", "ocne-system/bootstrap-kubeadm", "ocne-system/control-plane-kubeadm", "ocne-system/infrastructure-olvm",
	}, names)
}

func bogusVersionIsRefused(t *testing.T, cluster *managementCluster) {
	err := cluster.Create(t.Context(), machineDeployment("bogus"))
	require.ErrorContains(t, err, "denied the request")
	require.ErrorContains(t, err, "vbogus", "the version that the defaulting webhook made of it")
}

func objectsComeToRest(t *testing.T, cluster *managementCluster, m *manager) {
	for _, object := range workers() {
		require.NoError(t, cluster.Create(t.Context(), object), object.GetObjectKind().GroupVersionKind().Kind)
	}
	var before map[string]string
	eventually(t, 3*time.Second, func() bool {
		now := resourceVersions(t, cluster, "Cluster", "MachineDeployment", "MachineSet", "Machine", "KubeadmConfig")
		atRest := len(now) == 5 && maps.Equal(before, now)
		before = now
		return atRest
	}, "an object of each kind, and none that is written again and again")
	require.NotContains(t, m.stderr(t), "managedFields issue", "Cluster API misses the managedFields that a cache has stripped")
}

func oldVersionIsConverted(t *testing.T, cluster *managementCluster) {
	old := &unstructured.Unstructured{}
	old.SetGroupVersionKind(schema.GroupVersionKind{Group: "cluster.x-k8s.io", Version: "v1beta1", Kind: "Cluster"})
	require.NoError(t, cluster.Get(t.Context(), client.ObjectKey{Namespace: "default", Name: clusterName}, old))
	reference, _, err := unstructured.NestedString(old.Object, "spec", "infrastructureRef", "apiVersion")
	require.NoError(t, err)
	require.Equal(t, "infrastructure.cluster.x-k8s.io/v1", reference, "taken from the contract label of our CRD")
}

// installed are the resource versions of everything that the installer applies.
func installed(t *testing.T, cluster *managementCluster) map[string]string {
	t.Helper()
	ours := client.MatchingLabels{capi.ManagedByLabel: capi.ManagedBy}
	versions := map[string]string{}
	for _, kind := range []schema.GroupVersionKind{
		apiextensionsv1.SchemeGroupVersion.WithKind("CustomResourceDefinition"),
		admissionv1.SchemeGroupVersion.WithKind("MutatingWebhookConfiguration"),
		admissionv1.SchemeGroupVersion.WithKind("ValidatingWebhookConfiguration"),
		{Group: "clusterctl.cluster.x-k8s.io", Version: "v1alpha3", Kind: "Provider"},
	} {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(kind)
		require.NoError(t, cluster.List(t.Context(), list, ours))
		for _, item := range list.Items {
			versions[item.GetKind()+"/"+item.GetName()] = item.GetResourceVersion()
		}
	}
	return versions
}

// currentTarget is where the running manager said that its webhooks are.
func currentTarget(t *testing.T, cluster *managementCluster) install.WebhookTarget {
	t.Helper()
	config := webhookClientConfigs(t, cluster)["clusters.cluster.x-k8s.io"]
	return install.WebhookTarget{URL: strings.TrimSuffix(*config.URL, "/convert"), CABundle: config.CABundle}
}

func installingAgainChangesNothing(t *testing.T, cluster *managementCluster) {
	before := installed(t, cluster)
	require.Len(t, before, 32)
	installer, err := install.New(cluster.rest, capi.Bundle, "dev")
	require.NoError(t, err)
	require.NoError(t, installer.Install(t.Context(), currentTarget(t, cluster)))
	require.Equal(t, before, installed(t, cluster))
}

func rotatedCAIsPublished(t *testing.T, cluster *managementCluster) {
	installer, err := install.New(cluster.rest, capi.Bundle, "dev")
	require.NoError(t, err)
	target := currentTarget(t, cluster)
	rotator, err := servingcert.New(servingcert.Options{
		Hosts: []string{"127.0.0.1"}, Lifetime: 15 * time.Second, Log: testr.New(t),
		Publish: func(ctx context.Context, caBundle []byte) error {
			return installer.PublishTarget(ctx, install.WebhookTarget{URL: target.URL, CABundle: caBundle})
		},
	})
	require.NoError(t, err)
	first := rotator.CABundle()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- rotator.Start(ctx) }()
	eventually(t, 100*time.Millisecond, func() bool { return !bytes.Equal(first, rotator.CABundle()) }, "the next CA is published")
	cancel()
	require.NoError(t, <-done)

	published := rotator.CABundle()
	require.Equal(t, 2, bytes.Count(published, []byte("BEGIN CERTIFICATE")), "the old CA is trusted beside the new one")
	for name, config := range webhookClientConfigs(t, cluster) {
		require.Equal(t, string(published), string(config.CABundle), name)
	}
}

func foreignClusterAPIIsRefused(t *testing.T, cluster *managementCluster) {
	crd := &apiextensionsv1.CustomResourceDefinition{}
	crd.Name = "machines.cluster.x-k8s.io"
	unmark := client.RawPatch(types.JSONPatchType, []byte(`[{"op":"remove","path":"/metadata/labels/app.kubernetes.io~1managed-by"}]`))
	require.NoError(t, cluster.Patch(t.Context(), crd, unmark))
	before := installed(t, cluster)

	m, ready := cluster.tryManager(t, "--providers", "core,bootstrap,control-plane,olvm", "--install")
	require.False(t, ready)
	require.Error(t, m.stop())
	require.Regexp(t, `ERROR\t.*\t.*installed here by somebody else.*machines\.cluster\.x-k8s\.io.*--providers=olvm`, m.stderr(t))
	require.Equal(t, before, installed(t, cluster), "nothing was touched")
}
