package guest

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cloudv1 "sigs.k8s.io/cluster-api/test/infrastructure/inmemory/pkg/cloud/api/v1alpha1"

	"github.com/ocne-project/ocne/pkg/olvmsim"
)

func TestFirstControlPlaneBecomesAReadyNode(t *testing.T) {
	s, g := newSite(t), newGuests(t)
	con := newClusterAt(t, g, s, "cp-0")
	n := getNode(t, s, "cp-0")
	require.True(t, nodeReady(n))
	require.Equal(t, "olvm://cp-0", n.Spec.ProviderID)
	require.Equal(t, []corev1.NodeAddress{
		{Type: corev1.NodeInternalIP, Address: "10.0.0.10"}, {Type: corev1.NodeHostName, Address: "cp-0"},
	}, n.Status.Addresses)
	require.Equal(t, []corev1.Taint{{Key: controlPlaneRole, Effect: corev1.TaintEffectNoSchedule}}, n.Spec.Taints)
	require.Contains(t, n.Labels, controlPlaneRole)
	require.Equal(t, testVersion, n.Status.NodeInfo.KubeletVersion)
	require.Equal(t, "cp-0", n.Status.NodeInfo.SystemUUID, "the VM's id")
	require.NotEmpty(t, n.UID)
	require.Equal(t, []string{"10.0.0.10"}, g.Addresses("cp-0"))

	info, err := s.client(t).Discovery().ServerVersion()
	require.NoError(t, err)
	require.Equal(t, testVersion, info.GitVersion)

	api, err := s.client(t).CoreV1().Pods(kubeSystem).Get(t.Context(), "kube-apiserver-cp-0", metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, "registry.k8s.io/kube-apiserver:"+testVersion, api.Spec.Containers[0].Image)

	cm, err := s.client(t).CoreV1().ConfigMaps(kubeSystem).Get(t.Context(), "kubeadm-config", metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, s.clusterConfiguration(), cm.Data["ClusterConfiguration"], "the document as it was written")
	require.NotContains(t, con.String(), "PRIVATE KEY")
}

func TestWorkerJoins(t *testing.T) {
	s, g := newSite(t), newGuests(t)
	newClusterAt(t, g, s, "cp-0")
	s.createToken(t)
	con := &serialConsole{}
	require.NoError(t, g.Start(context.Background(), olvmsim.GuestVM{
		ID: "w", Name: "w", UserData: s.workerDoc("w-0", "10.0.0.20").json(t), KubernetesVersion: "v1.34.3", Console: con,
	}))
	con.shows(t, "kubelet: registered worker node w-0")
	n := getNode(t, s, "w-0")
	require.True(t, nodeReady(n))
	require.Equal(t, "olvm://w-0", n.Spec.ProviderID)
	require.Empty(t, n.Spec.Taints)
	require.Equal(t, "v1.34.3", n.Status.NodeInfo.KubeletVersion, "the version in the VM's image")
	id, secret, _ := strings.Cut(testToken, ".")
	require.NotContains(t, con.String(), secret)
	require.NotContains(t, con.String(), id)
}

// kubeadm join waits for the API server, and then for the bootstrap token.
func TestJoinWaitsForTheClusterAndTheToken(t *testing.T) {
	s, g := newSite(t), newGuests(t)
	con := powerOn(t, g, "w-0", s.workerDoc("w-0", "10.0.0.20").json(t))
	con.shows(t, "kubeadm: join: dial tcp "+s.endpoint+": connect: connection refused; will try again")
	newClusterAt(t, g, s, "cp-0")
	second := powerOn(t, g, "w-1", s.workerDoc("w-1", "10.0.0.21").json(t))
	second.shows(t, "kubeadm: join: cluster-info does not yet contain a signature for the bootstrap token")
	s.createToken(t)
	con.shows(t, "kubelet: registered worker node w-0")
	second.shows(t, "kubelet: registered worker node w-1")
}

func TestJoinGivesUp(t *testing.T) {
	s, g := newSite(t), newGuests(t)
	g.discovery = time.Millisecond
	powerOn(t, g, "w-0", s.workerDoc("w-0", "10.0.0.20").json(t)).shows(t, "kubeadm: join: gave up after 1ms: dial tcp")
}

