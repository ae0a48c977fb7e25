package xfs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// variants are options of mkfs.xfs.
func variants() map[string][]string {
	return map[string][]string{
		"default":            nil,
		"4 KiB sectors":      {"-s", "size=4096"},
		"nrext64":            {"-i", "nrext64=1"},
		"rmapbt":             {"-m", "rmapbt=1"},
		"without bigtime":    {"-m", "bigtime=0"},
		"without reflink":    {"-m", "bigtime=0,inobtcount=0,reflink=0,finobt=0"},
		"1 KiB blocks":       {"-b", "size=1024"},
		"64 KiB blocks":      largeBlocks(),
		"64 KiB directories": {"-n", "size=65536"},
		"2 KiB inodes":       {"-i", "size=2048"},
		"one group":          {"-d", "agcount=1"},
		"log stripes":        {"-l", "su=32768"},
	}
}

func TestFilesReadAsTheyWereWritten(t *testing.T) {
	for name, options := range variants() {
		t.Run(name, func(t *testing.T) {
			f := openFile(t, makeFileSystem(t, options...))
			for name, count := range directories() {
				i, err := f.Lookup(name)
				require.NoError(t, err)
				entries, err := f.ReadDir(i)
				require.NoError(t, err)
				got := map[string]bool{}
				for _, e := range entries {
					got[e.Name] = true
				}
				require.Len(t, got, count, "names in %s", name)
				for k := range count {
					require.True(t, got[fileName(k)], "%s has %s", name, fileName(k))
				}
			}
			for path, want := range map[string][]byte{
				"/loader/entries/entry.conf": []byte(entryText), "absolute/entry.conf": []byte(entryText), "/up/entry.conf": []byte(entryText),
				"//large": largeContent(), "empty": {}, "/../node/" + fileName(799): {},
			} {
				i, err := f.Lookup(path)
				require.NoError(t, err, path)
				require.Equal(t, int64(len(want)), i.Size)
				got, err := f.ReadFile(i, 1<<30)
				require.NoError(t, err, path)
				require.True(t, bytes.Equal(want, got), path)
			}
			clean, err := f.LogClean(t.Context())
			require.NoError(t, err)
			require.True(t, clean)
		})
	}
}

func TestWhatIsNotThereIsNotFound(t *testing.T) {
	f := openFile(t, makeFileSystem(t))
	for _, path := range []string{"nothing", "loader/nothing", "large/below", "dangling", "short/" + fileName(2)} {
		_, err := f.Lookup(path)
		require.ErrorIs(t, err, fs.ErrNotExist, path)
	}
	_, err := f.Lookup("loop")
	require.ErrorContains(t, err, "symbolic links")
	dir, err := f.Lookup("block")
	require.NoError(t, err)
	_, err = f.ReadFile(dir, 100)
	require.ErrorContains(t, err, "not a regular file")
	file, err := f.Lookup("large")
	require.NoError(t, err)
	_, err = f.ReadDir(file)
	require.ErrorContains(t, err, "not a directory")
	head, err := f.ReadFile(file, 1000)
	require.NoError(t, err)
	require.Equal(t, largeContent()[:1000], head)
}

// readChanged opens a file system with one object replaced and reads the loader's entry and all directories.
func readChanged(_ testing.TB, base []byte, o object, b []byte) error {
	f, err := Open(&changed{r: bytes.NewReader(base), size: int64(len(base)), objects: map[int64][]byte{o.offset: b}}, int64(len(base)))
	if err != nil {
		return err
	}
	for _, path := range []string{"loader/entries/entry.conf", "large"} {
		i, err := f.Lookup(path)
		if err != nil {
			return err
		}
		if _, err := f.ReadFile(i, 1<<20); err != nil {
			return err
		}
	}
	for name := range directories() {
		dir, err := f.Lookup(name)
		if err != nil {
			return err
		}
		if _, err := f.ReadDir(dir); err != nil {
			return err
		}
	}
	return nil
}

func TestEveryFlippedBitOfMetadataIsSeen(t *testing.T) {
	path := makeFileSystem(t)
	base, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, o := range objects(t, openFile(t, path)) {
		if o.checksumAt < 0 {
			continue
		}
		require.NoError(t, readChanged(t, base, o, o.raw), "unchanged: %s", o.name)
		for at := 0; at < len(o.raw); at += 37 {
			b := bytes.Clone(o.raw)
			b[at] ^= 1 << (at % 8)
			err := readChanged(t, base, o, b)
			_, corrupt := errors.AsType[*CorruptError](err)
			_, unsupported := errors.AsType[*UnsupportedError](err) // the magic number and the version are read before the checksum
			require.True(t, corrupt || unsupported, "%s, byte %d: %v", o.name, at, err)
		}
	}
}

