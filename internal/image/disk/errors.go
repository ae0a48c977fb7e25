package disk

import (
	"errors"
	"fmt"
)

// ErrReadOnlyFeature reports an image that can be read, but not changed in place.
var ErrReadOnlyFeature = errors.New("cannot be changed in place")

// UnsupportedError refuses an image file that may be whole, but is of a kind that is not read, or not written.
type UnsupportedError struct {
	File string
	What string // what it has, as a sentence without full stop
	Next string // what to do about it
	Err  error  // ErrReadOnlyFeature, or nil
}

// Error says what is not supported and what to do.
func (e *UnsupportedError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("disk image %s %v: %s; %s", e.File, e.Err, e.What, e.Next)
	}
	return fmt.Sprintf("disk image %s cannot be read: %s; %s", e.File, e.What, e.Next)
}

// Unwrap gives ErrReadOnlyFeature for an image that can be read.
func (e *UnsupportedError) Unwrap() error { return e.Err }

// CorruptError reports a file that is truncated or damaged.
type CorruptError struct {
	File string
	// Offset is where, in bytes: of the guest's disk when Guest, of the file otherwise.
	Offset int64
	Guest  bool
	What   string
	Err    error // what the decoder said, or nil
}

// Error says where the file is damaged and what to do.
func (e *CorruptError) Error() string {
	where := "of the file"
	if e.Guest {
		where = "of the guest's disk"
	}
	text := fmt.Sprintf("disk image %s is truncated or damaged: %s (byte %d %s", e.File, e.What, e.Offset, where)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text + "); get it again and compare its checksum"
}

// Unwrap gives what the decoder said.
func (e *CorruptError) Unwrap() error { return e.Err }
