package cluster

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/capi"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/cluster/workload"
	"github.com/ocne-project/ocne/internal/config"
)

// site is a management cluster with some objects, and somebody's home directory.
type site struct {
	*Management
	home   string
	told   bytes.Buffer
	report progress.Reporter
}

func newSite(t *testing.T, objects ...client.Object) *site {
	t.Helper()
	s := &site{home: t.TempDir(), Management: &Management{
		Description: "https://management",
		Client:      fake.NewClientBuilder().WithScheme(capi.NewScheme()).WithObjects(objects...).Build(),
	}}
	s.report = progress.NewPlain(&s.told, func() time.Time { return time.Time{} })
	return s
}

func (s *site) options(t *testing.T, name string) DeleteOptions {
	t.Helper()
	c, _, err := config.Load(config.Options{HomeDir: s.home, Flags: config.Flags{Name: &name}})
	require.NoError(t, err)
	return DeleteOptions{Config: c, AnyNamespace: true}
}

func (s *site) exists(t *testing.T, obj client.Object) bool {
	t.Helper()
	err := s.Client.Get(t.Context(), client.ObjectKeyFromObject(obj), obj)
	if apierrors.IsNotFound(err) {
		return false
	}
	require.NoError(t, err)
	return true
}

func (s *site) remove(ctx context.Context, o DeleteOptions, report progress.Reporter) error {
	_, err := s.delete(ctx, o, report)
	return err
}

func (s *site) delete(ctx context.Context, o DeleteOptions, report progress.Reporter) (changed bool, err error) {
	return (&deletion{DeleteOptions: o, Management: s.Management, report: report, mem: &memory{}}).run(ctx)
}

func named(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}

func ours(m metav1.ObjectMeta) metav1.ObjectMeta {
	m.Labels = map[string]string{capi.ManagedByLabel: capi.ManagedBy}
	return m
}

func capiCluster(namespace, name, kind string) *clusterv1.Cluster {
	c := &clusterv1.Cluster{ObjectMeta: named(namespace, name)}
	c.Spec.InfrastructureRef.Kind = kind
	return c
}

func olvmCluster(namespace, name, secret string) *infrav1.OLVMCluster {
	c := &infrav1.OLVMCluster{ObjectMeta: named(namespace, name)}
	c.Spec.OLVMOvirtAPIServer.CredentialsSecret = infrav1.ObjectReference{Name: secret}
	return c
}

func TestDeleteFindsTheCluster(t *testing.T) {
	for name, test := range map[string]struct {
		objects []client.Object
		failure string
	}{
		"a mistyped name is an error as long as there are clusters": {
			[]client.Object{capiCluster("olvm", "prod", "OLVMCluster")},
			"there is no cluster demo in the management cluster https://management",
		},
		"one name in two namespaces": {
			[]client.Object{capiCluster("a", "demo", "OLVMCluster"), capiCluster("b", "demo", "OLVMCluster")},
			"there are several clusters demo: demo (namespace a), demo (namespace b)",
		},
		"a cluster of another provider": {
			[]client.Object{capiCluster("a", "demo", "AWSCluster")},
			"cluster demo (namespace a) belongs to another provider (AWSCluster), so ocne does not delete it",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, test.objects...)
			require.EqualError(t, s.remove(t.Context(), s.options(t, "demo"), s.report), test.failure)
			for _, obj := range test.objects {
				require.True(t, s.exists(t, obj))
			}
		})
	}
}

