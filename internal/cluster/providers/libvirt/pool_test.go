package libvirt

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAPoolOfTheHostIsUsedAndStays(t *testing.T) {
	d := systemDaemon(t)
	directory := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(directory, "theirs.qcow2"), nil, 0o600))
	d.virsh(t, "pool-define-as", "fast", "dir", "--target", directory)
	o := d.tinyOptions(t, "demo")
	o.Pool = "fast"
	require.NoError(t, create(t, o, tinyDocument))
	require.FileExists(t, filepath.Join(directory, "demo-control-plane-1.qcow2"))
	abandoned := filepath.Join(directory, probePrefix+"of-a-command-that-was-killed")
	require.NoError(t, os.WriteFile(abandoned, []byte("probe"), 0o600))
	require.NoError(t, os.Chtimes(abandoned, time.Now(), time.Now().Add(-time.Hour)))
	require.NoError(t, Delete(t.Context(), DeleteOptions{Connection: d.Connection, Cluster: "demo"}))
	left, err := os.ReadDir(directory)
	require.NoError(t, err)
	require.Len(t, left, 1)
	require.Equal(t, "theirs.qcow2", left[0].Name())
	require.Contains(t, d.virsh(t, "pool-list", "--all", "--name"), "fast")
}

func TestAVolumeThatIsNotOursIsKept(t *testing.T) {
	d := systemDaemon(t)
	directory := t.TempDir()
	file := filepath.Join(directory, "demo-control-plane-1.qcow2")
	require.NoError(t, os.WriteFile(file, []byte("theirs"), 0o600))
	d.virsh(t, "pool-create-as", "fast", "dir", "--target", directory)
	o := d.tinyOptions(t, "demo")
	o.Pool = "fast"
	requireAdvice(t, create(t, o, tinyDocument), ErrNotOurs, "virsh vol-delete")
	contents, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "theirs", string(contents))
}

func TestWhatCannotWorkIsRefusedBeforeAnythingIsMade(t *testing.T) {
	d := systemDaemon(t)
	before := d.everything(t)
	backing := filepath.Join(t.TempDir(), "overlay.qcow2")
	out, err := exec.Command("qemu-img", "create", "-f", "qcow2", "-F", "raw", "-b", "/etc/passwd", backing, "1M").CombinedOutput()
	require.NoError(t, err, string(out))
	overlay, err := os.ReadFile(backing)
	require.NoError(t, err)
	for name, test := range map[string]struct {
		change func(o *Options)
		kind   error
	}{
		"another pool than the default is not made": {func(o *Options) { o.Pool = "missing" }, ErrNoPool},
		"the pool's space is asked for first":       {func(o *Options) { o.Image.Size = 1 << 60 }, ErrNoSpace},
		"an image that is no qcow2":                 {func(o *Options) { o.Image = imageOf(make([]byte, 4096)) }, ErrImage},
		"an image that reads a file of the host":    {func(o *Options) { o.Image = imageOf(overlay) }, ErrImage},
		"an image without a digest":                 {func(o *Options) { o.Image.Digest = "latest" }, ErrImage},
	} {
		o := d.tinyOptions(t, "demo")
		test.change(&o)
		require.ErrorIs(t, create(t, o, tinyDocument), test.kind, name)
		require.Equal(t, before, d.everything(t), name)
	}
	o := d.tinyOptions(t, "demo")
	o.ControlPlane.Storage = 4096
	require.ErrorContains(t, create(t, o, tinyDocument), "the image has")
	require.Equal(t, before, d.everything(t))
}

// The client that we use gets stuck when libvirt sends more than one packet at the end of a download.
func TestAVolumeIsReadAsOftenAsOneLikes(t *testing.T) {
	d := systemDaemon(t)
	h := d.open(t)
	p, err := h.ensurePool(DefaultPool)
	require.NoError(t, err)
	require.NoError(t, h.writeVolume(p, "text", "0600", []byte("read me")))
	v, exists, err := h.findVolume(p.StoragePool, "text")
	require.NoError(t, err)
	require.True(t, exists)
	for range 500 {
		text, err := h.readVolume(v, 0)
		require.NoError(t, err)
		require.Equal(t, "read me", string(text))
	}
}
