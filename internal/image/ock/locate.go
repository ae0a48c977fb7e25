package ock

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// locate finds the file of the only loader entry.
func (e *entry) locate() error {
	dir, err := e.files.Lookup(entries)
	if errors.Is(err, fs.ErrNotExist) {
		return &NotOCKError{Reason: fmt.Sprintf("partition %q has no %s", bootPartition, entries)}
	}
	if err != nil {
		return fmt.Errorf("partition %q: %w", bootPartition, err)
	}
	if !dir.Directory() {
		return &NotOCKError{Reason: entries + " is not a directory"}
	}
	names, err := e.files.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("list %s: %w", entries, err)
	}
	var found []string
	for _, n := range names {
		if strings.HasSuffix(n.Name, ".conf") {
			found = append(found, path.Join(entries, n.Name))
		}
	}
	if len(found) != 1 {
		return &NotOCKError{Reason: fmt.Sprintf("%s has %d loader entries, not one", entries, len(found))}
	}
	e.path = found[0]
	if e.inode, err = e.files.Lookup(e.path); err != nil {
		return fmt.Errorf("find %s: %w", e.path, err)
	}
	if !e.inode.Regular() || e.inode.Size == 0 || e.inode.Size > maxEntry {
		return &NotOCKError{Reason: fmt.Sprintf("%s is not a file of a loader entry's size", e.path)}
	}
	return nil
}

// kernelHead is how much of a kernel is read, in bytes: more than all the headers before its code.
const kernelHead = 4096

// kernelArchitecture tells what the entry's kernel runs on, from its own header, or from its name when that cannot be read. Empty: unknown.
func (e *entry) kernelArchitecture() string {
	if inode, err := e.files.Lookup(e.kernel); err == nil && e.kernel != "" {
		if head, err := e.files.ReadFile(inode, 16*kernelHead); err == nil {
			if known := peArchitecture(head); known != "" {
				return known
			}
		}
	}
	for suffix, name := range map[string]string{".x86_64": AMD64, ".aarch64": ARM64} {
		if strings.HasSuffix(e.kernel, suffix) {
			return name
		}
	}
	return ""
}

// peArchitecture reads the machine type of a kernel, which is an EFI program: a PE file (Microsoft's "PE Format", section 3). Those for arm64 may be
// compressed with gzip as a whole.
func peArchitecture(head []byte) string {
	if packed, err := gzip.NewReader(bytes.NewReader(head)); err == nil {
		head = make([]byte, kernelHead)
		n, _ := io.ReadFull(packed, head) // the end is missing, which is an error at the end only
		head = head[:n]
	}
	if len(head) < 64 || string(head[:2]) != "MZ" {
		return ""
	}
	at := int64(binary.LittleEndian.Uint32(head[60:]))
	if at+6 > int64(len(head)) || string(head[at:at+4]) != "PE\x00\x00" {
		return ""
	}
	switch binary.LittleEndian.Uint16(head[at+4:]) {
	case 0x8664:
		return AMD64
	case 0xaa64:
		return ARM64
	}
	return ""
}
