package onlibvirt

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/test/libvirtd"
	"github.com/ocne-project/ocne/test/programs"
)

func TestMain(m *testing.M) { libvirtd.Main(m) }

const (
	uri = "qemu:///system"
	// network is that of the engine, and of the guests that it pretends to have. All of it is this machine, as the VMs on libvirt see it.
	network = "10.88.0"
)

// world is one administrator with a home directory and an empty libvirt host.
type world struct {
	t    *testing.T
	home string
}

func newWorld(t *testing.T, image string) *world {
	t.Helper()
	if !libvirtd.Inside() {
		t.Skip(libvirtd.Missing())
	}
	w := &world{t: t, home: t.TempDir()}
	w.eventually("libvirtd answers", func() bool { return exec.Command("virsh", "--connect", uri, "version").Run() == nil })
	require.NoError(t, os.Mkdir(filepath.Join(w.home, ".ocne"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(w.home, ".ocne", "defaults.yaml"), fmt.Appendf(nil, `
kubernetesVersion: %s
bootVolumeContainerImage: %s
headless: true
catalog: false
ephemeralCluster:
  type: libvirt
  node: {cpu: 1, memory: 3Gi, storage: 20Gi}
providers:
  olvm: {ovirtCsiDriver: {install: false}}
  libvirt:
    uri: %s
    domainType: qemu
    imageProfile: plain
    controlPlaneNode: {cpu: 1, memory: 3Gi, storage: 20Gi}
`, version, filepath.Join(image, "boot.qcow2"), uri), 0o600))
	before := w.host()
	t.Cleanup(func() {
		if t.Failed() {
			w.tellConsoles()
			return
		}
		require.Equal(t, before, w.host(), "the libvirt host is as it was")
	})
	return w
}

// version of Kubernetes in the image. Its nodes have one processor: a second one never starts while the clock counts instructions, as it does here.
const version = "v1.34.4"

func imageDirectory(t *testing.T) string {
	t.Helper()
	directory := os.Getenv(libvirtd.VMImageVariable)
	if directory == "" {
		t.Skip(libvirtd.VMImageVariable + " is not set: it names the directory of the image; run make e2e-libvirt, which makes it")
	}
	return directory
}

// host is everything that there is on the libvirt host.
func (w *world) host() string {
	w.t.Helper()
	var all strings.Builder
	for _, list := range []string{"list --all --name", "net-list --all --name", "pool-list --all --name"} {
		out, err := exec.Command("virsh", append([]string{"--quiet", "--connect", uri}, strings.Fields(list)...)...).CombinedOutput()
		require.NoError(w.t, err, string(out))
		fmt.Fprintf(&all, "%s: %s\n", list, out)
	}
	files, err := filepath.Glob("/var/lib/libvirt/images/*")
	require.NoError(w.t, err)
	return all.String() + strings.Join(files, "\n")
}

func (w *world) tellConsoles() {
	logs, _ := filepath.Glob("/var/lib/libvirt/images/*console*") // the pattern is good
	for _, log := range logs {
		w.t.Logf("%s:\n%s", log, programs.Tail(log))
	}
}

// ocne runs the command line, expects success, and returns what it wrote to standard output.
func (w *world) ocne(args ...string) string {
	w.t.Helper()
	var out, messages bytes.Buffer
	command := exec.CommandContext(w.t.Context(), programs.Path(w.t, "ocne"), args...)
	command.Env = []string{
		"HOME=" + w.home, "TMPDIR=" + w.t.TempDir(), "PATH=" + os.Getenv("PATH"),
		"OCNE_OLVM_USERNAME=" + programs.Username, "OCNE_OLVM_PASSWORD=" + programs.Password,
	}
	command.Stdout, command.Stderr = &out, &messages
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	begin := time.Now()
	err := command.Run()
	w.t.Logf("$ ocne %s   (%.0f s)\n%s%s", strings.Join(args, " "), time.Since(begin).Seconds(), messages.String(), out.String())
	require.NoError(w.t, err)
	return out.String()
}

func (w *world) eventually(what string, condition func() bool) {
	w.t.Helper()
	programs.Eventually(w.t, what, func() (bool, string) { return condition(), "" })
}
