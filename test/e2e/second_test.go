package e2e

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/utils/ptr"

	"github.com/ocne-project/ocne/test/programs"
)

// second is a cluster of both families, on the same network as the others.
func second() site {
	return site{Name: "second", Version: "1.34.4", Profile: "ock", ControlPlane: 1, Workers: 1, VIP: 150, First: 160, Last: 169, DualStack: true}
}

// expectSecondCluster lives the life of a second cluster beside a first one, which hears nothing of it, and whose API answers in the end as
// before. Both clusters' nodes share the processors of this machine, so how fast it answered meanwhile is only printed.
func (w *world) expectSecondCluster(t *testing.T, first site) {
	t.Helper()
	s := second()
	holder := w.holder(t, first)
	begin := time.Now()
	p := startPoll(t, 200*time.Millisecond, 5*time.Second, w.reads(first))
	config := w.write(s)
	w.start(config)
	w.tell(t, "nodes have addresses of both families", func(t *testing.T, w *world) {
		nodes := w.nodes(s)
		require.Len(t, nodes, 2)
		for name, node := range nodes {
			require.True(t, ready(node), name)
			require.Equal(t, []string{"4", "6"}, families(internalAddresses(node)), "%s: %v", name, node.Status.Addresses)
			require.Len(t, node.Spec.PodCIDRs, 2, name)
		}
	})
	w.tell(t, "pods reach each other by both families across nodes, and a Service of IPv6 answers", func(t *testing.T, w *world) {
		w.expectBothFamilies(t, s)
	})
	w.tell(t, "each cluster has its own virtual IP on one node", func(t *testing.T, w *world) {
		t.Logf("that of the first cluster was on %s, and is on %s", holder.Name, w.holder(t, first).Name) // it may move when the machine is busy
		require.Contains(t, names(w.controlPlane(s)), w.holder(t, s).Name)
	})
	w.tell(t, "the load balancers do not hear each other", func(t *testing.T, w *world) { w.expectUnheard(t, first, s) })
	w.ocne("cluster", "delete", "-c", config)
	end := time.Now()
	programs.Eventually(t, "the first cluster's API answers", func() (bool, string) {
		return p.steady(end, 5*time.Second), fmt.Sprint(p.failures())
	})
	p.stop()
	t.Logf("the first cluster's API was asked %d times; the longest time without an answer was %.1f s; no answer within 5 s: %v",
		len(p.all()), p.gap(begin).Seconds(), p.failures())
	require.Empty(t, slices.DeleteFunc(names(w.sim.Holds(t).VMs), func(name string) bool { return !strings.HasPrefix(name, s.Name) }))
}

// expectUnheard reads what Keepalived says on the nodes of one cluster: nothing about the addresses of another one.
func (w *world) expectUnheard(t *testing.T, s, other site) {
	t.Helper()
	foreign := []string{other.VirtualIP()}
	for last := other.First; last <= other.Last; last++ {
		foreign = append(foreign, network+"."+strconv.Itoa(last))
	}
	for _, vm := range w.controlPlane(s) {
		log, err := w.inVM(vm.Name, "journalctl", "--no-pager", "--output", "cat", "--unit", "keepalived.service")
		require.NoError(t, err)
		require.Contains(t, log, "(apiserver) ", "Keepalived says what it does")
		for _, address := range foreign {
			require.NotContains(t, log, address, vm.Name)
		}
	}
}

func internalAddresses(node corev1.Node) (all []string) {
	for _, a := range node.Status.Addresses {
		if a.Type == corev1.NodeInternalIP {
			all = append(all, a.Address)
		}
	}
	return all
}

// families are those of addresses, 4 or 6.
func families(addresses []string) (all []string) {
	for _, a := range addresses {
		if netip.MustParseAddr(a).Is4() {
			all = append(all, "4")
		} else {
			all = append(all, "6")
		}
	}
	return all
}

// web is the workload of the node image: it answers HTTP at port 8080 with its pod's name, and asks others.
const web = "web"

// expectBothFamilies runs a pod on each node, lets each ask each other by both families, and asks a Service that has IPv6 alone.
func (w *world) expectBothFamilies(t *testing.T, s site) {
	t.Helper()
	labels := map[string]string{"app": web}
	c := w.clientset(s)
	_, err := c.AppsV1().DaemonSets("default").Create(t.Context(), &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: web},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					Tolerations:                   []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
					TerminationGracePeriodSeconds: ptr.To[int64](1),
					Containers:                    []corev1.Container{{Name: web, Image: "localhost/ocne/web:v1", ImagePullPolicy: corev1.PullNever}},
				},
			},
		},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	service, err := c.CoreV1().Services("default").Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: web},
		Spec: corev1.ServiceSpec{
			Selector: labels, IPFamilies: []corev1.IPFamily{corev1.IPv6Protocol}, IPFamilyPolicy: ptr.To(corev1.IPFamilyPolicySingleStack),
			Ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(8080)}},
		},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	require.Equal(t, []string{"6"}, families([]string{service.Spec.ClusterIP}))
	pods := w.webPods(t, s)
	for _, from := range pods {
		for _, to := range pods {
			for _, ip := range to.Status.PodIPs {
				w.expectAnswer(t, s, from, "http://"+net.JoinHostPort(ip.IP, "8080"), to.Name)
			}
		}
		w.expectAnswer(t, s, from, "http://"+net.JoinHostPort(service.Spec.ClusterIP, "80"), pods[0].Name, pods[1].Name)
	}
}

// webPods waits until there are two on two nodes, with addresses of both families.
func (w *world) webPods(t *testing.T, s site) (pods []corev1.Pod) {
	t.Helper()
	programs.Eventually(t, "a pod runs on each node", func() (bool, string) {
		list, err := w.clientset(s).CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{LabelSelector: "app=" + web})
		if err != nil {
			return false, err.Error()
		}
		pods = list.Items
		running := 0
		for _, pod := range pods {
			if pod.Status.Phase == corev1.PodRunning {
				running++
			}
		}
		return running == 2 && len(pods) == 2, fmt.Sprintf("%d of %d", running, len(pods))
	})
	require.NotEqual(t, pods[0].Spec.NodeName, pods[1].Spec.NodeName)
	for _, pod := range pods {
		var addresses []string
		for _, ip := range pod.Status.PodIPs {
			addresses = append(addresses, ip.IP)
		}
		require.Equal(t, []string{"4", "6"}, families(addresses), pod.Name)
	}
	return pods
}

// expectAnswer lets a pod ask an URL until one of the pods answers there.
func (w *world) expectAnswer(t *testing.T, s site, from corev1.Pod, url string, answers ...string) {
	t.Helper()
	programs.Eventually(t, from.Name+" gets "+url, func() (bool, string) {
		out, err := w.inPod(t, s, from.Name, "/usr/local/bin/web", "get", url)
		return err == nil && slices.Contains(answers, strings.TrimSpace(out)), fmt.Sprint(out, err)
	})
}

// inPod runs a program in a pod.
func (w *world) inPod(t *testing.T, s site, pod string, command ...string) (string, error) {
	t.Helper()
	request := w.clientset(s).CoreV1().RESTClient().Post().Resource("pods").Namespace("default").Name(pod).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Command: command, Stdout: true, Stderr: true}, scheme.ParameterCodec)
	executor, err := remotecommand.NewSPDYExecutor(w.access(s), http.MethodPost, request.URL())
	require.NoError(t, err)
	var out bytes.Buffer
	err = executor.StreamWithContext(t.Context(), remotecommand.StreamOptions{Stdout: &out, Stderr: &out})
	return out.String(), err
}
