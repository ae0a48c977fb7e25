package disk

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"iter"

	"github.com/lima-vm/go-qcow2reader/image"
	"github.com/lima-vm/go-qcow2reader/image/qcow2"
)

// window is how much of the disk is mapped between two looks at the context, in bytes: a multiple of every cluster size.
const window = 1 << 30

// qcow2Disk reads with go-qcow2reader what was checked before: the library believes what it reads.
type qcow2Disk struct {
	header *header
	image  image.Image
}

func newQCOW2(file string, r io.ReaderAt, length int64) (Disk, error) {
	h, err := readHeader(file, r, length)
	if err != nil {
		return nil, err
	}
	if err := checkTables(h, r); err != nil {
		return nil, err
	}
	img, err := qcow2.Open(r, nil)
	if err == nil {
		err = img.Readable()
	}
	if err != nil {
		return nil, &CorruptError{File: file, What: "the header does not make sense", Err: err}
	}
	return &qcow2Disk{header: h, image: img}, nil
}

// checkTables reads all tables once and checks that everything that they point to is in the file, so that a truncated file is refused before any
// of it is used.
func checkTables(h *header, r io.ReaderAt) error {
	l1, err := readTable(h, r, h.l1, h.l1Entries, "the L1 table")
	if err != nil {
		return err
	}
	for i, entry := range l1 {
		offset := entry & offsetMask
		first := int64(i) * h.tableEntries()
		if offset == 0 || first >= h.clusters() {
			continue
		}
		at, err := h.place(offset, h.cluster(), "an L2 table", h.l1+int64(i)*8)
		if err != nil {
			return err
		}
		l2, err := readTable(h, r, at, min(h.tableEntries(), h.clusters()-first), "an L2 table")
		if err != nil {
			return err
		}
		for k, entry := range l2 {
			if err := h.checkEntry(entry, first+int64(k), at+int64(k)*8); err != nil {
				return err
			}
		}
	}
	return nil
}

func readTable(h *header, r io.ReaderAt, offset, entries int64, what string) ([]uint64, error) {
	b := make([]byte, entries*8)
	if n, err := r.ReadAt(b, offset); n < len(b) {
		return nil, &CorruptError{File: h.file, Offset: offset + int64(n), What: what + " cannot be read", Err: err}
	}
	table := make([]uint64, entries)
	for i := range table {
		table[i] = binary.BigEndian.Uint64(b[i*8:])
	}
	return table, nil
}

// checkEntry checks where the data of a guest's cluster is. from is the place of the L2 entry in the file.
func (h *header) checkEntry(entry uint64, guest, from int64) error {
	if entry&flagCompressed != 0 {
		start, end := h.compressed(entry)
		// The last sector of the file need not be whole.
		if start == 0 || start >= h.length || end-sector >= h.length {
			return h.corrupt(from, "compressed data at byte %d ends behind the file's %d bytes", start, h.length)
		}
		return nil
	}
	if entry&flagZero != 0 {
		if h.version < 3 {
			return h.corrupt(from, "a zero cluster in an image of version 2")
		}
		return nil
	}
	if entry&offsetMask == 0 {
		return nil
	}
	_, err := h.place(entry&offsetMask, min(h.cluster(), h.size-guest<<h.clusterBits), "data", from)
	return err
}

// compressed gives where a compressed cluster's data is in the file; end is rounded up to whole sectors.
func (h *header) compressed(entry uint64) (start, end int64) {
	bits := 62 - (h.clusterBits - 8)
	start = int64(entry & (1<<bits - 1))
	sectors := int64(entry&(1<<62-1)>>bits) + 1
	return start, start&^(sector-1) + sectors*sector
}

func (q *qcow2Disk) Size() int64 { return q.header.size }

func (q *qcow2Disk) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("read disk image %s: negative offset %d", q.header.file, off)
	}
	if off >= q.header.size {
		return 0, io.EOF
	}
	var end error
	if rest := q.header.size - off; int64(len(p)) > rest {
		p, end = p[:rest], io.EOF
	}
	n, err := q.image.ReadAt(p, off)
	if n < len(p) {
		return n, &CorruptError{File: q.header.file, Offset: off + int64(n), Guest: true, What: "data cannot be read", Err: err}
	}
	return n, end
}

// Extents gives the library aligned starts only: for others it returns lengths that are too long.
func (q *qcow2Disk) Extents(ctx context.Context) iter.Seq2[Extent, error] {
	return merged(func(yield func(Extent, error) bool) {
		for at := int64(0); at < q.header.size; {
			if err := ctx.Err(); err != nil {
				yield(Extent{}, fmt.Errorf("map disk image %s: %w", q.header.file, err))
				return
			}
			found, err := q.image.Extent(at, min(window, q.header.size-at))
			if err != nil {
				yield(Extent{}, &CorruptError{File: q.header.file, Offset: at, Guest: true, What: "the cluster map cannot be read", Err: err})
				return
			}
			if !yield(Extent{Start: at, Length: found.Length, Zero: found.Zero}, nil) {
				return
			}
			at += found.Length
		}
	})
}

// merged joins neighbours that are alike. After an error nothing follows.
func merged(extents iter.Seq2[Extent, error]) iter.Seq2[Extent, error] {
	return func(yield func(Extent, error) bool) {
		var last Extent
		for e, err := range extents {
			if err != nil {
				yield(Extent{}, err)
				return
			}
			if last.Length > 0 && last.Zero == e.Zero {
				last.Length += e.Length
				continue
			}
			if last.Length > 0 && !yield(last, nil) {
				return
			}
			last = e
		}
		if last.Length > 0 {
			yield(last, nil)
		}
	}
}
