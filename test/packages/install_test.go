package packages

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/cli"
	"helm.sh/helm/v4/pkg/kube"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	clusterctlv1 "sigs.k8s.io/cluster-api/cmd/clusterctl/api/v1alpha3"
	clusterctl "sigs.k8s.io/cluster-api/cmd/clusterctl/client"
	"sigs.k8s.io/cluster-api/cmd/clusterctl/client/cluster"
	"sigs.k8s.io/cluster-api/cmd/clusterctl/client/config"
	"sigs.k8s.io/cluster-api/cmd/clusterctl/client/repository"
	"sigs.k8s.io/yaml"

	"github.com/ocne-project/ocne/hack/generate/packages"
)

// clusterctlConfig writes the configuration of clusterctl: where the providers are, and variables of templates.
func (w *world) clusterctlConfig(t *testing.T, variables map[string]string) string {
	t.Helper()
	content := map[string]any{"providers": append(w.clusterAPIRepositories(t),
		map[string]any{"name": "olvm", "type": "InfrastructureProvider", "url": "file://" + w.components})}
	for name, value := range variables {
		content[name] = value
	}
	text, err := yaml.Marshal(content)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "clusterctl.yaml")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	return path
}

// clusterAPIRepositories are where clusterctl looks up the contract of what is installed already, which is on GitHub otherwise.
func (w *world) clusterAPIRepositories(t *testing.T) []any {
	t.Helper()
	installed := &unstructured.UnstructuredList{}
	installed.SetGroupVersionKind(clusterctlv1.GroupVersion.WithKind("ProviderList"))
	require.NoError(t, w.List(t.Context(), installed))
	require.NotEmpty(t, installed.Items)
	var list []any
	dir := t.TempDir()
	for _, item := range installed.Items {
		p := &clusterctlv1.Provider{}
		require.NoError(t, runtime.DefaultUnstructuredConverter.FromUnstructured(item.Object, p))
		if p.ProviderName == "olvm" {
			continue // it is in the repository under test
		}
		var major, minor int
		_, err := fmt.Sscanf(p.Version, "v%d.%d.", &major, &minor)
		require.NoError(t, err)
		release := filepath.Join(dir, p.Name, p.Version)
		require.NoError(t, os.MkdirAll(release, 0o700))
		metadata := fmt.Sprintf("apiVersion: clusterctl.cluster.x-k8s.io/v1alpha3\nkind: Metadata\nreleaseSeries:\n"+
			"- {major: %d, minor: %d, contract: v1beta2}\n", major, minor)
		require.NoError(t, os.WriteFile(filepath.Join(release, "metadata.yaml"), []byte(metadata), 0o600))
		list = append(list, map[string]any{
			"name": p.ProviderName, "type": p.Type, "url": "file://" + filepath.Join(release, "components.yaml"),
		})
	}
	return list
}

// installWithClusterctl does what "clusterctl init --infrastructure olvm" does, but for cert-manager, which the provider does not need, and
// for waiting until the Deployment is available: there is nothing here that would run pods.
func (w *world) installWithClusterctl(t *testing.T) repository.Components {
	t.Helper()
	ctx := t.Context()
	path := w.clusterctlConfig(t, nil)
	library, err := clusterctl.New(ctx, path)
	require.NoError(t, err)
	components, err := library.GetProviderComponents(ctx, "olvm", clusterctlv1.InfrastructureProviderType, clusterctl.ComponentsOptions{})
	require.NoError(t, err)
	configuration, err := config.New(ctx, path)
	require.NoError(t, err)
	management := cluster.New(cluster.Kubeconfig{Path: w.kubeconfig}, configuration)
	require.NoError(t, management.ProviderInventory().EnsureCustomResourceDefinitions(ctx))
	installer := management.ProviderInstaller()
	installer.Add(components)
	require.NoError(t, installer.Validate(ctx))
	_, err = installer.Install(ctx, cluster.InstallOptions{})
	require.NoError(t, err)
	return components
}

// clusterFromTemplate does what "clusterctl generate cluster" does, for one control plane node and one worker.
func (w *world) clusterFromTemplate(t *testing.T, name, namespace, flavor string, variables map[string]string) []unstructured.Unstructured {
	t.Helper()
	library, err := clusterctl.New(t.Context(), w.clusterctlConfig(t, variables))
	require.NoError(t, err)
	template, err := library.GetClusterTemplate(t.Context(), clusterctl.GetClusterTemplateOptions{
		Kubeconfig: clusterctl.Kubeconfig{Path: w.kubeconfig},
		ProviderRepositorySource: &clusterctl.ProviderRepositorySourceOptions{
			InfrastructureProvider: "olvm:" + packages.Version, Flavor: flavor,
		},
		ClusterName: name, TargetNamespace: namespace, KubernetesVersion: "v1.33.10",
		ControlPlaneMachineCount: ptr.To[int64](1), WorkerMachineCount: ptr.To[int64](1),
	})
	require.NoError(t, err)
	return template.Objs()
}

// helm returns the configuration of Helm's actions for one namespace.
func (w *world) helm(t *testing.T, namespace string) *action.Configuration {
	t.Helper()
	settings := cli.New()
	settings.KubeConfig = w.kubeconfig
	settings.SetNamespace(namespace)
	configuration := action.NewConfiguration()
	require.NoError(t, configuration.Init(settings.RESTClientGetter(), namespace, "secret"))
	return configuration
}

// installWithHelm does what "helm install olvm-capi CHART --namespace N --create-namespace --values V" does.
func (w *world) installWithHelm(t *testing.T, namespace string, values map[string]any, change ...func(*action.Install)) {
	t.Helper()
	chart, err := loader.Load(w.chart)
	require.NoError(t, err)
	install := action.NewInstall(w.helm(t, namespace))
	install.ReleaseName, install.Namespace, install.CreateNamespace = "olvm-capi", namespace, true
	install.WaitStrategy = kube.HookOnlyStrategy
	for _, c := range change {
		c(install)
	}
	_, err = install.RunWithContext(context.Background(), chart, values)
	require.NoError(t, err)
}
