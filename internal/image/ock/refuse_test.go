package ock_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/image/disk"
	"github.com/ocne-project/ocne/internal/image/imagetest"
	"github.com/ocne-project/ocne/internal/image/ock"
	"github.com/ocne-project/ocne/internal/image/xfs"
)

// usual are the options of the image that most of these tests change.
func usual() []string { return []string{"-m", "-m bigtime=0"} }

func TestInspectTellsWhatTheImageIs(t *testing.T) {
	info, err := ock.Inspect(t.Context(), open(t, testImage(t, usual()...)))
	require.NoError(t, err)
	require.Equal(t, "Oracle Linux Server 8.10 1.31 (ostree:0)", info.Title)
	require.Equal(t, "Oracle Linux Server 8.10 1.31", info.OS)
	require.Equal(t, ock.AMD64, info.Architecture)
	require.Equal(t, ock.PlatformQEMU, info.Platform)
	require.Equal(t, "/loader/entries/ostree-1-ock.conf", info.Entry)
	require.Contains(t, info.KernelArgs, "console=ttyS0")
	require.Equal(t, int64(682<<20), info.VirtualSize)
	require.False(t, info.Converted)

	info, err = ock.Inspect(t.Context(), open(t, testImage(t, "-a", "arm64")))
	require.NoError(t, err)
	require.Equal(t, ock.ARM64, info.Architecture)
}

func TestWrongArchitectureIsRefused(t *testing.T) {
	source := open(t, testImage(t, usual()...))
	_, err := ock.Convert(t.Context(), source, ock.Options{Architecture: ock.ARM64})
	wrong, ok := errors.AsType[*ock.ArchitectureError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, ock.ArchitectureError{Want: ock.ARM64, Have: ock.AMD64}, *wrong)
	_, err = ock.Convert(t.Context(), source, ock.Options{Architecture: ock.AMD64})
	require.NoError(t, err)
}

func TestEntryThatIsNotOneIsRefused(t *testing.T) {
	source := open(t, testImage(t, usual()...))
	replace := func(old, new string) func(string) string {
		return func(s string) string { return strings.ReplaceAll(s, old, new) }
	}
	for name, c := range map[string]struct {
		change func(string) string
		args   string
		err    error // nil: a NotOCKError
		says   string
	}{
		"no options":            {replace("options", "other"), "", nil, "no line of options"},
		"no platform":           {replace("ignition.platform", "other"), "", nil, "no ignition.platform.id"},
		"other platform":        {replace("=qemu", "=metal"), "", ock.ErrPlatform, "ignition.platform.id=metal"},
		"two platforms":         {replace("=qemu", "=qemu ignition.platform.id=qemu"), "", ock.ErrAmbiguous, "2 times"},
		"two consoles":          {replace("rw", "console=ttyS0"), "", ock.ErrAmbiguous, "2 times console=ttyS0"},
		"longer than its block": {replace("", ""), strings.Repeat("x", 4096), ock.ErrTooLong, "of 4096 bytes"},
		"two lines":             {replace("", ""), "quiet\ninit=/bin/sh", ock.ErrKernelArgs, `'\n'`},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := ock.WithEntry(t.Context(), source, c.change)
			require.NoError(t, err)
			_, err = ock.Convert(t.Context(), d, ock.Options{KernelArgs: c.args})
			require.ErrorContains(t, err, c.says)
			if c.err == nil {
				_, ok := errors.AsType[*ock.NotOCKError](err)
				require.True(t, ok, "%v", err)
				return
			}
			require.ErrorIs(t, err, c.err)
			_, ok := errors.AsType[*ock.RefusedError](err)
			require.True(t, ok, "%v", err)
		})
	}
}

func TestEntryThatFillsItsBlockIsConverted(t *testing.T) {
	source := open(t, testImage(t, usual()...))
	info, err := ock.Inspect(t.Context(), source)
	require.NoError(t, err)
	var length int
	_, err = ock.WithEntry(t.Context(), source, func(s string) string { length = len(s); return s })
	require.NoError(t, err)
	free := 4096 - length - len("openstack") + len("qemu") - len("tty0") + len("ttyS0") - 1
	c, err := ock.Convert(t.Context(), source, ock.Options{KernelArgs: strings.Repeat("x", free)})
	require.NoError(t, err)
	require.Greater(t, len(c.Info.KernelArgs), len(info.KernelArgs)+free)
	_, err = ock.Convert(t.Context(), source, ock.Options{KernelArgs: strings.Repeat("x", free+1)})
	require.ErrorIs(t, err, ock.ErrTooLong)
}

// TestShorterEntryLeavesNothingOfTheLonger converts an image whose text becomes shorter.
func TestShorterEntryLeavesNothingOfTheLonger(t *testing.T) {
	source := open(t, testImage(t, usual()...))
	d, err := ock.WithEntry(t.Context(), source, func(s string) string {
		return strings.ReplaceAll(strings.ReplaceAll(s, "=qemu", "=openstack"), "ttyS0", "ttyS0,115200n8")
	})
	require.NoError(t, err)
	c, err := ock.Convert(t.Context(), d, ock.Options{})
	require.NoError(t, err)
	require.True(t, c.Changed)
	raw := filepath.Join(imagetest.Scratch(t), "raw")
	writeRaw(t, c, raw)
	checkFileSystem(t, raw)
}

