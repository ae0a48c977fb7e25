package libvirt

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/cluster-api/util/certs"
	"sigs.k8s.io/cluster-api/util/secret"
)

// api stands for the API of the clusters in these tests, whose guests are too small for one: it is at the first node's address, its certificate
// is signed by the authority in that node's boot document, and it knows the nodes that it is told.
type api struct {
	d     daemon
	nodes atomic.Pointer[[]string]
}

func (d daemon) serveAPI(t *testing.T) *api {
	t.Helper()
	a := &api{d: d}
	a.know()
	listener, err := net.Listen("tcp", ":6443")
	require.NoError(t, err)
	server := &http.Server{
		Handler:           http.HandlerFunc(a.answer),
		TLSConfig:         &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return a.certificate(t.Context()) }},
		ReadHeaderTimeout: patience,
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.ServeTLS(listener, "", "") // it ends with Close
	}()
	t.Cleanup(func() {
		require.NoError(t, server.Close())
		<-done
	})
	return a
}

// appear gives this machine the first node's address, once the network is there that it belongs to.
func (a *api) appear(t *testing.T) {
	t.Helper()
	out, err := exec.Command("ip", "address", "replace", "192.168.130.10/32", "dev", "lo").CombinedOutput()
	require.NoError(t, err, string(out))
	t.Cleanup(func() { _ = exec.Command("ip", "address", "delete", "192.168.130.10/32", "dev", "lo").Run() })
}

func (a *api) know(nodes ...string) { a.nodes.Store(&nodes) }