// Cluster API would never delete it, and a part of a cluster would be deleted without the rest.
func TestDeleteRefusesAClusterThatIsPausedOrMovedInPart(t *testing.T) {
	annotated := capiCluster("ocne", "demo", "OLVMCluster")
	annotated.Annotations = map[string]string{clusterv1.PausedAnnotation: ""}
	for name, test := range map[string]struct {
		cluster *clusterv1.Cluster
		says    []string
	}{
		"spec.paused": {paused(demo()), []string{
			"Cluster API deletes nothing of a paused cluster", `kubectl -n ocne patch cluster demo --type merge -p '{"spec":{"paused":false}}'`,
		}},
		"the annotation": {annotated, []string{
			"Cluster API deletes nothing of a paused cluster", "kubectl -n ocne annotate cluster demo cluster.x-k8s.io/paused-",
		}},
		"moved in part":    {marked(between), []string{"is moved or restored in part", "ocne management move"}},
		"restored in part": {marked(restoring), []string{"is moved or restored in part", "ocne management restore"}},
	} {
		t.Run(name, func(t *testing.T) {
			infrastructure := olvmCluster("ocne", "demo", "engine")
			s := newSite(t, test.cluster, infrastructure)
			before := infrastructure.DeepCopy()
			require.True(t, s.exists(t, before))
			o := s.options(t, "demo")
			o.Abandon = true
			refused(t, s.remove(t.Context(), o, s.report), append(test.says, "Nothing was changed")...)
			require.True(t, s.exists(t, test.cluster))
			require.Zero(t, test.cluster.DeletionTimestamp)
			require.True(t, s.exists(t, infrastructure))
			require.Equal(t, before.ResourceVersion, infrastructure.ResourceVersion)
		})
	}
}

func TestDeleteOfNothingIsFine(t *testing.T) {
	s := newSite(t)
	require.NoError(t, s.remove(t.Context(), s.options(t, "demo"), s.report))
	require.Contains(t, s.told.String(), "There is no cluster demo in the management cluster: nothing to delete")
}

func TestDeleteRemovesWhatOcneMadeBesideTheCluster(t *testing.T) {
	secret := &corev1.Secret{ObjectMeta: ours(named("olvm", "engine"))}
	ca := &corev1.ConfigMap{ObjectMeta: ours(named("ocne", "demo-ovirt-ca"))}
	namespace := &corev1.Namespace{ObjectMeta: ours(named("", "olvm"))}
	s := newSite(t, capiCluster("olvm", "demo", "OLVMCluster"), olvmCluster("olvm", "demo", "engine"), secret, ca, namespace)
	kubeconfig := filepath.Join(s.home, ".kube", "kubeconfig.demo")
	require.NoError(t, workload.WriteKubeconfig(kubeconfig, []byte("kubeconfig")))
	// The controllers' part: the infrastructure goes with its Cluster.
	require.NoError(t, s.Client.Delete(t.Context(), olvmCluster("olvm", "demo", "")))

	s2 := s.options(t, "demo")
	s2.Config.OLVM.APIServer.CredentialsSecret = infrav1.ObjectReference{Name: "engine", Namespace: "olvm"}
	require.NoError(t, s.remove(t.Context(), s2, s.report))
	require.False(t, s.exists(t, capiCluster("olvm", "demo", "")))
	require.False(t, s.exists(t, secret))
	require.False(t, s.exists(t, ca))
	require.False(t, s.exists(t, namespace))
	require.NoFileExists(t, kubeconfig)
	require.Contains(t, s.told.String(), "Cluster demo is deleted")
}

func TestDeleteLeavesWhatIsNotOcnesOrIsNeeded(t *testing.T) {
	usersSecret := &corev1.Secret{ObjectMeta: named("ocne", "demo-ovirt-credentials")}
	usersNamespace := &corev1.Namespace{ObjectMeta: named("", "ocne")}
	s := newSite(t, capiCluster("ocne", "demo", "OLVMCluster"), usersSecret, usersNamespace)
	require.NoError(t, s.remove(t.Context(), s.options(t, "demo"), s.report))
	require.True(t, s.exists(t, usersSecret))
	require.True(t, s.exists(t, usersNamespace))

	shared := &corev1.Secret{ObjectMeta: ours(named("ocne", "demo-ovirt-credentials"))}
	namespace := &corev1.Namespace{ObjectMeta: ours(named("", "ocne"))}
	s = newSite(t, capiCluster("ocne", "demo", "OLVMCluster"), shared, namespace,
		capiCluster("ocne", "prod", "OLVMCluster"), olvmCluster("ocne", "prod", "demo-ovirt-credentials"))
	require.NoError(t, s.remove(t.Context(), s.options(t, "demo"), s.report))
	require.True(t, s.exists(t, shared), "cluster prod uses the Secret")
	require.True(t, s.exists(t, namespace), "cluster prod is in the namespace")
}

func TestDeleteGoesOnWhereAnEarlierOneWasInterrupted(t *testing.T) {
	secret := &corev1.Secret{ObjectMeta: ours(named("ocne", "demo-ovirt-credentials"))}
	s := newSite(t, secret, capiCluster("ocne", "prod", "OLVMCluster"))
	require.NoError(t, s.remove(t.Context(), s.options(t, "demo"), s.report))
	require.False(t, s.exists(t, secret))
	require.Contains(t, s.told.String(), "Cluster demo was gone already; removed what was left of it")
}

