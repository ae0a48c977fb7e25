package libvirt

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience is how long something on a busy machine may take.
const patience = 5 * time.Minute

// daemon is a real libvirtd that runs until the test ends.
type daemon struct {
	Connection
	log *bytes.Buffer
}

// systemDaemon starts the machine's own libvirtd, as systemd would, with empty directories.
func systemDaemon(t *testing.T) daemon {
	t.Helper()
	if os.Getenv(insideVariable) == "" {
		t.Skip(missing())
	}
	for _, directory := range []string{"/run", "/var/lib/libvirt", "/var/log/libvirt"} {
		clear, err := filepath.Glob(directory + "/*")
		require.NoError(t, err)
		for _, path := range clear {
			require.NoError(t, os.RemoveAll(path))
		}
	}
	d := daemon{Connection: Connection{URI: "qemu:///system"}, log: &bytes.Buffer{}}
	d.run(t, nil, nil, "virtlogd", "--pid-file", "/run/virtlogd.pid")
	d.run(t, nil, nil, "libvirtd")
	d.await(t)
	t.Cleanup(func() { d.destroyAll(t) })
	return d
}

// run starts a program that ends with the test.
func (d daemon) run(t *testing.T, env []string, who *syscall.Credential, name string, args ...string) {
	t.Helper()
	program := exec.Command(name, args...)
	program.Env = append(os.Environ(), env...)
	program.SysProcAttr = &syscall.SysProcAttr{Credential: who}
	program.Stdout, program.Stderr = d.log, d.log
	program.WaitDelay = time.Second // its own children may hold the pipe
	require.NoError(t, program.Start())
	t.Cleanup(func() {
		_ = program.Process.Signal(syscall.SIGTERM)
		_ = program.Wait() // it says that it was stopped
		if t.Failed() {
			t.Logf("%s: %s", name, d.log)
		}
	})
}

// await waits for the daemon to answer.
func (d daemon) await(t *testing.T) {
	t.Helper()
	since := time.Now()
	require.Eventually(t, func() bool {
		h, err := open(t.Context(), d.Connection)
		if err == nil {
			h.close()
		}
		return err == nil
	}, patience, 20*time.Millisecond)
	t.Logf("libvirtd answered after %s", time.Since(since).Round(time.Millisecond))
}

// open connects until the test ends.
func (d daemon) open(t *testing.T) *host {
	t.Helper()
	h, err := open(t.Context(), d.Connection)
	require.NoError(t, err)
	t.Cleanup(h.close)
	return h
}

// destroyAll leaves no QEMU running for the next test.
func (d daemon) destroyAll(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	h, err := open(ctx, d.Connection)
	require.NoError(t, err)
	defer h.close()
	running, _, err := h.ConnectListAllDomains(1, 1)
	require.NoError(t, err)
	for _, r := range running {
		_ = h.DomainDestroy(r) // it may end by itself
	}
}

// virsh is another client's view of the host.
func (d daemon) virsh(t *testing.T, args ...string) string {
	t.Helper()
	command := exec.Command("virsh", append([]string{"--quiet", "--connect", d.URI}, args...)...)
	out, err := command.CombinedOutput()
	require.NoError(t, err, "virsh %s: %s", args, out)
	return string(out)
}

// everything is all that there is on the host, and the files in its directories.
func (d daemon) everything(t *testing.T) string {
	t.Helper()
	var out strings.Builder
	fmt.Fprintln(&out, "domains:", d.virsh(t, "list", "--all", "--name"))
	fmt.Fprintln(&out, "networks:", d.virsh(t, "net-list", "--all", "--name"))
	fmt.Fprintln(&out, "pools:", d.virsh(t, "pool-list", "--all", "--name"))
	for _, directory := range []string{"/var/lib/libvirt/images", "/var/lib/libvirt/qemu/nvram", "/etc/libvirt/qemu"} {
		files, err := filepath.Glob(directory + "/*")
		require.NoError(t, err)
		for _, f := range files {
			if info, err := os.Stat(f); err == nil && !info.IsDir() {
				fmt.Fprintln(&out, "file:", f)
			}
		}
	}
	return out.String()
}

// tinyImage is an image whose guest writes the boot document to its console. Each call gives another image.
func tinyImage(t *testing.T) Image {
	t.Helper()
	sector, err := os.ReadFile(testdata("guest.img"))
	require.NoError(t, err)
	raw, image := filepath.Join(t.TempDir(), "raw"), filepath.Join(t.TempDir(), "image.qcow2")
	require.NoError(t, os.WriteFile(raw, append(append(sector, rand.Text()...), make([]byte, 1<<20)...), 0o600))
	out, err := exec.Command("qemu-img", "convert", "-O", "qcow2", raw, image).CombinedOutput()
	require.NoError(t, err, string(out))
	contents, err := os.ReadFile(image)
	require.NoError(t, err)
	return imageOf(contents)
}

func imageOf(contents []byte) Image {
	return Image{
		Digest: fmt.Sprintf("sha256:%x", sha256.Sum256(contents)), Size: int64(len(contents)),
		Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(contents)), nil },
	}
}

// tinyOptions are of a cluster whose nodes run the tiny image. It is for BIOS.
func (d daemon) tinyOptions(t *testing.T, cluster string) Options {
	t.Helper()
	shape := Shape{CPUs: 1, Memory: 64 << 20, Storage: 64 << 20}
	return Options{
		Connection: d.Connection, Cluster: cluster, Image: tinyImage(t), ControlPlaneNodes: 1, ControlPlane: shape, Worker: shape,
		DomainType: TypeQEMU, Firmware: FirmwareBIOS,
		Report: func(text string) { t.Log(text) },
	}
}

// tinyDocument is a boot document that names its node.
func tinyDocument(n node, l lan, hv hypervisor) ([]byte, error) {
	return fmt.Appendf(nil, `{"node":"%s","address":"%s","device":"%s"}`, n.name(), n.Address, l.device(hv.passt)), nil
}

// create makes the cluster's virtual machines, without Kubernetes in them.
func create(t *testing.T, o Options, document machineDocument) error {
	t.Helper()
	o, err := o.complete()
	require.NoError(t, err)
	return attempt(t.Context(), o, func(h *host) error {
		return (&creation{host: h, o: o, document: document}).machines(t.Context())
	})
}

// awaitConsole waits for a text on a virtual machine's console.
func (d daemon) awaitConsole(t *testing.T, domain, text string) {
	t.Helper()
	h := d.open(t)
	p, err := h.StoragePoolLookupByName(DefaultPool)
	require.NoError(t, err)
	var seen []string
	defer func() {
		if t.Failed() {
			t.Logf("console of %s:\n%s", domain, strings.Join(seen, "\n"))
		}
	}()
	require.Eventually(t, func() bool {
		seen = h.console(p, domain)
		return strings.Contains(strings.Join(seen, "\n"), text)
	}, patience, 50*time.Millisecond)
}
