package cluster

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/config"
	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/test/programs"
)

// side is a management cluster behind a proxy that may break off before or after a request.
type side struct {
	*programs.Bundle
	management *Management

	mu   sync.Mutex
	dead bool
	// before and after say at which requests the connection breaks: before the request is carried out, or after.
	before, after func(*http.Request) bool
	broken        func()
}

func newSide(t *testing.T) *side {
	t.Helper()
	s := &side{Bundle: programs.StartBundle(t)}
	restConfig, err := clientcmd.BuildConfigFromFlags("", s.Kubeconfig)
	require.NoError(t, err)
	transport, err := rest.TransportFor(restConfig)
	require.NoError(t, err)
	host, err := url.Parse(restConfig.Host)
	require.NoError(t, err)
	proxy := &httputil.ReverseProxy{
		Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(host) },
		ModifyResponse: func(r *http.Response) error { return s.breakAt(r.Request, s.after) },
		ErrorHandler:   func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.breakAt(r, s.before) != nil {
			panic(http.ErrAbortHandler)
		}
		proxy.ServeHTTP(w, r)
	}))
	server.TLS = &tls.Config{}
	server.Config.ErrorLog = nil
	server.Start()
	t.Cleanup(server.Close)
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{"side": {Server: server.URL}},
		Contexts:       map[string]*clientcmdapi.Context{"side": {Cluster: "side"}},
		CurrentContext: "side",
	}, kubeconfig))
	s.management = &Management{Kubeconfig: kubeconfig, Description: server.URL}
	s.management.Client, err = newClient(&rest.Config{Host: server.URL})
	require.NoError(t, err)
	return s
}

var errBroken = errors.New("the connection breaks here")

// breakAt breaks every connection from the chosen request on, as the death of ocne would.
func (s *side) breakAt(r *http.Request, chosen func(*http.Request) bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.dead && chosen != nil && chosen(r) {
		s.dead = true
		s.broken()
	}
	if s.dead {
		return errBroken
	}
	return nil
}

func (s *side) revive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead, s.before, s.after = false, nil, nil
}

// nth is true for the n-th request of a method for a path that ends in one of the words.
func nth(n int, method string, ends ...string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		if r.Method == method && (len(ends) == 0 || slices.ContainsFunc(ends, func(end string) bool { return strings.HasSuffix(r.URL.Path, end) })) {
			n--
			return n == 0
		}
		return false
	}
}

// moves is a cluster of one control plane node and one worker, in one of two management clusters.
type moves struct {
	t      *testing.T
	engine *programs.Engine
	sides  [2]*side
	here   int
	config *config.Config
	key    client.ObjectKey
	report progress.Reporter
}

func newMoves(t *testing.T) *moves {
	t.Helper()
	m := &moves{t: t, engine: programs.StartEngine(t, "--guests", "instant"), report: progress.NewPlain(io.Discard, time.Now)}
	m.sides = [2]*side{newSide(t), newSide(t)}
	var err error
	m.config, _, err = config.Load(config.Options{ClusterFile: programs.WriteClusterFile(t, t.TempDir(), m.engine, 1, 1), HomeDir: t.TempDir()})
	require.NoError(t, err)
	m.key = client.ObjectKey{Namespace: m.config.Namespace, Name: m.config.Name}
	getenv := func(name string) string {
		return map[string]string{config.UsernameVariable: programs.Username, config.PasswordVariable: programs.Password}[name]
	}
	p, err := newPlan(m.config, getenv)
	require.NoError(t, err)
	require.NoError(t, m.from().applyPlan(t.Context(), p, m.report))
	m.expectSettled(t)
	return m
}

func (m *moves) from() *Management { return m.sides[m.here].management }
func (m *moves) to() *Management   { return m.sides[1-m.here].management }

func (m *moves) transfer() transfer {
	return transfer{from: m.from(), to: m.to(), key: m.key, mark: inward, report: m.report}
}

// expectSettled: the cluster is here, complete, reconciled and nowhere paused; the other side has nothing of it.
func (m *moves) expectSettled(t *testing.T) {
	t.Helper()
	programs.Eventually(t, "the cluster is what it shall be", func() (bool, string) {
		s, err := observe(t.Context(), m.from().Client, m.key)
		if err != nil {
			return false, err.Error()
		}
		reached := s.cluster != nil && s.controlPlane != nil && s.controlPlaneInitialized()
		target := target{controlPlane: 1, pools: map[string]int32{m.key.Name + "-md-0": 1}}
		return reached && target.controlPlaneReached(s) && target.workersReached(s) && target.machinesReached(s), "not yet"
	})
	s, err := observe(t.Context(), m.from().Client, m.key)
	require.NoError(t, err)
	require.NotContains(t, s.cluster.Annotations, moveAnnotation)
	require.Nil(t, s.cluster.Spec.Paused)
	require.NoError(t, m.from().eachActive(t.Context(), m.key, func(obj client.Object) string {
		require.NotContains(t, obj.GetAnnotations(), clusterv1.PausedAnnotation, "%T %s", obj, obj.GetName())
		require.NotContains(t, obj.GetAnnotations(), heldAnnotation, "%T %s", obj, obj.GetName())
		return ""
	}))
	other, err := observe(t.Context(), m.to().Client, m.key)
	require.NoError(t, err)
	require.True(t, other.gone(), "the other side has something left")
	var secrets corev1.SecretList
	require.NoError(t, m.from().Client.List(t.Context(), &secrets, client.InNamespace(m.key.Namespace)))
	require.True(t, slices.ContainsFunc(secrets.Items, func(s corev1.Secret) bool { return s.Name == m.config.OLVM.APIServer.CredentialsSecret.Name }))
}