// Another management cluster may hold the cluster, and the file may be the only way into it.
func TestDeleteKeepsTheKubeconfigOfAClusterThatIsNotKnown(t *testing.T) {
	for name, test := range map[string]struct {
		objects []client.Object
		keeps   bool
	}{
		"nothing is known of it":      {nil, true},
		"something was left of it":    {[]client.Object{&corev1.Secret{ObjectMeta: ours(named("ocne", "demo-ovirt-credentials"))}}, false},
		"the users' own is no sign":   {[]client.Object{&corev1.Secret{ObjectMeta: named("ocne", "demo-ovirt-credentials")}}, true},
		"ocne's namespace is no sign": {[]client.Object{&corev1.Namespace{ObjectMeta: ours(named("", "ocne"))}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, test.objects...)
			kubeconfig := filepath.Join(s.home, ".kube", "kubeconfig.demo")
			require.NoError(t, workload.WriteKubeconfig(kubeconfig, []byte("kubeconfig")))
			require.NoError(t, s.remove(t.Context(), s.options(t, "demo"), s.report))
			if test.keeps {
				require.FileExists(t, kubeconfig)
				require.Contains(t, s.told.String(), "Warning: "+kubeconfig+" stays: this management cluster does not know the cluster.")
			} else {
				require.NoFileExists(t, kubeconfig)
			}
		})
	}
}

// A cluster of the same name is in another namespace, or in another management cluster.
func TestADeleteRemovesNoKubeconfigOfAnotherCluster(t *testing.T) {
	own := &corev1.Secret{ObjectMeta: named("ocne", "demo-kubeconfig"), Data: map[string][]byte{"value": kubeconfigOf(t, "https://192.0.2.160:6443", "a")}}
	endpoint := olvmCluster("ocne", "demo", "engine")
	endpoint.Spec.ControlPlaneEndpoint = clusterv1.APIEndpoint{Host: "192.0.2.160", Port: 6443}
	for name, test := range map[string]struct {
		known      client.Object
		server, ca string
		keeps      bool
	}{
		"its own":                            {own, "https://192.0.2.160:6443", "a", false},
		"one that leads there by a tunnel":   {own, "https://localhost:6443", "a", false},
		"one of a former cluster there":      {own, "https://192.0.2.160:6443", "b", false},
		"another's":                          {own, "https://192.0.2.170:6443", "b", true},
		"another's, and it never had an API": {endpoint, "https://192.0.2.170:6443", "b", true},
		"its own, which is all that is left": {endpoint, "https://192.0.2.160:6443", "a", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, capiCluster("ocne", "demo", "OLVMCluster"), test.known)
			s.Client = withoutOwned(s.Client, test.known)
			file := filepath.Join(s.home, ".kube", "kubeconfig.demo")
			require.NoError(t, workload.WriteKubeconfig(file, kubeconfigOf(t, test.server, test.ca)))
			require.NoError(t, s.remove(t.Context(), s.options(t, "demo"), s.report))
			if !test.keeps {
				require.NoFileExists(t, file)
				return
			}
			require.FileExists(t, file)
			require.Contains(t, s.told.String(), "Warning: "+file+" stays: it is for another cluster, whose API is at https://192.0.2.170:6443")
		})
	}
}

// withoutOwned does the controllers' part: what a cluster owns goes with it.
func withoutOwned(c client.Client, owned client.Object) client.Client {
	return interceptor.NewClient(c.(client.WithWatch), interceptor.Funcs{
		Delete: func(ctx context.Context, c client.WithWatch, obj client.Object, o ...client.DeleteOption) error {
			if _, ok := obj.(*clusterv1.Cluster); ok {
				return errors.Join(c.Delete(ctx, owned), c.Delete(ctx, obj, o...))
			}
			return c.Delete(ctx, obj, o...)
		},
	})
}

func kubeconfigOf(t *testing.T, server, ca string) []byte {
	t.Helper()
	c := clientcmdapi.NewConfig()
	c.Clusters["c"] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: []byte(ca)}
	c.Contexts["c"] = &clientcmdapi.Context{Cluster: "c"}
	c.CurrentContext = "c"
	content, err := clientcmd.Write(*c)
	require.NoError(t, err)
	return content
}

