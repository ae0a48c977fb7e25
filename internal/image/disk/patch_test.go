package disk

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// somePatches has one in each cluster but every third, and one over the border of two.
func somePatches(size int64, cluster int64) []Patch {
	patches := []Patch{{Offset: 2*cluster - 3, Data: []byte("border")}}
	for at := 3 * cluster; at+100 < size; at += cluster {
		if at/cluster%3 != 0 {
			patches = append(patches, Patch{Offset: at + at/cluster, Data: []byte("patch of a cluster")})
		}
	}
	return patches
}

func patched(content []byte, patches []Patch) []byte {
	out := bytes.Clone(content)
	for _, p := range patches {
		copy(out[p.Offset:], p.Data)
	}
	return out
}

func TestOverlayAndFileWithPatchesAreTheSame(t *testing.T) {
	for name, l := range layouts() {
		if name == "tables that are not there" {
			continue // TestPatchInALargeHoleIsRefused
		}
		t.Run(name, func(t *testing.T) {
			b := build(t, l)
			path := b.write(t)
			image := openBuilt(t, b)
			patches := somePatches(image.Size(), 1<<l.clusterBits)
			want := patched(b.guest, patches)

			view, err := NewOverlay(image, patches...)
			require.NoError(t, err)
			got, err := readAll(t, view)
			require.NoError(t, err)
			require.True(t, bytes.Equal(want, got), "overlay by extents")
			require.NoError(t, readAnywhere(view, want, 4))

			require.NoError(t, Apply(path, patches...))
			changed, err := Open(path)
			require.NoError(t, err)
			got, err = readAll(t, changed)
			require.NoError(t, err)
			require.True(t, bytes.Equal(want, got), "in place")
			require.NoError(t, changed.Close())
			requireRightCounts(t, path)
			if _, err := exec.LookPath("qemu-img"); err != nil {
				t.Log("qemu-img is not installed (qemu-utils): only our own check of reference counts was made")
				return
			}
			out, err := exec.Command("qemu-img", "check", path).CombinedOutput()
			require.NoError(t, err, "%s", out)
		})
	}
}

// requireRightCounts counts the references to every cluster of a file and compares them with its refcounts, which are in one block.
func requireRightCounts(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	h, err := readHeader(path, bytes.NewReader(b), int64(len(b)))
	require.NoError(t, err)
	want := map[int64]int{0: 1, h.l1 >> h.clusterBits: 1, h.refcounts >> h.clusterBits: 1}
	for at := h.refcounts; at < h.refcounts+h.refcountBytes; at += 8 {
		if block := int64(binary.BigEndian.Uint64(b[at:])); block != 0 {
			want[block>>h.clusterBits]++
		}
	}
	for i := range h.l1Entries {
		table := int64(binary.BigEndian.Uint64(b[h.l1+i*8:]) & offsetMask)
		if table == 0 {
			continue
		}
		want[table>>h.clusterBits]++
		for k := range h.tableEntries() {
			entry := binary.BigEndian.Uint64(b[table+k*8:])
			start, end := int64(entry&offsetMask), int64(entry&offsetMask)+1
			if entry&flagCompressed != 0 {
				start, end = h.compressed(entry)
			}
			for c := start >> h.clusterBits; start != 0 && c <= (end-1)>>h.clusterBits; c++ {
				want[c]++
			}
		}
	}
	perBlock := h.cluster() / 2
	for c := range int64(len(b)) >> h.clusterBits {
		block := int64(binary.BigEndian.Uint64(b[h.refcounts+c/perBlock*8:]))
		got := 0
		if block != 0 {
			got = int(binary.BigEndian.Uint16(b[block+c%perBlock*2:]))
		}
		require.Equal(t, want[c], got, "references to cluster %d", c)
	}
}

func TestImageGrowsByARefcountBlock(t *testing.T) {
	b := build(t, allKinds(3, 9))
	path := b.write(t)
	// With clusters of 512 bytes a refcount block counts 256 of them: the next cluster is the first of another block.
	require.NoError(t, os.Truncate(path, 256*512))
	patches := []Patch{{Offset: 3*512 + 5, Data: []byte("new cluster")}}
	require.NoError(t, Apply(path, patches...))
	image, err := Open(path)
	require.NoError(t, err)
	got, err := readAll(t, image)
	require.NoError(t, err)
	require.NoError(t, image.Close())
	require.True(t, bytes.Equal(patched(b.guest, patches), got))
	requireRightCounts(t, path)
}

