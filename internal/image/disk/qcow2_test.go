package disk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func layouts() map[string]layout {
	zlib, zstd, small, old := allKinds(3, 12), allKinds(3, 12), allKinds(3, 9), allKinds(2, 12)
	zstd.zstd = true
	small.short, zlib.short = 0, 3*sector
	return map[string]layout{"zlib, last cluster is not whole": zlib, "zstd": zstd, "512-byte clusters": small, "version 2": old,
		"64 KiB clusters": allKinds(3, 16), "tables that are not there": sparse()}
}

// sparse has whole L2 tables of holes: with clusters of 512 bytes a table has 64 entries.
func sparse() layout {
	l := layout{version: 3, clusterBits: 9, clusters: make([]kind, 400)}
	l.clusters[70], l.clusters[300], l.clusters[399] = data, packed, data
	return l
}

// readAll reads a disk by its extents: what is said to be zero is not read.
func readAll(t testing.TB, d Disk) ([]byte, error) {
	out := make([]byte, 0, d.Size())
	for e, err := range d.Extents(t.Context()) {
		if err != nil {
			return nil, err
		}
		if e.Start != int64(len(out)) || e.Length <= 0 {
			return nil, fmt.Errorf("extent %+v after %d bytes", e, len(out))
		}
		b := make([]byte, e.Length)
		if !e.Zero {
			if _, err := d.ReadAt(b, e.Start); err != nil {
				return nil, err
			}
		}
		out = append(out, b...)
	}
	if int64(len(out)) != d.Size() {
		return nil, fmt.Errorf("extents cover %d bytes of %d", len(out), d.Size())
	}
	return out, nil
}

func openBuilt(t testing.TB, b built) *Image {
	t.Helper()
	image, err := Open(b.write(t))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, image.Close()) })
	return image
}

func TestEveryKindOfClusterReadsAsWritten(t *testing.T) {
	for name, l := range layouts() {
		t.Run(name, func(t *testing.T) {
			b := build(t, l)
			image := openBuilt(t, b)
			require.Equal(t, QCOW2, image.Format())
			require.Equal(t, int64(len(b.guest)), image.Size())
			got, err := readAll(t, image)
			require.NoError(t, err)
			require.True(t, bytes.Equal(b.guest, got), "by extents")
			require.NoError(t, readAnywhere(image, b.guest, 1))
		})
	}
}

// readAnywhere compares reads of random places and lengths, some of which end behind the disk.
func readAnywhere(d Disk, want []byte, seed uint64) error {
	random := rand.New(rand.NewPCG(seed, 2))
	size := int64(len(want))
	for range 200 {
		off, length := random.Int64N(size), 1+random.Int64N(20000)
		p := make([]byte, length)
		n, err := d.ReadAt(p, off)
		expected := want[off:min(off+length, size)]
		if n != len(expected) || !bytes.Equal(p[:n], expected) {
			return fmt.Errorf("%d bytes at %d: got %d other ones: %w", length, off, n, err)
		}
		if atEnd := off+length > size; atEnd != errors.Is(err, io.EOF) {
			return fmt.Errorf("%d bytes at %d of %d: %w", length, off, size, err)
		}
	}
	return nil
}

func TestSeveralGoroutinesReadAtOnce(t *testing.T) {
	b := build(t, allKinds(3, 12))
	image := openBuilt(t, b)
	failed := make([]error, 8)
	var wg sync.WaitGroup
	for i := range failed {
		wg.Go(func() { failed[i] = readAnywhere(image, b.guest, uint64(i)) })
	}
	wg.Wait()
	require.NoError(t, errors.Join(failed...))
}

func TestTruncatedFileIsNeverReadAsWhole(t *testing.T) {
	zstd := layout{version: 3, clusterBits: 12, zstd: true, clusters: []kind{packed, packed, packed}}
	for name, l := range map[string]layout{"zlib": allKinds(3, 9), "zstd": zstd} {
		t.Run(name, func(t *testing.T) {
			b := build(t, l)
			whole := bytes.TrimRight(b.file, "\x00") // zeros at the end are no data
			for n := len(qcow2Magic); n < len(whole)-4; n += 61 {
				d, err := newQCOW2("image", bytes.NewReader(whole[:n]), int64(n))
				if err == nil {
					_, err = readAll(t, d)
				}
				damaged, ok := errors.AsType[*CorruptError](err)
				require.True(t, ok, "%d bytes of %d: %v", n, len(whole), err)
				require.Contains(t, damaged.Error(), "image is truncated or damaged")
			}
		})
	}
}

