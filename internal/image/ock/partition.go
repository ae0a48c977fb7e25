package ock

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/diskfs/go-diskfs/partition/gpt"

	"github.com/ocne-project/ocne/internal/image/disk"
)

const (
	// OLVM shows its guests sectors of 512 bytes, so a table for larger ones would not boot.
	sectorSize = 512

	gptEntrySize  = 128
	maxGPTEntries = 1024
)

// partition is a part of the disk, in bytes.
type partition struct {
	start, size int64
}

// findPartition finds the only partition of a name.
func findPartition(d disk.Disk, name string) (partition, error) {
	table, err := readGPT(d)
	if err != nil {
		return partition{}, err
	}
	var found []partition
	for _, p := range table.Partitions {
		if p.Name != name {
			continue
		}
		sectors := uint64(d.Size() / sectorSize)
		if p.Start > p.End || p.End >= sectors {
			return partition{}, &NotOCKError{Reason: fmt.Sprintf("partition %q is sectors %d to %d of a disk of %d", name, p.Start, p.End, sectors)}
		}
		found = append(found, partition{start: int64(p.Start) * sectorSize, size: int64(p.End-p.Start+1) * sectorSize})
	}
	if len(found) != 1 {
		return partition{}, &NotOCKError{Reason: fmt.Sprintf("it has %d partitions named %q, not one", len(found), name)}
	}
	return found[0], nil
}

// readGPT reads the partition table. The library allocates and divides by what the header says, so that is checked before.
func readGPT(d disk.Disk) (*gpt.Table, error) {
	b := make([]byte, 2*sectorSize)
	if _, err := d.ReadAt(b, 0); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, &NotOCKError{Reason: "it has no partition table"}
		}
		return nil, err
	}
	h := b[sectorSize:]
	if !bytes.HasPrefix(h, []byte("EFI PART")) {
		return nil, &NotOCKError{Reason: "it has no GUID partition table"}
	}
	first, count, size := binary.LittleEndian.Uint64(h[72:]), binary.LittleEndian.Uint32(h[80:]), binary.LittleEndian.Uint32(h[84:])
	if size != gptEntrySize || count == 0 || count > maxGPTEntries || first > uint64(d.Size()/sectorSize) {
		return nil, &NotOCKError{Reason: fmt.Sprintf("its partition table has %d entries of %d bytes at sector %d", count, size, first)}
	}
	table, err := gpt.Read(&diskFile{SectionReader: io.NewSectionReader(d, 0, d.Size())}, sectorSize, sectorSize)
	if damaged, ok := errors.AsType[*disk.CorruptError](err); ok {
		return nil, damaged
	}
	if err != nil {
		return nil, &NotOCKError{Reason: "its partition table is damaged", Err: err}
	}
	return table, nil
}

// errNoEnd keeps go-diskfs from the second table at the end of the disk: it is not checked, and an image with a damaged first one is not used.
var errNoEnd = errors.New("the second table is not used")

// diskFile is a disk as go-diskfs takes it.
type diskFile struct {
	*io.SectionReader
}

func (diskFile) Seek(int64, int) (int64, error) { return 0, errNoEnd }
func (diskFile) Close() error                   { return nil }
func (f diskFile) Stat() (fs.FileInfo, error)   { return diskInfo{size: f.Size()}, nil }

type diskInfo struct {
	size int64
}

func (diskInfo) Name() string       { return "disk" }
func (i diskInfo) Size() int64      { return i.size }
func (diskInfo) Mode() fs.FileMode  { return 0o400 }
func (diskInfo) ModTime() time.Time { return time.Time{} }
func (diskInfo) IsDir() bool        { return false }
func (diskInfo) Sys() any           { return nil }
