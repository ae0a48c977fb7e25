package libvirt

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// bootPatience is how long a boot without the help of the processor may take.
const bootPatience = 25 * time.Minute

// The image is laid out as an OCK image: UEFI, GRUB, its kernel and Ignition are real. It has no kubeadm, and says so.
func TestANodeImageBootsWithTheDocumentOfItsNode(t *testing.T) {
	directory := os.Getenv("OCNE_BOOT_IMAGE")
	if directory == "" {
		t.Skip("OCNE_BOOT_IMAGE is not set: it names the directory of the boot image; run make e2e, which builds it")
	}
	d := systemDaemon(t)
	word := rand.Text()
	s := d.startOptions(t)
	s.WorkerNodes, s.Firmware, s.Network.UserMode = 0, "", true
	s.ControlPlane = Shape{CPUs: 1, Memory: 1 << 30, Storage: 4 << 30}
	s.Image = bootImage(t, filepath.Join(directory, "boot.qcow2"))
	user, err := json.Marshal(map[string]any{
		"ignition": map[string]any{"version": "3.4.0"},
		"systemd": map[string]any{"units": []any{map[string]any{
			"name": "story.service", "enabled": true,
			"contents": "[Unit]\nAfter=kubeadm.service\n[Service]\nType=oneshot\nStandardOutput=tty\nTTYPath=/dev/ttyS0\n" +
				"ExecStart=/bin/sh -c 'echo story: " + word + " on $(cat /proc/sys/kernel/hostname), $(cat /sys/class/dmi/id/product_uuid)'\n" +
				"[Install]\nWantedBy=multi-user.target\n",
		}}},
	})
	require.NoError(t, err)
	s.Kubernetes.User = user
	s.Options, err = s.complete()
	require.NoError(t, err)
	require.NoError(t, s.check())
	id, err := newIdentity()
	require.NoError(t, err)
	since := time.Now()
	require.NoError(t, create(t, s.Options, func(n node, l lan) ([]byte, error) { return s.documents(id, n.Server)(n, l) }))
	c, err := Info(t.Context(), d.Connection, "demo")
	require.NoError(t, err)

	d.awaitText(t, "demo-control-plane-1", fmt.Sprintf("story: %s on demo-control-plane-1, %s", word, c.Nodes[0].ID), bootPatience)
	t.Logf("the boot took %s", time.Since(since).Round(time.Second))
	d.awaitText(t, "demo-control-plane-1", "kubeadm: command not found", patience)
}

func bootImage(t *testing.T, path string) Image {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	return Image{
		Digest: "sha256:" + fmt.Sprintf("%064x", info.Size()), Size: info.Size(),
		Open: func(context.Context) (io.ReadCloser, error) { return os.Open(path) },
	}
}