func TestImageThatIsNotReadIsRefusedWithTheReason(t *testing.T) {
	u32 := func(at int, v uint32) func([]byte) { return func(b []byte) { binary.BigEndian.PutUint32(b[at:], v) } }
	u64 := func(at int, v uint64) func([]byte) { return func(b []byte) { binary.BigEndian.PutUint64(b[at:], v) } }
	for name, c := range map[string]struct {
		change func([]byte)
		says   string
	}{
		"backing file":         {u64(8, 4096), "backing file"},
		"encryption":           {u32(32, 2), "encrypted"},
		"version 1":            {u32(4, 1), "version 1"},
		"version 4":            {u32(4, 4), "version 4"},
		"dirty":                {u64(72, incompatibleDirty), "dirty or corrupt"},
		"corrupt":              {u64(72, incompatibleCorrupt), "dirty or corrupt"},
		"external data":        {u64(72, incompatibleExternalData), "in another file"},
		"extended L2":          {u64(72, incompatibleExtendedL2), "extended L2"},
		"unknown feature":      {u64(72, 1<<40), "0x10000000000"},
		"unknown compression":  {func(b []byte) { b[104] = 2 }, "unknown method 2"},
		"compression bit":      {func(b []byte) { b[104] = 1 }, "contradicts"},
		"clusters too small":   {u32(20, 8), "2^8"},
		"clusters too large":   {u32(20, 22), "2^22"},
		"no cluster size":      {u32(20, 0xffffffff), "2^4294967295"},
		"no size":              {u64(24, 0), "virtual size of 0"},
		"odd size":             {u64(24, 1000), "virtual size of 1000"},
		"16 TiB":               {u64(24, 16<<40), "at most"},
		"negative size":        {u64(24, 1<<63), "at most"},
		"L1 too small":         {u32(36, 0), "an L1 table of 0 entries"},
		"L1 too large":         {u32(36, 1<<31), "an L1 table of 2147483648 entries"},
		"L1 behind the end":    {u64(40, 1<<30), "the L1 table at byte 1073741824"},
		"L1 at no cluster":     {u64(40, 4097), "the L1 table at byte 4097"},
		"L1 far away":          {u64(40, 1<<63), "the L1 table at byte"},
		"no refcount table":    {u32(56, 0), "a refcount table of 0 bytes"},
		"refcount table large": {u32(56, 1<<31), "a refcount table of"},
		"refcounts far away":   {u64(48, 1<<40), "the refcount table at byte"},
		"header length":        {u32(100, 1<<31), "a header of 2147483648"},
		"refcount width":       {u32(96, 7), "2^7 bits"},
	} {
		t.Run(name, func(t *testing.T) {
			b := build(t, allKinds(3, 12))
			c.change(b.file)
			_, err := Open(b.write(t))
			require.ErrorContains(t, err, c.says)
			_, unsupported := errors.AsType[*UnsupportedError](err)
			_, corrupt := errors.AsType[*CorruptError](err)
			require.True(t, unsupported != corrupt, "%v", err)
		})
	}
}

func TestTablesThatPointOutsideTheFileAreRefused(t *testing.T) {
	for name, entry := range map[string]uint64{
		"data behind the end":       1<<40 | flagCopied,
		"data at no cluster":        512 | flagCopied,
		"compressed behind the end": flagCompressed | 1<<40,
		"compressed at nothing":     flagCompressed,
	} {
		t.Run(name, func(t *testing.T) {
			b := build(t, allKinds(3, 12))
			l1 := binary.BigEndian.Uint64(b.file[40:])
			l2 := binary.BigEndian.Uint64(b.file[l1:]) & offsetMask
			binary.BigEndian.PutUint64(b.file[l2+8:], entry)
			_, err := Open(b.write(t))
			damaged, ok := errors.AsType[*CorruptError](err)
			require.True(t, ok, "%v", err)
			require.Equal(t, int64(l2)+8, damaged.Offset)
		})
	}
}

func TestDamagedCompressedDataIsAnErrorAtItsPlace(t *testing.T) {
	l := layout{version: 3, clusterBits: 12, clusters: []kind{data, packed}}
	b := build(t, l)
	l1 := binary.BigEndian.Uint64(b.file[40:])
	l2 := binary.BigEndian.Uint64(b.file[l1:]) & offsetMask
	at := binary.BigEndian.Uint64(b.file[l2+8:]) & (1<<58 - 1)
	b.file[at] = 0xff // a block type that deflate does not have
	_, err := readAll(t, openBuilt(t, b))
	damaged, ok := errors.AsType[*CorruptError](err)
	require.True(t, ok, "%v", err)
	require.True(t, damaged.Guest)
	require.Equal(t, int64(4096), damaged.Offset)
}

func TestRawFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "disk.raw")
	content := append(bytes.Repeat([]byte("x"), 1<<20), make([]byte, 8<<20)...)
	copy(content[5<<20:], "in the middle")
	f, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, f.Truncate(int64(len(content))))
	for _, e := range []Extent{{Start: 0, Length: 1 << 20}, {Start: 5 << 20, Length: 4096}} {
		_, err := f.WriteAt(content[e.Start:e.Start+e.Length], e.Start)
		require.NoError(t, err)
	}
	require.NoError(t, f.Close())
	image, err := Open(path)
	require.NoError(t, err)
	require.Equal(t, Raw, image.Format())
	got, err := readAll(t, image)
	require.NoError(t, err)
	require.True(t, bytes.Equal(content, got))
	require.NoError(t, readAnywhere(image, content, 3))
	require.NoError(t, image.Close())

	require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("no disk", 100)), 0o600))
	_, err = Open(path)
	require.ErrorContains(t, err, "no number of sectors")
}
