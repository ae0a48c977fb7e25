package xfs

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/image/imagetest"
)

// What the file systems of these tests hold.
const (
	entryText = "title Test\noptions console=ttyS0\n"
	largeSize = 2<<20 + 77
)

// directories are by how many names they have: in the inode, in one block, in blocks with a leaf, and with a tree.
func directories() map[string]int {
	return map[string]int{"short": 2, "block": 20, "leaf": 200, "node": 800}
}

func largeBlocks() []string { return []string{"-b", "size=65536"} }

func fileName(i int) string { return fmt.Sprintf("a-file-with-a-longer-name-%04d", i) }

func largeContent() []byte {
	b := make([]byte, largeSize)
	for i := range b {
		b[i] = byte(i * 7 >> 3)
	}
	return b
}

// makeFileSystem makes a small file system with mkfs.xfs and returns its path.
func makeFileSystem(t testing.TB, options ...string) string {
	t.Helper()
	if _, err := exec.LookPath("mkfs.xfs"); err != nil {
		t.Skip("no XFS file system can be made here: apt-get install xfsprogs")
	}
	dir := imagetest.Scratch(t)
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, content, 0o600))
		return path
	}
	empty := write("empty", nil)
	var p strings.Builder
	p.WriteString("none\n0 0\nd--755 0 0\n")
	p.WriteString("loader l--777 0 0 loader.1\nloader.1 d--755 0 0\nentries d--755 0 0\n")
	fmt.Fprintf(&p, "entry.conf ---644 0 0 %s\n$\n$\n", write("entry", []byte(entryText)))
	fmt.Fprintf(&p, "large ---644 0 0 %s\nempty ---644 0 0 %s\n", write("large", largeContent()), empty)
	p.WriteString("absolute l--777 0 0 /loader/entries\nup l--777 0 0 loader/../loader.1/./entries\n")
	p.WriteString("dangling l--777 0 0 nowhere\nloop l--777 0 0 loop\n")
	for name, count := range directories() {
		fmt.Fprintf(&p, "%s d--755 0 0\n", name)
		for i := range count {
			fmt.Fprintf(&p, "%s ---644 0 0 %s\n", fileName(i), empty)
		}
		p.WriteString("$\n")
	}
	p.WriteString("$\n")
	path := filepath.Join(dir, "xfs")
	// --unsupported: smaller than the 300 MiB that newer versions want.
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	size := int64(128 << 20)
	if slices.Equal(options, largeBlocks()) {
		size = 512 << 20 // its log has to be larger
	}
	require.NoError(t, os.Truncate(path, size))
	args := append([]string{"-q", "-f", "--unsupported", "-p", write("prototype", []byte(p.String()))}, append(options, path)...)
	out, err := exec.Command("mkfs.xfs", args...).CombinedOutput()
	require.NoError(t, err, "mkfs.xfs %v: %s", args, out)
	return path
}

func openFile(t testing.TB, path string) *FileSystem {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	info, err := f.Stat()
	require.NoError(t, err)
	fs, err := Open(f, info.Size())
	require.NoError(t, err)
	return fs
}

// changed is a file system with objects that replace what is there; it remembers reads that begin outside.
type changed struct {
	r       io.ReaderAt
	size    int64
	objects map[int64][]byte
	outside bool
}

func (c *changed) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off > c.size {
		c.outside = true
	}
	n, err := c.r.ReadAt(p, off)
	for at, b := range c.objects {
		from, to := max(off, at), min(off+int64(n), at+int64(len(b)))
		if from < to {
			copy(p[from-off:to-off], b[from-at:])
		}
	}
	return n, err
}

// object is a piece of metadata with a checksum.
type object struct {
	name       string
	offset     int64
	raw        []byte
	checksumAt int // negative: none
}

// with gives the object with some bytes replaced and the checksum made right.
func (o object) with(change func(b []byte)) []byte {
	b := bytes.Clone(o.raw)
	change(b)
	if o.checksumAt >= 0 {
		binary.LittleEndian.PutUint32(b[o.checksumAt:], checksum(b, o.checksumAt))
	}
	return b
}

// objects lists the metadata that finding the loader's entry reads.
func objects(t testing.TB, f *FileSystem) []object {
	t.Helper()
	super, err := f.read("superblock", 0, 512)
	require.NoError(t, err)
	all := []object{{name: "superblock", raw: super, checksumAt: superChecksumAt}}
	for _, path := range []string{"/", "/loader.1", "/loader.1/entries", "/loader.1/entries/entry.conf", "/block", "/leaf", "/node", "/large"} {
		i, err := f.Lookup(path)
		require.NoError(t, err)
		all = append(all, object{name: "inode of " + path, offset: i.Offset, raw: i.raw, checksumAt: inodeChecksumAt})
		if !i.Directory() || i.format != formatExtents {
			continue
		}
		extents, err := f.Extents(i)
		require.NoError(t, err)
		at := extents[0].Offset
		b, err := f.read("block", at, 1<<(f.super.blockLog+f.super.dirBlockLog))
		require.NoError(t, err)
		all = append(all, object{name: "first block of " + path, offset: at, raw: b, checksumAt: dirChecksumAt})
	}
	root, err := f.inode(f.super.root)
	require.NoError(t, err)
	entries, err := f.ReadDir(root)
	require.NoError(t, err)
	for _, e := range entries {
		if e.Name == "loader" {
			link, err := f.inode(e.Inode)
			require.NoError(t, err)
			all = append(all, object{name: "symbolic link", offset: link.Offset, raw: link.raw, checksumAt: inodeChecksumAt})
		}
	}
	record, err := f.newestRecord(t.Context())
	require.NoError(t, err)
	raw, err := f.readLog(record.block, 2)
	require.NoError(t, err)
	return append(all, object{name: "log", offset: f.super.offset(f.super.logStart) + record.block*logBlock, raw: raw, checksumAt: -1})
}

func named(t testing.TB, all []object, name string) object {
	t.Helper()
	for _, o := range all {
		if o.name == name {
			return o
		}
	}
	require.Fail(t, "there is no object "+name)
	return object{}
}
