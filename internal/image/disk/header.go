package disk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Layout of qcow2: QEMU's docs/interop/qcow2.txt. Numbers are big endian.
const (
	qcow2Magic = "QFI\xfb"

	v2HeaderLength   = 72
	v3HeaderLength   = 104
	longHeaderLength = 112 // as far as the compression type

	minClusterBits = 9
	maxClusterBits = 21

	// Limits of QEMU: an L1 table of 32 MiB, a refcount table of 8 MiB.
	maxL1Entries     = 32 << 20 / 8
	maxRefcountTable = 8 << 20

	incompatibleDirty        = 1 << 0
	incompatibleCorrupt      = 1 << 1
	incompatibleExternalData = 1 << 2
	incompatibleCompression  = 1 << 3
	incompatibleExtendedL2   = 1 << 4

	offsetMask     = 0x00fffffffffffe00 // of a table entry
	flagCopied     = 1 << 63            // the reference count is exactly one
	flagCompressed = 1 << 62
	flagZero       = 1

	flatten = "rewrite it with \"qemu-img convert -O qcow2\""
)

// header is what a qcow2 header says; everything in it is within its limits and, but for what the tables hold, within the file.
type header struct {
	file          string
	length        int64 // of the file
	version       uint32
	clusterBits   uint
	size          int64
	l1            int64
	l1Entries     int64
	refcounts     int64
	refcountBytes int64
	refcountOrder uint32
	snapshots     uint32
	autoclear     uint64
}

func (h *header) cluster() int64 { return 1 << h.clusterBits }

// tableEntries is how many entries of eight bytes a cluster has.
func (h *header) tableEntries() int64 { return h.cluster() / 8 }

// clusters is how many clusters the guest sees.
func (h *header) clusters() int64 { return (h.size + h.cluster() - 1) >> h.clusterBits }

func (h *header) corrupt(offset int64, format string, args ...any) error {
	return &CorruptError{File: h.file, Offset: offset, What: fmt.Sprintf(format, args...)}
}

func (h *header) unsupported(what, next string) error {
	return &UnsupportedError{File: h.file, What: what, Next: next}
}

// readHeader reads and checks the header of a qcow2 file of so many bytes.
func readHeader(file string, r io.ReaderAt, length int64) (*header, error) {
	h := &header{file: file, length: length, refcountOrder: 4}
	b := make([]byte, longHeaderLength)
	n, err := r.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read header of disk image %s: %w", file, err)
	}
	if n < longHeaderLength {
		return nil, h.corrupt(int64(n), "the file ends in the header")
	}
	h.version = binary.BigEndian.Uint32(b[4:])
	if h.version != 2 && h.version != 3 {
		return nil, h.unsupported(fmt.Sprintf("it is qcow2 of version %d", h.version), flatten)
	}
	if bits := binary.BigEndian.Uint32(b[20:]); bits < minClusterBits || bits > maxClusterBits {
		return nil, h.corrupt(20, "clusters of 2^%d bytes", bits)
	}
	h.clusterBits = uint(binary.BigEndian.Uint32(b[20:]))
	if err := h.refuse(b); err != nil {
		return nil, err
	}
	if h.version == 3 {
		if err := h.features(b); err != nil {
			return nil, err
		}
	}
	return h, h.geometry(b)
}

// refuse refuses what belongs to every version and is not read.
func (h *header) refuse(b []byte) error {
	if binary.BigEndian.Uint64(b[8:]) != 0 {
		return h.unsupported("it has a backing file", flatten+" beside its backing file")
	}
	if binary.BigEndian.Uint32(b[32:]) != 0 {
		return h.unsupported("it is encrypted", "decrypt it with \"qemu-img convert\"")
	}
	h.snapshots = binary.BigEndian.Uint32(b[60:])
	return nil
}

// features checks what version 3 added.
func (h *header) features(b []byte) error {
	length := binary.BigEndian.Uint32(b[100:])
	if length < v3HeaderLength || int64(length) > h.cluster() || length%8 != 0 {
		return h.corrupt(100, "a header of %d bytes", length)
	}
	h.autoclear, h.refcountOrder = binary.BigEndian.Uint64(b[88:]), binary.BigEndian.Uint32(b[96:])
	if h.refcountOrder > 6 {
		return h.corrupt(96, "reference counts of 2^%d bits", h.refcountOrder)
	}
	incompatible := binary.BigEndian.Uint64(b[72:])
	switch {
	case incompatible&(incompatibleDirty|incompatibleCorrupt) != 0:
		return h.unsupported("it is marked as dirty or corrupt, because it was not closed properly", "repair a copy with \"qemu-img check -r all\"")
	case incompatible&incompatibleExternalData != 0:
		return h.unsupported("its data is in another file", flatten)
	case incompatible&incompatibleExtendedL2 != 0:
		return h.unsupported("it has extended L2 entries", flatten)
	case incompatible&^incompatibleCompression != 0:
		return h.unsupported(fmt.Sprintf("it has the unknown incompatible features %#x", incompatible&^incompatibleCompression), flatten)
	}
	var compression byte
	if length > v3HeaderLength {
		compression = b[104]
	}
	if compression > 1 {
		return h.unsupported(fmt.Sprintf("it is compressed with the unknown method %d", compression), flatten)
	}
	if (compression != 0) != (incompatible&incompatibleCompression != 0) {
		return h.corrupt(104, "compression method %d contradicts the feature bits", compression)
	}
	return nil
}

// geometry checks sizes and places of the disk and the tables.
func (h *header) geometry(b []byte) error {
	size := binary.BigEndian.Uint64(b[24:])
	switch {
	case size > MaxSize:
		return h.unsupported(fmt.Sprintf("its virtual size is %d bytes", size), fmt.Sprintf("disks have at most %d bytes", int64(MaxSize)))
	case size == 0 || size%sector != 0:
		return h.corrupt(24, "a virtual size of %d bytes", size)
	}
	h.size = int64(size)
	h.l1Entries = int64(binary.BigEndian.Uint32(b[36:]))
	needed := (h.clusters() + h.tableEntries() - 1) / h.tableEntries()
	if h.l1Entries < needed || h.l1Entries > maxL1Entries {
		return h.corrupt(36, "an L1 table of %d entries, where the disk needs %d", h.l1Entries, needed)
	}
	h.refcountBytes = int64(binary.BigEndian.Uint32(b[56:])) * h.cluster()
	if h.refcountBytes == 0 || h.refcountBytes > maxRefcountTable {
		return h.corrupt(56, "a refcount table of %d bytes", h.refcountBytes)
	}
	var err error
	if h.l1, err = h.place(binary.BigEndian.Uint64(b[40:]), h.l1Entries*8, "the L1 table", 40); err != nil {
		return err
	}
	h.refcounts, err = h.place(binary.BigEndian.Uint64(b[48:]), h.refcountBytes, "the refcount table", 48)
	return err
}

// place checks that so many bytes at offset are in the file and begin at a cluster. from is where the file says so.
func (h *header) place(offset uint64, length int64, what string, from int64) (int64, error) {
	if offset == 0 || offset > MaxSize || int64(offset)%h.cluster() != 0 {
		return 0, h.corrupt(from, "%s at byte %d", what, offset)
	}
	if int64(offset)+length > h.length {
		return 0, h.corrupt(from, "%s at byte %d of %d bytes ends behind the file's %d bytes", what, offset, length, h.length)
	}
	return int64(offset), nil
}
