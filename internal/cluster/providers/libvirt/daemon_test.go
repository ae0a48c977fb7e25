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
	"testing"
	"time"

	rpc "github.com/digitalocean/go-libvirt"
	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/test/libvirtd"
)

// patience is how long something on a busy machine may take.
const patience = 5 * time.Minute

// daemon is a real libvirtd.
type daemon struct{ Connection }

// systemDaemon is the machine's own libvirtd. It is empty before and after each test.
func systemDaemon(t *testing.T) daemon {
	t.Helper()
	if !libvirtd.Inside() {
		t.Skip(libvirtd.Missing())
	}
	d := daemon{Connection{URI: "qemu:///system"}}
	d.await(t)
	t.Cleanup(func() { d.clear(t) })
	return d
}

// await waits for the daemon to answer.
func (d daemon) await(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		h, err := open(t.Context(), d.Connection)
		if err == nil {
			h.close()
		}
		return err == nil
	}, patience, 20*time.Millisecond)
}

// open connects until the test ends.
func (d daemon) open(t *testing.T) *host {
	t.Helper()
	h, err := open(t.Context(), d.Connection)
	require.NoError(t, err)
	t.Cleanup(h.close)
	return h
}

// clear removes everything from the host.
func (d daemon) clear(t *testing.T) {
	t.Helper()
	if t.Failed() {
		log, _ := os.ReadFile("/run/libvirtd.log") // there may be none
		t.Logf("the end of libvirtd's log:\n%s", log[max(0, len(log)-2000):])
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	h, err := open(ctx, d.Connection)
	require.NoError(t, err)
	defer h.close()
	domains, _, err := h.ConnectListAllDomains(1, 0)
	require.NoError(t, err)
	for _, one := range domains {
		_ = h.DomainDestroy(one) // it may not run
		require.NoError(t, h.DomainUndefineFlags(one, rpc.DomainUndefineNvram))
	}
	networks, _, err := h.ConnectListAllNetworks(1, 0)
	require.NoError(t, err)
	for _, one := range networks {
		_ = h.NetworkDestroy(one) // it may not be active
		require.NoError(t, h.NetworkUndefine(one))
	}
	pools, _, err := h.ConnectListAllStoragePools(1, 0)
	require.NoError(t, err)
	for _, one := range pools {
		_ = h.StoragePoolDestroy(one)  // it may not be active
		_ = h.StoragePoolUndefine(one) // it may not be persistent
	}
	require.NoError(t, os.RemoveAll("/var/lib/libvirt/images"))
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
func tinyDocument(n node, l lan) ([]byte, error) {
	return fmt.Appendf(nil, `{"node":"%s","address":"%s","device":"%s"}`, n.name(), n.Address, l.device()), nil
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

// awaitConsole waits for a text at the end of a virtual machine's console.
func (d daemon) awaitConsole(t *testing.T, domain, text string) {
	t.Helper()
	d.awaitText(t, domain, text, patience)
}

// awaitText waits for a text anywhere on a virtual machine's console.
func (d daemon) awaitText(t *testing.T, domain, text string, patience time.Duration) {
	t.Helper()
	h := d.open(t)
	pools, err := h.activePools()
	require.NoError(t, err)
	var seen string
	defer func() {
		if t.Failed() {
			t.Logf("the end of the console of %s:\n%s", domain, strings.Join(lastLines(seen), "\n"))
		}
	}()
	require.Eventually(t, func() bool {
		for _, p := range pools {
			if h.StoragePoolRefresh(p, 0) != nil {
				continue
			}
			if v, exists, err := h.findVolume(p, consoleName(domain)); err == nil && exists {
				contents, err := h.readVolume(v, 0)
				if err == nil {
					seen = string(contents)
				}
			}
		}
		return strings.Contains(seen, text)
	}, patience, 100*time.Millisecond)
}
