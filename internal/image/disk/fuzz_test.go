package disk

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/image/imagetest"
)

// bounded is a file that remembers reads that begin outside.
type bounded struct {
	*bytes.Reader
	outside bool
}

func (b *bounded) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off > b.Size() {
		b.outside = true
	}
	return b.Reader.ReadAt(p, off)
}

// FuzzQCOW2 opens and reads files that no program wrote. Nothing may panic, read outside the file, allocate or run without bound, or return bytes
// without an error that are not there.
func FuzzQCOW2(f *testing.F) {
	kinds := []kind{packed, data, hole, zero, packed}
	for _, l := range []layout{{version: 3, clusterBits: 9, clusters: kinds}, {version: 2, clusterBits: 9, clusters: []kind{packed, hole, data}},
		{version: 3, clusterBits: 10, zstd: true, clusters: kinds}} {
		f.Add(build(f, l).file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		if len(file) < len(qcow2Magic) {
			return
		}
		copy(file, qcow2Magic)
		r := &bounded{Reader: bytes.NewReader(file)}
		before := imagetest.Allocated()
		d, err := newQCOW2("image", r, r.Size())
		if err == nil {
			require.LessOrEqual(t, d.Size(), int64(MaxSize))
			readSome(t, d)
		} else {
			_, corrupt := errors.AsType[*CorruptError](err)
			_, unsupported := errors.AsType[*UnsupportedError](err)
			require.True(t, corrupt || unsupported, "%v", err)
		}
		require.False(t, r.outside, "a read outside the file")
		require.Less(t, imagetest.Allocated()-before, uint64(512<<20+20*len(file)), "bytes allocated")
	})
}

// readSome reads the beginning of each of the first extents, and the end of the disk.
func readSome(t *testing.T, d Disk) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if d.Size() > 1<<40 {
		cancel() // mapping petabytes of holes takes seconds
	}
	p := make([]byte, 3000)
	at, count := int64(0), 0
	for e, err := range d.Extents(ctx) {
		if err != nil || count > 200 {
			break
		}
		require.Equal(t, at, e.Start)
		require.Positive(t, e.Length)
		at += e.Length
		require.LessOrEqual(t, at, d.Size())
		count++
		n, err := d.ReadAt(p, e.Start)
		if err == nil || errors.Is(err, io.EOF) {
			require.Equal(t, min(int64(len(p)), d.Size()-e.Start), int64(n))
		}
		if e.Zero && err == nil {
			zeros := min(int64(n), e.Length)
			require.Equal(t, make([]byte, zeros), p[:zeros], "what is said to be zero reads so")
		}
	}
	_, _ = d.ReadAt(p, d.Size()-1)
}
