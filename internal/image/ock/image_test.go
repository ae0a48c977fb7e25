package ock_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/image/disk"
)

// script makes the images of these tests.
const script = "../../../hack/ock-test-image.sh"

// needTools skips a test on machines without the tools that make and check images.
func needTools(t testing.TB) {
	t.Helper()
	out, err := exec.Command("bash", script, "-t").CombinedOutput()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if ok && exit.ExitCode() == 3 {
		t.Skipf("no OCK-shaped image can be made here: %s", out)
	}
	require.NoError(t, err, "%s", out)
}

// testImage makes an OCK-shaped image, or takes it from the cache.
func testImage(t testing.TB, options ...string) string {
	t.Helper()
	needTools(t)
	cmd := exec.Command("bash", append([]string{script}, options...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s", stderr.String())
	return strings.TrimSpace(string(out))
}

func open(t testing.TB, path string) *disk.Image {
	t.Helper()
	image, err := disk.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, image.Close()) })
	return image
}

// run runs a tool that has to succeed, and returns what it said.
func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	require.NoError(t, err, "%s %s: %s", name, strings.Join(args, " "), out)
	return string(out)
}

// writeRaw writes what a disk's extents say into a sparse file: all that is not zero.
func writeRaw(t testing.TB, d disk.Disk, path string) {
	t.Helper()
	writePart(t, d, path, 0, d.Size())
}

// writePart writes a part of a disk.
func writePart(t testing.TB, d disk.Disk, path string, start, size int64) {
	t.Helper()
	f, err := os.Create(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	require.NoError(t, f.Truncate(size))
	at := int64(0)
	b := make([]byte, 1<<20)
	for e, err := range d.Extents(t.Context()) {
		require.NoError(t, err)
		require.Equal(t, at, e.Start, "extents have no gaps")
		require.Positive(t, e.Length)
		at += e.Length
		end := min(at, start+size)
		for from := max(e.Start, start); !e.Zero && from < end; from += int64(len(b)) {
			part := b[:min(int64(len(b)), end-from)]
			n, err := d.ReadAt(part, from)
			require.NoError(t, err)
			require.Len(t, part, n)
			_, err = f.WriteAt(part, from-start)
			require.NoError(t, err)
		}
	}
	require.Equal(t, d.Size(), at)
}
