package integration

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/ocne-project/ocne/pkg/ovirt"
	"github.com/ocne-project/ocne/test/programs"
)

// world is one administrator with a home directory and an engine.
type world struct {
	t      *testing.T
	home   string
	config string
	name   string
	sim    *programs.Engine
	engine *ovirt.Client
	// username and password that the administrator uses.
	username, password string
	// registryAuth is the file with the passwords of container registries that the administrator has; there may be none.
	registryAuth string
}

// newWorld starts an engine and writes a cluster file; addresses are of the loopback network and the test's own. The arguments are the
// simulator's.
func newWorld(t *testing.T, args ...string) *world {
	t.Helper()
	w := &world{t: t, home: programs.Home(t), name: "demo", username: programs.Username, password: programs.Password}
	w.sim = programs.StartEngine(t, append([]string{"--guests", "instant"}, args...)...)
	w.engine = w.sim.Client

	w.config = programs.WriteClusterFile(t, w.home, w.sim, 1, 2)
	return w
}

func (w *world) command(args ...string) (*exec.Cmd, *bytes.Buffer) {
	out := &bytes.Buffer{}
	command := exec.Command(programs.Path(w.t, "ocne"), args...)
	command.Env = []string{
		"HOME=" + w.home, "PATH=" + os.Getenv("PATH"),
		"OCNE_OLVM_USERNAME=" + w.username, "OCNE_OLVM_PASSWORD=" + w.password,
		"REGISTRY_AUTH_FILE=" + w.registryAuth,
	}
	command.Stdout, command.Stderr = out, out
	return command, out
}

// ocne runs the command line and expects success.
func (w *world) ocne(args ...string) string {
	w.t.Helper()
	command, out := w.command(args...)
	err := command.Run()
	require.NoError(w.t, err, "ocne %s:\n%s", strings.Join(args, " "), out)
	require.NotContains(w.t, out.String(), "DATA RACE")
	w.t.Logf("$ ocne %s\n%s", strings.Join(args, " "), out)
	return out.String()
}

func (w *world) vms() map[string]ovirt.VM {
	w.t.Helper()
	list, err := w.engine.VMs(context.Background(), "")
	require.NoError(w.t, err)
	byName := map[string]ovirt.VM{}
	for _, vm := range list {
		byName[vm.Name] = vm
	}
	require.Len(w.t, byName, len(list), "VM names are unique")
	return byName
}

// nodes reads the cluster's nodes through the kubeconfig that was written for the user.
func (w *world) nodes() (controlPlane, workers []corev1.Node) {
	w.t.Helper()
	cfg, err := clientcmd.BuildConfigFromFlags("", w.kubeconfig())
	require.NoError(w.t, err)
	list, err := kubernetes.NewForConfigOrDie(cfg).CoreV1().Nodes().List(context.Background(), metav1.ListOptions{})
	require.NoError(w.t, err)
	for _, node := range list.Items {
		require.True(w.t, ready(node), "node %s", node.Name)
		if _, ok := node.Labels["node-role.kubernetes.io/control-plane"]; ok {
			controlPlane = append(controlPlane, node)
		} else {
			workers = append(workers, node)
		}
	}
	return controlPlane, workers
}

func ready(node corev1.Node) bool {
	for _, c := range node.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

func (w *world) kubeconfig() string { return filepath.Join(w.home, ".kube", "kubeconfig."+w.name) }

func (w *world) managementDir() string { return filepath.Join(w.home, ".ocne", "management") }

// expectNodes compares what the user sees with what the engine holds: every node is a VM of the engine, by provider id and address.
func (w *world) expectNodes(controlPlane, workers int) {
	w.t.Helper()
	haveControlPlane, haveWorkers := w.nodes()
	require.Len(w.t, haveControlPlane, controlPlane, "control plane nodes")
	require.Len(w.t, haveWorkers, workers, "worker nodes")
	vms := w.vms()
	require.Len(w.t, vms, controlPlane+workers, "VMs in the engine")
	for _, node := range append(haveControlPlane, haveWorkers...) {
		vm, ok := vms[node.Name]
		require.True(w.t, ok, "VM of node %s", node.Name)
		require.Equal(w.t, "olvm://"+vm.ID, node.Spec.ProviderID)
		require.Contains(w.t, vm.Comment, node.Status.Addresses[0].Address, "the ownership mark carries the address")
	}
}
