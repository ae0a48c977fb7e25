package integration

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/test/programs"
)

// exitInterrupted is how shells report a process that Ctrl-C has ended.
const exitInterrupted = 130

// interrupt presses Ctrl-C when something has come to pass, and returns what the command says then.
func (w *world) interrupt(t *testing.T, what string, when func() (bool, string), args ...string) string {
	t.Helper()
	b := w.launch(args...)
	programs.Eventually(t, what, func() (bool, string) {
		if !b.runs() {
			require.FailNow(t, "ended too early", "before: %s\n%s", what, b.out)
		}
		return when()
	})
	require.NoError(t, b.process.Signal(os.Interrupt))
	out := b.wait(t, exitInterrupted)
	require.Contains(t, out, "Error: interrupted")
	return out
}

// silent accepts connections and never says anything, like a host behind a broken load balancer.
type silent struct {
	net.Listener
	accepted chan net.Conn
}

func newSilent(t *testing.T) *silent {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &silent{Listener: listener, accepted: make(chan net.Conn, 100)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			s.accepted <- connection
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	return s
}

func (s *silent) asked() (bool, string) { return len(s.accepted) > 0, "nobody has connected" }

// configWith is the cluster file with another engine.
func (w *world) configWith(t *testing.T, engine string) string {
	t.Helper()
	b, err := os.ReadFile(w.config)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "other.yaml")
	changed := regexp.MustCompile(`serverURL: .*`).ReplaceAllString(string(b), "serverURL: "+engine)
	require.NoError(t, os.WriteFile(path, []byte(changed), 0o600))
	return path
}

// gate is a way to an API server that stops requests when it is told to.
type gate struct {
	kubeconfig string
	held       chan struct{} // has a value once a request is stopped
}

// newGate stops every request for which stop is true, until the client gives up.
func newGate(t *testing.T, kubeconfig string, stop func(*http.Request) bool) *gate {
	t.Helper()
	restConfig, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	require.NoError(t, err)
	target, err := url.Parse(restConfig.Host)
	require.NoError(t, err)
	transport, err := rest.TransportFor(restConfig)
	require.NoError(t, err)
	g := &gate{held: make(chan struct{}, 100)}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, Transport: transport}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !stop(r) {
			proxy.ServeHTTP(rw, r)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body) // only then does the server see that the client has gone
		g.held <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	config := clientcmdapi.NewConfig()
	config.Clusters["c"] = &clientcmdapi.Cluster{Server: server.URL}
	config.Contexts["c"] = &clientcmdapi.Context{Cluster: "c"}
	config.CurrentContext = "c"
	g.kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, clientcmd.WriteToFile(*config, g.kubeconfig))
	return g
}

func (g *gate) stopped() (bool, string) { return len(g.held) > 0, "no request was stopped" }

// Ctrl-C at any time is harmless: the command ends, says what is left, and the same command goes on.
func TestInterruptAtEveryStage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	kubeconfig := startManagement(t, "ReconcilerRateLimiting=false")
	start := func(kubeconfig, config string) []string {
		return []string{"cluster", "start", "--kubeconfig", kubeconfig, "-c", config}
	}
	remove := []string{"cluster", "delete", "--kubeconfig", kubeconfig, "-c", w.config}

	t.Run("while the engine does not answer", func(t *testing.T) {
		engine := newSilent(t)
		config := w.configWith(t, fmt.Sprintf("https://%s/ovirt-engine", engine.Addr()))
		out := w.interrupt(t, "the engine is asked", engine.asked, start(kubeconfig, config)...)
		require.Contains(t, out, "Nothing was changed.")
		require.Contains(t, out, "ocne cluster start")
	})
	t.Run("while the management cluster does not answer", func(t *testing.T) {
		g := newGate(t, kubeconfig, func(*http.Request) bool { return true })
		out := w.interrupt(t, "the management cluster is asked", g.stopped, start(g.kubeconfig, w.config)...)
		require.Contains(t, out, "Nothing was changed.")
	})
	t.Run("while objects are applied", func(t *testing.T) {
		g := newGate(t, kubeconfig, func(r *http.Request) bool {
			return r.Method == http.MethodPatch && strings.Contains(r.URL.Path, "/machinedeployments/")
		})
		out := w.interrupt(t, "an object is applied", g.stopped, start(g.kubeconfig, w.config)...)
		require.Contains(t, out, "Cluster demo was not made yet, or not completely:")
		require.Contains(t, out, "ocne cluster delete")
	})
	if !t.Run("while the first VM is made", func(t *testing.T) {
		made := func() (bool, string) { return len(w.vms()) > 0, "no VM" }
		out := w.interrupt(t, "the first VM is on its way", made, start(kubeconfig, w.config)...)
		require.Contains(t, out, "still waiting for\n")
		require.Contains(t, out, "Cluster demo stays, and goes on without this command:")
		require.Contains(t, out, "ocne cluster delete")
	}) {
		return
	}
	t.Run("the same command again finishes", func(*testing.T) {
		w.ocne(start(kubeconfig, w.config)...)
		w.expectNodes(1, 2)
	})
	t.Run("while it is deleted", func(t *testing.T) {
		first := func() (bool, string) { return len(w.vms()) < 3, "every VM is there" }
		out := w.interrupt(t, "the first VM is gone", first, remove...)
		require.Contains(t, out, "The deletion of cluster demo has begun.")
	})
	t.Run("delete again leaves no VM, no disk, no address", func(t *testing.T) {
		w.ocne(remove...)
		w.expectEmptyEngine()
		c := programs.Management(t, kubeconfig)
		addresses, machines, clusters := &ipamv1.IPAddressList{}, &infrav1.OLVMMachineList{}, &clusterv1.ClusterList{}
		require.NoError(t, c.List(context.Background(), addresses))
		require.NoError(t, c.List(context.Background(), machines))
		require.NoError(t, c.List(context.Background(), clusters))
		require.Empty(t, addresses.Items)
		require.Empty(t, machines.Items)
		require.Empty(t, clusters.Items)
	})
	t.Run("delete once more says that there is nothing", func(*testing.T) { w.ocne(remove...) })
}

func TestInterruptBeforeTheEmbeddedManagementClusterRunsLeavesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	started := func() (bool, string) {
		_, err := os.Stat(filepath.Join(w.managementDir(), "controlplane.pid"))
		return err == nil, fmt.Sprint(err)
	}
	out := w.interrupt(t, "the control plane is started", started, "cluster", "start", "-c", w.config)
	require.Contains(t, out, "Nothing was changed.")
	require.Empty(t, processesOf(t, w.home), "processes that work in the user's home")
	require.NoDirExists(t, w.managementDir())
	require.Contains(t, w.ocne("cluster", "list"), "No clusters")
}

func TestATimeoutEndsWaitingForAnEngineThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	engine := newSilent(t)
	config := w.configWith(t, fmt.Sprintf("https://%s/ovirt-engine", engine.Addr()))
	out := w.launch("cluster", "start", "-c", config, "--timeout", "2s").wait(t, 1)
	require.Contains(t, out, "not finished within 2s")
	require.Contains(t, out, "Nothing was changed.")
	require.NoDirExists(t, w.managementDir())
}
