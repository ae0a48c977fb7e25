package cluster

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/client-go/rest"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/capi"
)

// apiOf serves documents by their paths, and 404 for everything else.
func apiOf(t *testing.T, documents map[string]any) *rest.Config {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		document, ok := documents[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			document = apierrors.NewNotFound(schema.GroupResource{}, "").ErrStatus
		}
		_ = json.NewEncoder(w).Encode(document)
	}))
	t.Cleanup(server.Close)
	return &rest.Config{Host: server.URL}
}

func resources(names ...string) metav1.APIResourceList {
	var list metav1.APIResourceList
	for _, name := range names {
		list.APIResources = append(list.APIResources, metav1.APIResource{Name: name})
	}
	return list
}

func everything() map[string]any {
	return map[string]any{
		"/apis/cluster.x-k8s.io/v1beta2":              resources("clusters", "machines"),
		"/apis/bootstrap.cluster.x-k8s.io/v1beta2":    resources("kubeadmconfigs"),
		"/apis/controlplane.cluster.x-k8s.io/v1beta2": resources("kubeadmcontrolplanes"),
		"/apis/infrastructure.cluster.x-k8s.io/v1":    resources("olvmclusters"),
	}
}

func (s *site) check(ctx context.Context, restConfig *rest.Config) error {
	o := ManagementOptions{Getenv: func(string) string { return "" }}
	return o.checkProviders(ctx, restConfig, s.Description)
}

func TestAManagementClusterWithEverythingIsAccepted(t *testing.T) {
	require.NoError(t, newSite(t).check(t.Context(), apiOf(t, everything())))
}

func TestAnotherProvidersManagementClusterIsToldApart(t *testing.T) {
	documents := everything()
	documents["/apis/infrastructure.cluster.x-k8s.io/v1"] = resources("otherclusters")
	delete(documents, "/apis/bootstrap.cluster.x-k8s.io/v1beta2")
	err := newSite(t).check(t.Context(), apiOf(t, documents))
	require.EqualError(t, err, "https://management is not a management cluster: it lacks the custom resource definitions "+
		"kubeadmconfigs.bootstrap.cluster.x-k8s.io (version v1beta2), olvmclusters.infrastructure.cluster.x-k8s.io (version v1)")
}

func TestAnOldClusterAPIIsNamedWithItsRelease(t *testing.T) {
	for name, test := range map[string]struct {
		inventory any
		release   string
	}{
		"installed by clusterctl": {
			map[string]any{"items": []map[string]string{
				{"type": "BootstrapProvider", "version": "v1.9.1"}, {"type": "CoreProvider", "version": "v1.9.0"},
			}},
			"Cluster API v1.9.0",
		},
		"installed by something else": {nil, "Cluster API"},
	} {
		t.Run(name, func(t *testing.T) {
			documents := everything()
			delete(documents, "/apis/cluster.x-k8s.io/v1beta2")
			documents["/apis/cluster.x-k8s.io"] = metav1.APIGroup{Versions: []metav1.GroupVersionForDiscovery{{Version: "v1beta1"}, {Version: "v1alpha4"}}}
			if test.inventory != nil {
				documents["/apis/clusterctl.cluster.x-k8s.io/v1alpha3/providers"] = test.inventory
			}
			err := newSite(t).check(t.Context(), apiOf(t, documents))
			require.EqualError(t, err, "management cluster https://management: "+test.release+" is too old: it serves cluster.x-k8s.io in the versions "+
				"v1alpha4, v1beta1, and ocne needs v1beta2 (Cluster API v1.11 or newer)")
			var advised *AdvisedError
			require.ErrorAs(t, err, &advised)
			require.Contains(t, advised.Advice, "clusterctl upgrade apply")
		})
	}
}

func TestAnAPIThatIsNoKubernetesDoesNotPass(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }))
	t.Cleanup(server.Close)
	err := newSite(t).check(t.Context(), &rest.Config{Host: server.URL})
	require.ErrorContains(t, err, "does not answer: the reply is not that of a Kubernetes API")
}

func TestAnInterruptEndsTheWaitForAnAPIThatHangs(t *testing.T) {
	asked := make(chan struct{})
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(asked)
		<-release
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	ctx, interrupt := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- newSite(t).check(ctx, &rest.Config{Host: server.URL}) }()
	<-asked
	interrupt()
	require.ErrorIs(t, <-done, context.Canceled)
}

func TestEveryKindThatOcneUsesIsKnownWithoutAsking(t *testing.T) {
	mapper := restMapper(capi.NewScheme())
	for kind, plural := range map[schema.GroupVersionKind]string{
		clusterv1.GroupVersion.WithKind("MachineDeployment"):       "machinedeployments",
		bootstrapv1.GroupVersion.WithKind("KubeadmConfigTemplate"): "kubeadmconfigtemplates",
		ipamv1.GroupVersion.WithKind("IPAddress"):                  "ipaddresses",
		infrav1.GroupVersion().WithKind("OLVMMachineTemplate"):     "olvmmachinetemplates",
		providerInventory(): "providers",
	} {
		mapping, err := mapper.RESTMapping(kind.GroupKind(), kind.Version)
		require.NoError(t, err)
		require.Equal(t, plural, mapping.Resource.Resource)
	}
}

// The webhook answers like the one of Cluster API's kubeadm bootstrap provider.
func TestTheIgnitionGateIsAskedForWithoutStoringAnything(t *testing.T) {
	refused := apierrors.NewInvalid(bootstrapv1.GroupVersion.WithKind("KubeadmConfig").GroupKind(), "x", field.ErrorList{
		field.Forbidden(field.NewPath("spec", "format"), "can be set only if the KubeadmBootstrapFormatIgnition feature gate is enabled"),
	})
	noNamespace := apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "olvm")
	for name, test := range map[string]struct {
		answers map[string]error // by namespace
		off     bool
	}{
		"on":                                     {map[string]error{}, false},
		"on, and the namespace is not there yet": {map[string]error{"olvm": noNamespace}, false},
		"off":                                    {map[string]error{"olvm": refused}, true},
		"off, and the namespace is not there yet":       {map[string]error{"olvm": noNamespace, "default": refused}, true},
		"the user may not ask":                          {map[string]error{"olvm": apierrors.NewForbidden(schema.GroupResource{}, "x", nil)}, false},
		"the webhook of something else refuses a field": {map[string]error{"olvm": apierrors.NewBadRequest("no")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.Client = interceptor.NewClient(s.Client.(client.WithWatch), interceptor.Funcs{
				Create: func(_ context.Context, _ client.WithWatch, obj client.Object, o ...client.CreateOption) error {
					options := &client.CreateOptions{}
					options.ApplyOptions(o)
					require.Equal(t, []string{metav1.DryRunAll}, options.DryRun)
					return test.answers[obj.GetNamespace()]
				},
			})
			err := s.checkIgnition(t.Context(), "olvm")
			if !test.off {
				require.NoError(t, err)
				return
			}
			var advised *AdvisedError
			require.ErrorAs(t, err, &advised)
			require.ErrorContains(t, err, "feature gate KubeadmBootstrapFormatIgnition is off")
			require.Contains(t, advised.Advice, "EXP_KUBEADM_BOOTSTRAP_FORMAT_IGNITION=true")
		})
	}
}
