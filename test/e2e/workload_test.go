package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/ocne-project/ocne/test/programs"
)

// answering is a Deployment whose pods answer HTTP: CoreDNS, which every node has, serves its health at port 8080.
const answering = "answering"

// deployAnswering runs one pod on each node, behind a Service that has a port on every node.
func (w *world) deployAnswering(t *testing.T, s site, image string, pods int) {
	t.Helper()
	c := w.clientset(s)
	labels := map[string]string{"app": answering}
	replicas := int32(pods)
	_, err := c.CoreV1().ConfigMaps("default").Create(t.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: answering}, Data: map[string]string{"Corefile": ".:5300 {\n    errors\n    health :8080\n}\n"},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = c.AppsV1().Deployments("default").Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: answering},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					// Not those of lost and cordoned nodes: such pods come back there for as long as a drain lasts.
					Tolerations: []corev1.Toleration{{Key: "node-role.kubernetes.io/control-plane", Operator: corev1.TolerationOpExists}},
					TopologySpreadConstraints: []corev1.TopologySpreadConstraint{{
						MaxSkew: 1, TopologyKey: corev1.LabelHostname, WhenUnsatisfiable: corev1.DoNotSchedule,
						LabelSelector: &metav1.LabelSelector{MatchLabels: labels},
					}},
					Containers: []corev1.Container{{
						Name: answering, Image: image, Args: []string{"-conf", "/etc/coredns/Corefile"},
						VolumeMounts: []corev1.VolumeMount{{Name: "configuration", MountPath: "/etc/coredns"}},
						ReadinessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{
							HTTPGet: &corev1.HTTPGetAction{Path: "/health", Port: intstr.FromInt32(8080)},
						}},
					}},
					Volumes: []corev1.Volume{{Name: "configuration", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
						LocalObjectReference: corev1.LocalObjectReference{Name: answering},
					}}}},
				},
			},
		},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = c.CoreV1().Services("default").Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: answering},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeNodePort, Selector: labels,
			Ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(8080), NodePort: 30080}},
		},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
}

// expectAnswers asks the Service at a port of every node: whichever pod answers is most often on another node.
func (w *world) expectAnswers(t *testing.T, s site, pods int) {
	t.Helper()
	programs.Eventually(t, "all pods are ready", func() (bool, string) {
		d, err := w.clientset(s).AppsV1().Deployments("default").Get(t.Context(), answering, metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		return int(d.Status.ReadyReplicas) == pods, fmt.Sprintf("%d of %d", d.Status.ReadyReplicas, pods)
	})
	transport := &http.Transport{
		DisableKeepAlives: true, // each request is balanced anew
		DialContext:       func(ctx context.Context, _, address string) (net.Conn, error) { return w.dial(ctx, address) },
	}
	asker := &http.Client{Transport: transport, Timeout: 5 * time.Second}
	for name, node := range w.nodes(s) {
		for range 2 * pods {
			programs.Eventually(t, "the Service answers at node "+name, func() (bool, string) {
				request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+internalAddress(node)+":30080/health", nil)
				require.NoError(t, err)
				answer, err := asker.Do(request)
				if err != nil {
					return false, err.Error()
				}
				defer answer.Body.Close()
				body, err := io.ReadAll(answer.Body)
				return err == nil && answer.StatusCode == http.StatusOK && string(body) == "OK", string(body)
			})
		}
	}
}

// expectNames asks the cluster's DNS, through a port of a node.
func (w *world) expectNames(t *testing.T, s site) {
	t.Helper()
	_, err := w.clientset(s).CoreV1().Services("kube-system").Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "dns-of-the-test"},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeNodePort, Selector: map[string]string{"k8s-app": "kube-dns"},
			Ports: []corev1.ServicePort{{Port: 53, TargetPort: intstr.FromInt32(53), NodePort: 30053}},
		},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	for name, node := range w.nodes(s) {
		resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return w.dial(ctx, internalAddress(node)+":30053")
		}}
		programs.Eventually(t, "the DNS answers at node "+name, func() (bool, string) {
			found, err := resolver.LookupHost(t.Context(), answering+".default.svc.cluster.local.")
			return err == nil && len(found) == 1, fmt.Sprint(found, err)
		})
	}
}

// expectLogsAndExec reads the log of every pod, and runs a program in it: both pass from the API server to the pod's kubelet.
func (w *world) expectLogsAndExec(t *testing.T, s site) {
	t.Helper()
	c := w.clientset(s)
	pods, err := c.CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{LabelSelector: "app=" + answering})
	require.NoError(t, err)
	for _, pod := range pods.Items {
		log, err := c.CoreV1().Pods("default").GetLogs(pod.Name, &corev1.PodLogOptions{}).DoRaw(t.Context())
		require.NoError(t, err, pod.Name)
		require.Contains(t, string(log), "CoreDNS-")

		// Of a program that ends at once, a busy container runtime may lose what it says.
		programs.Eventually(t, "a program runs in "+pod.Name, func() (bool, string) {
			out, err := w.inPod(t, s, pod.Name, "/coredns", "-version")
			return err == nil && strings.HasPrefix(out, "CoreDNS-"), fmt.Sprintf("%q %v", out, err)
		})
	}
}
