package guest

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	applyapps "k8s.io/client-go/applyconfigurations/apps/v1"
	applycore "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

const widgetCRD = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.test}
spec:
  group: example.test
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
`

func apply(name string) metav1.ApplyOptions {
	return metav1.ApplyOptions{FieldManager: name, Force: true}
}

func TestServerSideApplyCreatesAndMerges(t *testing.T) {
	s, g := newSite(t), newGuests(t)
	newClusterAt(t, g, s, "cp-0")
	cs := s.client(t)

	applyData := func(data map[string]string) *corev1.ConfigMap {
		cm, err := cs.CoreV1().ConfigMaps("default").Apply(t.Context(), applycore.ConfigMap("a", "default").WithData(data), apply("t"))
		require.NoError(t, err)
		return cm
	}
	cm := applyData(map[string]string{"x": "1"})
	require.NotEmpty(t, cm.UID)
	merged := applyData(map[string]string{"y": "2"})
	require.Equal(t, map[string]string{"x": "1", "y": "2"}, merged.Data)
	require.Equal(t, cm.UID, merged.UID)

	for _, image := range []string{"i:1", "i:2"} {
		pod := applycore.PodTemplateSpec().WithSpec(applycore.PodSpec().WithContainers(applycore.Container().WithName("c").WithImage(image)))
		ds := applyapps.DaemonSet("cni", kubeSystem).WithSpec(applyapps.DaemonSetSpec().WithTemplate(pod))
		applied, err := cs.AppsV1().DaemonSets(kubeSystem).Apply(t.Context(), ds, apply("t"))
		require.NoError(t, err)
		require.Len(t, applied.Spec.Template.Spec.Containers, 1)
		require.Equal(t, image, applied.Spec.Template.Spec.Containers[0].Image)
	}
}

func TestCustomResources(t *testing.T) {
	s, g := newSite(t), newGuests(t)
	newClusterAt(t, g, s, "cp-0")
	dc, err := dynamic.NewForConfig(s.restConfig(t))
	require.NoError(t, err)
	widgets := dc.Resource(schema.GroupVersionResource{Group: "example.test", Version: "v1", Resource: "widgets"}).Namespace("default")
	_, err = widgets.List(t.Context(), metav1.ListOptions{})
	require.True(t, apierrors.IsNotFound(err), "before its definition: %v", err)

	crds := dc.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	crd, err := crds.Patch(t.Context(), "widgets.example.test", types.ApplyPatchType, []byte(widgetCRD), metav1.PatchOptions{FieldManager: "t"})
	require.NoError(t, err)
	conditions, _, _ := unstructured.NestedSlice(crd.Object, "status", "conditions")
	require.Len(t, conditions, 2, "Established, which installers wait for")

	w, err := widgets.Watch(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	defer w.Stop()
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "example.test/v1", "kind": "Widget", "spec": map[string]any{"x": int64(1)}}}
	u.SetName("w")
	_, err = widgets.Apply(t.Context(), "w", u, apply("t"))
	require.NoError(t, err)
	requireEvent(t, w, watch.Added, "w")
	u.Object["spec"] = map[string]any{"y": int64(2)}
	u, err = widgets.Apply(t.Context(), "w", u, apply("t"))
	require.NoError(t, err)
	require.Equal(t, map[string]any{"x": int64(1), "y": int64(2)}, u.Object["spec"])
	requireEvent(t, w, watch.Modified, "w")

	resources, err := s.client(t).Discovery().ServerResourcesForGroupVersion("example.test/v1")
	require.NoError(t, err)
	require.Equal(t, "widgets", resources.APIResources[0].Name)

	u.SetFinalizers([]string{"example.test/f"})
	_, err = widgets.Update(t.Context(), u, metav1.UpdateOptions{})
	require.NoError(t, err)
	requireEvent(t, w, watch.Modified, "w")
	require.NoError(t, widgets.Delete(t.Context(), "w", metav1.DeleteOptions{}))
	requireEvent(t, w, watch.Modified, "w") // marked, and kept by its finalizer
	u, err = widgets.Get(t.Context(), "w", metav1.GetOptions{})
	require.NoError(t, err)
	u.SetFinalizers(nil)
	_, err = widgets.Update(t.Context(), u, metav1.UpdateOptions{})
	require.NoError(t, err)
	requireEvent(t, w, watch.Deleted, "w")
	_, err = widgets.Get(t.Context(), "w", metav1.GetOptions{})
	require.True(t, apierrors.IsNotFound(err), err)
}

func requireEvent(t *testing.T, w watch.Interface, kind watch.EventType, name string) {
	t.Helper()
	select {
	case e := <-w.ResultChan():
		require.Equal(t, kind, e.Type)
		require.Equal(t, name, e.Object.(metav1.Object).GetName())
	case <-time.After(time.Minute):
		t.Fatalf("no event %s", kind)
	}
}

func TestUpdatesPatchesAndErrorsAreThoseOfAnAPIServer(t *testing.T) {
	s, g := newSite(t), newGuests(t)
	newClusterAt(t, g, s, "cp-0")
	config := s.restConfig(t)
	config.ContentType = "application/vnd.kubernetes.protobuf"
	cs, err := kubernetes.NewForConfig(config)
	require.NoError(t, err)
	policies := cs.NetworkingV1().NetworkPolicies("default")
	np := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: "p"}}
	np.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
	created, err := policies.Create(t.Context(), np, metav1.CreateOptions{})
	require.NoError(t, err)
	require.Equal(t, np.Spec.PolicyTypes, created.Spec.PolicyTypes)
	_, err = policies.Create(t.Context(), np, metav1.CreateOptions{})
	require.True(t, apierrors.IsAlreadyExists(err), err)

	created.Labels = map[string]string{"a": "b"}
	updated, err := policies.Update(t.Context(), created, metav1.UpdateOptions{})
	require.NoError(t, err)
	require.Equal(t, created.UID, updated.UID)
	_, err = policies.Update(t.Context(), created, metav1.UpdateOptions{})
	require.True(t, apierrors.IsConflict(err), "stale: %v", err)
	_, err = policies.Get(t.Context(), "none", metav1.GetOptions{})
	require.EqualError(t, err, `networkpolicies.networking.k8s.io "none" not found`)
	_, err = policies.Patch(t.Context(), "none", types.MergePatchType, []byte(`{}`), metav1.PatchOptions{})
	require.True(t, apierrors.IsNotFound(err), err)
	addLabel := []byte(`[{"op":"add","path":"/metadata/labels/c","value":"d"}]`)
	patched, err := policies.Patch(t.Context(), "p", types.JSONPatchType, addLabel, metav1.PatchOptions{})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"a": "b", "c": "d"}, patched.Labels)

	_, err = cs.CoreV1().ConfigMaps("default").Create(t.Context(), configMap("", "dry", nil), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	require.NoError(t, err)
	_, err = cs.CoreV1().ConfigMaps("default").Get(t.Context(), "dry", metav1.GetOptions{})
	require.True(t, apierrors.IsNotFound(err), err)
	require.NoError(t, policies.Delete(t.Context(), "p", metav1.DeleteOptions{}))
}

// A strategic merge patch knows that conditions are a list by type; the status has its own subresource.
func TestStrategicMergePatchOfStatus(t *testing.T) {
	s, g := newSite(t), newGuests(t)
	newClusterAt(t, g, s, "cp-0")
	patch := func(body string, subresources ...string) {
		t.Helper()
		nodes := s.client(t).CoreV1().Nodes()
		_, err := nodes.Patch(t.Context(), "cp-0", types.StrategicMergePatchType, []byte(body), metav1.PatchOptions{}, subresources...)
		require.NoError(t, err)
	}
	patch(`{"status":{"conditions":[{"type":"X","status":"True"}]}}`, "status")
	require.Len(t, getNode(t, s, "cp-0").Status.Conditions, 5)
	patch(`{"spec":{"unschedulable":true},"status":{"conditions":null}}`)
	require.True(t, getNode(t, s, "cp-0").Spec.Unschedulable)
	require.Len(t, getNode(t, s, "cp-0").Status.Conditions, 5)
}

func TestEvictedPodGoes(t *testing.T) {
	s, g := newSite(t), newGuests(t)
	newClusterAt(t, g, s, "cp-0")
	pods := s.client(t).CoreV1().Pods("default")
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p"}, Spec: corev1.PodSpec{NodeName: "cp-0"}}
	_, err := pods.Create(t.Context(), pod, metav1.CreateOptions{})
	require.NoError(t, err)
	require.NoError(t, pods.EvictV1(t.Context(), &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: "p"}}))
	_, err = pods.Get(t.Context(), "p", metav1.GetOptions{})
	require.True(t, apierrors.IsNotFound(err), err)
}

func TestInformersSeeEverything(t *testing.T) {
	s, g := newSite(t), newGuests(t)
	newClusterAt(t, g, s, "cp-0")
	cs := s.client(t)
	ctx, cancel := context.WithCancel(t.Context())
	factory := informers.NewSharedInformerFactory(cs, 0)
	nodes, leases := factory.Core().V1().Nodes().Informer(), factory.Coordination().V1().Leases().Informer()
	deleted := make(chan string, 10)
	_, err := nodes.AddEventHandler(cache.ResourceEventHandlerFuncs{DeleteFunc: func(o any) { deleted <- o.(*corev1.Node).Name }})
	require.NoError(t, err)
	factory.Start(ctx.Done())
	defer factory.Shutdown()
	defer cancel()
	require.True(t, cache.WaitForCacheSync(ctx.Done(), nodes.HasSynced, leases.HasSynced))
	require.Len(t, nodes.GetStore().List(), 1)
	require.NoError(t, cs.CoreV1().Nodes().Delete(ctx, "cp-0", metav1.DeleteOptions{}))
	require.Equal(t, "cp-0", <-deleted)
}

// The store keeps no history: a watch from before a deletion would never tell of it, so the client has to list anew.
func TestWatchFromBeforeADeletionIsExpired(t *testing.T) {
	s, g := newSite(t), newGuests(t)
	newClusterAt(t, g, s, "cp-0")
	cms := s.client(t).CoreV1().ConfigMaps("default")
	_, err := cms.Create(t.Context(), configMap("", "a", nil), metav1.CreateOptions{})
	require.NoError(t, err)
	list, err := cms.List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	w, err := cms.Watch(t.Context(), metav1.ListOptions{ResourceVersion: list.ResourceVersion})
	require.NoError(t, err)
	w.Stop()
	require.NoError(t, cms.Delete(t.Context(), "a", metav1.DeleteOptions{}))
	_, err = cms.Watch(t.Context(), metav1.ListOptions{ResourceVersion: list.ResourceVersion})
	require.True(t, apierrors.IsResourceExpired(err), err)
}

func TestClientsAreAuthenticatedByTheClusterCA(t *testing.T) {
	s, g := newSite(t), newGuests(t)
	newClusterAt(t, g, s, "cp-0")
	anonymous := &rest.Config{Host: "https://" + s.endpoint, TLSClientConfig: rest.TLSClientConfig{CAData: s.ca.certPEM}}
	token := rest.CopyConfig(anonymous)
	token.BearerToken = "some-token"
	for name, config := range map[string]*rest.Config{"no certificate": anonymous, "bearer token": token} {
		cs, err := kubernetes.NewForConfig(config)
		require.NoError(t, err)
		_, err = cs.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
		require.True(t, apierrors.IsUnauthorized(err), "%s: %v", name, err)
		health, err := cs.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(t.Context())
		require.NoError(t, err)
		require.Equal(t, "ok", string(health))
	}
	other := s.restConfig(t)
	other.NextProtos = []string{"http/1.1"} // the HTTP/2 client hides the alert
	other.CertData, other.KeyData = newTestCA(t, "other").clientPEM(t)
	cs, err := kubernetes.NewForConfig(other)
	require.NoError(t, err)
	_, err = cs.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	require.ErrorContains(t, err, "tls: ")
}

func TestKubectlRows(t *testing.T) {
	s, g := newSite(t), newGuests(t)
	newClusterAt(t, g, s, "cp-0")
	table := &metav1.Table{}
	get := func(path string) *metav1.Table {
		raw, err := s.client(t).CoreV1().RESTClient().Get().AbsPath(path).
			SetHeader("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json").DoRaw(t.Context())
		require.NoError(t, err)
		*table = metav1.Table{}
		require.NoError(t, json.Unmarshal(raw, table))
		return table
	}
	require.Equal(t, []any{"cp-0", "Ready", "control-plane"}, get("/api/v1/nodes").Rows[0].Cells[:3])
	require.Equal(t, []any{"etcd-cp-0", "1/1", "Running"}, get("/api/v1/pods").Rows[0].Cells[:3])
}

// The store calls its watchers with a lock held. One that does not read must lose its watch, not stop the cluster.
func TestWatcherThatStopsReadingDoesNotFreezeTheCluster(t *testing.T) {
	s, g := newSite(t), newGuests(t)
	newClusterAt(t, g, s, "cp-0")
	for _, protocol := range []string{"http/1.1", "h2"} {
		t.Run(protocol, func(t *testing.T) {
			config := s.restConfig(t)
			config.NextProtos = []string{protocol}
			hc, err := rest.HTTPClientFor(config)
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, config.Host+"/api/v1/configmaps?watch=true", nil)
			require.NoError(t, err)
			response, err := hc.Do(request)
			require.NoError(t, err)
			defer func() { _ = response.Body.Close() }()
			cms := s.client(t).CoreV1().ConfigMaps("default")
			data := map[string]string{"x": strings.Repeat("x", 16<<10)}
			for i := range watchBuffer * 3 {
				_, err := cms.Create(ctx, configMap("", fmt.Sprintf("%s-%d", protocol[:2], i), data), metav1.CreateOptions{})
				require.NoError(t, err, "object %d", i)
			}
			require.True(t, nodeReady(getNode(t, s, "cp-0")))
			_, _ = io.Copy(io.Discard, response.Body)
			require.NoError(t, ctx.Err(), "the server ended the watch, long before its time")
		})
	}
}

// Cluster API reaches etcd by a port-forward to the member's pod, and names that pod in the TLS handshake.
func TestEtcdMemberIsReachedByItsServerName(t *testing.T) {
	s, g := newSite(t), newGuests(t)
	newClusterAt(t, g, s, "cp-0")
	handshake := func(name string, roots testCA, clientCA *testCA) error {
		config := &tls.Config{ServerName: name, RootCAs: roots.pool, NextProtos: []string{"h2"}}
		if clientCA != nil {
			cert, key := clientCA.clientPEM(t)
			pair, err := tls.X509KeyPair(cert, key)
			require.NoError(t, err)
			// Offered even where the server names other authorities.
			config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
		}
		conn := tls.Client(forwardPort(t, s, "etcd-cp-0"), config)
		defer func() { _ = conn.Close() }()
		if err := conn.HandshakeContext(t.Context()); err != nil {
			return err
		}
		// TLS 1.3 tells of a refused certificate at the first read; an HTTP/2 server speaks first.
		_, err := conn.Read(make([]byte, 1))
		return err
	}
	require.NoError(t, handshake("etcd-cp-0", s.etcd, &s.etcd))
	require.ErrorContains(t, handshake("etcd-cp-0", s.etcd, nil), "certificate required")
	require.ErrorContains(t, handshake("etcd-cp-0", s.etcd, &s.ca), "unknown certificate authority")
	require.Error(t, handshake("etcd-cp-9", s.etcd, &s.etcd), "a member that does not run")
	require.NoError(t, handshake("kubernetes", s.ca, nil), "the check of the API server's certificate has none of its own")
}