func TestJoinIsRefused(t *testing.T) {
	s, g := newSite(t), newGuests(t)
	newClusterAt(t, g, s, "cp-0")
	s.createToken(t)
	badToken := s.joinConfiguration(s.ca.pin())
	badToken = strings.Replace(badToken, testToken, "abcdef.ffffffffffffffff", 1)
	stranger := newSite(t)
	stranger.endpoint = s.endpoint
	strangers := stranger.controlPlaneDoc("cp-1", "10.0.0.11")
	strangers.files["/etc/kubeadm.yml"] = strings.Replace(strangers.files["/etc/kubeadm.yml"], stranger.ca.pin(), s.ca.pin(), 1)
	for name, tc := range map[string]struct {
		doc  *bootDoc
		want string
	}{
		"CA is not the pinned one": {machineDoc("w", "10.0.0.20", s.joinConfiguration("sha256:00")), "its public key is not one of caCertHashes"},
		"token of another cluster": {machineDoc("w", "10.0.0.20", badToken), "the bootstrap token is not the cluster's"},
		"node exists":              {s.workerDoc("cp-0", "10.0.0.20"), `a Node with name "cp-0" and status "Ready" already exists`},
		"control plane without CA": {
			machineDoc("cp-1", "10.0.0.11", s.joinConfiguration(s.ca.pin())+"controlPlane: {}\n"),
			"couldn't load the certificate file /etc/kubernetes/pki/ca.crt",
		},
		"control plane with others' CA": {strangers, "are not those of the cluster"},
	} {
		t.Run(name, func(t *testing.T) {
			con := powerOn(t, g, name, tc.doc.json(t))
			con.shows(t, "kubeadm: join: ")
			con.shows(t, tc.want)
			require.NotContains(t, con.String(), "will try again")
		})
	}
}

func TestInitIsRefused(t *testing.T) {
	s, g := newSite(t), newGuests(t)
	newClusterAt(t, g, s, "cp-0")
	powerOn(t, g, "cp-1", s.initDoc("cp-1", "10.0.0.11").json(t)).shows(t, "kubeadm: init: the control plane endpoint "+s.endpoint+" answers already")

	elsewhere := newSite(t)
	elsewhere.endpoint = "192.0.2.1:6443" // TEST-NET-1: no machine has it
	con := powerOn(t, g, "cp-2", elsewhere.initDoc("cp-2", "10.0.0.12").json(t))
	con.shows(t, "kubeadm: init: control plane endpoint 192.0.2.1:6443 cannot be served: listen tcp 192.0.2.1:6443: bind: ")
	con.shows(t, "127.0.0.0/8")
}

func TestTwoClustersAtOnce(t *testing.T) {
	one, two, g := newSite(t), newSite(t), newGuests(t)
	newClusterAt(t, g, one, "one")
	newClusterAt(t, g, two, "two")
	require.True(t, nodeReady(getNode(t, one, "one")))
	require.True(t, nodeReady(getNode(t, two, "two")))
	stranger := *one
	stranger.endpoint = two.endpoint
	_, err := stranger.client(t).CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	require.Error(t, err, "another cluster's kubeconfig")
}

// A power cycle of the only control plane machine: the disk holds the cluster, kubeadm init does not run again.
func TestPowerCycleOfTheOnlyControlPlane(t *testing.T) {
	s, g := newSite(t), newGuests(t)
	newClusterAt(t, g, s, "cp-0")
	s.createToken(t)
	powerOn(t, g, "w-0", s.workerDoc("w-0", "10.0.0.20").json(t)).shows(t, "registered worker node")
	before := getNode(t, s, "cp-0")

	g.Stop("cp-0")
	requireClosed(t, s.endpoint)
	g.Stop("w-0")
	worker := powerOn(t, g, "w-0", nil)
	worker.shows(t, "kubelet: dial tcp "+s.endpoint+": connect: connection refused; will try again")

	con := powerOn(t, g, "cp-0", nil) // Ignition does not read the config drive a second time
	con.shows(t, "kubelet: node cp-0 is Ready")
	worker.shows(t, "kubelet: node w-0 is Ready")
	require.NotContains(t, con.String(), "kubeadm:")
	after := getNode(t, s, "cp-0")
	require.Equal(t, before.UID, after.UID)
	require.True(t, nodeReady(after))
	_, err := s.client(t).CoreV1().Secrets(kubeSystem).Get(t.Context(), "bootstrap-token-abcdef", metav1.GetOptions{})
	require.NoError(t, err, "what was in etcd is still there")
}

