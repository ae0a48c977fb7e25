package libvirt

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/ocne-project/ocne/internal/boot"
	"github.com/ocne-project/ocne/test/libvirtd"
)

// nodePatience is how long kubeadm may take without the help of the processor, on a machine that does other things too.
const nodePatience = 100 * time.Minute

// Everything is real: UEFI, GRUB, the kernel, Ignition, NetworkManager, containerd, kubeadm, etcd, the API server and the kubelet.
func TestARealNodeRegisters(t *testing.T) {
	directory := os.Getenv(libvirtd.VMImageVariable)
	if directory == "" {
		t.Skip(libvirtd.VMImageVariable + " is not set: it names the directory that make vm-image prints")
	}
	d := systemDaemon(t)
	before := d.everything(t)
	s := d.startOptions(t)
	s.WorkerNodes, s.Firmware, s.Patience = 0, FirmwareEFI, nodePatience
	// A second processor never starts while the clock counts instructions, and kubeadm's preflight, which wants two, is left out.
	s.ControlPlane = Shape{CPUs: 1, Memory: 3 << 30, Storage: 20 << 30}
	s.Kubernetes.Profile = boot.ProfilePlain
	s.Image = bootImage(t, filepath.Join(directory, "boot.qcow2"))
	since := time.Now()
	s.Report = func(text string) { t.Logf("after %s: %s", time.Since(since).Round(time.Second), text) }

	started, err := Start(t.Context(), s)
	require.NoError(t, err)
	t.Logf("the node registered after %s", time.Since(since).Round(time.Second))

	require.True(t, started.Ready)
	config, err := clientcmd.RESTConfigFromKubeConfig(started.Kubeconfig)
	require.NoError(t, err)
	client, err := kubernetes.NewForConfig(config)
	require.NoError(t, err)
	n, err := client.CoreV1().Nodes().Get(t.Context(), "demo-control-plane-1", metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, s.Kubernetes.Version, n.Status.NodeInfo.KubeletVersion)
	require.Equal(t, ProviderID(started.Nodes[0].ID), n.Spec.ProviderID)
	require.Equal(t, started.Nodes[0].ID, n.Status.NodeInfo.SystemUUID)

	require.NoError(t, Delete(t.Context(), DeleteOptions{Connection: d.Connection, Cluster: "demo"}))
	require.Equal(t, before, d.everything(t))
}
