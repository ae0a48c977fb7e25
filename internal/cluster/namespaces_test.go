package cluster

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	infrav1 "github.com/ocne-project/ocne/api/v1"
)

func labelled(m metav1.ObjectMeta, key, value string) metav1.ObjectMeta {
	m.Labels = map[string]string{key: value}
	return m
}

func annotated(m metav1.ObjectMeta, key string) metav1.ObjectMeta {
	m.Annotations = map[string]string{key: "x"}
	return m
}

func inClusterIPPool(namespace, name string) *unstructured.Unstructured {
	pool := &unstructured.Unstructured{}
	pool.SetGroupVersionKind(inClusterPool())
	pool.SetNamespace(namespace)
	pool.SetName(name)
	return pool
}

func TestDeleteLeavesANamespaceInWhichUsersHaveMadeObjects(t *testing.T) {
	for name, test := range map[string]struct {
		object client.Object
		keeps  string // what is said of it
	}{
		"nothing":                       {&corev1.ConfigMap{ObjectMeta: named("elsewhere", "mine")}, ""},
		"the user's Secret":             {&corev1.Secret{ObjectMeta: named("ocne", "demo-ovirt-credentials")}, "Secret demo-ovirt-credentials"},
		"the user's ConfigMap":          {&corev1.ConfigMap{ObjectMeta: named("ocne", "mine")}, "ConfigMap mine"},
		"the user's ClusterClass":       {&clusterv1.ClusterClass{ObjectMeta: named("ocne", "olvm")}, "ClusterClass olvm"},
		"the user's pool":               {inClusterIPPool("ocne", "nodes"), "InClusterIPPool nodes"},
		"a Secret of ocne":              {&corev1.Secret{ObjectMeta: ours(named("ocne", "former-credentials"))}, ""},
		"the CA of the API server":      {&corev1.ConfigMap{ObjectMeta: named("ocne", "kube-root-ca.crt")}, ""},
		"a key of the deleted cluster":  {&corev1.Secret{ObjectMeta: named("ocne", "demo-ca"), Type: clusterv1.ClusterSecretType}, ""},
		"its lock, not collected yet":   {&corev1.ConfigMap{ObjectMeta: labelled(named("ocne", "demo-lock"), clusterv1.ClusterNameLabel, "demo")}, ""},
		"a token of a service account":  {&corev1.Secret{ObjectMeta: named("ocne", "token"), Type: corev1.SecretTypeServiceAccountToken}, ""},
		"a release of Helm":             {&corev1.Secret{ObjectMeta: named("ocne", "sh.helm.release.v1.x.v1"), Type: "helm.sh/release.v1"}, "Secret sh.helm.release.v1.x.v1"},
		"a certificate of cert-manager": {&corev1.Secret{ObjectMeta: annotated(named("ocne", "tls"), "cert-manager.io/certificate-name")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			namespace := &corev1.Namespace{ObjectMeta: ours(named("", "ocne"))}
			s := newSite(t, capiCluster("ocne", "demo", "OLVMCluster"), namespace, test.object)
			require.NoError(t, s.remove(t.Context(), s.options(t, "demo"), s.report))
			require.Equal(t, test.keeps != "", s.exists(t, namespace))
			if test.keeps == "" {
				require.NotContains(t, s.told.String(), "stays")
			} else {
				require.Contains(t, s.told.String(), "Namespace ocne stays, because ocne has not made all that is in it: "+test.keeps)
			}
		})
	}
}

func TestDeleteLeavesANamespaceThatCannotBeLookedInto(t *testing.T) {
	for name, test := range map[string]struct {
		answer error
		stays  bool
	}{
		"the account may not look":                      {apierrors.NewForbidden(schema.GroupResource{Resource: "configmaps"}, "", nil), true},
		"the management cluster does not have the kind": {apierrors.NewNotFound(schema.GroupResource{Resource: "configmaps"}, ""), false},
	} {
		t.Run(name, func(t *testing.T) {
			namespace := &corev1.Namespace{ObjectMeta: ours(named("", "ocne"))}
			s := newSite(t, capiCluster("ocne", "demo", "OLVMCluster"), namespace)
			s.Client = interceptor.NewClient(s.Client.(client.WithWatch), interceptor.Funcs{
				List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, o ...client.ListOption) error {
					if _, ok := list.(*corev1.ConfigMapList); ok {
						return test.answer
					}
					return c.List(ctx, list, o...)
				},
			})
			require.NoError(t, s.remove(t.Context(), s.options(t, "demo"), s.report))
			require.Equal(t, test.stays, s.exists(t, namespace))
			if test.stays {
				require.Contains(t, s.told.String(), "Warning: Namespace ocne stays: it cannot be seen whether there are objects of users in it")
			}
			require.Contains(t, s.told.String(), "Cluster demo is deleted")
		})
	}
}

func TestDeleteRemovesEveryNamespaceThatAStartMakes(t *testing.T) {
	infrastructure := olvmCluster("olvm", "demo", "engine")
	infrastructure.Spec.OLVMOvirtAPIServer.CredentialsSecret.Namespace = "credentials"
	infrastructure.Spec.OLVMOvirtAPIServer.CAConfigMap = &infrav1.ObjectReference{Namespace: "ca", Name: "engine"}
	another := olvmCluster("prod", "prod", "engine")
	another.Spec.OLVMOvirtAPIServer.CredentialsSecret.Namespace = "credentials"
	for name, test := range map[string]struct {
		beside []client.Object
		stay   []string
	}{
		"all are ocne's":          {nil, nil},
		"another cluster's is in": {[]client.Object{another}, []string{"credentials"}},
		"a user's object is in":   {[]client.Object{&corev1.Secret{ObjectMeta: named("ca", "mine")}}, []string{"ca"}},
	} {
		t.Run(name, func(t *testing.T) {
			objects := []client.Object{
				capiCluster("olvm", "demo", "OLVMCluster"), infrastructure.DeepCopy(),
				&corev1.Secret{ObjectMeta: ours(named("credentials", "engine"))}, &corev1.ConfigMap{ObjectMeta: ours(named("ca", "engine"))},
			}
			all := []string{"olvm", "credentials", "ca"}
			for _, name := range all {
				objects = append(objects, &corev1.Namespace{ObjectMeta: ours(named("", name))})
			}
			s := newSite(t, append(objects, test.beside...)...)
			s.Client = withoutOwned(s.Client, infrastructure)
			require.NoError(t, s.remove(t.Context(), s.options(t, "demo"), s.report))
			var stay []string
			for _, name := range all {
				if s.exists(t, &corev1.Namespace{ObjectMeta: named("", name)}) {
					stay = append(stay, name)
				}
			}
			require.Equal(t, test.stay, stay)
		})
	}
}