func TestFullRefcountTableIsRefused(t *testing.T) {
	path := build(t, allKinds(3, 9)).write(t)
	require.NoError(t, os.Truncate(path, 64*256*512)) // 64 refcount blocks of 256 clusters
	err := Apply(path, Patch{Offset: 3 * 512, Data: []byte("x")})
	require.ErrorIs(t, err, ErrReadOnlyFeature)
	require.ErrorContains(t, err, "table is full")
}

func TestPatchInALargeHoleIsRefused(t *testing.T) {
	b := build(t, sparse())
	err := Apply(b.write(t), Patch{Offset: 0, Data: []byte("x")})
	require.ErrorIs(t, err, ErrReadOnlyFeature)
	require.ErrorContains(t, err, "large hole")
}

func TestImageThatCannotBeChangedInPlaceIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func([]byte)
		says   string
	}{
		"snapshots":             {func(b []byte) { binary.BigEndian.PutUint32(b[60:], 1) }, "snapshots"},
		"bitmaps":               {func(b []byte) { binary.BigEndian.PutUint64(b[88:], 1) }, "autoclear"},
		"refcounts":             {func(b []byte) { binary.BigEndian.PutUint32(b[96:], 3) }, "8 bits"},
		"shared L2":             {func(b []byte) { b[binary.BigEndian.Uint64(b[40:])] &^= 0x80 }, "shared L2"},
		"counts behind the end": {func(b []byte) { binary.BigEndian.PutUint64(b[binary.BigEndian.Uint64(b[48:]):], 1<<20) }, "a reference count cannot"},
		"counts at no cluster":  {func(b []byte) { binary.BigEndian.PutUint64(b[binary.BigEndian.Uint64(b[48:]):], 513) }, "a refcount block at byte 513"},
		"wrong count": {func(b []byte) {
			b[binary.BigEndian.Uint64(b[binary.BigEndian.Uint64(b[48:]):])+uint64(len(b)/512*2)+1] = 1
		}, "would become 2"},
	} {
		t.Run(name, func(t *testing.T) {
			b := build(t, allKinds(3, 9))
			c.change(b.file)
			path := b.write(t)
			image, err := Open(path)
			require.NoError(t, err, "it can be read")
			require.NoError(t, image.Close())
			require.ErrorContains(t, Apply(path, Patch{Offset: 3 * 512, Data: []byte("x")}), c.says)
		})
	}
}

func TestPatchesOutsideOfTheDiskOrOverlappingAreRefused(t *testing.T) {
	image := openBuilt(t, build(t, allKinds(3, 9)))
	for name, patches := range map[string][]Patch{
		"before":      {{Offset: -1, Data: []byte("x")}},
		"behind":      {{Offset: image.Size() - 1, Data: []byte("xy")}},
		"overlapping": {{Offset: 10, Data: []byte("xy")}, {Offset: 11, Data: []byte("x")}},
		"nothing":     {{Offset: 10}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewOverlay(image, patches...)
			require.ErrorContains(t, err, "overlap others or are outside")
		})
	}
}

func TestCopyKeepsContentAndHolesAndTellsProgress(t *testing.T) {
	dir := t.TempDir()
	from, err := os.Create(filepath.Join(dir, "from"))
	require.NoError(t, err)
	defer func() { require.NoError(t, from.Close()) }()
	const size = 40 << 20
	require.NoError(t, from.Truncate(size))
	_, err = from.WriteAt(bytes.Repeat([]byte("data"), 5<<20), 1<<20)
	require.NoError(t, err)
	to, err := os.Create(filepath.Join(dir, "to"))
	require.NoError(t, err)
	defer func() { require.NoError(t, to.Close()) }()
	var seen [][2]int64
	require.NoError(t, CopyFile(t.Context(), to, from, func(done, total int64) { seen = append(seen, [2]int64{done, total}) }))
	require.Greater(t, len(seen), 1)
	last := seen[len(seen)-1]
	require.Equal(t, last[1], last[0])
	require.Less(t, last[1], int64(size), "holes are not copied")
	a, err := os.ReadFile(from.Name())
	require.NoError(t, err)
	b, err := os.ReadFile(to.Name())
	require.NoError(t, err)
	require.True(t, bytes.Equal(a, b))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, CopyFile(ctx, to, from, nil), context.Canceled)
}
