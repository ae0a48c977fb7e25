package imageio

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"

	"github.com/lima-vm/go-qcow2reader/image"
	"github.com/lima-vm/go-qcow2reader/image/qcow2"

	qcow2reader "github.com/lima-vm/go-qcow2reader"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
)

// extent describes bytes that are alike.
type extent struct {
	Start  int64 `json:"start"`
	Length int64 `json:"length"`
	Zero   bool  `json:"zero"`
	Hole   bool  `json:"hole"`
}

// content is what a client sees of a disk.
type content interface {
	// ReadAt fills the buffer; what lies behind the end of the stored bytes reads as zeroes.
	io.ReaderAt
	// size is how many bytes the client may address.
	size() int64
	extents() ([]extent, error)
}

// visible is what a guest sees of a disk that is stored as such. A nil file reads as zeroes.
type visible struct {
	file    *os.File
	virtual int64
}

func (v visible) size() int64 { return v.virtual }

func (v visible) ReadAt(p []byte, offset int64) (int, error) {
	if v.file == nil {
		clear(p)
		return len(p), nil
	}
	return padded(v.file, p, offset)
}

// data lists where the file is not a hole.
func (v visible) data() (engine.Spans, error) {
	var out engine.Spans
	for at := int64(0); v.file != nil && at < v.virtual; {
		next, ok, err := nextData(v.file, at, v.virtual)
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		out.Add(next.Start, next.End)
		at = next.End
	}
	return out, nil
}

func (v visible) extents() ([]extent, error) {
	data, err := v.data()
	if err != nil {
		return nil, err
	}
	var out []extent
	at := int64(0)
	for _, d := range append(data, engine.Span{Start: v.virtual, End: v.virtual}) {
		if d.Start > at {
			out = append(out, extent{Start: at, Length: d.Start - at, Zero: true, Hole: true})
		}
		if d.End > d.Start {
			out = append(out, extent{Start: d.Start, Length: d.End - d.Start})
		}
		at = d.End
	}
	return out, nil
}

// verbatim is a file as it is.
type verbatim struct {
	file  *os.File
	limit int64
}

func (v verbatim) size() int64 { return v.limit }

func (v verbatim) ReadAt(p []byte, offset int64) (int, error) { return padded(v.file, p, offset) }

// extents of the file backend are one: it does not look for holes.
func (v verbatim) extents() ([]extent, error) { return []extent{{Length: v.limit}}, nil }

// decoded is what a guest sees of a disk that is stored as a qcow2 image.
type decoded struct {
	mu      sync.Mutex // the reader's caches are not for concurrent use
	image   image.Image
	virtual int64
}

func newDecoded(file *os.File, virtual int64) (*decoded, error) {
	header, err := readHeader(file)
	if err != nil {
		return nil, err
	}
	if header.BackingFileOffset != 0 {
		return nil, errors.New("the image has a backing file")
	}
	img, err := qcow2reader.OpenWithType(file, qcow2.Type)
	if err != nil {
		return nil, fmt.Errorf("open qcow2 image: %w", err)
	}
	if err := img.Readable(); err != nil {
		return nil, fmt.Errorf("read qcow2 image: %w", err)
	}
	return &decoded{image: img, virtual: virtual}, nil
}

func (d *decoded) size() int64 { return d.virtual }

func (d *decoded) ReadAt(p []byte, offset int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	inside := min(max(d.image.Size()-offset, 0), int64(len(p)))
	clear(p[inside:])
	if inside == 0 {
		return len(p), nil
	}
	if n, err := d.image.ReadAt(p[:inside], offset); int64(n) < inside {
		return n, fmt.Errorf("read qcow2 image: %w", err)
	}
	return len(p), nil
}

func (d *decoded) extents() ([]extent, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []extent
	add := func(e extent) {
		if last := len(out) - 1; last >= 0 && out[last].Zero == e.Zero && out[last].Hole == e.Hole {
			out[last].Length += e.Length
			return
		}
		out = append(out, e)
	}
	end := min(d.image.Size(), d.virtual)
	for at := int64(0); at < end; {
		e, err := d.image.Extent(at, end-at)
		if err != nil {
			return nil, fmt.Errorf("read qcow2 image: %w", err)
		}
		add(extent{Start: at, Length: e.Length, Zero: e.Zero || !e.Allocated, Hole: !e.Allocated})
		at += e.Length
	}
	if end < d.virtual {
		add(extent{Start: end, Length: d.virtual - end, Zero: true, Hole: true})
	}
	return out, nil
}

// padded reads from a file as if zeroes followed it.
func padded(file *os.File, p []byte, offset int64) (int, error) {
	n, err := file.ReadAt(p, offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return n, fmt.Errorf("read image: %w", err)
	}
	clear(p[n:])
	return len(p), nil
}

// copyVisible copies what a guest sees, holes left out.
func copyVisible(to, from *os.File, isQCOW2 bool, size int64) error {
	var source content = visible{from, size}
	if isQCOW2 {
		image, err := newDecoded(from, size)
		if err != nil {
			return err
		}
		source = image
	}
	extents, err := source.extents()
	if err != nil {
		return err
	}
	if err := to.Truncate(size); err != nil {
		return fmt.Errorf("resize image: %w", err)
	}
	buffer := make([]byte, copySize)
	for _, e := range slices.DeleteFunc(extents, func(e extent) bool { return e.Zero }) {
		for at := e.Start; at < e.Start+e.Length; {
			part := buffer[:min(copySize, e.Start+e.Length-at)]
			if _, err := source.ReadAt(part, at); err != nil {
				return err
			}
			if _, err := to.WriteAt(part, at); err != nil {
				return fmt.Errorf("write image: %w", err)
			}
			at += int64(len(part))
		}
	}
	return nil
}

// writeZeroes is for file systems that cannot make holes.
func writeZeroes(f *os.File, offset, length int64) error {
	zeroes := bytes.Repeat([]byte{0}, int(min(length, copySize)))
	for length > 0 {
		n, err := f.WriteAt(zeroes[:min(length, copySize)], offset)
		if err != nil {
			return fmt.Errorf("write zeroes: %w", err)
		}
		offset, length = offset+int64(n), length-int64(n)
	}
	return nil
}
