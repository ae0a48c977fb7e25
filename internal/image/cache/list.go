package cache

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ocne-project/ocne/internal/filelock"
)

// Entry is one place in the store.
type Entry struct {
	Image
	// References are those that mean this image, sorted; none when they all mean a newer one by now.
	References []string
	// Complete says whether there is a boot disk; otherwise a download was interrupted, and Reference is not known.
	Complete bool
	// Stored are the bytes of all files of the place.
	Stored int64
}

// List returns what the store holds, the newest first.
func (s *Store) List() ([]Entry, error) {
	dirs, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("list the image cache: %w", err)
	}
	meanings, err := s.meanings()
	if err != nil {
		return nil, err
	}
	var entries []Entry
	for _, dir := range dirs {
		digest, ok := digestOf(dir.Name())
		if !ok || !dir.IsDir() {
			continue // of another program, or of an older one
		}
		entry, err := s.entry(dir.Name(), digest)
		if err != nil {
			return nil, err
		}
		for _, m := range meanings {
			if m.Image == digest {
				entry.References = append(entry.References, m.Reference)
			}
		}
		entries = append(entries, *entry)
	}
	slices.SortStableFunc(entries, func(a, b Entry) int { return b.Created.Compare(a.Created) })
	return entries, nil
}

func (s *Store) entry(name, digest string) (*Entry, error) {
	dir := filepath.Join(s.dir, name)
	image, err := readRecord(dir)
	var damaged *DamagedError
	entry := &Entry{Image: Image{Digest: digest}}
	switch {
	case err == nil:
		entry.Image, entry.Complete = *image, true
	case !errors.Is(err, ErrAbsent) && !errors.As(err, &damaged):
		return nil, err
	}
	files, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list the image cache: %w", err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			continue // removed meanwhile
		}
		entry.Stored += info.Size()
		if !entry.Complete && info.ModTime().After(entry.Used) {
			entry.Used, entry.Created = info.ModTime(), info.ModTime()
		}
	}
	return entry, nil
}

// Prune says what is to be removed from a store.
type Prune struct {
	// Keep names images that stay: by a reference, by a digest, or by 7 or more of a digest's first hexadecimal digits.
	Keep []string
	// UnusedSince, unless zero, lets stay what was asked for later.
	UnusedSince time.Time
	// DryRun only tells.
	DryRun bool
}

func (p Prune) keeps(e Entry) bool {
	if !p.UnusedSince.IsZero() && e.Used.After(p.UnusedSince) {
		return true
	}
	return slices.ContainsFunc(p.Keep, e.Named)
}

// Named says whether a name means the entry: a reference that means it now, its digest, or 7 or more of the digest's first hexadecimal digits.
func (e *Entry) Named(name string) bool {
	sum := e.Digest[strings.Index(e.Digest, ":")+1:]
	return name == e.Digest || len(name) >= 7 && strings.HasPrefix(sum, name) ||
		slices.Contains(e.References, name)
}

// Prune removes images and returns them. Those that are in use stay, and are returned as inUse.
func (s *Store) Prune(ctx context.Context, p Prune) (removed, inUse []Entry, err error) {
	entries, err := s.List()
	if err != nil {
		return nil, nil, err
	}
	var digests []string
	for _, e := range entries {
		if ctx.Err() != nil {
			err = ctx.Err()
			break
		}
		if p.keeps(e) {
			continue
		}
		switch gone, removeErr := s.remove(e.Digest, p.DryRun); {
		case removeErr != nil:
			err = errors.Join(err, removeErr)
		case gone:
			removed, digests = append(removed, e), append(digests, e.Digest)
		default:
			inUse = append(inUse, e)
		}
	}
	if p.DryRun || len(digests) == 0 {
		return removed, inUse, err
	}
	return removed, inUse, errors.Join(err, s.forget(context.WithoutCancel(ctx), digests))
}

// remove returns false when the image is in use.
func (s *Store) remove(digest string, dryRun bool) (bool, error) {
	name, err := slotName(digest)
	if err != nil {
		return false, err
	}
	lock, err := filelock.Try(s.lockPath(name), filelock.Alone)
	if errors.Is(err, filelock.ErrHeld) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("lock the cached image %s: %w", digest, err)
	}
	slot := &Slot{store: s, digest: digest, dir: filepath.Join(s.dir, name), lock: lock, exclusive: true}
	if !dryRun {
		// The record goes first: what is removed by halves must not look complete.
		err = errors.Join(ignoreAbsent(os.Remove(filepath.Join(slot.dir, recordName))), os.RemoveAll(slot.dir))
		if err != nil {
			err = fmt.Errorf("remove the cached image %s: %w", digest, err)
		}
	}
	return err == nil, errors.Join(err, slot.Close())
}

func ignoreAbsent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Verify reads the boot disk and compares it with the sum that it had when it was written. progress, if any, is told the bytes read. An
// altered file is a DamagedError.
func Verify(ctx context.Context, image *Image, progress func(done, total int64)) error {
	sum, size, err := Sum(ctx, image.Path, progress)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &DamagedError{Path: image.Path, Reason: "it has been removed"}
	case err != nil:
		return fmt.Errorf("verify a boot disk: %w", err)
	case size != image.Size:
		return &DamagedError{Path: image.Path, Reason: fmt.Sprintf("it has %d bytes instead of %d", size, image.Size)}
	case sum != image.SHA256:
		return &DamagedError{Path: image.Path, Reason: fmt.Sprintf("its SHA-256 is %s instead of %s", sum, image.SHA256)}
	}
	return nil
}

// Sum is the SHA-256 of a file in hex, and its size in bytes.
func Sum(ctx context.Context, path string, progress func(done, total int64)) (string, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", 0, err
	}
	hash, buffer := sha256.New(), make([]byte, 1<<20)
	for done := int64(0); ; {
		if ctx.Err() != nil {
			return "", 0, ctx.Err()
		}
		n, err := f.Read(buffer)
		hash.Write(buffer[:n])
		done += int64(n)
		if progress != nil && n > 0 {
			progress(done, max(done, info.Size()))
		}
		if errors.Is(err, io.EOF) {
			return hex.EncodeToString(hash.Sum(nil)), done, nil
		}
		if err != nil {
			return "", 0, err
		}
	}
}
