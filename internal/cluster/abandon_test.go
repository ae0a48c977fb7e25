package cluster

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/pkg/olvmsim"
)

func TestWhatAnAbandonedClusterLeavesBehind(t *testing.T) {
	asked := map[string]string{infrav1.CreateSubmittedAnnotation: "2026-01-02T03:04:05Z"}
	im := func(name string, annotations map[string]string, status *infrav1.EngineStatus) infrav1.OLVMMachine {
		o := infrav1.OLVMMachine{ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: annotations}}
		o.Spec.ProviderID, o.Status.OLVM = "olvm://id-of-"+name, status
		return o
	}
	s := &snapshot{infraMachines: []infrav1.OLVMMachine{
		im("seen", asked, &infrav1.EngineStatus{
			IPAddress: "192.0.2.7", IPv6Address: "2001:db8::7", VirtualMachine: infrav1.VirtualMachineStatus{VMID: "id", VMName: "seen-5d3c0", Status: "up"},
		}),
		im("asked-for", asked, nil),
		im("never-asked-for", nil, nil),
		im("said-to-be-gone", asked, &infrav1.EngineStatus{VirtualMachine: infrav1.VirtualMachineStatus{VMID: "id"}}),
	}}
	require.Equal(t, []AbandonedVM{
		{ID: "id-of-asked-for", Name: "asked-for", Addresses: []string{}},
		{ID: "id", Name: "seen-5d3c0", Status: "up", Addresses: []string{"192.0.2.7", "2001:db8::7"}},
	}, s.abandonedVMs())
}

// abandoning is a cluster with its OLVMCluster, of whose engine the controllers say something.
func abandoning(t *testing.T, url string, status metav1.ConditionStatus, reason string, objects ...client.Object) (*site, *infrav1.OLVMCluster) {
	t.Helper()
	infra := olvmCluster("olvm", "demo", "credentials")
	infra.Spec.OLVMOvirtAPIServer.ServerURL = url
	reachable := condition(infrav1.EngineReachableCondition, status, reason, "the engine's words")
	reachable.LastTransitionTime = metav1.Now() // stored ones without it are not read
	infra.Status.Conditions = []metav1.Condition{reachable}
	return newSite(t, append(objects, infra)...), infra
}

func secret(username, password string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: named("olvm", "credentials"), Data: map[string][]byte{"username": []byte(username), "password": []byte(password)}}
}

// nobody is the URL of an engine that is gone: its port was free a moment ago.
func nobody(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return "https://" + l.Addr().String() + "/ovirt-engine"
}

func TestAClusterIsAbandonedOnlyWhenItsEngineDoesNotAnswer(t *testing.T) {
	sim := olvmsim.New(t)
	gone := nobody(t)
	ca := &corev1.ConfigMap{ObjectMeta: named("olvm", "ca"), Data: map[string]string{"ca.crt": string(sim.CA())}}
	right := secret(sim.Username(), sim.Password())
	const down = infrav1.EngineUnavailableReason
	for name, test := range map[string]struct {
		url     string
		status  metav1.ConditionStatus
		reason  string
		objects []client.Object
		refused string // part of the error; empty: abandoned
	}{
		"the controllers reach it": {gone, metav1.ConditionTrue, infrav1.ReachableReason, []client.Object{right, ca}, "the engine's words"},
		"it refuses the credentials": {
			gone, metav1.ConditionFalse, infrav1.CredentialsRefusedReason, []client.Object{right, ca}, "CredentialsRefused",
		},
		"the data center is not visible": {
			gone, metav1.ConditionFalse, infrav1.NotFoundInEngineReason, []client.Object{right, ca}, "NotFoundInEngine",
		},
		"this machine reaches it": {sim.URL(), metav1.ConditionFalse, down, []client.Object{right, ca}, "this machine can log in to it"},
		"it tells this machine that the password is wrong": {
			sim.URL(), metav1.ConditionFalse, down, []client.Object{secret(sim.Username(), "old"), ca}, "log in",
		},
		"the credentials are lost, and something listens": {
			sim.URL(), metav1.ConditionFalse, infrav1.CredentialsMissingReason, []client.Object{ca},
			"credentials Secret olvm/credentials does not exist",
		},
		"the credentials are lost, and nobody listens": {
			gone, metav1.ConditionFalse, infrav1.CredentialsMissingReason, []client.Object{ca}, "",
		},
		"nobody reaches it":              {gone, metav1.ConditionFalse, down, []client.Object{right, ca}, ""},
		"another server has its address": {sim.URL(), metav1.ConditionFalse, down, []client.Object{right}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			im := &infrav1.OLVMMachine{ObjectMeta: named("olvm", "demo-a")}
			s, infra := abandoning(t, test.url, test.status, test.reason, append(test.objects, im)...)
			infra.Spec.OLVMOvirtAPIServer.CAConfigMap = &infrav1.ObjectReference{Name: "ca"}
			err := s.abandon(t.Context(), &snapshot{infrastructure: infra, infraMachines: []infrav1.OLVMMachine{*im}})
			now := olvmCluster("olvm", "demo", "")
			require.True(t, s.exists(t, now))
			require.True(t, s.exists(t, im))
			require.Equal(t, test.refused == "", infrav1.Abandoned(now))
			require.Equal(t, test.refused == "", infrav1.Abandoned(im))
			if test.refused == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.refused)
			require.ErrorContains(t, err, "nothing is abandoned, because engine "+test.url+" answers")
			var advised *AdvisedError
			require.ErrorAs(t, err, &advised)
			require.NotContains(t, err.Error()+advised.Advice, sim.Password())
		})
	}
}

