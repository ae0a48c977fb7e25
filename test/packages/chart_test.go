package packages

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/ocne-project/ocne/config/crd"
	"github.com/ocne-project/ocne/hack/generate/packages"
)

func isRoot() bool { return os.Getuid() == 0 }

// existingChart are the default values of chart olvm-capi 1.0.0, as users have them in their own files. Its image is that of another
// program, so it is left out.
const existingChart = `
nameOverride: ""
fullnameOverride: olvm-capi
logLevel: info
metricsPort: 8443
webhooksEnabled: false
kubernetesClusterDomain: cluster.local
controllerManager:
  container:
    args: [-cert-dir=/etc/webhook/certs, "-metrics-addr=127.0.0.1:8443", -zap-log-level=info, -zap-encoder=json,
      -zap-stacktrace-level=error, -zap-time-encoding=epoch]
    imagePullPolicy: IfNotPresent
    containerSecurityContext:
      allowPrivilegeEscalation: false
      capabilities: {drop: [ALL]}
      privileged: false
      runAsGroup: 65532
      runAsUser: 65532
    resources: {requests: {memory: 128Mi}}
  replicas: 1
  serviceAccount: {annotations: {}}
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxUnavailable: 0, maxSurge: 1}
  podSecurityContext: {runAsUser: 1000, runAsGroup: 999, runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
  tolerations: [{key: node-role.kubernetes.io/control-plane, effect: NoSchedule}]
  affinity: {}
  imagePullSecrets: []
metricsService:
  type: ClusterIP
  ports: [{name: https, port: 8443, protocol: TCP, targetPort: https}]
webhookService:
  type: ClusterIP
  ports: [{port: 443, protocol: TCP, targetPort: webhook-server}]
proxy: {httpsProxy: "", httpProxy: "", noProxy: ""}
`

func existingValues(t *testing.T) map[string]any {
	t.Helper()
	values := map[string]any{}
	require.NoError(t, yaml.Unmarshal([]byte(existingChart), &values))
	return values
}

// render renders the chart as "helm template" does.
func render(t *testing.T, release, namespace string, values map[string]any) ([]unstructured.Unstructured, error) {
	t.Helper()
	_, file, err := packages.Release("../..", packages.Version, t.TempDir())
	require.NoError(t, err)
	chart, err := loader.Load(file)
	require.NoError(t, err)
	all, err := util.ToRenderValues(chart, values, common.ReleaseOptions{Name: release, Namespace: namespace, IsInstall: true}, nil)
	require.NoError(t, err)
	files, err := engine.Render(chart, all)
	if err != nil {
		return nil, err
	}
	var objects []unstructured.Unstructured
	for name, content := range files {
		if strings.HasSuffix(name, ".yaml") {
			objects = append(objects, decode(t, content)...)
		}
	}
	return objects, nil
}

func decode(t *testing.T, content string) []unstructured.Unstructured {
	t.Helper()
	var objects []unstructured.Unstructured
	for decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader([]byte(content)), 4096); ; {
		object := unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return objects
		}
		require.NoError(t, err, content)
		if len(object.Object) > 0 {
			objects = append(objects, object)
		}
	}
}

func deploymentOf(t *testing.T, objects []unstructured.Unstructured) *appsv1.Deployment {
	t.Helper()
	return only(t, objects, "Deployment", &appsv1.Deployment{})
}

// only converts the one object of a kind.
func only[T any](t *testing.T, objects []unstructured.Unstructured, kind string, into *T) *T {
	t.Helper()
	found := 0
	for _, object := range objects {
		if object.GetKind() == kind {
			require.NoError(t, runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, into, true))
			found++
		}
	}
	require.Equal(t, 1, found, kind)
	return into
}

