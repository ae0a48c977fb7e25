// Package xfs reads a few small files of an XFS file system without mounting it, and says where on the disk they are.
//
// It is for file systems that nobody trusts: every checksum is verified, every number is checked before it is used, and feature bits that it does
// not know are refused. The layout is that of version 5, from "XFS Algorithms & Data Structures" and the kernel's fs/xfs/libxfs/xfs_format.h,
// xfs_da_format.h and xfs_log_format.h. Numbers are big endian, checksums little endian.
package xfs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// UnsupportedError refuses a file system, or a part of one, that may be whole, but that this package does not read.
type UnsupportedError struct {
	What string // a sentence without full stop
}

// Error says what is not supported.
func (e *UnsupportedError) Error() string { return "XFS: " + e.What }

// CorruptError reports a damaged part of a file system.
type CorruptError struct {
	Object string // such as "inode 131"
	Offset int64  // bytes from the beginning of the file system
	What   string
}

// Error says what is damaged, and where.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("XFS: %s at byte %d of the file system: %s", e.Object, e.Offset, e.What)
}

// errTruncated is what reading behind the end ends with.
var errTruncated = errors.New("it is behind the end")

// FileSystem is an XFS file system of version 5.
type FileSystem struct {
	r     io.ReaderAt
	super superblock
}

// Open reads the superblock of a file system in the first size bytes of r. Errors are an UnsupportedError, a CorruptError, or the reader's.
func Open(r io.ReaderAt, size int64) (*FileSystem, error) {
	f := &FileSystem{r: io.NewSectionReader(r, 0, size)}
	if err := f.readSuperblock(size); err != nil {
		return nil, err
	}
	return f, nil
}

// BlockSize is the size of the file system's blocks, in bytes.
func (f *FileSystem) BlockSize() int64 { return 1 << f.super.blockLog }

// read reads so many bytes of an object.
func (f *FileSystem) read(object string, offset, length int64) ([]byte, error) {
	b := make([]byte, length)
	n, err := f.r.ReadAt(b, offset)
	if n == len(b) {
		return b, nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = errTruncated
	}
	return nil, fmt.Errorf("read XFS %s at byte %d of the file system: %w", object, offset, err)
}

// checksum is XFS's CRC32C of a metadata object, whose own field, at bytes from the beginning, counts as zeros.
func checksum(b []byte, at int) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	sum := crc32.Update(0, table, b[:at])
	sum = crc32.Update(sum, table, make([]byte, 4))
	return crc32.Update(sum, table, b[at+4:])
}

func checksumRight(b []byte, at int) bool {
	return checksum(b, at) == binary.LittleEndian.Uint32(b[at:])
}