func (m *moves) vms() (ids []string) {
	m.t.Helper()
	for _, vm := range m.engine.Holds(m.t).VMs {
		ids = append(ids, vm.ID)
	}
	slices.Sort(ids)
	return ids
}

// A move is interrupted at its turning points, and the next command completes it: the same VMs, everything in one place, nothing paused.
func TestAMoveThatIsInterruptedIsCompletedByTheNextCommand(t *testing.T) {
	m := newMoves(t)
	vms := m.vms()
	require.Len(t, vms, 2)
	cluster := "/clusters/" + m.key.Name
	for _, point := range []struct {
		name string
		set  func(from, to *side)
	}{
		{"before anything is paused", func(from, _ *side) { from.before = nth(2, http.MethodPatch) }},
		{"before the target has the Cluster", func(_, to *side) { to.before = nth(1, http.MethodPost, "/clusters") }},
		{"when the target has the Cluster", func(_, to *side) { to.after = nth(1, http.MethodPost, "/clusters") }},
		{"when the target has half of the objects", func(_, to *side) { to.after = nth(8, http.MethodPost) }},
		{"before the first object is deleted from the source", func(from, _ *side) { from.before = nth(1, http.MethodDelete) }},
		{"when one object is deleted and holds on to its finalizer", func(from, _ *side) {
			from.after = nth(1, http.MethodDelete, machineOf(t, from, m.key))
		}},
		{"when half of the objects are deleted from the source", func(from, _ *side) { from.after = nth(8, http.MethodDelete) }},
		{"before the Cluster is deleted from the source", func(from, _ *side) { from.before = nth(1, http.MethodDelete, cluster) }},
		{"before the target goes on", func(_, to *side) { to.before = nth(1, http.MethodPatch, cluster) }},
	} {
		done := t.Run(point.name, func(t *testing.T) {
			from, to := m.sides[m.here], m.sides[1-m.here]
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			broken := false
			die := func() { broken = true; interrupt() }
			from.mu.Lock()
			to.mu.Lock()
			from.broken, to.broken = die, die
			point.set(from, to)
			from.mu.Unlock()
			to.mu.Unlock()
			require.Error(t, m.transfer().run(ctx))
			require.True(t, broken, "the move came to this point")
			from.revive()
			to.revive()

			h := &homes{key: m.key, other: from.management, own: to.management, report: m.report}
			var err error
			h.inOther, err = h.other.clusterNamed(t.Context(), m.key)
			require.NoError(t, err)
			h.inOwn, err = h.own.clusterNamed(t.Context(), m.key)
			require.NoError(t, err)
			h.expectLeftWhenOneSideIsSilent(t)
			home, err := h.resume(t.Context(), &memory{})
			require.NoError(t, err)
			if home == to.management {
				m.here = 1 - m.here
			}
			m.expectSettled(t)
			require.Equal(t, vms, m.vms())
		})
		if !done {
			return
		}
	}
}

// expectLeftWhenOneSideIsSilent: what the next command changes, it changes when both sides have answered.
func (h *homes) expectLeftWhenOneSideIsSilent(t *testing.T) {
	t.Helper()
	for _, asked := range []*homes{
		{key: h.key, other: h.other, inOther: h.inOther, silent: errBroken, report: h.report},
		{key: h.key, own: h.own, inOwn: h.inOwn, unasked: errBroken, report: h.report},
	} {
		if moving(asked.inOther) || moving(asked.inOwn) {
			_, err := asked.resume(t.Context(), &memory{})
			refused(t, err, "is moved in part", errBroken.Error())
		}
	}
}

// machineOf is the end of the path of the worker's Machine.
func machineOf(t *testing.T, s *side, key client.ObjectKey) string {
	t.Helper()
	var list clusterv1.MachineList
	require.NoError(t, s.List(t.Context(), &list, client.InNamespace(key.Namespace)))
	for _, m := range list.Items {
		if _, controlPlane := m.Labels[clusterv1.MachineControlPlaneLabel]; !controlPlane {
			return "/machines/" + m.Name
		}
	}
	t.Fatal("no worker")
	return ""
}

// clusterctl would take along what somebody else made in the namespace.
func TestAClusterThatSharesItsNamespaceIsNotMoved(t *testing.T) {
	s := newSite(t)
	other := &clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: "ocne", Name: "other"}}
	require.NoError(t, s.Client.Create(t.Context(), other))
	key := client.ObjectKey{Namespace: "ocne", Name: "demo"}
	err := transfer{from: s.Management, to: s.Management, key: key, mark: inward, report: s.report}.run(t.Context())
	require.ErrorContains(t, err, "cluster other is in the same namespace ocne")
	require.ErrorAs(t, err, new(*AdvisedError))
}

// It is said before anything is made, and not once the cluster runs and cannot move.
func TestAClusterThatSharesItsNamespaceIsNotMadeToManageItself(t *testing.T) {
	s := newSite(t)
	o := order(t, olvmsim.New(t))
	o.Config.SelfManaged = true
	other := &clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: o.Config.Namespace, Name: "other"}}
	require.NoError(t, s.Client.Create(t.Context(), other))
	p := o.plan(t)
	_, err := s.create(t.Context(), o, p, &memory{off: true}, s.report)
	require.ErrorContains(t, err, "cluster other is in the same namespace")
	for _, obj := range p.objects {
		require.False(t, s.exists(t, obj), obj.GetName())
	}
}
