package imageio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// store keeps the bytes of disks in a directory: the file <disk id> holds what a guest sees, <disk id>.qcow2 an image as
// it was uploaded. A disk that was never written has no file. Disks that share their bytes share a file by hard links,
// and whoever writes to a shared file takes a copy first.
type store struct{ dir string }

const qcow2Suffix = ".qcow2"

func newStore(dir string) (*store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create image directory: %w", err)
	}
	return &store{dir}, nil
}

func (s *store) rawPath(diskID string) string   { return filepath.Join(s.dir, diskID) }
func (s *store) qcow2Path(diskID string) string { return s.rawPath(diskID) + qcow2Suffix }

// open opens the disk's file for reading; a nil file says that there is none.
func (s *store) open(diskID string) (file *os.File, isQCOW2 bool, err error) {
	for _, path := range []string{s.qcow2Path(diskID), s.rawPath(diskID)} {
		file, err = os.Open(path)
		if err == nil {
			return file, strings.HasSuffix(path, qcow2Suffix), nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, false, fmt.Errorf("open image of disk %s: %w", diskID, err)
		}
	}
	return nil, false, nil
}

// writable returns the path of a file that is nobody else's, which install puts in the place of the disk's file. If the
// disk has such a file already, it is that one.
func (s *store) writable(diskID string, asQCOW2 bool, size int64) (path string, err error) {
	current, isQCOW2, err := s.open(diskID)
	if err != nil {
		return "", err
	}
	if current != nil {
		defer func() { _ = current.Close() }()
		info, err := current.Stat()
		if err != nil {
			return "", fmt.Errorf("read image of disk %s: %w", diskID, err)
		}
		if _, links := occupied(info); links == 1 && isQCOW2 == asQCOW2 {
			return current.Name(), nil
		}
	}
	fresh, err := os.CreateTemp(s.dir, diskID+".new-*")
	if err != nil {
		return "", fmt.Errorf("create image of disk %s: %w", diskID, err)
	}
	if current != nil && !asQCOW2 {
		err = copyVisible(fresh, current, isQCOW2, size)
	}
	if err = errors.Join(err, fresh.Close()); err != nil {
		return "", errors.Join(fmt.Errorf("copy image of disk %s: %w", diskID, err), os.Remove(fresh.Name()))
	}
	return fresh.Name(), nil
}

// install makes the file at path the disk's.
func (s *store) install(path, diskID string, asQCOW2 bool) error {
	target, other := s.rawPath(diskID), s.qcow2Path(diskID)
	if asQCOW2 {
		target, other = other, target
	}
	if path == target {
		return nil
	}
	if err := os.Rename(path, target); err != nil {
		return fmt.Errorf("install image of disk %s: %w", diskID, err)
	}
	return remove(other)
}

// share makes the second disk's bytes those of the first.
func (s *store) share(from, to string) error {
	for _, suffix := range []string{"", qcow2Suffix} {
		err := os.Link(s.rawPath(from)+suffix, s.rawPath(to)+suffix)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("share image of disk %s: %w", from, err)
		}
	}
	return nil
}

func (s *store) remove(diskID string) error {
	return errors.Join(remove(s.rawPath(diskID)), remove(s.qcow2Path(diskID)))
}

// retain removes the files of disks that are not known.
func (s *store) retain(known func(diskID string) bool) error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("read image directory: %w", err)
	}
	for _, entry := range entries {
		if id, rest, _ := strings.Cut(entry.Name(), "."); !known(id) || strings.HasPrefix(rest, "new-") {
			err = errors.Join(err, remove(filepath.Join(s.dir, entry.Name())))
		}
	}
	return err
}

// allocated is the space that the disk's file takes; a disk without one takes none.
func (s *store) allocated(diskID string) int64 {
	file, _, err := s.open(diskID)
	if err != nil || file == nil {
		return 0
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return 0
	}
	bytes, _ := occupied(info)
	return bytes
}

// check says whether the disk's file, if it is a qcow2 image or must be one, is fit for a disk of that size.
func (s *store) check(diskID string, virtualSize int64) error {
	file, isQCOW2, err := s.open(diskID)
	if err != nil {
		return err
	}
	if file == nil || !isQCOW2 {
		return errors.Join(errors.New("the disk holds no qcow2 image"), closeFile(file))
	}
	defer func() { _ = file.Close() }()
	header, err := readHeader(file)
	switch {
	case err != nil:
		return err
	case header.Size > uint64(virtualSize):
		return fmt.Errorf("the image's virtual size %d is larger than the disk's %d", header.Size, virtualSize)
	case header.BackingFileOffset != 0:
		return errors.New("the image has a backing file")
	}
	return nil
}

// qcow2Header is the part that versions 2 and 3 share.
type qcow2Header struct {
	Magic, Version        uint32
	BackingFileOffset     uint64
	BackingFileSize       uint32
	ClusterBits           uint32
	Size                  uint64
	CryptMethod, L1Size   uint32
	L1TableOffset         uint64
	RefcountTableOffset   uint64
	RefcountTableClusters uint32
	Snapshots             uint32
	SnapshotsOffset       uint64
}

const qcow2Magic = 'Q'<<24 | 'F'<<16 | 'I'<<8 | 0xfb

func readHeader(r io.ReaderAt) (qcow2Header, error) {
	var header qcow2Header
	if err := binary.Read(io.NewSectionReader(r, 0, int64(binary.Size(header))), binary.BigEndian, &header); err != nil {
		return header, fmt.Errorf("read qcow2 header: %w", err)
	}
	if header.Magic != qcow2Magic || header.Version < 2 || header.Version > 3 {
		return header, errors.New("not a qcow2 image")
	}
	return header, nil
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove image: %w", err)
	}
	return nil
}

func closeFile(f *os.File) error {
	if f == nil {
		return nil
	}
	return f.Close()
}
