package upload

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/ocne-project/ocne/pkg/ovirt"
)

// source is what is sent: the content of the disk, or a qcow2 file as it is.
type source struct {
	io.ReaderAt
	format string
	// size is that of what the server has in the end, in bytes. What is not data reads as zeros there.
	size int64
	data spans
}

// newSource takes the form that has fewer bytes.
func newSource(ctx context.Context, r Request) (source, error) {
	s := source{ReaderAt: r.Content, format: ovirt.FormatRaw, size: r.Size}
	at := int64(0)
	for extent, err := range r.Content.Extents(ctx) {
		if err != nil {
			return source{}, fmt.Errorf("list the extents of the image for disk %s: %w", r.Name, err)
		}
		if extent.Start != at || extent.Length <= 0 || extent.Length > r.Content.Size()-at {
			return source{}, fmt.Errorf("list the extents of the image for disk %s: the extent of %d bytes at %d does not fit behind byte %d of %d",
				r.Name, extent.Length, extent.Start, at, r.Content.Size())
		}
		at += extent.Length
		if extent.Zero {
			continue
		}
		if n := len(s.data); n > 0 && s.data[n-1].End == extent.Start {
			s.data[n-1].End = at
		} else {
			s.data = append(s.data, span{extent.Start, at})
		}
	}
	if at != r.Content.Size() {
		return source{}, fmt.Errorf("list the extents of the image for disk %s: they end at %d of %d bytes", r.Name, at, r.Content.Size())
	}
	// A disk that is larger than its qcow2 file says would have to be extended by the engine.
	if f := r.File; f != nil && f.Size < s.data.total() && r.Size == r.Content.Size() {
		return source{ReaderAt: f, format: ovirt.FormatCOW, size: f.Size, data: spans{{0, f.Size}}}, nil
	}
	return s, nil
}

// sparse says that zeros need not be written: the disk is new, or has only what an earlier try wrote of the same image.
func (s source) sparse() bool { return s.format == ovirt.FormatRaw }

// initialSize is what the qcow2 volume on block storage must have room for: the data and the tables, which take an entry of 8
// bytes and a reference count of 2 bytes for each cluster of 64 KiB, and some clusters of their own.
func (s source) initialSize() int64 {
	if s.format == ovirt.FormatCOW {
		return s.size
	}
	const cluster = 64 << 10
	data := int64(0)
	for _, each := range s.data {
		data += (each.End+cluster-1)/cluster*cluster - each.Start/cluster*cluster
	}
	return data + s.size/cluster*10 + 2<<20
}

// read fills p from offset on.
func (s source) read(p []byte, offset int64) error {
	n, err := s.ReadAt(p, offset)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return &sourceError{fmt.Errorf("read %d bytes at %d of the image: %w", len(p), offset, err)}
}

// sourceError tells an image that cannot be read from a server that cannot be written to.
type sourceError struct{ err error }

func (e *sourceError) Error() string { return e.err.Error() }
func (e *sourceError) Unwrap() error { return e.err }
