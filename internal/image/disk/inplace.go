package disk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// Apply writes patches into an image file itself, which must not be in use. An error may leave it half written: give it a copy.
func Apply(path string, patches ...Patch) (err error) {
	image, err := Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, image.Close()) }()
	sorted, err := sortPatches(image.Size(), patches)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("open disk image for writing: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := writePatches(f, image, sorted); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("write disk image %s: %w", path, err)
	}
	return nil
}

func writePatches(f *os.File, image *Image, patches []Patch) error {
	q, ok := image.Disk.(*qcow2Disk)
	if !ok {
		for _, p := range patches {
			if _, err := f.WriteAt(p.Data, p.Offset); err != nil {
				return fmt.Errorf("write disk image: %w", err)
			}
		}
		return nil
	}
	w, err := newClusterWriter(f, q)
	if err != nil {
		return err
	}
	for _, p := range patches {
		if err := w.write(p.Data, p.Offset); err != nil {
			return err
		}
	}
	return nil
}

// clusterWriter changes clusters of a qcow2 file: those with a place of their own where they are, others by giving them one at the end.
type clusterWriter struct {
	header *header
	file   *os.File
	guest  io.ReaderAt // what the guest saw before; its caches do not see what is written
}

func newClusterWriter(f *os.File, q *qcow2Disk) (*clusterWriter, error) {
	h := q.header
	w := &clusterWriter{header: h, file: f, guest: q}
	switch {
	case h.snapshots != 0:
		return nil, w.refuse("it has snapshots")
	case h.autoclear != 0: // such as bitmaps, which would have to be kept up to date
		return nil, w.refuse(fmt.Sprintf("it has the autoclear features %#x", h.autoclear))
	case h.refcountOrder != 4:
		return nil, w.refuse(fmt.Sprintf("its reference counts have %d bits, not 16", 1<<h.refcountOrder))
	}
	return w, nil
}

func (w *clusterWriter) refuse(what string) error {
	return &UnsupportedError{File: w.header.file, What: what, Next: flatten, Err: ErrReadOnlyFeature}
}

// write writes bytes of the guest's disk.
func (w *clusterWriter) write(p []byte, off int64) error {
	for len(p) > 0 {
		n := min(int64(len(p)), w.header.cluster()-off%w.header.cluster())
		if err := w.writeCluster(p[:n], off); err != nil {
			return err
		}
		p, off = p[n:], off+n
	}
	return nil
}

// writeCluster writes bytes of one cluster of the guest.
func (w *clusterWriter) writeCluster(p []byte, off int64) error {
	h := w.header
	cluster := off >> h.clusterBits
	l1, err := w.number(h.l1 + cluster/h.tableEntries()*8)
	if err != nil {
		return err
	}
	table := int64(l1 & offsetMask)
	if table == 0 {
		return w.refuse(fmt.Sprintf("byte %d of the guest's disk is in a large hole", off))
	}
	if l1&flagCopied == 0 {
		return h.corrupt(h.l1+cluster/h.tableEntries()*8, "a shared L2 table in an image without snapshots")
	}
	at := table + cluster%h.tableEntries()*8
	entry, err := w.number(at)
	if err != nil {
		return err
	}
	if host := int64(entry & offsetMask); entry&(flagCompressed|flagZero) == 0 && host != 0 {
		if entry&flagCopied == 0 {
			return h.corrupt(at, "a shared cluster in an image without snapshots")
		}
		return w.put(p, host+off%h.cluster())
	}
	return w.replace(p, off, at, entry)
}

