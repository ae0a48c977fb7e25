// Package disk is the content of guests' disks.
package disk

import (
	"context"
	"io"
	"iter"
)

// Disk is the content of a guest's disk.
type Disk interface {
	io.ReaderAt // safe for several goroutines
	// Size is the virtual size in bytes.
	Size() int64
	// Extents are the parts of the disk in order, which cover it without gaps.
	Extents(ctx context.Context) iter.Seq2[Extent, error]
}

// Extent is a part of a disk, in bytes.
type Extent struct {
	Start, Length int64
	// Zero: reads as zeros, need not be sent to a new disk.
	Zero bool
}
