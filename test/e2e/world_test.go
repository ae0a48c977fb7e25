package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/test/programs"
)

// world is one administrator with a home directory and an engine whose VMs are real nodes.
type world struct {
	t               *testing.T
	home, temporary string
	sim             *programs.Engine
}

// nodeImageVariable names the directory of the node image.
const nodeImageVariable = "OCNE_NODE_IMAGE"

// network is that of the VMs; it exists in the simulator's own network namespace only.
const network = "10.77.0"

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldOf(t, "testdata/inventory.yaml")
}

// newWorldOf is newWorld with an engine that holds what the file says.
func newWorldOf(t *testing.T, inventory string) *world {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("not root: container guests need namespaces, mounts and cgroups of their own; run make e2e as root")
	}
	image := os.Getenv(nodeImageVariable)
	if image == "" {
		t.Skip(nodeImageVariable + " is not set: it names the directory of the node image; run make e2e, which builds it")
	}
	w := &world{t: t, home: programs.Home(t), temporary: t.TempDir()}
	before := w.observe()
	t.Cleanup(func() { // after the simulator has ended, and before the directories of the test are removed
		if t.Failed() {
			w.end()
			return
		}
		w.expectSame(before)
		w.expectEmptyHome()
		w.expectEmptyState()
	})
	w.allowManyNodes()
	w.sim = programs.StartEngine(t, "--guests", "container", "--node-image", image, "--guest-network", network+".1/24,fd77::1/64",
		"--inventory", inventory)
	require.NotEmpty(t, w.sim.Proxy, "the way into the VMs' network")
	t.Cleanup(func() {
		if t.Failed() {
			w.tellConsoles()
		}
	})
	return w
}

// tellConsoles logs the end of what the VMs wrote.
func (w *world) tellConsoles() {
	logs, _ := filepath.Glob(filepath.Join(w.sim.State, "*", "*.log")) // the pattern is good
	for _, log := range logs {
		w.t.Logf("%s:\n%s", log, programs.Tail(log))
	}
}

// ocne runs the command line and expects success; its processes reach the VMs through the simulator's proxy.
func (w *world) ocne(args ...string) {
	w.t.Helper()
	out := &bytes.Buffer{}
	command := exec.CommandContext(w.t.Context(), programs.Path(w.t, "ocne"), args...)
	command.Env = w.environment()
	command.Stdout, command.Stderr = out, out
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	begin := time.Now()
	err := command.Run()
	w.t.Logf("$ ocne %s   (%.0f s)\n%s", strings.Join(args, " "), time.Since(begin).Seconds(), out)
	require.NoError(w.t, err)
}

func (w *world) environment() []string {
	return []string{
		"HOME=" + w.home, "TMPDIR=" + w.temporary, "PATH=" + os.Getenv("PATH"), "HTTPS_PROXY=" + w.sim.Proxy,
		"OCNE_OLVM_USERNAME=" + programs.Username, "OCNE_OLVM_PASSWORD=" + programs.Password,
	}
}

// exec runs olvmsim's command exec, and returns what the command in there writes.
func (w *world) exec(args ...string) (string, error) {
	args = append([]string{"exec", "--pid", strconv.Itoa(w.sim.PID)}, args...)
	command := exec.CommandContext(w.t.Context(), programs.Path(w.t, "olvmsim"), args...)
	var failure bytes.Buffer
	command.Stderr = &failure
	out, err := command.Output()
	if err != nil {
		err = fmt.Errorf("olvmsim %s: %w: %s", strings.Join(args, " "), err, &failure)
	}
	return string(out), err
}

// inVM runs a command inside a VM.
func (w *world) inVM(vm string, command ...string) (string, error) {
	return w.exec(append([]string{"--vm", vm, "--"}, command...)...)
}

// management is a client of the management cluster that the command line has made.
func (w *world) management() client.Client {
	w.t.Helper()
	return programs.Management(w.t, filepath.Join(w.home, ".ocne", "management", "controlplane", "kubeconfig"))
}

// start starts a cluster. Whether its virtual IP is free would be asked on the machine's network, which is not that of the VMs.
func (w *world) start(config string) {
	w.ocne("cluster", "start", "-c", config, "--skip-preflight", "virtual-ip")
}

// access is that to a cluster, through the proxy.
func (w *world) access(s site) *rest.Config {
	w.t.Helper()
	cfg, err := clientcmd.BuildConfigFromFlags("", filepath.Join(w.home, ".kube", "kubeconfig."+s.Name))
	require.NoError(w.t, err)
	proxy, err := url.Parse(w.sim.Proxy)
	require.NoError(w.t, err)
	cfg.Proxy = http.ProxyURL(proxy)
	cfg.Timeout = 10 * time.Second
	cfg.QPS = -1
	return cfg
}

func (w *world) clientset(s site) kubernetes.Interface {
	w.t.Helper()
	c, err := kubernetes.NewForConfig(w.access(s))
	require.NoError(w.t, err)
	return c
}

// dial connects to an address of the VMs' network.
func (w *world) dial(ctx context.Context, address string) (net.Conn, error) {
	proxy, err := url.Parse(w.sim.Proxy)
	if err != nil {
		return nil, err
	}
	connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", proxy.Host)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = connection.SetDeadline(deadline)
	}
	return connection, connectThrough(connection, address)
}

// nodes are the cluster's, by name.
func (w *world) nodes(s site) map[string]corev1.Node {
	w.t.Helper()
	byName, err := w.listNodes(s)
	require.NoError(w.t, err)
	return byName
}

func (w *world) listNodes(s site) (map[string]corev1.Node, error) {
	w.t.Helper()
	list, err := w.clientset(s).CoreV1().Nodes().List(w.t.Context(), metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	byName := map[string]corev1.Node{}
	for _, node := range list.Items {
		byName[node.Name] = node
	}
	return byName, nil
}

func internalAddress(node corev1.Node) string {
	for _, a := range node.Status.Addresses {
		if a.Type == corev1.NodeInternalIP {
			return a.Address
		}
	}
	return ""
}

func ready(node corev1.Node) bool {
	for _, c := range node.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}
