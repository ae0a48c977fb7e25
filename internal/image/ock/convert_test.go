package ock_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/image/disk"
	"github.com/ocne-project/ocne/internal/image/imagetest"
	"github.com/ocne-project/ocne/internal/image/ock"
)

// variants are the images that a conversion has to be right for.
func variants() map[string][]string {
	return map[string][]string{
		"plain":               {"-c", "none", "-m", "-m bigtime=0"},
		"zlib":                {"-m", "-m bigtime=0"},
		"zstd":                {"-c", "zstd"},
		"zlib, 4 KiB sectors": {"-m", "-s size=4096"},
		"zstd, 4 KiB cluster": {"-c", "zstd", "-o", "cluster_size=4096"},
		"plain, 2 MiB, lazy":  {"-c", "none", "-o", "cluster_size=2M,lazy_refcounts=on"},
		"plain, version 2":    {"-c", "none", "-o", "compat=0.10"},
		"nrext64":             {"-m", "-i nrext64=1"},
		"rmapbt":              {"-m", "-m rmapbt=1"},
		"no inobtcount":       {"-m", "-m bigtime=0,inobtcount=0,reflink=0"},
		"1 KiB blocks":        {"-m", "-b size=1024"},
		"64 KiB dir blocks":   {"-m", "-n size=65536 -i size=2048"},
		"raw":                 {"-f", "raw"},
		"arm64":               {"-a", "arm64"},
	}
}

const args = "ip=10.0.0.1 quiet"

func TestConvertedImageIsWholeAndHasTheOLVMForm(t *testing.T) {
	for name, options := range variants() {
		t.Run(name, func(t *testing.T) {
			source := open(t, testImage(t, options...))
			before, err := ock.Inspect(t.Context(), source)
			require.NoError(t, err)
			require.Equal(t, ock.PlatformQEMU, before.Platform)
			require.False(t, before.Converted)

			c, err := ock.Convert(t.Context(), source, ock.Options{KernelArgs: args})
			require.NoError(t, err)
			require.True(t, c.Changed)
			want := strings.NewReplacer("platform.id=qemu", "platform.id=openstack", "console=ttyS0", "console=tty0").Replace(before.KernelArgs) + " " + args
			require.Equal(t, want, c.Info.KernelArgs)
			require.True(t, c.Info.Converted)
			require.Equal(t, before.Title, c.Info.Title)

			dir := imagetest.Scratch(t)
			target, view := filepath.Join(dir, "target"), filepath.Join(dir, "view")
			require.NoError(t, c.WriteFile(t.Context(), source, target, nil))
			writeRaw(t, c, view)
			require.Contains(t, run(t, "qemu-img", "compare", "-f", "raw", "-F", string(source.Format()), view, target), "Images are identical")
			if source.Format() == disk.QCOW2 {
				require.Contains(t, run(t, "qemu-img", "check", target), "No errors were found")
			}
			requireOnlyEntryDiffers(t, source, c)
			checkFileSystem(t, view)
		})
	}
}

// checkFileSystem lets xfs_repair judge the boot partition of a raw disk.
func checkFileSystem(t *testing.T, raw string) {
	t.Helper()
	boot := bootPartition(t, raw)
	run(t, "xfs_repair", "-n", boot)
	require.NoError(t, os.Remove(boot))
}

// bootPartition cuts the boot partition out of a raw disk, at the place that sgdisk tells.
func bootPartition(t *testing.T, raw string) string {
	t.Helper()
	var first, last int64
	for _, line := range strings.Split(run(t, "sgdisk", "-i", "2", raw), "\n") {
		_, _ = fmt.Sscanf(line, "First sector: %d", &first)
		_, _ = fmt.Sscanf(line, "Last sector: %d", &last)
	}
	require.Positive(t, first)
	boot := raw + ".boot"
	writePart(t, open(t, raw), boot, first*512, (last-first+1)*512)
	return boot
}

// requireOnlyEntryDiffers compares two disks: bytes differ in two blocks of 4 KiB at most, the entry's text and its inode.
func requireOnlyEntryDiffers(t *testing.T, before, after disk.Disk) {
	t.Helper()
	const block = 4096
	changed := 0
	a, b := make([]byte, 1<<20), make([]byte, 1<<20)
	for e, err := range after.Extents(t.Context()) {
		require.NoError(t, err)
		for at := e.Start; !e.Zero && at < e.Start+e.Length; at += int64(len(a)) {
			n := min(int64(len(a)), e.Start+e.Length-at)
			read(t, before, a[:n], at)
			read(t, after, b[:n], at)
			for i := int64(0); i < n; i += block {
				if end := min(i+block, n); !bytes.Equal(a[i:end], b[i:end]) {
					changed++
				}
			}
		}
	}
	require.Equal(t, 2, changed)
}

func read(t *testing.T, d disk.Disk, p []byte, at int64) {
	t.Helper()
	n, err := d.ReadAt(p, at)
	if err != nil {
		require.ErrorIs(t, err, io.EOF)
	}
	require.Len(t, p, n)
}

func TestConvertedImageIsLeftAsItIs(t *testing.T) {
	source := open(t, testImage(t))
	dir := imagetest.Scratch(t)
	first, second := filepath.Join(dir, "first"), filepath.Join(dir, "second")
	c, err := ock.Convert(t.Context(), source, ock.Options{KernelArgs: args})
	require.NoError(t, err)
	require.NoError(t, c.WriteFile(t.Context(), source, first, nil))

	converted := open(t, first)
	again, err := ock.Convert(t.Context(), converted, ock.Options{KernelArgs: args})
	require.NoError(t, err)
	require.False(t, again.Changed)
	require.True(t, again.Info.Converted)
	require.NoError(t, again.WriteFile(t.Context(), converted, second, nil))
	run(t, "cmp", first, second)
}

func TestOneFlippedBitInTheInodeIsRefused(t *testing.T) {
	source := open(t, testImage(t, "-m", "-m bigtime=0"))
	c, err := ock.Convert(t.Context(), source, ock.Options{})
	require.NoError(t, err)
	raw := filepath.Join(imagetest.Scratch(t), "raw")
	writeRaw(t, c, raw)
	at := c.InodeOffset()
	f, err := os.OpenFile(raw, os.O_RDWR, 0)
	require.NoError(t, err)
	b := make([]byte, 1)
	_, err = f.ReadAt(b, at+44) // in its times
	require.NoError(t, err)
	b[0] ^= 1
	_, err = f.WriteAt(b, at+44)
	require.NoError(t, err)
	require.NoError(t, f.Close())

	_, err = ock.Inspect(t.Context(), open(t, raw))
	require.ErrorContains(t, err, "bad CRC")
	out, err := exec.Command("xfs_repair", "-n", bootPartition(t, raw)).CombinedOutput()
	require.Error(t, err, "xfs_repair sees it too")
	require.Contains(t, string(out), "bad CRC for inode")
}
