package credentials

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	infrav1 "github.com/ocne-project/ocne/api/v1"
)

func meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "ocne", Name: name, UID: types.UID(name)}
}

func cluster(name string) *infrav1.OLVMCluster {
	return &infrav1.OLVMCluster{ObjectMeta: meta(name), Spec: infrav1.OLVMClusterSpec{OLVMOvirtAPIServer: infrav1.OvirtAPIServer{
		ServerURL:         "https://engine.example.com/ovirt-engine",
		CredentialsSecret: infrav1.ObjectReference{Name: "creds"},
		CAConfigMap:       &infrav1.ObjectReference{Name: "ca"},
	}}}
}

func secret(data map[string]string) *corev1.Secret {
	s := &corev1.Secret{ObjectMeta: meta("creds"), Data: map[string][]byte{}}
	for k, v := range data {
		s.Data[k] = []byte(v)
	}
	return s
}

func holding(t *testing.T, objects ...client.Object) client.Client {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, corev1.AddToScheme(scheme))
	require.NoError(t, infrav1.AddToScheme(scheme))
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build()
}

func TestAccount(t *testing.T) {
	full := map[string]string{"username": "admin@internal", "password": "pw", "scope": "ovirt-app-api"}

	t.Run("every key of the CA ConfigMap is trusted", func(t *testing.T) {
		ca := &corev1.ConfigMap{ObjectMeta: meta("ca"), Data: map[string]string{"ca.crt1": "second", "ca.crt": "first"}}
		account, err := Account(context.Background(), holding(t, secret(full), ca), cluster("demo"))
		require.NoError(t, err)
		require.Equal(t, "first\nsecond\n", string(account.CA))
		require.Equal(t, "admin@internal", account.Username)
		require.Equal(t, "pw", account.Password)
		require.Equal(t, "ovirt-app-api", account.Scope)
	})
	t.Run("an API server that does not answer says nothing about them, and one that refuses does", func(t *testing.T) {
		resource := schema.GroupResource{Resource: "secrets"}
		for failure, passes := range map[error]bool{
			apierrors.NewInternalError(errors.New("etcd")): true, context.DeadlineExceeded: true,
			apierrors.NewForbidden(resource, "creds", errors.New("no role")): false,
		} {
			c := interceptor.NewClient(holding(t).(client.WithWatch), interceptor.Funcs{
				Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
					return failure
				},
			})
			_, err := Account(context.Background(), c, cluster("demo"))
			require.ErrorIs(t, err, failure)
			var unread *UnreadError
			require.Equal(t, passes, errors.As(err, &unread), "%v", failure)
		}
	})
	t.Run("a CA ConfigMap that does not exist is no error", func(t *testing.T) {
		account, err := Account(context.Background(), holding(t, secret(full)), cluster("demo"))
		require.NoError(t, err)
		require.Empty(t, account.CA)
	})
	t.Run("a missing Secret is named", func(t *testing.T) {
		_, err := Account(context.Background(), holding(t), cluster("demo"))
		var missing *MissingError
		require.ErrorAs(t, err, &missing)
		require.ErrorContains(t, err, "ocne/creds")
	})
	t.Run("a missing key is named, and no value is", func(t *testing.T) {
		_, err := Account(context.Background(), holding(t, secret(map[string]string{"username": "admin@internal"})), cluster("demo"))
		require.ErrorContains(t, err, "password")
		require.NotContains(t, err.Error(), "admin")
	})
}

func TestCredentialsAreKeptWhileAClusterNeedsThem(t *testing.T) {
	ctx := context.Background()
	one, two := cluster("one"), cluster("two")
	c := holding(t, one, two, secret(nil), &corev1.ConfigMap{ObjectMeta: meta("ca")})
	protected := func() bool {
		s, ca := &corev1.Secret{}, &corev1.ConfigMap{}
		require.NoError(t, c.Get(ctx, client.ObjectKey{Namespace: "ocne", Name: "creds"}, s))
		require.NoError(t, c.Get(ctx, client.ObjectKey{Namespace: "ocne", Name: "ca"}, ca))
		require.Equal(t, len(s.Finalizers), len(ca.Finalizers))
		return len(s.Finalizers) > 0
	}
	require.NoError(t, Protect(ctx, c, one))
	require.NoError(t, Protect(ctx, c, two))
	require.True(t, protected())
	require.NoError(t, Release(ctx, c, one))
	require.True(t, protected(), "the other cluster still needs them")
	require.NoError(t, Release(ctx, c, two))
	require.False(t, protected())
}
