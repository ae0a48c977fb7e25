package ock

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"iter"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/image/disk"
	"github.com/ocne-project/ocne/internal/image/imagetest"
)

const diskSize = 1 << 20

// memory is a disk of zeros with bytes at its beginning.
type memory struct {
	content []byte
	size    int64
	outside bool // a read began outside
}

func (m *memory) Size() int64 { return m.size }

func (m *memory) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off > m.size {
		m.outside = true
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), m.size-off))
	clear(p[:n])
	if off < int64(len(m.content)) {
		copy(p[:n], m.content[off:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (m *memory) Extents(context.Context) iter.Seq2[disk.Extent, error] {
	return func(yield func(disk.Extent, error) bool) { yield(disk.Extent{Length: m.size}, nil) }
}

// gptEntry is a partition for table.
type gptEntry struct {
	name        string
	first, last uint64
}

// table makes a partition table for a disk of diskSize bytes.
func table(entries ...gptEntry) []byte {
	b := make([]byte, 34*sectorSize)
	h, array := b[sectorSize:2*sectorSize], b[2*sectorSize:]
	copy(h, "EFI PART\x00\x00\x01\x00\x5c\x00\x00\x00")
	for at, value := range map[int]uint64{24: 1, 32: diskSize/sectorSize - 1, 40: 34, 48: diskSize/sectorSize - 34, 72: 2} {
		binary.LittleEndian.PutUint64(h[at:], value)
	}
	binary.LittleEndian.PutUint32(h[80:], gptEntrySize)
	binary.LittleEndian.PutUint32(h[84:], gptEntrySize)
	for i, e := range entries {
		p := array[i*gptEntrySize:]
		p[0], p[16] = 1, byte(i+1)
		binary.LittleEndian.PutUint64(p[32:], e.first)
		binary.LittleEndian.PutUint64(p[40:], e.last)
		for k, c := range utf16.Encode([]rune(e.name)) {
			binary.LittleEndian.PutUint16(p[56+2*k:], c)
		}
	}
	return sign(b)
}

// sign makes the checksums right.
func sign(b []byte) []byte {
	h := b[sectorSize:]
	binary.LittleEndian.PutUint32(h[88:], crc32.ChecksumIEEE(b[2*sectorSize:]))
	clear(h[16:20])
	binary.LittleEndian.PutUint32(h[16:], crc32.ChecksumIEEE(h[:92]))
	return b
}

func TestDiskThatIsNotOfOCKIsRefusedWithTheReason(t *testing.T) {
	esp := gptEntry{"EFI-SYSTEM", 40, 100}
	change := func(at int, v uint32) []byte {
		b := table(esp)
		binary.LittleEndian.PutUint32(b[sectorSize+at:], v)
		return sign(b)
	}
	for name, c := range map[string]struct {
		content []byte
		says    string
	}{
		"empty":            {nil, "no GUID partition table"},
		"no boot":          {table(esp), `0 partitions named "boot"`},
		"two":              {table(gptEntry{"boot", 40, 50}, gptEntry{"boot", 60, 70}), `2 partitions named "boot"`},
		"behind the end":   {table(gptEntry{"boot", 40, diskSize / sectorSize}), "sectors 40 to 2048 of a disk of 2048"},
		"far away":         {table(gptEntry{"boot", 1 << 62, 1<<64 - 1}), "of a disk of 2048"},
		"inside out":       {table(gptEntry{"boot", 50, 40}), "sectors 50 to 40"},
		"not XFS":          {table(gptEntry{"boot", 40, 100}), "magic number is missing"},
		"entries of none":  {change(84, 0), "128 entries of 0 bytes"},
		"entries of much":  {change(84, 1<<31), "entries of 2147483648 bytes"},
		"too many entries": {change(80, 1<<31), "2147483648 entries"},
		"array far away":   {change(72, 1<<31), "at sector 2147483648"},
		"damaged header":   {func() []byte { b := table(esp); b[sectorSize+56] ^= 1; return b }(), "damaged"},
		"damaged entries":  {func() []byte { b := table(esp); b[2*sectorSize] ^= 2; return b }(), "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Inspect(t.Context(), &memory{content: c.content, size: diskSize})
			require.ErrorContains(t, err, c.says)
			if name != "not XFS" {
				_, ok := errors.AsType[*NotOCKError](err)
				require.True(t, ok, "%v", err)
			}
		})
	}
	_, err := Inspect(t.Context(), &memory{size: 512})
	require.ErrorContains(t, err, "no partition table")
}

// FuzzGPT changes a partition table, with checksums made right, so that the changes are read.
func FuzzGPT(f *testing.F) {
	whole := table(gptEntry{"EFI-SYSTEM", 40, 100}, gptEntry{"boot", 200, 300}, gptEntry{"root", 400, 500})
	f.Add(whole[sectorSize:2*sectorSize], whole[2*sectorSize:])
	f.Add(whole[sectorSize:sectorSize+92], []byte{})
	f.Fuzz(func(t *testing.T, header, entries []byte) {
		b := bytes.Clone(whole)
		copy(b[sectorSize:2*sectorSize], header)
		copy(b[2*sectorSize:], entries)
		d := &memory{content: sign(b), size: diskSize}
		before := imagetest.Allocated()
		part, err := findPartition(d, bootPartition)
		if err == nil {
			require.GreaterOrEqual(t, part.start, int64(0))
			require.Positive(t, part.size)
			require.LessOrEqual(t, part.size, diskSize-part.start)
		}
		require.False(t, d.outside, "a read outside the disk")
		require.Less(t, imagetest.Allocated()-before, uint64(16<<20), "bytes allocated")
	})
}
