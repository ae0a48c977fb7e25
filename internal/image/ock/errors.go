package ock

import (
	"errors"
	"fmt"
)

// Why an image that is one of OCK is not converted; a RefusedError has one of them.
var (
	ErrUncleanLog     = errors.New("its file system was not unmounted properly")
	ErrSeveralExtents = errors.New("the file is not in one piece")
	ErrUnwritten      = errors.New("the file's block was never written")
	ErrShared         = errors.New("the file may share its block with another (reflink)")
	ErrTooLong        = errors.New("the new text does not fit into the file's block")
	ErrAmbiguous      = errors.New("there is more than one match")
	ErrPlatform       = errors.New("the image is made for another platform")
	ErrKernelArgs     = errors.New("these are no kernel arguments")
	ErrVerification   = errors.New("the converted image does not read as it was written")
)

// NotOCKError says why an image is not taken for an OCK boot image.
type NotOCKError struct {
	Reason string
	Err    error // what the reader said, or nil
}

// Error says what is missing and where images come from.
func (e *NotOCKError) Error() string {
	text := "this is not an OCK boot image: " + e.Reason
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text + "; give the disk/boot.qcow2 of an image such as container-registry.oracle.com/olcne/ock:1.31"
}

// Unwrap gives what the reader said.
func (e *NotOCKError) Unwrap() error { return e.Err }

// ArchitectureError says that an image is for machines of another kind.
type ArchitectureError struct {
	Want, Have string
}

// Error names both architectures.
func (e *ArchitectureError) Error() string {
	return fmt.Sprintf("the image is for %s, but %s is wanted; pull it with --arch %s, or give the architecture that it has", e.Have, e.Want, e.Want)
}

// RefusedError says why an OCK image is not converted. Nothing was changed.
type RefusedError struct {
	Object string // such as the path of the loader's entry
	Err    error  // one of the errors of this package, which says why
	Detail string // numbers and names, may be empty
	Next   string // what to do
}

// Error says what was refused, on what, why, and what to do.
func (e *RefusedError) Error() string {
	text := fmt.Sprintf("the image cannot be converted: %s: %v", e.Object, e.Err)
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return text + "; " + e.Next
}

// Unwrap gives the reason.
func (e *RefusedError) Unwrap() error { return e.Err }
