package bootimage

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// convert makes the image for OLVM from an OCK image.
func convert(t *testing.T, image image, source string) string {
	t.Helper()
	converted := filepath.Join(t.TempDir(), "olvm.raw")
	image.run(t, "qemu-img", "convert", "-O", "raw", source, converted)
	f, err := os.OpenFile(converted, os.O_RDWR, 0)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	for block, at := make([]byte, 4096), int64(0); ; at += 4096 {
		_, err := f.ReadAt(block, at)
		require.NotErrorIs(t, err, io.EOF, "no loader entry")
		if !bytes.HasPrefix(block, []byte("title ")) || !bytes.Contains(block, []byte("\noptions ")) {
			continue
		}
		text := bytes.Replace(block, []byte("platform.id=qemu"), []byte("platform.id=openstack"), 1)
		text = bytes.Replace(text, []byte("console=ttyS0"), []byte("console=tty0"), 1)
		text = bytes.Replace(text, []byte("title Orac"), []byte("title "), 1)
		require.Len(t, text, len(block))
		_, err = f.WriteAt(text, at)
		require.NoError(t, err)
		return converted
	}
}