// What Helm and clusterctl install is the same, but for labels and for the values and variables that differ on purpose.
func TestBothPackagesAreTheSameProvider(t *testing.T) {
	const namespace = "cluster-api-provider-olvm"
	charted, err := render(t, "olvm-capi", namespace, nil)
	require.NoError(t, err)
	components, _, err := packages.Release("../..", packages.Version, t.TempDir())
	require.NoError(t, err)
	content, err := os.ReadFile(components)
	require.NoError(t, err)
	defaults := regexp.MustCompile(`\$\{\w+:=([^}]*)\}`).ReplaceAllString(string(content), "$1")
	want, got := map[string]any{}, map[string]any{}
	for _, object := range decode(t, defaults) {
		if object.GetKind() != "Namespace" {
			want[object.GetKind()+" "+object.GetName()] = withoutLabels(object)
		}
	}
	for _, object := range charted {
		got[object.GetKind()+" "+object.GetName()] = withoutLabels(object)
	}
	require.Equal(t, want, got)
}

func withoutLabels(object unstructured.Unstructured) map[string]any {
	for _, path := range [][]string{
		{"metadata", "labels"}, {"metadata", "annotations", "helm.sh/resource-policy"},
		{"spec", "selector"}, {"spec", "template", "metadata", "labels"},
	} {
		if object.GetKind() != "CustomResourceDefinition" || path[0] == "metadata" {
			unstructured.RemoveNestedField(object.Object, path...)
		}
	}
	return object.Object
}

func TestTheChartHonoursTheValuesOfTheExistingOne(t *testing.T) {
	values := existingValues(t)
	values["fullnameOverride"] = "mine"
	values["nameOverride"] = "other"
	values["logLevel"] = "debug"
	values["metricsPort"] = 9999
	values["kubernetesClusterDomain"] = "example.test"
	values["metricsService"] = map[string]any{"type": "NodePort", "ports": []any{map[string]any{"name": "m", "port": 1, "targetPort": "https"}}}
	values["proxy"] = map[string]any{"httpsProxy": "http://proxy:3128", "httpProxy": "http://proxy:3129", "noProxy": "192.0.2.0/24"}
	manager := values["controllerManager"].(map[string]any)
	maps.Copy(manager, map[string]any{
		"replicas": 2, "affinity": map[string]any{"podAntiAffinity": map[string]any{}},
		"imagePullSecrets":   []any{map[string]any{"name": "pull"}},
		"serviceAccount":     map[string]any{"annotations": map[string]any{"a": "b"}},
		"tolerations":        []any{map[string]any{"operator": "Exists"}},
		"strategy":           map[string]any{"type": "Recreate", "rollingUpdate": nil},
		"podSecurityContext": map[string]any{"runAsUser": 1000, "runAsGroup": 999},
	})
	maps.Copy(manager["container"].(map[string]any), map[string]any{
		"args": []any{"-zap-log-level=info", "--namespace=one"}, "imagePullPolicy": "Always",
		"image": map[string]any{"repository": "registry.example.com/manager", "tag": "v9"},
	})
	objects, err := render(t, "r", "somewhere", values)
	require.NoError(t, err)
	d := deploymentOf(t, objects)
	pod := d.Spec.Template.Spec
	c := pod.Containers[0]
	require.Equal(t, "mine-controller-manager", d.Name)
	require.Equal(t, "somewhere", d.Namespace)
	require.Equal(t, "other", d.Spec.Selector.MatchLabels["app.kubernetes.io/name"])
	require.Subset(t, d.Spec.Template.Labels, d.Spec.Selector.MatchLabels)
	require.EqualValues(t, 2, *d.Spec.Replicas)
	require.Equal(t, appsv1.RecreateDeploymentStrategyType, d.Spec.Strategy.Type)
	require.NotNil(t, pod.Affinity.PodAntiAffinity)
	require.Equal(t, []corev1.LocalObjectReference{{Name: "pull"}}, pod.ImagePullSecrets)
	require.Equal(t, corev1.TolerationOpExists, pod.Tolerations[0].Operator)
	require.EqualValues(t, 1000, *pod.SecurityContext.RunAsUser)
	require.Equal(t, "registry.example.com/manager:v9", c.Image)
	require.Equal(t, corev1.PullAlways, c.ImagePullPolicy)
	require.EqualValues(t, 65532, *c.SecurityContext.RunAsUser)
	require.Equal(t, "128Mi", c.Resources.Requests.Memory().String())
	require.Contains(t, c.Args, "--v=4")
	require.Contains(t, c.Args, "--metrics-bind-address=:9999")
	require.Contains(t, c.Args, "--namespace=one")
	for _, arg := range c.Args {
		require.True(t, strings.HasPrefix(arg, "--"), "%s is an argument of another program", arg)
	}
	require.EqualValues(t, 9999, c.Ports[1].ContainerPort)
	require.Equal(t, []corev1.EnvVar{
		{Name: "https_proxy", Value: "http://proxy:3128"}, {Name: "http_proxy", Value: "http://proxy:3129"},
		{Name: "no_proxy", Value: "$(KUBERNETES_SERVICE_HOST),.svc,.svc.example.test,192.0.2.0/24"},
	}, c.Env[1:])
	s := only(t, objects, "Service", &corev1.Service{})
	require.Equal(t, corev1.ServiceTypeNodePort, s.Spec.Type)
	require.Equal(t, c.Ports[1].Name, s.Spec.Ports[0].TargetPort.String(), "the Service finds the port of the metrics")
	require.Subset(t, d.Spec.Template.Labels, s.Spec.Selector)
	account := only(t, objects, "ServiceAccount", &corev1.ServiceAccount{})
	require.Equal(t, map[string]string{"a": "b"}, account.Annotations)
	require.Equal(t, account.Name, pod.ServiceAccountName)
}

