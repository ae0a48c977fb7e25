package disk

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
)

// Patch is bytes of a guest's disk that replace what was there.
type Patch struct {
	Offset int64
	Data   []byte
}

func (p Patch) end() int64 { return p.Offset + int64(len(p.Data)) }

// Overlay is a disk with patches over it; the disk itself stays as it is.
type Overlay struct {
	Disk
	patches []Patch // in order, not overlapping
}

// NewOverlay puts patches over a disk. They must be inside the disk and must not overlap.
func NewOverlay(d Disk, patches ...Patch) (*Overlay, error) {
	sorted, err := sortPatches(d.Size(), patches)
	if err != nil {
		return nil, err
	}
	return &Overlay{Disk: d, patches: sorted}, nil
}

func sortPatches(size int64, patches []Patch) ([]Patch, error) {
	sorted := make([]Patch, 0, len(patches))
	for _, p := range patches {
		sorted = append(sorted, Patch{Offset: p.Offset, Data: bytes.Clone(p.Data)})
	}
	slices.SortFunc(sorted, func(a, b Patch) int { return cmp.Compare(a.Offset, b.Offset) })
	end := int64(0)
	for _, p := range sorted {
		if p.Offset < end || len(p.Data) == 0 || p.end() > size {
			return nil, fmt.Errorf("patch disk: bytes %d to %d overlap others or are outside the disk of %d bytes", p.Offset, p.end(), size)
		}
		end = p.end()
	}
	return sorted, nil
}

// ReadAt reads the disk with its patches.
func (o *Overlay) ReadAt(b []byte, off int64) (int, error) {
	n, err := o.Disk.ReadAt(b, off)
	for _, p := range o.patches {
		from, to := max(off, p.Offset), min(off+int64(n), p.end())
		if from < to {
			copy(b[from-off:to-off], p.Data[from-p.Offset:])
		}
	}
	return n, err
}

// Extents are those of the disk, but patches are data.
func (o *Overlay) Extents(ctx context.Context) iter.Seq2[Extent, error] {
	return merged(func(yield func(Extent, error) bool) {
		for e, err := range o.Disk.Extents(ctx) {
			if err != nil || !e.Zero {
				if !yield(e, err) {
					return
				}
				continue
			}
			for _, part := range o.cut(e) {
				if !yield(part, nil) {
					return
				}
			}
		}
	})
}

// cut divides an extent of zeros where patches lie in it.
func (o *Overlay) cut(e Extent) []Extent {
	var parts []Extent
	at, end := e.Start, e.Start+e.Length
	for _, p := range o.patches {
		from, to := max(at, p.Offset), min(end, p.end())
		if from >= to {
			continue
		}
		if from > at {
			parts = append(parts, Extent{Start: at, Length: from - at, Zero: true})
		}
		parts = append(parts, Extent{Start: from, Length: to - from})
		at = to
	}
	if at < end {
		parts = append(parts, Extent{Start: at, Length: end - at, Zero: true})
	}
	return parts
}
