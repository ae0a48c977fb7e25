package xfs

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// Feature bits of the superblock that are known and do not matter to who reads files, or to who changes bytes of a file's only block.
const (
	incompatFileType    = 1 << 0
	incompatSparse      = 1 << 1
	incompatMetaUUID    = 1 << 2
	incompatBigTime     = 1 << 3
	incompatNeedsRepair = 1 << 4
	incompatNREXT64     = 1 << 5
	incompatKnown       = incompatFileType | incompatSparse | incompatMetaUUID | incompatBigTime | incompatNREXT64

	readOnlyCompatKnown = 1<<0 | 1<<1 | 1<<2 | 1<<3 // free inode btree, reverse mapping, reflink, inode btree counts
)

const (
	superMagic      = 0x58465342 // XFSB
	superLength     = 264        // as far as this package reads
	superChecksumAt = 224
)

// superblock is what of it this package needs; sizes are in bytes and within their limits.
type superblock struct {
	blockLog, agBlockLog, inodeLog, inodesPerBlockLog, dirBlockLog uint
	blocks, agBlocks, agCount                                      uint64
	root                                                           uint64 // inode number
	logStart, logBlocks                                            uint64 // in blocks
	incompat                                                       uint32
	uuid                                                           [16]byte // that of metadata
}

func (f *FileSystem) readSuperblock(size int64) error {
	b, err := f.read("superblock", 0, 512)
	if err != nil {
		return err
	}
	if binary.BigEndian.Uint32(b) != superMagic {
		return &UnsupportedError{What: "there is no XFS file system: its magic number is missing"}
	}
	if version := binary.BigEndian.Uint16(b[100:]) & 0xf; version != 5 {
		return &UnsupportedError{What: fmt.Sprintf("the file system is of version %d, not 5", version)}
	}
	sector := binary.BigEndian.Uint16(b[102:])
	if sector < 512 || sector > 32768 || bits.OnesCount16(sector) != 1 {
		return corruptSuper("sectors of %d bytes", sector)
	}
	if b, err = f.read("superblock", 0, int64(sector)); err != nil {
		return err
	}
	if !checksumRight(b, superChecksumAt) {
		return corruptSuper("bad CRC")
	}
	if err := checkFeatures(b); err != nil {
		return err
	}
	return f.super.parse(b[:superLength], size)
}

func corruptSuper(format string, args ...any) error {
	return &CorruptError{Object: "superblock", What: fmt.Sprintf(format, args...)}
}

func checkFeatures(b []byte) error {
	readOnly, incompat, log := binary.BigEndian.Uint32(b[212:]), binary.BigEndian.Uint32(b[216:]), binary.BigEndian.Uint32(b[220:])
	switch {
	case incompat&incompatNeedsRepair != 0:
		return &UnsupportedError{What: "the file system says that it needs xfs_repair"}
	case incompat&^incompatKnown != 0:
		return &UnsupportedError{What: fmt.Sprintf("unknown incompatible features %#x", incompat&^incompatKnown)}
	case readOnly&^readOnlyCompatKnown != 0:
		return &UnsupportedError{What: fmt.Sprintf("unknown read-only compatible features %#x", readOnly&^readOnlyCompatKnown)}
	case log != 0:
		return &UnsupportedError{What: fmt.Sprintf("features %#x of the log", log)}
	case binary.BigEndian.Uint64(b[16:]) != 0:
		return &UnsupportedError{What: "the file system has a real-time section"}
	case binary.BigEndian.Uint64(b[48:]) == 0:
		return &UnsupportedError{What: "the log is on another device"}
	case b[126] != 0:
		return corruptSuper("the file system was not made completely")
	}
	return nil
}

// parse takes the geometry, in the order of the limits that the kernel checks.
func (s *superblock) parse(b []byte, size int64) error {
	s.blockLog, s.inodeLog, s.inodesPerBlockLog = uint(b[120]), uint(b[122]), uint(b[123])
	s.agBlockLog, s.dirBlockLog = uint(b[124]), uint(b[192])
	blockSize, inodeSize := uint64(binary.BigEndian.Uint32(b[4:])), uint64(binary.BigEndian.Uint16(b[104:]))
	s.blocks, s.root = binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b[56:])
	s.agBlocks, s.agCount = uint64(binary.BigEndian.Uint32(b[84:])), uint64(binary.BigEndian.Uint32(b[88:]))
	s.logStart, s.logBlocks = binary.BigEndian.Uint64(b[48:]), uint64(binary.BigEndian.Uint32(b[96:]))
	s.incompat = binary.BigEndian.Uint32(b[216:])
	copy(s.uuid[:], b[32:48])
	if s.incompat&incompatMetaUUID != 0 {
		copy(s.uuid[:], b[248:264])
	}
	switch {
	case s.blockLog < 10 || s.blockLog > 16 || blockSize != 1<<s.blockLog:
		return corruptSuper("blocks of %d bytes", blockSize)
	case s.inodeLog < 9 || s.inodeLog > 11 || inodeSize != 1<<s.inodeLog || s.inodesPerBlockLog != s.blockLog-s.inodeLog:
		return corruptSuper("inodes of %d bytes", inodeSize)
	case s.dirBlockLog > 16-s.blockLog:
		return corruptSuper("directory blocks of 2^%d blocks", s.dirBlockLog)
	case s.agBlocks == 0 || s.agBlockLog != uint(bits.Len64(s.agBlocks-1)):
		return corruptSuper("allocation groups of %d blocks", s.agBlocks)
	case s.agCount == 0 || s.blocks > s.agCount*s.agBlocks || s.blocks <= (s.agCount-1)*s.agBlocks:
		return corruptSuper("%d blocks in %d allocation groups", s.blocks, s.agCount)
	case s.blocks > uint64(size)>>s.blockLog:
		return corruptSuper("%d blocks of %d bytes, but the partition has %d bytes", s.blocks, blockSize, size)
	}
	if s.logBlocks == 0 || !s.inside(s.logStart, s.logBlocks) {
		return corruptSuper("a log of %d blocks at block %d", s.logBlocks, s.logStart)
	}
	return nil
}

// inside tells whether so many blocks from a block number, which has the allocation group in its upper bits, are in one allocation group.
func (s *superblock) inside(block, count uint64) bool {
	group, first := block>>s.agBlockLog, block&(1<<s.agBlockLog-1)
	if group >= s.agCount {
		return false
	}
	blocks := min(s.agBlocks, s.blocks-group*s.agBlocks)
	return count <= blocks && first <= blocks-count
}

// offset is where a block begins, in bytes.
func (s *superblock) offset(block uint64) int64 {
	return int64(((block>>s.agBlockLog)*s.agBlocks + block&(1<<s.agBlockLog-1)) << s.blockLog)
}
