// Package cache keeps boot disks of container images in a directory that all commands share. An image's place is named by its digest; who
// writes it holds an exclusive lock, who uses it a shared one. What a reference such as registry/repository:tag meant last is kept beside
// the images, so that it works without the registry.
//
//	DIR/references.json        what references meant last
//	DIR/sha256-HEX/boot.qcow2  the boot disk of the image with this digest
//	DIR/sha256-HEX/image.json  what is known of it; written last, so a disk without it is not complete
//	DIR/sha256-HEX/layer.part  what has arrived of the layer, while it is being downloaded
//	DIR/locks/                 a lock for each image, and one for references.json
package cache

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ocne-project/ocne/internal/filelock"
)

const (
	diskName    = "boot.qcow2"
	recordName  = "image.json"
	partialName = "layer.part"
	locksName   = "locks"

	dirMode  = 0o700
	fileMode = 0o600
)

// ErrAbsent says that the cache does not hold an image, or not all of it.
var ErrAbsent = errors.New("is not in the cache")

// DamagedError says that a cached boot disk is not what was written.
type DamagedError struct {
	Path string
	// Reason is what is different, such as "it has 5 bytes instead of 7".
	Reason string
}

// Error names the file and the difference.
func (e *DamagedError) Error() string { return fmt.Sprintf("%s is damaged: %s", e.Path, e.Reason) }

// Store is a directory of images. Any number of processes may use it at once, on file systems that know flock(2).
type Store struct{ dir string }

// Open returns the store in a directory, which is made when it is not there, readable by its owner only.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(filepath.Join(dir, locksName), dirMode); err != nil {
		return nil, fmt.Errorf("make the image cache: %w", err)
	}
	return &Store{dir: dir}, nil
}

// Dir is the directory of the store.
func (s *Store) Dir() string { return s.dir }

// Image is the boot disk of a container image for one architecture.
type Image struct {
	// Reference is what the image was pulled as.
	Reference string `json:"reference"`
	// Digest is that of the image's manifest, as "sha256:" and 64 hexadecimal digits; of a file that is no image, that of the file.
	Digest string `json:"digest"`
	// Architecture as Go names it: amd64 or arm64.
	Architecture string `json:"architecture"`
	// Size of the boot disk's file in bytes.
	Size int64 `json:"size"`
	// SHA256 of the boot disk's file, in hex. The same disk has the same sum, from whatever kind of source it came.
	SHA256 string `json:"sha256"`
	// Created is when the image was put into the cache.
	Created time.Time `json:"created"`
	// Modified is the file's time of modification: one that differs makes the content suspect.
	Modified time.Time `json:"modified"`
	// Path of the boot disk.
	Path string `json:"-"`
	// Used is when somebody asked for the image last.
	Used time.Time `json:"-"`

	slot *Slot
}

// Close lets others remove the image. Without it, the image is in use until the process ends.
func (i *Image) Close() error {
	if i.slot == nil {
		return nil
	}
	return i.slot.Close()
}

// Slot is the place of one image in the store, locked by this process.
type Slot struct {
	store  *Store
	digest string
	dir    string
	lock   *os.File
	// exclusive: nobody else reads or writes the place.
	exclusive bool
}

// Share takes an image's place for reading; it waits while somebody writes it. waiting, if any, is called once when that takes time.
func (s *Store) Share(ctx context.Context, digest string, waiting func()) (*Slot, error) {
	return s.take(ctx, digest, filelock.Shared, waiting)
}

// Reserve takes an image's place for writing; it waits while somebody reads or writes it.
func (s *Store) Reserve(ctx context.Context, digest string, waiting func()) (*Slot, error) {
	return s.take(ctx, digest, filelock.Alone, waiting)
}

func (s *Store) take(ctx context.Context, digest string, how filelock.Way, waiting func()) (*Slot, error) {
	name, err := slotName(digest)
	if err != nil {
		return nil, err
	}
	lock, err := filelock.Wait(ctx, s.lockPath(name), how, waiting)
	if err != nil {
		return nil, fmt.Errorf("lock the cached image %s: %w", digest, err)
	}
	return &Slot{store: s, digest: digest, dir: filepath.Join(s.dir, name), lock: lock, exclusive: how == filelock.Alone}, nil
}

func (s *Store) lockPath(name string) string { return filepath.Join(s.dir, locksName, name) }

// slotName is the name of an image's directory: its digest without the colon, which some file systems do not take.
func slotName(digest string) (string, error) {
	algorithm, sum, ok := strings.Cut(digest, ":")
	if !ok || algorithm == "" || len(sum) < 32 || strings.Trim(algorithm, "abcdefghijklmnopqrstuvwxyz0123456789") != "" ||
		strings.Trim(sum, "0123456789abcdef") != "" {
		return "", fmt.Errorf("%q is no digest", digest)
	}
	return algorithm + "-" + sum, nil
}

// digestOf is the digest of a directory's name; false when it is none of ours.
func digestOf(name string) (string, bool) {
	digest := strings.Replace(name, "-", ":", 1)
	again, err := slotName(digest)
	return digest, err == nil && again == name
}