func TestMachinesWithoutAnOLVMClusterAreAbandonedEach(t *testing.T) {
	im := &infrav1.OLVMMachine{ObjectMeta: named("olvm", "demo-a")}
	s := newSite(t, im)
	require.NoError(t, s.abandon(t.Context(), &snapshot{infraMachines: []infrav1.OLVMMachine{*im}}))
	require.True(t, s.exists(t, im))
	require.True(t, infrav1.Abandoned(im))
}

func TestARefusedAbandonDeletesNothing(t *testing.T) {
	c := capiCluster("olvm", "demo", "OLVMCluster")
	s, _ := abandoning(t, nobody(t), metav1.ConditionTrue, infrav1.ReachableReason, c)
	o := s.options(t, "demo")
	o.Abandon = true
	require.ErrorContains(t, s.remove(t.Context(), o, s.report), "nothing is abandoned")
	require.True(t, s.exists(t, c))
	require.True(t, c.DeletionTimestamp.IsZero())
}

func TestAnAbandonedClusterTellsWhatItLeaves(t *testing.T) {
	c := capiCluster("olvm", "demo", "OLVMCluster")
	im := &infrav1.OLVMMachine{ObjectMeta: named("olvm", "demo-a")}
	im.Labels = map[string]string{clusterv1.ClusterNameLabel: "demo"}
	im.Status.OLVM = &infrav1.EngineStatus{IPAddress: "192.0.2.7", VirtualMachine: infrav1.VirtualMachineStatus{VMID: "id", Status: "up"}}
	s, infra := abandoning(t, nobody(t), metav1.ConditionFalse, infrav1.EngineUnavailableReason, c, im)
	o := s.options(t, "demo")
	o.Abandon = true
	d := &deletion{DeleteOptions: o, Management: s.Management, report: s.report, mem: &memory{}}
	done := make(chan error, 1)
	go func() { // the controllers' part
		for s.Client.Get(t.Context(), client.ObjectKeyFromObject(c), capiCluster("olvm", "demo", "")) == nil {
			time.Sleep(10 * time.Millisecond)
		}
		err := s.Client.Delete(t.Context(), im)
		if err == nil {
			err = s.Client.Delete(t.Context(), infra)
		}
		done <- err
	}()
	changed, err := d.run(t.Context())
	require.NoError(t, err)
	require.NoError(t, <-done)
	require.True(t, changed)
	require.Equal(t, []AbandonedVM{{ID: "id", Name: "demo-a", Status: "up", Addresses: []string{"192.0.2.7"}}}, d.left)
}

func TestADeletionThatWaitsForAnEngineNamesTheWayOut(t *testing.T) {
	at := time.Unix(0, 0)
	l := silence{now: func() time.Time { return at }}
	_, infra := abandoning(t, "https://engine", metav1.ConditionFalse, infrav1.EngineUnavailableReason)
	s := &snapshot{infrastructure: infra, infraMachines: make([]infrav1.OLVMMachine, 1)}
	toldAt := func() (at []time.Duration) {
		for d := time.Duration(0); d < 10*time.Minute; d += time.Second {
			if words, lasts := l.lasts(s); lasts {
				require.Contains(t, words, "--abandon")
				require.Contains(t, words, "the engine's words")
				at = append(at, d)
			}
			l.now = func(n time.Time) func() time.Time { return func() time.Time { return n } }(l.now().Add(time.Second))
		}
		return at
	}
	require.Equal(t, []time.Duration{2 * time.Minute}, toldAt(), "once")
	require.True(t, abandonable(s))

	infra.Status.Conditions[0].Status = metav1.ConditionTrue
	require.Empty(t, toldAt(), "it answers again")
	require.False(t, abandonable(s))
	infra.Status.Conditions[0].Status = metav1.ConditionFalse
	require.Equal(t, []time.Duration{2 * time.Minute}, toldAt(), "counted anew")

	infra.Annotations = map[string]string{infrav1.AbandonAnnotation: "true"}
	require.Empty(t, toldAt())
	require.False(t, abandonable(s))
}
