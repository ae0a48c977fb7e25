package xfs

import (
	"bytes"
	"encoding/binary"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/image/imagetest"
)

// change is how the fuzzer's bytes are read: which object, where in it, and what is put there.
const changeLength = 5

// FuzzFileSystem changes metadata of a real file system, with checksums made right, so that the changes are read. Nothing may panic, read outside,
// allocate or run without bound.
func FuzzFileSystem(f *testing.F) {
	path := makeFileSystem(f)
	base, err := os.ReadFile(path)
	require.NoError(f, err)
	all := objects(f, openFile(f, path))
	for i := range all {
		f.Add([]byte{byte(i), 0, 56, 0xff, 0, byte(i), 0, inodeCore, 1, 1})
		f.Add([]byte{byte(i), 0, 4, 0, 1, byte(i), 0, 88, 0xff, 1})
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		objects := map[int64][]byte{}
		logTouched := false
		for ; len(input) >= changeLength; input = input[changeLength:] {
			o := all[int(input[0])%len(all)]
			if b, ok := objects[o.offset]; ok {
				o.raw = b
			}
			objects[o.offset] = o.with(func(b []byte) {
				at := int(binary.BigEndian.Uint16(input[1:])) % (len(b) - 1)
				copy(b[at:], input[3:changeLength])
			})
			logTouched = logTouched || o.name == "log" || o.name == "superblock"
		}
		r := &changed{r: bytes.NewReader(base), size: int64(len(base)), objects: objects}
		before := imagetest.Allocated()
		readAnything(t, r, logTouched)
		require.False(t, r.outside, "a read outside the file system")
		require.Less(t, imagetest.Allocated()-before, uint64(256<<20), "bytes allocated")
	})
}

func readAnything(t *testing.T, r *changed, log bool) {
	f, err := Open(r, r.size)
	if err != nil {
		return
	}
	for _, path := range []string{"loader/entries/entry.conf", "block", "leaf", "node", "large", "up/entry.conf"} {
		i, err := f.Lookup(path)
		if err != nil {
			continue
		}
		_, _ = f.ReadDir(i)
		_, _ = f.Extents(i)
		_, _ = f.ReadFile(i, 64<<10)
		_ = i.WithSize(1)
	}
	if log {
		_, _ = f.LogClean(t.Context())
	}
}