func TestALogLevelThatIsNoneIsRefused(t *testing.T) {
	_, err := render(t, "r", "n", map[string]any{"logLevel": "loud"})
	require.ErrorContains(t, err, `logLevel "loud": choose error, warn, info, debug, trace or a number`)
}

// The chart's CRDs take the place of those of chart 1.0.0, which Helm left without its mark, and follow every upgrade.
func TestTheChartUpgradesTheCRDs(t *testing.T) {
	w := newManagement(t)
	old := &apiextensionsv1.CustomResourceDefinition{}
	content, err := crd.Files().Open("olvmmachines.yaml")
	require.NoError(t, err)
	text, err := io.ReadAll(content)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, old))
	old.Spec.Versions[0].Schema.OpenAPIV3Schema.Description = "of chart 1.0.0"
	require.NoError(t, w.Create(t.Context(), old))

	const namespace = "cluster-api-provider-olvm"
	w.installWithHelm(t, namespace, existingValues(t), func(i *action.Install) { i.TakeOwnership, i.ForceConflicts = true, true })
	now := &apiextensionsv1.CustomResourceDefinition{}
	description := func() string {
		require.NoError(t, w.Get(t.Context(), client.ObjectKeyFromObject(old), now))
		return now.Spec.Versions[0].Schema.OpenAPIV3Schema.Description
	}
	require.NotEqual(t, "of chart 1.0.0", description())
	require.Equal(t, old.UID, now.UID, "it is the same object, so no OLVMMachine was lost")

	now.Spec.Versions[0].Schema.OpenAPIV3Schema.Description = "of an earlier version"
	require.NoError(t, w.Update(t.Context(), now))
	chart, err := loader.Load(w.chart)
	require.NoError(t, err)
	chart.Metadata.Version = "99.0.0"
	upgrade := action.NewUpgrade(w.helm(t, namespace))
	upgrade.Namespace, upgrade.WaitStrategy, upgrade.ForceConflicts = namespace, "hookOnly", true
	_, err = upgrade.RunWithContext(t.Context(), "olvm-capi", chart, existingValues(t))
	require.NoError(t, err)
	require.NotEqual(t, "of an earlier version", description())

	uninstall := action.NewUninstall(w.helm(t, namespace))
	uninstall.WaitStrategy = "hookOnly"
	_, err = uninstall.Run("olvm-capi")
	require.NoError(t, err)
	description()
	require.Equal(t, old.UID, now.UID, "the CRDs stay, and with them the machines")
	require.Zero(t, now.DeletionTimestamp)
	err = w.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: managerName}, &appsv1.Deployment{})
	require.True(t, apierrors.IsNotFound(err), "the Deployment is gone: %v", err)
}
