package xfs

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
)

const (
	inodeMagic      = 0x494e // IN
	inodeVersion    = 3
	inodeSizeAt     = 56
	inodeChecksumAt = 100
	inodeCore       = 176 // bytes before the data fork

	formatLocal   = 1
	formatExtents = 2
	formatBtree   = 3

	flagRealTime    = 1 << 0
	flag2Reflink    = 1 << 1
	flag2NREXT64    = 1 << 4
	flag2Known      = 1<<5 - 1 // DAX, reflink, copy-on-write hint, big time, large extent counts
	modeType        = 0xf000
	modeDirectory   = 0x4000
	modeRegular     = 0x8000
	modeSymlink     = 0xa000
	extentRecord    = 16 // bytes
	extentUnwritten = 1 << 63
)

// Inode is a file, directory or symbolic link.
type Inode struct {
	Number uint64
	Size   int64 // in bytes
	// Offset is where the inode itself is, in bytes from the beginning of the file system.
	Offset int64
	// Shared tells that blocks of the file may belong to others too (reflink).
	Shared bool

	mode    uint16
	format  byte
	raw     []byte
	fork    []byte // the data fork
	extents uint64
}

// Directory tells whether the inode is one.
func (i *Inode) Directory() bool { return i.mode&modeType == modeDirectory }

// Regular tells whether the inode is a regular file.
func (i *Inode) Regular() bool { return i.mode&modeType == modeRegular }

func (i *Inode) name() string { return fmt.Sprintf("inode %d", i.Number) }

func (i *Inode) corrupt(format string, args ...any) error {
	return &CorruptError{Object: i.name(), Offset: i.Offset, What: fmt.Sprintf(format, args...)}
}

// WithSize is the inode as it is on the disk, but with another size of the file in bytes, and the checksum for it. It says nothing about blocks:
// the size has to end in the block that the file has.
func (i *Inode) WithSize(size int64) []byte {
	b := bytes.Clone(i.raw)
	binary.BigEndian.PutUint64(b[inodeSizeAt:], uint64(size))
	binary.LittleEndian.PutUint32(b[inodeChecksumAt:], checksum(b, inodeChecksumAt))
	return b
}

// Extent is a part of a file, in bytes: where in the file, and where from the beginning of the file system.
type Extent struct {
	FileOffset, Offset, Length int64
	Unwritten                  bool // reads as zeros
}

func (f *FileSystem) inode(number uint64) (*Inode, error) {
	s := &f.super
	block := number >> s.inodesPerBlockLog
	if number>>s.inodesPerBlockLog>>s.agBlockLog >= s.agCount || !s.inside(block, 1) {
		return nil, &CorruptError{Object: fmt.Sprintf("inode %d", number), What: "its number is outside the file system"}
	}
	i := &Inode{Number: number, Offset: s.offset(block) + int64(number&(1<<s.inodesPerBlockLog-1))<<s.inodeLog}
	var err error
	if i.raw, err = f.read(i.name(), i.Offset, 1<<s.inodeLog); err != nil {
		return nil, err
	}
	b := i.raw
	switch {
	case binary.BigEndian.Uint16(b) != inodeMagic || b[4] != inodeVersion:
		return nil, i.corrupt("there is no inode")
	case !checksumRight(b, inodeChecksumAt):
		return nil, i.corrupt("bad CRC")
	case binary.BigEndian.Uint64(b[152:]) != number || !bytes.Equal(b[160:176], s.uuid[:]):
		return nil, i.corrupt("it belongs to another place or file system")
	}
	return i, i.parse(s.incompat)
}

func (i *Inode) parse(incompat uint32) error {
	b := i.raw
	i.mode, i.format = binary.BigEndian.Uint16(b[2:]), b[5]
	size, flags2 := binary.BigEndian.Uint64(b[inodeSizeAt:]), binary.BigEndian.Uint64(b[120:])
	i.Size, i.Shared = int64(size), flags2&flag2Reflink != 0
	i.extents = uint64(binary.BigEndian.Uint32(b[76:]))
	if flags2&flag2NREXT64 != 0 {
		i.extents = binary.BigEndian.Uint64(b[24:])
	}
	end := len(b)
	if fork := int(b[82]); fork != 0 { // where the attribute fork begins, in units of 8 bytes
		end = inodeCore + fork*8
	}
	switch {
	case i.Size < 0:
		return i.corrupt("a size of %d bytes", size)
	case end > len(b):
		return i.corrupt("an attribute fork outside the inode")
	case flags2&^flag2Known != 0:
		return &UnsupportedError{What: fmt.Sprintf("%s has the unknown flags %#x", i.name(), flags2&^flag2Known)}
	case flags2&flag2NREXT64 != 0 && incompat&incompatNREXT64 == 0:
		return i.corrupt("large extent counts, which the file system does not have")
	case binary.BigEndian.Uint16(b[90:])&flagRealTime != 0:
		return &UnsupportedError{What: i.name() + " is in a real-time section"}
	}
	i.fork = b[inodeCore:end]
	return nil
}

// Extents lists where the data of a file or directory is, in order. Holes are between them.
func (f *FileSystem) Extents(i *Inode) ([]Extent, error) {
	switch {
	case i.format == formatBtree:
		return nil, &UnsupportedError{What: fmt.Sprintf("%s is in more parts than its inode can list (a B+tree)", i.name())}
	case i.format != formatExtents:
		return nil, i.corrupt("data in format %d", i.format)
	case i.extents > uint64(len(i.fork)/extentRecord):
		return nil, i.corrupt("%d extents, which are more than fit", i.extents)
	}
	var extents []Extent
	end := int64(0)
	for b := range slices.Chunk(i.fork[:i.extents*extentRecord], extentRecord) {
		upper, lower := binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])
		file, block, count := upper&^extentUnwritten>>9, upper&0x1ff<<43|lower>>21, lower&(1<<21-1)
		e := Extent{FileOffset: int64(file << f.super.blockLog), Length: int64(count << f.super.blockLog), Unwritten: upper&extentUnwritten != 0}
		// A file has at most 2^63 bytes.
		if count == 0 || !f.super.inside(block, count) || file >= 1<<(63-f.super.blockLog)-count || e.FileOffset < end {
			return nil, i.corrupt("an extent of %d blocks at block %d for block %d of the file", count, block, file)
		}
		e.Offset, end = f.super.offset(block), e.FileOffset+e.Length
		extents = append(extents, e)
	}
	return extents, nil
}

// ReadFile reads at most limit bytes from the beginning of a regular file.
func (f *FileSystem) ReadFile(i *Inode, limit int64) ([]byte, error) {
	if !i.Regular() {
		return nil, &UnsupportedError{What: i.name() + " is not a regular file"}
	}
	extents, err := f.Extents(i)
	if err != nil {
		return nil, err
	}
	b := make([]byte, min(i.Size, limit))
	_, err = f.readMapped(i.name(), extents, b, 0)
	return b, err
}

// readMapped reads from an offset of a file into b what its extents cover, and leaves the rest. It returns how many bytes are covered by data.
func (f *FileSystem) readMapped(object string, extents []Extent, b []byte, offset int64) (int64, error) {
	var covered int64
	for _, e := range extents {
		from, to := max(offset, e.FileOffset), min(offset+int64(len(b)), e.FileOffset+e.Length)
		if from >= to || e.Unwritten {
			continue
		}
		data, err := f.read(object, e.Offset+from-e.FileOffset, to-from)
		if err != nil {
			return 0, err
		}
		copy(b[from-offset:], data)
		covered += to - from
	}
	return covered, nil
}