func TestADeleteThatIsInterruptedLateSaysThatItHasBegun(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	s := newSite(t, capiCluster("ocne", "demo", "OLVMCluster"))
	s.Client = interceptor.NewClient(s.Client.(client.WithWatch), interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, obj client.Object, o ...client.GetOption) error {
			if _, ok := obj.(*corev1.Secret); ok && key.Name == "demo-ovirt-credentials" {
				interrupt()
				return ctx.Err()
			}
			return c.Get(ctx, key, obj, o...)
		},
	})
	begun, err := s.delete(ctx, s.options(t, "demo"), s.report)
	var unfinished *UnfinishedError
	require.ErrorAs(t, err, &unfinished)
	require.True(t, unfinished.Applied)
	require.True(t, begun)
}

func TestApplyingTheCredentialsChangesOnlyWhatOcneMade(t *testing.T) {
	wanted := func() *corev1.Secret {
		return &corev1.Secret{ObjectMeta: named("ocne", "engine"), Data: map[string][]byte{"password": []byte("new")}}
	}
	existing := func(m metav1.ObjectMeta) *corev1.Secret {
		return &corev1.Secret{ObjectMeta: m, Data: map[string][]byte{"password": []byte("old")}}
	}
	for name, test := range map[string]struct {
		existing []client.Object
		label    string
		password string
	}{
		"absent: ocne's":              {nil, capi.ManagedBy, "new"},
		"ocne's stays ocne's":         {[]client.Object{existing(ours(named("ocne", "engine")))}, capi.ManagedBy, "new"},
		"the user's stays the user's": {[]client.Object{existing(named("ocne", "engine"))}, "", "old"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, test.existing...)
			for range 2 {
				require.NoError(t, applyShared(t.Context(), s.Client, wanted(), s.report))
				got := wanted()
				require.True(t, s.exists(t, got))
				require.Equal(t, test.label, got.Labels[capi.ManagedByLabel])
				require.Equal(t, test.password, string(got.Data["password"]))
				require.Equal(t, test.label == "", strings.Contains(s.told.String(), "Using the existing Secret ocne/engine"))
			}
		})
	}
}

func TestAnExistingNamespaceStaysTheUsers(t *testing.T) {
	s := newSite(t, &corev1.Namespace{ObjectMeta: named("", "users")})
	for namespace, label := range map[string]string{"users": "", "ocne": capi.ManagedBy} {
		require.NoError(t, ensureNamespace(t.Context(), s.Client, namespace, s.report))
		got := &corev1.Namespace{ObjectMeta: named("", namespace)}
		require.True(t, s.exists(t, got))
		require.Equal(t, label, got.Labels[capi.ManagedByLabel])
	}
}

func TestApplyTriesAgainWhenAWebhookIsNotReady(t *testing.T) {
	failures := 2
	c := fake.NewClientBuilder().WithScheme(capi.NewScheme()).WithInterceptorFuncs(interceptor.Funcs{
		Apply: func(ctx context.Context, c client.WithWatch, obj runtime.ApplyConfiguration, o ...client.ApplyOption) error {
			if failures > 0 {
				failures--
				return apierrors.NewInternalError(os.ErrDeadlineExceeded)
			}
			return c.Apply(ctx, obj, o...)
		},
	}).Build()
	require.NoError(t, apply(t.Context(), c, &corev1.Namespace{ObjectMeta: named("", "ocne")}))
	require.Zero(t, failures)
}

func TestApplyNamesTheObjectThatWasRefused(t *testing.T) {
	c := fake.NewClientBuilder().WithScheme(capi.NewScheme()).WithInterceptorFuncs(interceptor.Funcs{
		Apply: func(context.Context, client.WithWatch, runtime.ApplyConfiguration, ...client.ApplyOption) error {
			return apierrors.NewBadRequest("spec.template.spec is immutable")
		},
	}).Build()
	err := apply(t.Context(), c, &infrav1.OLVMMachineTemplate{ObjectMeta: named("olvm", "demo-md-0")})
	require.EqualError(t, err, "apply OLVMMachineTemplate olvm/demo-md-0: spec.template.spec is immutable")
}
