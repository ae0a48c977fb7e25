// Package ock knows OCK boot images, Oracle Linux for Container Kubernetes: it says what an image is, and makes the OLVM form of it.
//
// The disk has a GPT: the EFI system partition, an XFS file system named "boot" with the loader's entry behind ostree's symbolic link, and an XFS
// file system named "root" (ock-forge: make-partitions.sh, format-disk.sh). The OLVM form differs in the entry's kernel arguments only, as upstream's
// "ocne image create --type olvm" makes it: Ignition takes its document from a config drive ("openstack"), and the console is the virtual screen.
// The file systems keep their UUIDs: upstream changes them only because its build host may run from an OCK disk itself.
package ock

import (
	"context"
	"fmt"
	"io"

	"github.com/ocne-project/ocne/internal/image/disk"
	"github.com/ocne-project/ocne/internal/image/xfs"
)

const (
	bootPartition = "boot"
	entries       = "/loader/entries"

	// maxEntry is how long a loader's entry is read, in bytes.
	maxEntry = 64 << 10
)

// Architectures by their names in Go and in OCI images.
const (
	AMD64 = "amd64"
	ARM64 = "arm64"
)

// The values of Ignition's platform in images as they are published, and in those for OLVM.
const (
	PlatformQEMU      = "qemu"
	PlatformOpenStack = "openstack"
)

// Info is what an OCK image says of itself.
type Info struct {
	Title        string // of the loader's entry, such as "Oracle Linux Server 8.10 1.31 (ostree:0)"
	OS           string // the title without ostree's number
	Architecture string // AMD64 or ARM64, from the kernel; empty when the kernel does not tell
	Platform     string // what Ignition takes for its platform: PlatformQEMU as published
	KernelArgs   string
	VirtualSize  int64  // of the disk, in bytes
	Entry        string // path of the loader's entry in the partition "boot"
	Converted    bool   // the image has the OLVM form already
}

// Inspect tells what an image is. Errors are a NotOCKError, a disk.CorruptError, an xfs.CorruptError, an xfs.UnsupportedError, or the reader's.
func Inspect(ctx context.Context, d disk.Disk) (*Info, error) {
	e, err := find(ctx, d)
	if err != nil {
		return nil, err
	}
	return e.info(), nil
}

// entry is the only loader entry of an image, and where it is.
type entry struct {
	disk  disk.Disk
	base  int64 // where the file system begins, in bytes of the disk
	files *xfs.FileSystem
	path  string
	inode *xfs.Inode
	bootEntry
	architecture string
}

// find finds the loader's entry of an image.
func find(ctx context.Context, d disk.Disk) (*entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read OCK image: %w", err)
	}
	part, err := findPartition(d, bootPartition)
	if err != nil {
		return nil, err
	}
	e := &entry{disk: d, base: part.start}
	e.files, err = xfs.Open(io.NewSectionReader(d, part.start, part.size), part.size)
	if err != nil {
		return nil, fmt.Errorf("partition %q: %w", bootPartition, err)
	}
	if err := e.locate(); err != nil {
		return nil, err
	}
	text, err := e.files.ReadFile(e.inode, maxEntry)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", e.path, err)
	}
	if e.bootEntry, err = parseEntry(string(text)); err != nil {
		if _, unreadable := e.block(); unreadable != nil {
			return nil, unreadable // holes read as zeros, which are no entry
		}
		return nil, &NotOCKError{Reason: fmt.Sprintf("%s: %v", e.path, err)}
	}
	e.architecture = e.kernelArchitecture()
	return e, nil
}

func (e *entry) info() *Info {
	return &Info{
		Title:        e.title,
		OS:           e.operatingSystem(),
		Architecture: e.architecture,
		Platform:     e.platform(),
		KernelArgs:   e.options(),
		VirtualSize:  e.disk.Size(),
		Entry:        e.path,
		Converted:    e.converted(),
	}
}
