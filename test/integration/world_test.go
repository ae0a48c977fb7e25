package integration

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"text/template"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/capi"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// password of the simulated engine; a test searches everything that is left behind for it.
const password = "s3cret-0f-the-engine"

// world is one administrator with a home directory and an engine.
type world struct {
	t      *testing.T
	home   string
	config string
	name   string
	engine *ovirt.Client
	sim    *daemon
	url    string
	caFile string
	state  string
}

const clusterFile = `
name: {{.Name}}
provider: olvm
kubernetesVersion: "1.33"
controlPlaneNodes: 1
workerNodes: 2
virtualIp: {{.Net}}.100
providers:
  olvm:
    olvmDatacenterName: Default
    olvmOvirtAPIServer:
      serverURL: {{.URL}}
      serverCAPath: {{.CA}}
    controlPlaneMachine: &machine
      olvmOvirtClusterName: Default
      vmTemplateName: ock
      olvmNetwork: {networkName: ovirtmgmt, vnicProfileName: ovirtmgmt}
      virtualMachine:
        memory: 2GB
        network:
          ipv4: {subnet: {{.Net}}.0/24, ipAddresses: "{{.Net}}.110-{{.Net}}.139"}
          nameservers: [{{.Net}}.1]
    workerMachine: *machine
`

// newWorld starts an engine and writes a cluster file; addresses are of the loopback network and the test's own.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, home: t.TempDir(), name: "demo", state: t.TempDir()}
	t.Cleanup(func() { // what a failed test leaves running in this home
		for pid := range processesOf(t, w.home) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	var ready struct{ URL, CAFile, Username string }
	w.sim = startDaemon(t, &ready, []string{"OLVMSIM_PASSWORD=" + password}, program(t, "olvmsim"),
		"--listen", "127.0.0.1:0", "--guests", "instant", "--time-scale", "20", "--state-dir", w.state)
	w.url, w.caFile = ready.URL, ready.CAFile
	ca, err := os.ReadFile(w.caFile)
	require.NoError(t, err)
	w.engine, err = ovirt.New(ovirt.Config{URL: w.url, Username: ready.Username, Password: password, CA: ca})
	require.NoError(t, err)
	t.Cleanup(w.engine.Close)

	var file bytes.Buffer
	network := fmt.Sprintf("127.%d.%d", 64+rand.IntN(64), rand.IntN(256))
	values := map[string]string{"Name": w.name, "Net": network, "URL": w.url, "CA": w.caFile}
	require.NoError(t, template.Must(template.New("").Parse(clusterFile)).Execute(&file, values))
	w.config = filepath.Join(w.home, "demo.yaml")
	require.NoError(t, os.WriteFile(w.config, file.Bytes(), 0o600))
	return w
}

func (w *world) command(args ...string) (*exec.Cmd, *bytes.Buffer) {
	out := &bytes.Buffer{}
	command := exec.Command(program(w.t, "ocne"), args...)
	command.Env = []string{
		"HOME=" + w.home, "PATH=" + os.Getenv("PATH"),
		"OCNE_OLVM_USERNAME=admin@internal", "OCNE_OLVM_PASSWORD=" + password,
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

// management is a client of the management cluster.
func management(t *testing.T, kubeconfig string) client.Client {
	t.Helper()
	cfg, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	require.NoError(t, err)
	cfg.WarningHandler = rest.NoWarnings{}
	c, err := client.New(cfg, client.Options{Scheme: capi.NewScheme()})
	require.NoError(t, err)
	return c
}

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