func TestPowerOffMakesTheNodeUnknownAndMovesTheEtcdLeader(t *testing.T) {
	s, g := newSite(t), newGuests(t)
	newClusterAt(t, g, s, "cp-0")
	s.createToken(t)
	powerOn(t, g, "cp-1", s.controlPlaneDoc("cp-1", "10.0.0.11").json(t)).shows(t, "registered control plane node cp-1")
	require.Equal(t, []string{"etcd-cp-0"}, leaders(t, s))
	ready := func() corev1.NodeCondition {
		c := getNode(t, s, "cp-0").Status.Conditions
		return c[len(c)-1]
	}
	was := ready()
	time.Sleep(1100 * time.Millisecond) // LastTransitionTime has a resolution of a second

	g.Stop("cp-0")
	is := ready()
	require.Equal(t, corev1.ConditionUnknown, is.Status)
	require.True(t, is.LastTransitionTime.After(was.LastTransitionTime.Time))
	require.Equal(t, []string{"etcd-cp-1"}, leaders(t, s))
	pod, err := s.client(t).CoreV1().Pods(kubeSystem).Get(t.Context(), "kube-apiserver-cp-0", metav1.GetOptions{})
	require.NoError(t, err, "mirror pods outlive their machine")
	require.Equal(t, corev1.ConditionFalse, pod.Status.Conditions[1].Status)

	powerOn(t, g, "cp-0", nil).shows(t, "node cp-0 is Ready")
	require.Equal(t, []string{"etcd-cp-1"}, leaders(t, s))
}

func leaders(t *testing.T, s *site) []string {
	t.Helper()
	pods, err := s.client(t).CoreV1().Pods(kubeSystem).List(t.Context(), metav1.ListOptions{LabelSelector: "component=etcd"})
	require.NoError(t, err)
	var out []string
	for _, p := range pods.Items {
		if p.Annotations[cloudv1.EtcdLeaderFromAnnotationName] != "" && !removedMember(&p) {
			out = append(out, p.Name)
		}
	}
	return out
}

func TestDeletedControlPlaneNodeDoesNotComeBack(t *testing.T) {
	s, g := newSite(t), newGuests(t)
	newClusterAt(t, g, s, "cp-0")
	s.createToken(t)
	powerOn(t, g, "cp-1", s.controlPlaneDoc("cp-1", "10.0.0.11").json(t)).shows(t, "registered control plane node cp-1")
	g.Stop("cp-1")
	require.NoError(t, s.client(t).CoreV1().Nodes().Delete(t.Context(), "cp-1", metav1.DeleteOptions{}))
	pods, err := s.client(t).CoreV1().Pods("").List(t.Context(), metav1.ListOptions{FieldSelector: "spec.nodeName=cp-1"})
	require.NoError(t, err)
	require.Empty(t, pods.Items, "the pods of a deleted node are collected")
	powerOn(t, g, "cp-1", nil).shows(t, "etcd: the member has been permanently removed from the cluster")
	_, err = s.client(t).CoreV1().Nodes().Get(t.Context(), "cp-1", metav1.GetOptions{})
	require.True(t, apierrors.IsNotFound(err), err)
}

// The cluster lives as long as a disk holds its data; then the same name and endpoint can be used again.
func TestRemovedClusterCanBeMadeAgain(t *testing.T) {
	s, g := newSite(t), newGuests(t)
	newClusterAt(t, g, s, "cp-0")
	old := getNode(t, s, "cp-0")
	g.Stop("cp-0")
	g.Remove("cp-0")
	g.Remove("cp-0") // again: nothing to do
	again := newSite(t)
	again.endpoint = s.endpoint
	newClusterAt(t, g, again, "cp-0")
	require.NotEqual(t, old.UID, getNode(t, again, "cp-0").UID)
	_, err := s.client(t).CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	require.Error(t, err, "the old kubeconfig")
}

func TestStartOfARunningVM(t *testing.T) {
	s, g := newSite(t), newGuests(t)
	newClusterAt(t, g, s, "cp-0")
	require.ErrorContains(t, g.Start(t.Context(), olvmsim.GuestVM{ID: "cp-0"}), "start guest of VM cp-0: it is running")
	g.Stop("nobody")
}

func TestCloseEndsEverything(t *testing.T) {
	s, g := newSite(t), newGuests(t)
	newClusterAt(t, g, s, "cp-0")
	waiting := powerOn(t, g, "w-0", s.workerDoc("w-0", "10.0.0.20").json(t)) // no token: it waits
	waiting.shows(t, "will try again")
	w, err := s.client(t).CoreV1().Nodes().Watch(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	g.Close()
	requireClosed(t, s.endpoint)
	eventually(t, func() bool {
		select {
		case _, open := <-w.ResultChan():
			return !open
		default:
			return false
		}
	}, func() string { return "the watch is still open" })
	require.ErrorContains(t, g.Start(t.Context(), olvmsim.GuestVM{ID: "x"}), "closed")
}

func requireClosed(t *testing.T, endpoint string) {
	t.Helper()
	c, err := net.DialTimeout("tcp", endpoint, time.Second)
	if err == nil {
		_ = c.Close()
	}
	require.Error(t, err, "the endpoint still answers")
}
