package disk

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
)

// kind is how a cluster is stored.
type kind int

const (
	hole kind = iota
	zero
	zeroWithPlace
	data
	packed
)

// layout describes a qcow2 file for tests.
type layout struct {
	version     uint32
	clusterBits uint
	zstd        bool
	short       int64 // bytes that the last cluster lacks
	clusters    []kind
}

// allKinds has every kind beside every other, and L2 tables that are not there.
func allKinds(version uint32, bits uint) layout {
	l := layout{version: version, clusterBits: bits}
	for range 3 {
		for _, k := range []kind{data, data, hole, packed, packed, zero, data, zeroWithPlace, packed, hole, hole} {
			if version < 3 && (k == zero || k == zeroWithPlace) {
				k = hole
			}
			l.clusters = append(l.clusters, k)
		}
	}
	return l
}

// built is a qcow2 file and what the guest sees.
type built struct {
	file  []byte
	guest []byte
}

// build makes a qcow2 file with right reference counts: header, refcount table, refcount block, L1 table, L2 tables, data.
func build(t testing.TB, l layout) built {
	t.Helper()
	b := &builder{layout: l, cluster: 1 << l.clusterBits, counts: map[int]int{}}
	perTable := b.cluster / 8
	tables := (len(l.clusters) + perTable - 1) / perTable
	table, block, l1 := b.allocate(), b.allocate(), b.allocate()
	require.LessOrEqual(t, tables*8, b.cluster, "one cluster of L1 table")
	random := rand.New(rand.NewPCG(1, uint64(l.clusterBits)))
	for i := range tables {
		first, last := i*perTable, min((i+1)*perTable, len(l.clusters))
		if allHoles(l.clusters[first:last]) {
			b.guest = append(b.guest, make([]byte, (last-first)*b.cluster)...)
			continue
		}
		l2 := b.allocate()
		binary.BigEndian.PutUint64(b.file[l1+i*8:], uint64(l2)|flagCopied)
		for k, kind := range l.clusters[first:last] {
			entry := b.store(t, kind, random)
			binary.BigEndian.PutUint64(b.file[l2+k*8:], entry)
		}
	}
	b.guest = b.guest[:int64(len(b.guest))-l.short]
	binary.BigEndian.PutUint64(b.file[table:], uint64(block))
	require.LessOrEqual(t, len(b.file)/b.cluster, b.cluster/2, "one refcount block")
	for cluster, count := range b.counts {
		binary.BigEndian.PutUint16(b.file[block+cluster*2:], uint16(count))
	}
	b.header(table, l1, tables)
	return built{file: b.file, guest: b.guest}
}

type builder struct {
	layout
	cluster     int
	file, guest []byte
	counts      map[int]int
	packedAt    int // where the next compressed data may begin, in a cluster that has room; 0: none
}

// allocate gives the place of a new cluster. The first one is the header's.
func (b *builder) allocate() int {
	if len(b.file) == 0 {
		b.counts[0]++
		b.file = make([]byte, b.cluster)
	}
	place := len(b.file)
	b.file = append(b.file, make([]byte, b.cluster)...)
	b.counts[place/b.cluster]++
	return place
}

func allHoles(kinds []kind) bool {
	for _, k := range kinds {
		if k != hole {
			return false
		}
	}
	return true
}

// store stores one cluster and returns its L2 entry.
func (b *builder) store(t testing.TB, k kind, random *rand.Rand) uint64 {
	content := make([]byte, b.cluster)
	if k == data || k == packed {
		for i := range content {
			content[i] = byte(random.IntN(4)) // it can be compressed
		}
	}
	b.guest = append(b.guest, content...)
	switch k {
	case zero:
		return flagZero
	case zeroWithPlace:
		return uint64(b.allocate()) | flagCopied | flagZero
	case data:
		place := b.allocate()
		copy(b.file[place:], content)
		return uint64(place) | flagCopied
	case packed:
		return b.pack(t, content)
	}
	return 0
}

// pack stores compressed data behind the last, as QEMU does: several clusters share a sector.
func (b *builder) pack(t testing.TB, content []byte) uint64 {
	compressed := compress(t, content, b.zstd)
	if b.packedAt == 0 || b.packedAt%b.cluster == 0 || b.packedAt%b.cluster+len(compressed) > b.cluster {
		b.packedAt = b.allocate()
		b.counts[b.packedAt/b.cluster]--
	}
	start := b.packedAt
	copy(b.file[start:], compressed)
	b.packedAt += len(compressed)
	b.counts[start/b.cluster]++
	sectors := (start+len(compressed)-1)/sector - start/sector
	return flagCompressed | uint64(sectors)<<(62-(b.clusterBits-8)) | uint64(start)
}

func compress(t testing.TB, content []byte, useZstd bool) []byte {
	var out bytes.Buffer
	if useZstd {
		w, err := zstd.NewWriter(&out, zstd.WithEncoderConcurrency(1))
		require.NoError(t, err)
		_, err = w.Write(content)
		require.NoError(t, err)
		require.NoError(t, w.Close())
	} else {
		w, err := flate.NewWriter(&out, flate.BestCompression)
		require.NoError(t, err)
		_, err = w.Write(content)
		require.NoError(t, err)
		require.NoError(t, w.Close())
	}
	require.LessOrEqual(t, out.Len(), len(content))
	return out.Bytes()
}

func (b *builder) header(table, l1, tables int) {
	h := b.file
	copy(h, qcow2Magic)
	binary.BigEndian.PutUint32(h[4:], b.version)
	binary.BigEndian.PutUint32(h[20:], uint32(b.clusterBits))
	binary.BigEndian.PutUint64(h[24:], uint64(len(b.guest)))
	binary.BigEndian.PutUint32(h[36:], uint32(tables))
	binary.BigEndian.PutUint64(h[40:], uint64(l1))
	binary.BigEndian.PutUint64(h[48:], uint64(table))
	binary.BigEndian.PutUint32(h[56:], 1)
	if b.version == 2 {
		return
	}
	binary.BigEndian.PutUint32(h[96:], 4)
	binary.BigEndian.PutUint32(h[100:], longHeaderLength)
	if b.zstd {
		binary.BigEndian.PutUint64(h[72:], incompatibleCompression)
		h[104] = 1
	}
}

// write writes a file for Open.
func (b built) write(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image.qcow2")
	require.NoError(t, os.WriteFile(path, b.file, 0o600))
	return path
}