func TestFileSystemThatIsNotReadIsRefusedWithTheReason(t *testing.T) {
	path := makeFileSystem(t)
	base, err := os.ReadFile(path)
	require.NoError(t, err)
	all := objects(t, openFile(t, path))
	u16 := func(at int, v uint16) func([]byte) { return func(b []byte) { binary.BigEndian.PutUint16(b[at:], v) } }
	u32 := func(at int, v uint32) func([]byte) { return func(b []byte) { binary.BigEndian.PutUint32(b[at:], v) } }
	u64 := func(at int, v uint64) func([]byte) { return func(b []byte) { binary.BigEndian.PutUint64(b[at:], v) } }
	entry := "inode of /loader.1/entries/entry.conf"
	for name, c := range map[string]struct {
		object string
		change func([]byte)
		says   string
	}{
		"no XFS":               {"superblock", u32(0, 0), "magic number is missing"},
		"version 4":            {"superblock", u16(100, 0xb4a4), "version 4"},
		"sectors":              {"superblock", u16(102, 513), "sectors of 513"},
		"needs repair":         {"superblock", u32(216, 1<<4), "xfs_repair"},
		"exchange range":       {"superblock", u32(216, 1<<6|3), "incompatible features 0x40"},
		"parent pointers":      {"superblock", u32(216, 1<<7|3), "incompatible features 0x80"},
		"read-only feature":    {"superblock", u32(212, 1<<4), "read-only compatible features 0x10"},
		"log feature":          {"superblock", u32(220, 1), "features 0x1 of the log"},
		"real time":            {"superblock", u64(16, 1), "real-time"},
		"log elsewhere":        {"superblock", u64(48, 0), "another device"},
		"in progress":          {"superblock", func(b []byte) { b[126] = 1 }, "not made completely"},
		"block size":           {"superblock", u32(4, 8192), "blocks of 8192"},
		"block log":            {"superblock", func(b []byte) { b[120] = 200 }, "blocks of 4096"},
		"inode size":           {"superblock", u16(104, 4096), "inodes of 4096"},
		"directory blocks":     {"superblock", func(b []byte) { b[192] = 9 }, "2^9 blocks"},
		"no group":             {"superblock", u32(84, 0), "allocation groups of 0"},
		"huge groups":          {"superblock", u32(84, 0xffffffff), "allocation groups of 4294967295"},
		"too many groups":      {"superblock", u32(88, 0xffffffff), "in 4294967295 allocation groups"},
		"too many blocks":      {"superblock", u64(8, 1<<60), "1152921504606846976 blocks"},
		"log outside":          {"superblock", u64(48, 1<<50), "a log of"},
		"long log":             {"superblock", u32(96, 0xffffffff), "a log of"},
		"root outside":         {"superblock", u64(56, 1<<62), "outside the file system"},
		"root elsewhere":       {"superblock", u64(56, 8), "inode 8"},
		"size":                 {entry, u64(56, 1<<63), "a size of"},
		"fork":                 {entry, func(b []byte) { b[82] = 255 }, "outside the inode"},
		"unknown flag":         {entry, u64(120, 1<<5), "unknown flags 0x20"},
		"large counts":         {entry, u64(120, 1<<4), "large extent counts"},
		"real-time file":       {entry, u16(90, 1), "real-time section"},
		"another's inode":      {entry, u64(152, 1), "another place"},
		"another file system":  {entry, u64(160, 1), "another place or file system"},
		"B+tree":               {entry, func(b []byte) { b[5] = formatBtree }, "B+tree"},
		"format":               {entry, func(b []byte) { b[5] = formatLocal }, "data in format 1"},
		"extents":              {entry, u32(76, 1000), "1000 extents"},
		"extent outside":       {entry, u64(inodeCore+8, 1<<62), "an extent of"},
		"extent of nothing":    {entry, u64(inodeCore+8, 0), "an extent of 0 blocks"},
		"overlapping":          {"inode of /large", func(b []byte) { b[79] = 2; copy(b[inodeCore+16:], b[inodeCore:inodeCore+16]) }, "an extent of"},
		"huge directory":       {"inode of /node", u64(56, 1<<40), "the directory of"},
		"short name":           {"inode of /loader.1", func(b []byte) { b[inodeCore+6] = 200 }, "ends in a name"},
		"more names":           {"inode of /loader.1", func(b []byte) { b[inodeCore] = 200 }, "ends in a name"},
		"dir magic":            {"first block of /leaf", u32(0, 1), "bad magic"},
		"dir owner":            {"first block of /leaf", u64(40, 1), "another place, directory"},
		"dir place":            {"first block of /leaf", u64(8, 1), "another place, directory"},
		"dir entry":            {"first block of /leaf", func(b []byte) { b[dirHeader+8] = 0 }, "a bad entry"},
		"dir free entry":       {"first block of /leaf", u32(dirHeader, 0xffff0007), "a bad free entry"},
		"dir hashes":           {"first block of /block", func(b []byte) { u32(len(b)-8, 1<<31)(b) }, "more hashes than fit"},
		"link of no length":    {"symbolic link", u64(56, 0), "a symbolic link of 0"},
		"link longer than all": {"symbolic link", u64(56, 5000), "a symbolic link of 5000"},
		"link elsewhere":       {"symbolic link", func(b []byte) { b[5] = formatExtents }, "too long for its inode"},
	} {
		t.Run(name, func(t *testing.T) {
			o := named(t, all, c.object)
			err := readChanged(t, base, o, o.with(c.change))
			require.ErrorContains(t, err, c.says)
			_, corrupt := errors.AsType[*CorruptError](err)
			_, unsupported := errors.AsType[*UnsupportedError](err)
			require.True(t, corrupt || unsupported, "%v", err)
		})
	}
}