func TestNoOrSeveralEntriesAreRefused(t *testing.T) {
	_, err := ock.Inspect(t.Context(), open(t, testImage(t, "-n", "2")))
	require.ErrorContains(t, err, "has 2 loader entries, not one")
	_, err = ock.Inspect(t.Context(), open(t, testImage(t, "-n", "0")))
	require.ErrorContains(t, err, "has 0 loader entries, not one")
	_, ok := errors.AsType[*ock.NotOCKError](err)
	require.True(t, ok)
}

// TestFileThatCannotGrowInItsBlockIsRefused changes the inode of the loader's entry.
func TestFileThatCannotGrowInItsBlockIsRefused(t *testing.T) {
	source := open(t, testImage(t, usual()...))
	raw, offset, err := ock.EntryInode(t.Context(), source)
	require.NoError(t, err)
	const fork, extents, flags = 176, 79, 127
	for name, c := range map[string]struct {
		change func(b []byte)
		err    error
	}{
		"reflinked":   {func(b []byte) { b[flags] |= 2 }, ock.ErrShared},
		"unwritten":   {func(b []byte) { b[fork] |= 0x80 }, ock.ErrUnwritten},
		"no block":    {func(b []byte) { b[extents] = 0 }, ock.ErrSeveralExtents},
		"two extents": {func(b []byte) { b[extents] = 2; copy(b[fork+16:], b[fork:fork+16]); b[fork+22] = 2 }, ock.ErrSeveralExtents},
		"hole before": {func(b []byte) { b[fork+6] = 2 }, ock.ErrSeveralExtents},
	} {
		t.Run(name, func(t *testing.T) {
			b := bytes.Clone(raw)
			c.change(b)
			clear(b[100:104])
			binary.LittleEndian.PutUint32(b[100:], crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
			d, err := disk.NewOverlay(source, disk.Patch{Offset: offset, Data: b})
			require.NoError(t, err)
			_, err = ock.Convert(t.Context(), d, ock.Options{})
			require.ErrorIs(t, err, c.err)
			refused, ok := errors.AsType[*ock.RefusedError](err)
			require.True(t, ok)
			require.Equal(t, "/loader/entries/ostree-1-ock.conf", refused.Object)
		})
	}
}

func TestFileSystemThatWasNotUnmountedIsRefused(t *testing.T) {
	source := open(t, testImage(t, usual()...))
	at := logRecord(t, source)
	flags := make([]byte, 1)
	read(t, source, flags, at+512+9)
	d, err := disk.NewOverlay(source, disk.Patch{Offset: at + 512 + 9, Data: []byte{flags[0] &^ 0x20}})
	require.NoError(t, err)
	_, err = ock.Convert(t.Context(), d, ock.Options{})
	require.ErrorIs(t, err, ock.ErrUncleanLog)
}

// logRecord finds the first record of the boot partition's log, which in a new file system is the only one.
func logRecord(t *testing.T, d disk.Disk) int64 {
	t.Helper()
	b := make([]byte, 1<<20)
	for e, err := range d.Extents(t.Context()) {
		require.NoError(t, err)
		for at := e.Start; !e.Zero && at < e.Start+e.Length; at += int64(len(b)) {
			part := b[:min(int64(len(b)), e.Start+e.Length-at)]
			read(t, d, part, at)
			for i := 0; i < len(part); i += 512 {
				if binary.BigEndian.Uint32(part[i:]) == 0xFEEDBABE {
					return at + int64(i)
				}
			}
		}
	}
	require.Fail(t, "there is no log record")
	return 0
}

func TestFileSystemOfTomorrowIsRefused(t *testing.T) {
	source := open(t, testImage(t, usual()...))
	at := int64(1<<20 + 40<<20) // the boot partition, behind the EFI system partition
	b := make([]byte, 512)
	read(t, source, b, at)
	b[218] |= 1 // an incompatible feature
	clear(b[224:228])
	binary.LittleEndian.PutUint32(b[224:], crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
	d, err := disk.NewOverlay(source, disk.Patch{Offset: at, Data: b})
	require.NoError(t, err)
	_, err = ock.Convert(t.Context(), d, ock.Options{})
	_, ok := errors.AsType[*xfs.UnsupportedError](err)
	require.True(t, ok, "%v", err)
	require.ErrorContains(t, err, "unknown incompatible features 0x100")
}

func TestTruncatedImageIsRefusedWhenOpened(t *testing.T) {
	for _, format := range []string{"zlib", "none"} {
		t.Run(format, func(t *testing.T) {
			source := open(t, testImage(t, append(usual(), "-c", format)...))
			content, err := os.ReadFile(source.Path())
			require.NoError(t, err)
			path := filepath.Join(t.TempDir(), "boot.qcow2")
			require.NoError(t, os.WriteFile(path, content[:len(content)-100_000], 0o600))
			_, err = disk.Open(path)
			_, ok := errors.AsType[*disk.CorruptError](err)
			require.True(t, ok, "%v", err)
		})
	}
}

func TestImageWithABackingFileIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "over.qcow2")
	run(t, "qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", testImage(t, usual()...), path)
	_, err := disk.Open(path)
	_, ok := errors.AsType[*disk.UnsupportedError](err)
	require.True(t, ok, "%v", err)
	require.ErrorContains(t, err, "backing file")
}

func TestInterruptedWriteLeavesNothing(t *testing.T) {
	source := open(t, testImage(t, usual()...))
	c, err := ock.Convert(t.Context(), source, ock.Options{})
	require.NoError(t, err)
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	err = c.WriteFile(ctx, source, filepath.Join(dir, "target"), func(int64, int64) { cancel() })
	require.ErrorIs(t, err, context.Canceled)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}
