package integration

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/test/programs"
)

type controlPlaneReady struct {
	Kubeconfig, Server string
	PID                int
}

// What the embedded control plane promises to whoever keeps a production cluster's objects in it.
func TestControlPlane(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := programs.Path(t, "ocne-controlplane")
	ctx := context.Background()

	var first controlPlaneReady
	running := programs.Start(t, &first, nil, path, "--dir", dir)
	c := programs.Management(t, first.Kubeconfig)
	require.NoError(t, c.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "kept"}}))

	t.Run("its state is the user's own", func(t *testing.T) {
		info, err := os.Stat(dir)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
		info, err = os.Stat(first.Kubeconfig)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	})
	t.Run("it listens on loopback, at one port, and etcd at none", func(t *testing.T) { expectOneListener(t, first, dir) })
	t.Run("nobody gets in without a client certificate", func(t *testing.T) {
		cfg, err := clientcmd.BuildConfigFromFlags("", first.Kubeconfig)
		require.NoError(t, err)
		anonymous, err := client.New(rest.AnonymousClientConfig(cfg), client.Options{})
		if err == nil {
			err = anonymous.List(ctx, &corev1.SecretList{})
		}
		require.True(t, apierrors.IsUnauthorized(err), "got %v", err)
	})
	t.Run("a second process does not open the same state", func(t *testing.T) {
		out, err := exec.Command(path, "--dir", dir).CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), "in use by another ocne-controlplane")
	})
	t.Run("owner references are collected", func(t *testing.T) { expectGarbageCollection(ctx, t, c) })
	t.Run("what was written survives kill -9, and kubeconfigs stay valid", func(t *testing.T) {
		running.Kill()
		var second controlPlaneReady
		programs.Start(t, &second, nil, path, "--dir", dir)
		require.Equal(t, first.Server, second.Server)
		require.Equal(t, filepath.Join(dir, "kubeconfig"), second.Kubeconfig)
		kept := &corev1.ConfigMap{}
		require.NoError(t, programs.Management(t, first.Kubeconfig).Get(ctx, client.ObjectKey{Namespace: "default", Name: "kept"}, kept))
	})
}

// etcd's sockets have a path that the kernel limits to 108 bytes, and administrators' home directories have none.
func TestControlPlaneInADirectoryWithALongPathNeedsNoOther(t *testing.T) {
	t.Parallel()
	temporary := t.TempDir()
	dir := filepath.Join(t.TempDir(), strings.Repeat("long-", 20), strings.Repeat("longer-", 20))
	var ready controlPlaneReady
	path := programs.Path(t, "ocne-controlplane")
	for range 2 { // the second one finds the sockets of the first
		running := programs.Start(t, &ready, []string{"TMPDIR=" + temporary}, path, "--dir", dir)
		c := programs.Management(t, ready.Kubeconfig)
		require.NoError(t, c.List(t.Context(), &corev1.ConfigMapList{}))
		running.Kill()
		left, err := os.ReadDir(temporary)
		require.NoError(t, err)
		require.Empty(t, left)
	}
}

func expectOneListener(t *testing.T, ready controlPlaneReady, dir string) {
	server, err := url.Parse(ready.Server)
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1", server.Hostname())
	sockets, err := exec.Command("ss", "-Hlnp").Output()
	if err != nil {
		t.Skipf("ss (of iproute2) lists listening sockets and did not run: %v", err)
	}
	for line := range strings.Lines(string(sockets)) {
		if !strings.Contains(line, fmt.Sprintf("pid=%d,", ready.PID)) {
			continue
		}
		ours := strings.Contains(line, net.JoinHostPort("127.0.0.1", server.Port())) || strings.Contains(line, dir)
		require.True(t, ours, "unexpected listener: %s", line)
	}
}

func expectGarbageCollection(ctx context.Context, t *testing.T, c client.Client) {
	owner := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "owner"}}
	require.NoError(t, c.Create(ctx, owner))
	owned := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Namespace: "default", Name: "owned",
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: owner.Name, UID: owner.UID}},
	}}
	require.NoError(t, c.Create(ctx, owned))
	require.NoError(t, c.Delete(ctx, owner))
	programs.Eventually(t, "the owned object is gone", func() (bool, string) {
		err := c.Get(ctx, client.ObjectKeyFromObject(owned), owned)
		return apierrors.IsNotFound(err), fmt.Sprint(err)
	})
}
