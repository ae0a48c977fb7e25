package xfs

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

const (
	dirBlockMagic = 0x58444233 // XDB3: all of a directory in one block
	dirDataMagic  = 0x58444433 // XDD3: names of a larger one
	dirHeader     = 64         // bytes
	dirChecksumAt = 4
	dirFree       = 0xffff

	// maxDirectory is how large a directory is read, in bytes: tens of thousands of names.
	maxDirectory = 16 << 20
)

// Entry is a name in a directory.
type Entry struct {
	Name  string
	Inode uint64
}

// ReadDir lists a directory, without "." and "..".
func (f *FileSystem) ReadDir(i *Inode) ([]Entry, error) {
	if !i.Directory() {
		return nil, &UnsupportedError{What: i.name() + " is not a directory"}
	}
	if i.format == formatLocal {
		return f.shortDirectory(i)
	}
	if i.Size > maxDirectory {
		return nil, &UnsupportedError{What: fmt.Sprintf("the directory of %s has %d bytes", i.name(), i.Size)}
	}
	extents, err := f.Extents(i)
	if err != nil {
		return nil, err
	}
	var entries []Entry
	b := make([]byte, 1<<(f.super.blockLog+f.super.dirBlockLog))
	for at := int64(0); at < i.Size; at += int64(len(b)) {
		covered, err := f.readMapped("directory of "+i.name(), extents, b, at)
		if err != nil {
			return nil, err
		}
		if covered == 0 {
			continue // a hole
		}
		if covered != int64(len(b)) {
			return nil, i.corrupt("half a directory block at byte %d", at)
		}
		found, err := f.dirBlock(i, b, place(extents, at))
		if err != nil {
			return nil, err
		}
		entries = append(entries, found...)
	}
	return entries, nil
}

// place is where an offset of a file is in the file system.
func place(extents []Extent, offset int64) int64 {
	for _, e := range extents {
		if offset >= e.FileOffset && offset < e.FileOffset+e.Length {
			return e.Offset + offset - e.FileOffset
		}
	}
	return 0
}

// typeLength is what follows a name: its file type, where the file system has them.
func (f *FileSystem) typeLength() int {
	if f.super.incompat&incompatFileType != 0 {
		return 1
	}
	return 0
}

// shortDirectory reads a directory that is in its inode.
func (f *FileSystem) shortDirectory(i *Inode) ([]Entry, error) {
	b := i.fork
	if i.Size > int64(len(b)) || i.Size < 6 {
		return nil, i.corrupt("a short directory of %d bytes", i.Size)
	}
	b = b[:i.Size]
	width := 4 // of inode numbers
	if b[1] != 0 {
		width = 8
	}
	count := int(b[0])
	b = b[min(2+width, len(b)):]
	var entries []Entry
	for range count {
		if len(b) < 3 || len(b) < 3+int(b[0])+f.typeLength()+width {
			return nil, i.corrupt("a short directory that ends in a name")
		}
		end := 3 + int(b[0])
		e := Entry{Name: string(b[3:end])}
		end += f.typeLength()
		for _, digit := range b[end : end+width] {
			e.Inode = e.Inode<<8 | uint64(digit)
		}
		entries, b = append(entries, e), b[end+width:]
	}
	return entries, nil
}

// dirBlock reads one block with names, which is at an offset of the file system.
func (f *FileSystem) dirBlock(i *Inode, b []byte, offset int64) ([]Entry, error) {
	corrupt := func(what string) error {
		return &CorruptError{Object: "directory block of " + i.name(), Offset: offset, What: what}
	}
	magic := binary.BigEndian.Uint32(b)
	switch {
	case magic != dirBlockMagic && magic != dirDataMagic:
		return nil, corrupt("bad magic number")
	case !checksumRight(b, dirChecksumAt):
		return nil, corrupt("bad CRC")
	case binary.BigEndian.Uint64(b[8:]) != uint64(offset/512) || binary.BigEndian.Uint64(b[40:]) != i.Number || !bytes.Equal(b[24:40], f.super.uuid[:]):
		return nil, corrupt("it belongs to another place, directory or file system")
	}
	if magic == dirBlockMagic { // hashes of the names, and their number, are at the end
		hashes := uint64(binary.BigEndian.Uint32(b[len(b)-8:]))
		if hashes*8 > uint64(len(b)-8-dirHeader) {
			return nil, corrupt("more hashes than fit")
		}
		b = b[:len(b)-8-int(hashes)*8]
	}
	var entries []Entry
	for b = b[dirHeader:]; len(b) >= 8; {
		if binary.BigEndian.Uint16(b) == dirFree {
			length := int(binary.BigEndian.Uint16(b[2:]))
			if length < 8 || length%8 != 0 || length > len(b) {
				return nil, corrupt("a bad free entry")
			}
			b = b[length:]
			continue
		}
		if len(b) < 16 || b[8] == 0 {
			return nil, corrupt("a bad entry")
		}
		end := 9 + int(b[8])
		length := (end + f.typeLength() + 2 + 7) &^ 7
		if length > len(b) {
			return nil, corrupt("an entry that does not fit")
		}
		if name := string(b[9:end]); name != "." && name != ".." {
			entries = append(entries, Entry{Name: name, Inode: binary.BigEndian.Uint64(b)})
		}
		b = b[length:]
	}
	return entries, nil
}