// Image returns the complete image. ErrAbsent and DamagedError say that there is none; a file whose size and time are as they were is taken
// for unaltered, and Verify reads it.
func (s *Slot) Image(ctx context.Context) (*Image, error) {
	image, err := readRecord(s.dir)
	if err != nil {
		return nil, err
	}
	image.slot = s
	if image.Digest != s.digest {
		return nil, &DamagedError{Path: filepath.Join(s.dir, recordName), Reason: "it tells of " + image.Digest}
	}
	info, err := os.Stat(image.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &DamagedError{Path: image.Path, Reason: "it has been removed"}
	case err != nil:
		return nil, fmt.Errorf("look for a cached boot disk: %w", err)
	case info.Size() != image.Size:
		return nil, &DamagedError{Path: image.Path, Reason: fmt.Sprintf("it has %d bytes instead of %d", info.Size(), image.Size)}
	case !info.ModTime().Equal(image.Modified):
		// A copied cache has other times, and the same content.
		if err := Verify(ctx, image, nil); err != nil {
			return nil, err
		}
		image.Modified = info.ModTime()
		_ = writeJSON(filepath.Join(s.dir, recordName), image) // best effort: otherwise it is read again the next time
	}
	// Best effort: it only says that the image is of use to somebody.
	_ = os.Chtimes(filepath.Join(s.dir, recordName), time.Time{}, time.Now())
	return image, nil
}

// Check returns nil when the image is complete and undamaged, without waiting for those who write it; otherwise ErrAbsent or a DamagedError.
func (s *Store) Check(ctx context.Context, digest string) error {
	name, err := slotName(digest)
	if err != nil {
		return err
	}
	if _, err := readRecord(filepath.Join(s.dir, name)); err != nil {
		return err // and no lock file is made for what is not there
	}
	lock, err := filelock.Try(s.lockPath(name), filelock.Shared)
	if errors.Is(err, filelock.ErrHeld) {
		return ErrAbsent // it is just being written
	}
	if err != nil {
		return fmt.Errorf("lock the cached image %s: %w", digest, err)
	}
	slot := &Slot{store: s, digest: digest, dir: filepath.Join(s.dir, name), lock: lock}
	_, err = slot.Image(ctx)
	return errors.Join(err, slot.Close())
}

// Create opens the file that the boot disk is written into, empty; Commit gives it its name.
func (s *Slot) Create() (*os.File, error) {
	if err := s.mkdir(); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(s.dir, diskName+".part"), os.O_RDWR|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return nil, fmt.Errorf("make the file of the boot disk: %w", err)
	}
	return f, nil
}

// Partial opens what has arrived of the image's layer, for reading and for appending.
func (s *Slot) Partial() (*os.File, error) {
	if err := s.mkdir(); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(s.dir, partialName), os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, fmt.Errorf("open what has arrived of the layer: %w", err)
	}
	return f, nil
}

func (s *Slot) mkdir() error {
	if !s.exclusive {
		return fmt.Errorf("write the cached image %s: it is not reserved", s.digest)
	}
	if err := os.MkdirAll(s.dir, dirMode); err != nil {
		return fmt.Errorf("make the place of the cached image %s: %w", s.digest, err)
	}
	return nil
}

// Commit makes what was written into f the boot disk of the image, and closes f. It is on stable storage afterwards. The partial layer is
// not needed any more, and removed.
func (s *Slot) Commit(f *os.File, image *Image) (err error) {
	defer func() { err = errors.Join(err, ignoreClosed(f.Close())) }()
	if err := f.Sync(); err != nil {
		return fmt.Errorf("write the boot disk: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("write the boot disk: %w", err)
	}
	image.Digest, image.Modified, image.Path, image.slot = s.digest, info.ModTime(), filepath.Join(s.dir, diskName), s
	if err := os.Rename(f.Name(), image.Path); err != nil {
		return fmt.Errorf("name the boot disk: %w", err)
	}
	if err := writeJSON(filepath.Join(s.dir, recordName), image); err != nil {
		return err
	}
	return s.DropPartial()
}

// DropPartial removes what has arrived of the layer.
func (s *Slot) DropPartial() error {
	if err := os.Remove(filepath.Join(s.dir, partialName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove what had arrived of the layer: %w", err)
	}
	return nil
}

// Discard removes a damaged boot disk, whose room its successor needs.
func (s *Slot) Discard() error {
	for _, name := range []string{recordName, diskName} { // what is removed by halves must not look complete
		if err := os.Remove(filepath.Join(s.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove a damaged boot disk: %w", err)
		}
	}
	return nil
}

// Abandon removes a boot disk that was not committed, and the place when nothing is left in it.
func (s *Slot) Abandon() error {
	err := os.Remove(filepath.Join(s.dir, diskName+".part"))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	_ = os.Remove(s.dir) // fails when there is something in it
	return err
}

// Close gives the place back.
func (s *Slot) Close() error {
	if s.lock == nil {
		return nil
	}
	if _, err := os.Stat(s.dir); s.exclusive && errors.Is(err, fs.ErrNotExist) {
		_ = os.Remove(s.lock.Name()) // nothing is there to be locked; whoever waits for this file sees that it is gone
	}
	err := s.lock.Close()
	s.lock = nil
	return err
}

// readRecord reads what is known of the image in a directory; ErrAbsent when there is nothing.
func readRecord(dir string) (*Image, error) {
	path := filepath.Join(dir, recordName)
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrAbsent
	}
	if err != nil {
		return nil, fmt.Errorf("read about a cached image: %w", err)
	}
	image := &Image{}
	if err := json.Unmarshal(content, image); err != nil {
		return nil, &DamagedError{Path: path, Reason: err.Error()}
	}
	image.Path = filepath.Join(dir, diskName)
	if info, err := os.Stat(path); err == nil {
		image.Used = info.ModTime()
	}
	return image, nil
}

// writeJSON replaces a file at once, on stable storage.
func writeJSON(path string, v any) (err error) {
	content, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // with mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("write %s: %w", path, errors.Join(err, ignoreClosed(f.Close()), os.Remove(f.Name())))
		}
	}()
	if _, err := f.Write(append(content, '\n')); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	syncDir(filepath.Dir(path))
	return nil
}

// syncDir makes renames in a directory last. Some file systems cannot, which costs a download after a power failure at the wrong moment.
func syncDir(path string) {
	if d, err := os.Open(path); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}

func ignoreClosed(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}