func (a *api) answer(w http.ResponseWriter, _ *http.Request) {
	list := corev1.NodeList{TypeMeta: metav1.TypeMeta{Kind: "NodeList", APIVersion: "v1"}}
	for _, name := range *a.nodes.Load() {
		list.Items = append(list.Items, corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(list) // the client may have gone
}

func (a *api) certificate(ctx context.Context) (*tls.Certificate, error) {
	h, err := open(ctx, a.d.Connection)
	if err != nil {
		return nil, err
	}
	defer h.close()
	first, exists, err := h.find("demo-control-plane-1")
	if err != nil || !exists {
		return nil, errors.Join(errors.New("there is no such node"), err)
	}
	id, err := h.storedIdentity(first)
	if err != nil {
		return nil, err
	}
	pair := id.certificates.GetByPurpose(secret.ClusterCA).KeyPair
	authority, err := certs.DecodeCertPEM(pair.Cert)
	if err != nil {
		return nil, err
	}
	authorityKey, err := certs.DecodePrivateKeyPEM(pair.Key)
	if err != nil {
		return nil, err
	}
	key, err := certs.NewSigner("")
	if err != nil {
		return nil, err
	}
	config := certs.Config{
		CommonName: "kube-apiserver", AltNames: certs.AltNames{IPs: []net.IP{net.ParseIP("192.168.130.10")}},
		Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	signed, err := config.NewSignedCert(key, authority, authorityKey)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{signed.Raw}, PrivateKey: key}, nil
}

func (d daemon) startOptions(t *testing.T) StartOptions {
	t.Helper()
	o := d.tinyOptions(t, "demo")
	o.WorkerNodes = 1
	return StartOptions{Options: o, Kubernetes: Kubernetes{Version: "v1.34.4", Profile: "plain"}, Patience: patience}
}

func TestAClusterIsStartedWhenAllItsNodesAreThere(t *testing.T) {
	d := systemDaemon(t)
	before := d.everything(t)
	a := d.serveAPI(t)
	s := d.startOptions(t)
	var said []string
	s.Report = func(text string) {
		said = append(said, text)
		t.Log(text)
		switch text {
		case "waiting for the API at 192.168.130.10:6443":
			a.appear(t)
		case "waiting for 2 nodes, such as demo-control-plane-1":
			a.know("demo-control-plane-1")
		case "waiting for 1 nodes, such as demo-worker-1":
			a.know("demo-control-plane-1", "demo-worker-1")
		}
	}
	started, err := Start(t.Context(), s)
	require.NoError(t, err)
	require.True(t, started.Ready)
	require.Equal(t, "v1.34.4", started.KubernetesVersion)
	config, err := clientcmd.Load(started.Kubeconfig)
	require.NoError(t, err)
	require.Equal(t, "https://192.168.130.10:6443", config.Clusters["demo"].Server)
	require.Contains(t, said, "waiting for 1 nodes, such as demo-worker-1")
	d.awaitConsole(t, "demo-worker-1", "/etc/kubeadm.yml")

	// Once more, after the machines were stopped.
	d.virsh(t, "destroy", "demo-worker-1")
	s.Report = func(text string) { require.NotContains(t, text, "making") }
	again, err := Start(t.Context(), s)
	require.NoError(t, err)
	require.Equal(t, started.Nodes, again.Nodes)

	// After a restart of the host.
	for _, name := range []string{"demo-control-plane-1", "demo-worker-1"} {
		d.virsh(t, "destroy", name)
	}
	for _, expected := range []int{2, 0} {
		woken, err := Wake(t.Context(), d.Connection, "demo", func(string) {})
		require.NoError(t, err)
		require.Equal(t, expected, woken)
	}
	_, err = Wake(t.Context(), d.Connection, "other", func(string) {})
	require.ErrorIs(t, err, ErrNoCluster)

	// E5: what another version of ocne, with another Kubernetes, has made is gone on with.
	newer := s
	newer.Kubernetes.Version = "v1.35.4"
	again, err = Start(t.Context(), newer)
	require.NoError(t, err)
	require.Equal(t, started.Nodes, again.Nodes)
	require.Equal(t, "v1.34.4", again.KubernetesVersion)

	// E4: what was complete once is not removed because of a failure.
	a.know("demo-control-plane-1")
	s.Patience = time.Second
	s.Report = func(string) {}
	_, err = Start(t.Context(), s)
	require.ErrorContains(t, err, "demo-worker-1")
	found, err := List(t.Context(), d.Connection)
	require.NoError(t, err)
	require.Len(t, found[0].Nodes, 2)

	require.NoError(t, Delete(t.Context(), DeleteOptions{Connection: d.Connection, Cluster: "demo"}))
	require.Equal(t, before, d.everything(t))
}

func TestL2ANodeThatNeverComesIsAnErrorWithItsConsole(t *testing.T) {
	d := systemDaemon(t)
	before := d.everything(t)
	a := d.serveAPI(t)
	a.know("demo-control-plane-1")
	s := d.startOptions(t)
	s.Patience = 20 * time.Second
	s.Report = func(text string) {
		if strings.HasPrefix(text, "waiting for the API") {
			a.appear(t)
		}
	}
	_, err := Start(t.Context(), s)
	var problem *Error
	require.ErrorAs(t, err, &problem)
	require.Equal(t, "demo-worker-1", problem.Object)
	require.ErrorIs(t, err, ErrTooLate)
	require.Contains(t, strings.Join(problem.Console, "\n"), "guest: started")
	require.Contains(t, problem.Remedy, "--keep-on-error")
	require.Equal(t, before, d.everything(t))
}

func TestAStartWithoutMoreTimeSaysWhichNodeItWaitedForWithItsConsole(t *testing.T) {
	d := systemDaemon(t)
	before := d.everything(t)
	s := d.startOptions(t)
	s.WorkerNodes = 0
	cause := errors.New("not finished within 1h")
	ctx, end := context.WithCancelCause(t.Context())
	s.Report = func(text string) {
		if strings.HasPrefix(text, "waiting for the API") {
			d.awaitConsole(t, "demo-control-plane-1", "guest: end")
			end(cause)
		}
	}
	_, err := Start(ctx, s)
	var problem *Error
	require.ErrorAs(t, err, &problem)
	require.ErrorIs(t, err, cause)
	require.ErrorContains(t, err, "wait for node demo-control-plane-1: not finished within 1h: ", "with why the API does not answer")
	require.Contains(t, strings.Join(problem.Console, "\n"), "guest: end")
	require.Equal(t, before, d.everything(t))
}

func TestAMachineThatStopsEndsTheWait(t *testing.T) {
	d := systemDaemon(t)
	before := d.everything(t)
	s := d.startOptions(t)
	s.Report = func(text string) {
		if strings.HasPrefix(text, "waiting for the API") {
			d.virsh(t, "destroy", "demo-worker-1")
		}
	}
	_, err := Start(t.Context(), s)
	require.ErrorIs(t, err, ErrStopped)
	require.ErrorContains(t, err, "demo-worker-1")
	require.Equal(t, before, d.everything(t))
}

func TestAnInterruptedStartLeavesNothing(t *testing.T) {
	d := systemDaemon(t)
	before := d.everything(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupted := errors.New("interrupted")
	s := d.startOptions(t)
	s.Report = func(text string) {
		if strings.HasPrefix(text, "starting") {
			cancel(interrupted)
		}
	}
	_, err := Start(ctx, s)
	require.ErrorIs(t, err, interrupted)
	require.Equal(t, before, d.everything(t))
}

// A command that is killed is a connection that ends. The calls at which it does so are spread over the whole creation and deletion.
func TestWhatWasKilledAnywhereIsCompletedOrRemovedByTheNextRun(t *testing.T) {
	d := systemDaemon(t)
	before := d.everything(t)
	o, err := d.tinyOptions(t, "demo").complete()
	require.NoError(t, err)
	o.Report = func(string) {}
	full := 0
	for at := 14; at < 1000; at += 25 {
		err := d.killedAfter(t, at, func(h *host) error {
			return (&creation{host: h, o: o, document: tinyDocument}).machines(t.Context())
		})
		if err == nil {
			full = at
			break
		}
		if at%2 == 0 {
			require.NoError(t, (&creation{host: d.open(t), o: o, document: tinyDocument}).machines(t.Context()), "after call %d", at)
			d.awaitConsole(t, "demo-control-plane-1", "guest: end")
		}
		_ = d.killedAfter(t, at, func(h *host) error { // it may be done before that
			known, err := h.domains("demo")
			if err != nil {
				return err
			}
			return h.remove("demo", known, o.Report)
		})
		err = Delete(t.Context(), DeleteOptions{Connection: d.Connection, Cluster: "demo"})
		require.True(t, err == nil || errors.Is(err, ErrNoCluster), "after call %d: %v", at, err)
		require.Equal(t, before, d.everything(t), "after call %d", at)
	}
	require.NotZero(t, full, "the last run was not killed")
	t.Logf("a creation makes up to %d calls", full)
}
