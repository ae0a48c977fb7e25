package integration

import (
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// expectAddons looks into the cluster itself.
func (w *world) expectAddons(t *testing.T) {
	restConfig, err := clientcmd.BuildConfigFromFlags("", w.kubeconfig())
	require.NoError(t, err)
	c, err := client.New(restConfig, client.Options{})
	require.NoError(t, err)
	flannel, proxy, dns := &appsv1.DaemonSet{}, &appsv1.DaemonSet{}, &appsv1.Deployment{}
	require.NoError(t, c.Get(t.Context(), client.ObjectKey{Namespace: "kube-flannel", Name: "kube-flannel-ds"}, flannel))
	require.NoError(t, c.Get(t.Context(), client.ObjectKey{Namespace: "kube-system", Name: "kube-proxy"}, proxy))
	require.NoError(t, c.Get(t.Context(), client.ObjectKey{Namespace: "kube-system", Name: "coredns"}, dns))
	for name, pod := range map[string]corev1.PodTemplateSpec{
		"flannel": flannel.Spec.Template, "kube-proxy": proxy.Spec.Template, "coredns": dns.Spec.Template,
	} {
		require.Equal(t, "container-registry.oracle.com/olcne/"+name+":current", pod.Spec.Containers[0].Image)
	}
	service := &corev1.Service{}
	require.NoError(t, c.Get(t.Context(), client.ObjectKey{Namespace: "kube-system", Name: "kube-dns"}, service))
	require.Equal(t, "10.96.0.10", service.Spec.ClusterIP)
}
