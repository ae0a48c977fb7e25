package xfs

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

const (
	recordMagic      = 0xFEEDBABE
	recordChecksumAt = 32
	logBlock         = 512     // the log is numbered in these, in bytes
	logStep          = 1 << 20 // how much of it is read at once, in bytes
	headerCovers     = 32 << 10
	unmountFlag      = 0x20
)

// record is the header of a log record, and which block of the log it is.
type record struct {
	block  int64
	header []byte
}

func (r *record) sequence() uint64 { return binary.BigEndian.Uint64(r.header[16:]) }

// LogClean tells whether the file system was unmounted properly: whether the newest record of the log says so. What the log of another holds is
// not in the files yet, and the kernel would write it there, over anything that was changed.
func (f *FileSystem) LogClean(ctx context.Context) (bool, error) {
	newest, err := f.newestRecord(ctx)
	if err != nil {
		return false, err
	}
	h := newest.header
	length := int64(binary.BigEndian.Uint32(h[12:]))
	if binary.BigEndian.Uint32(h[40:]) != 1 || length < logBlock || length > headerCovers {
		return false, nil // an unmount record is one operation
	}
	headers := int64(1)
	if size := int64(binary.BigEndian.Uint32(h[320:])); binary.BigEndian.Uint32(h[8:])&2 != 0 && size > headerCovers {
		headers = (size + headerCovers - 1) / headerCovers
	}
	if headers > 8 { // records have at most 256 KiB
		return false, f.corruptLog(newest.block, "a record of %d header blocks", headers)
	}
	b, err := f.readLog(newest.block, headers+(length+logBlock-1)/logBlock)
	if err != nil {
		return false, err
	}
	data := b[headers*logBlock:][:length]
	// mkfs.xfs writes no checksum.
	if want := binary.LittleEndian.Uint32(h[recordChecksumAt:]); want != 0 && !recordRight(h, data, want) {
		return false, f.corruptLog(newest.block, "bad CRC of the newest record")
	}
	return data[9]&unmountFlag != 0, nil
}

// recordRight verifies the checksum of a record whose data needs no more than the first header. How much of that it covers depends on the
// architecture of the writer.
func recordRight(header, data []byte, want uint32) bool {
	table := crc32.MakeTable(crc32.Castagnoli)
	for _, covered := range []int{328, 324} {
		first := bytes.Clone(header[:covered])
		clear(first[recordChecksumAt : recordChecksumAt+4])
		if crc32.Update(crc32.Checksum(first, table), table, data) == want {
			return true
		}
	}
	return false
}

// newestRecord finds the record with the highest sequence number. No other block begins with the magic number: the log replaces the first bytes
// of its blocks.
func (f *FileSystem) newestRecord(ctx context.Context) (*record, error) {
	var newest *record
	blocks := f.logBlocks()
	for first := int64(0); first < blocks; first += logStep / logBlock {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("read the log of XFS: %w", err)
		}
		b, err := f.readLog(first, min(logStep/logBlock, blocks-first))
		if err != nil {
			return nil, err
		}
		for at := 0; at < len(b); at += logBlock {
			if binary.BigEndian.Uint32(b[at:]) != recordMagic {
				continue
			}
			r := &record{block: first + int64(at/logBlock), header: b[at : at+logBlock]}
			if int64(r.sequence()&0xffffffff) != r.block {
				return nil, f.corruptLog(r.block, "a record that belongs to block %d", r.sequence()&0xffffffff)
			}
			if newest == nil || r.sequence() > newest.sequence() {
				r.header = bytes.Clone(r.header)
				newest = r
			}
		}
	}
	if newest == nil {
		return nil, f.corruptLog(0, "it has no record")
	}
	return newest, nil
}

// logBlocks is the size of the log.
func (f *FileSystem) logBlocks() int64 {
	return int64(f.super.logBlocks << f.super.blockLog / logBlock)
}

// readLog reads blocks of the log, which is a ring.
func (f *FileSystem) readLog(first, count int64) ([]byte, error) {
	offset, until := f.super.offset(f.super.logStart), f.logBlocks()
	if count > until {
		return nil, f.corruptLog(first, "a record larger than the log")
	}
	b, err := f.read("log", offset+first*logBlock, min(count, until-first)*logBlock)
	if err != nil || first+count <= until {
		return b, err
	}
	rest, err := f.read("log", offset, (first+count-until)*logBlock)
	return append(b, rest...), err
}

func (f *FileSystem) corruptLog(block int64, format string, args ...any) error {
	return &CorruptError{Object: "log", Offset: f.super.offset(f.super.logStart) + block*logBlock, What: fmt.Sprintf(format, args...)}
}