func TestFileSystemEndsBehindItsPartition(t *testing.T) {
	path := makeFileSystem(t)
	base, err := os.ReadFile(path)
	require.NoError(t, err)
	_, err = Open(bytes.NewReader(base), int64(len(base))-4096)
	require.ErrorContains(t, err, "but the partition has")
	_, err = Open(bytes.NewReader(base), 100)
	require.ErrorContains(t, err, "behind the end")
}

// TestLogWithoutUnmountRecordIsUnclean takes the flag from the newest record, and lets xfs_repair judge.
func TestLogWithoutUnmountRecordIsUnclean(t *testing.T) {
	path := makeFileSystem(t)
	f := openFile(t, path)
	log := named(t, objects(t, f), "log")
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	_, err = file.WriteAt([]byte{log.raw[logBlock+9] &^ unmountFlag}, log.offset+logBlock+9)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	clean, err := f.LogClean(t.Context())
	require.NoError(t, err)
	require.False(t, clean)
	out, err := exec.Command("xfs_repair", "-n", path).CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("nobody can judge: apt-get install xfsprogs")
	}
	require.Contains(t, string(out), "valuable metadata changes in a log")
}

func TestDamagedLogIsNoCleanOne(t *testing.T) {
	path := makeFileSystem(t)
	base, err := os.ReadFile(path)
	require.NoError(t, err)
	log := named(t, objects(t, openFile(t, path)), "log")
	for name, c := range map[string]struct {
		change func(b []byte)
		says   string // empty: not clean
	}{
		"no record":          {func(b []byte) { clear(b[:4]) }, "no record"},
		"another's place":    {func(b []byte) { b[23] = 9 }, "belongs to block 9"},
		"bad checksum":       {func(b []byte) { b[recordChecksumAt] = 1 }, "bad CRC"},
		"many operations":    {func(b []byte) { b[43] = 2 }, ""},
		"long record":        {func(b []byte) { b[12] = 1 }, ""},
		"huge header":        {func(b []byte) { b[11], b[320] = 2, 0x7f }, "header blocks"},
		"several headers":    {func(b []byte) { b[11], b[321] = 2, 2 }, ""}, // the flag is looked for behind them
		"empty record":       {func(b []byte) { b[14], b[15] = 0, 0 }, ""},
		"unmount flag taken": {func(b []byte) { b[logBlock+9] = 0 }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			objects := map[int64][]byte{log.offset: log.with(c.change)}
			f, err := Open(&changed{r: bytes.NewReader(base), size: int64(len(base)), objects: objects}, int64(len(base)))
			require.NoError(t, err)
			clean, err := f.LogClean(t.Context())
			require.False(t, clean)
			if c.says == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.says)
			}
		})
	}
}

// TestChangedSizeIsRightForXFSRepair writes an inode with another size.
func TestChangedSizeIsRightForXFSRepair(t *testing.T) {
	path := makeFileSystem(t)
	f := openFile(t, path)
	i, err := f.Lookup("loader/entries/entry.conf")
	require.NoError(t, err)
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	_, err = file.WriteAt(i.WithSize(4096), i.Offset)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	again, err := f.Lookup("loader/entries/entry.conf")
	require.NoError(t, err)
	require.Equal(t, int64(4096), again.Size)
	out, err := exec.Command("xfs_repair", "-n", filepath.Clean(path)).CombinedOutput()
	require.NoError(t, err, "%s", out)
}
