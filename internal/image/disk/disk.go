// Package disk reads the content of guests' disks from image files, qcow2 and raw, and changes a few bytes of it: as a view, or in place.
//
// Images come from outside: every size and offset in them is checked against the file before it is used.
package disk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
)

// sector is what the size of every disk is a multiple of, in bytes.
const sector = 512

// MaxSize is the largest virtual size that is read, in bytes: 8 TiB, the engine's default limit for one disk.
const MaxSize = 8 << 40

// Disk is the content of a guest's disk.
type Disk interface {
	// ReadAt is safe for several goroutines.
	io.ReaderAt
	// Size is the virtual size in bytes, a multiple of 512.
	Size() int64
	// Extents are the parts of the disk in order, which cover it without gaps.
	Extents(ctx context.Context) iter.Seq2[Extent, error]
}

// Extent is a part of a disk, in bytes.
type Extent struct {
	Start, Length int64
	Zero          bool // reads as zeros, and need not be sent to a new disk
}

// Format is how a file stores a disk.
type Format string

// The formats that are read.
const (
	QCOW2 Format = "qcow2"
	Raw   Format = "raw"
)

// Image is the disk in an image file.
type Image struct {
	Disk
	format Format
	file   *os.File
	length int64
}

// Open opens an image file: qcow2 when it begins as one, and raw otherwise. Errors are an UnsupportedError for what is not read, a CorruptError
// for a truncated or damaged file, or the operating system's.
func Open(path string) (*Image, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open disk image: %w", err)
	}
	image, err := open(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return image, nil
}

func open(f *os.File) (*Image, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("open disk image: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, &UnsupportedError{File: f.Name(), What: "it is not a regular file", Next: "give a file in qcow2 or raw format"}
	}
	i := &Image{file: f, length: info.Size(), format: Raw}
	magic := make([]byte, len(qcow2Magic))
	if _, err := f.ReadAt(magic, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read disk image: %w", err)
	}
	if bytes.Equal(magic, []byte(qcow2Magic)) {
		i.format = QCOW2
		i.Disk, err = newQCOW2(f.Name(), f, i.length)
	} else {
		i.Disk, err = newRaw(f, i.length)
	}
	if err != nil {
		return nil, err
	}
	return i, nil
}

// Format is how the file stores the disk.
func (i *Image) Format() Format { return i.format }

// Path is the name that the file was opened by.
func (i *Image) Path() string { return i.file.Name() }

// Length is the size of the file itself, in bytes.
func (i *Image) Length() int64 { return i.length }

// Close ends all reading.
func (i *Image) Close() error { return i.file.Close() }