// replace gives a cluster that is compressed or a hole a place of its own. The order keeps the file valid at every moment, but for clusters
// that nobody uses.
func (w *clusterWriter) replace(p []byte, off, at int64, entry uint64) error {
	h := w.header
	b := make([]byte, h.cluster())
	start := off &^ (h.cluster() - 1)
	if n, err := w.guest.ReadAt(b, start); err != nil && (!errors.Is(err, io.EOF) || start+int64(n) != h.size) {
		return err
	}
	copy(b[off-start:], p)
	place, err := w.allocate(b)
	if err != nil {
		return err
	}
	if err := w.count(place, 1); err != nil {
		return err
	}
	if err := w.file.Sync(); err != nil {
		return fmt.Errorf("write disk image %s: %w", h.file, err)
	}
	if err := w.putNumber(at, uint64(place)|flagCopied); err != nil {
		return err
	}
	return w.release(entry)
}

// release takes one reference from what an L2 entry pointed to.
func (w *clusterWriter) release(entry uint64) error {
	h := w.header
	if entry&flagCompressed == 0 {
		if host := int64(entry & offsetMask); host != 0 { // zeros with a place that was set aside
			return w.count(host, -1)
		}
		return nil
	}
	start, end := h.compressed(entry)
	for c := start >> h.clusterBits; c <= (end-1)>>h.clusterBits; c++ {
		if err := w.count(c<<h.clusterBits, -1); err != nil {
			return err
		}
	}
	return nil
}

// count adds to the reference count of the cluster at a place in the file.
func (w *clusterWriter) count(place int64, change int) error {
	h := w.header
	perBlock := h.cluster() / 2
	number := place >> h.clusterBits
	at := h.refcounts + number/perBlock*8
	if at >= h.refcounts+h.refcountBytes {
		return w.refuse("its refcount table is full")
	}
	block, err := w.number(at)
	if err != nil {
		return err
	}
	if block == 0 {
		if block, err = w.newRefcountBlock(at); err != nil {
			return err
		}
	}
	if block > uint64(MaxSize) || int64(block)%h.cluster() != 0 {
		return h.corrupt(at, "a refcount block at byte %d", block)
	}
	at = int64(block) + number%perBlock*2
	var b [2]byte
	if _, err := w.file.ReadAt(b[:], at); err != nil {
		return &CorruptError{File: h.file, Offset: at, What: "a reference count cannot be read", Err: err}
	}
	count := int(binary.BigEndian.Uint16(b[:])) + change
	if count < 0 || change > 0 && count != 1 {
		return h.corrupt(at, "the reference count of the cluster at byte %d would become %d", place, count)
	}
	binary.BigEndian.PutUint16(b[:], uint16(count))
	return w.put(b[:], at)
}

// newRefcountBlock adds a refcount block, which may have to count itself.
func (w *clusterWriter) newRefcountBlock(at int64) (uint64, error) {
	block, err := w.allocate(make([]byte, w.header.cluster()))
	if err != nil {
		return 0, err
	}
	if err := w.putNumber(at, uint64(block)); err != nil {
		return 0, err
	}
	return uint64(block), w.count(block, 1)
}

// allocate writes a cluster behind the end of the file.
func (w *clusterWriter) allocate(b []byte) (int64, error) {
	info, err := w.file.Stat()
	if err != nil {
		return 0, fmt.Errorf("write disk image: %w", err)
	}
	place := (info.Size() + w.header.cluster() - 1) &^ (w.header.cluster() - 1)
	return place, w.put(b, place)
}

func (w *clusterWriter) number(at int64) (uint64, error) {
	var b [8]byte
	if _, err := w.file.ReadAt(b[:], at); err != nil {
		return 0, &CorruptError{File: w.header.file, Offset: at, What: "a table cannot be read", Err: err}
	}
	return binary.BigEndian.Uint64(b[:]), nil
}

func (w *clusterWriter) putNumber(at int64, number uint64) error {
	return w.put(binary.BigEndian.AppendUint64(nil, number), at)
}

func (w *clusterWriter) put(p []byte, at int64) error {
	if _, err := w.file.WriteAt(p, at); err != nil {
		return fmt.Errorf("write disk image: %w", err)
	}
	return nil
}
