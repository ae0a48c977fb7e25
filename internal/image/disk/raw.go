package disk

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"
)

// rawDisk is a file that is the disk itself.
type rawDisk struct {
	file *os.File
	size int64
}

func newRaw(f *os.File, length int64) (Disk, error) {
	switch {
	case length == 0 || length%sector != 0:
		return nil, &UnsupportedError{File: f.Name(), What: fmt.Sprintf("it is not qcow2, and its %d bytes are no number of sectors", length),
			Next: "give a whole file in qcow2 or raw format, not a compressed one"}
	case length > MaxSize:
		return nil, &UnsupportedError{File: f.Name(), What: fmt.Sprintf("it has %d bytes", length),
			Next: fmt.Sprintf("disks have at most %d bytes", int64(MaxSize))}
	}
	return &rawDisk{file: f, size: length}, nil
}

func (d *rawDisk) Size() int64 { return d.size }

func (d *rawDisk) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("read disk image %s: negative offset %d", d.file.Name(), off)
	}
	if off >= d.size {
		return 0, io.EOF
	}
	var end error
	if rest := d.size - off; int64(len(p)) > rest {
		p, end = p[:rest], io.EOF
	}
	n, err := d.file.ReadAt(p, off)
	if n < len(p) {
		return n, &CorruptError{File: d.file.Name(), Offset: off + int64(n), What: "data cannot be read", Err: err}
	}
	return n, end
}

// Extents are the file's own: holes read as zeros.
func (d *rawDisk) Extents(ctx context.Context) iter.Seq2[Extent, error] {
	return merged(fileExtents(ctx, d.file, d.size))
}

// fileExtents gives the data and the holes of a file.
func fileExtents(ctx context.Context, f *os.File, size int64) iter.Seq2[Extent, error] {
	return func(yield func(Extent, error) bool) {
		for at := int64(0); at < size; {
			if err := ctx.Err(); err != nil {
				yield(Extent{}, fmt.Errorf("map file %s: %w", f.Name(), err))
				return
			}
			start, end, err := nextData(f, at, size)
			if err != nil {
				yield(Extent{}, fmt.Errorf("map file %s: %w", f.Name(), err))
				return
			}
			if start > at && !yield(Extent{Start: at, Length: start - at, Zero: true}, nil) {
				return
			}
			if end > start && !yield(Extent{Start: start, Length: end - start}, nil) {
				return
			}
			at = end
		}
	}
}
