package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Files of a directory are named prefix TIME suffix, so that their order is that of their times.
const (
	prefix     = "management-"
	suffix     = ".age"
	timeLayout = "20060102T150405.000000000Z"
)

// Directory holds the backups that are made by themselves, and only some of them.
type Directory struct {
	Path string
	// Keep is how many are kept, at least 1.
	Keep int
}

// File is one backup in a Directory.
type File struct {
	Path    string    `json:"path"`
	Created time.Time `json:"created"`
}

// Save writes a backup and then removes those that are more than are kept, the oldest first.
func (d Directory) Save(key *Key, c Content) (path string, err error) {
	path = d.Name(c.Created)
	if err := Write(path, key, c); err != nil {
		return "", err
	}
	return path, d.prune()
}

// Name is that of the backup of a time.
func (d Directory) Name(created time.Time) string {
	return filepath.Join(d.Path, prefix+created.UTC().Format(timeLayout)+suffix)
}

// Files are the backups that are there, the newest first. Other files are left out.
func (d Directory) Files() ([]File, error) {
	entries, err := os.ReadDir(d.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the backups: %w", err)
	}
	var files []File
	for _, entry := range entries {
		text, isBackup := strings.CutPrefix(entry.Name(), prefix)
		text, hasSuffix := strings.CutSuffix(text, suffix)
		created, err := time.Parse(timeLayout, text)
		if isBackup && hasSuffix && err == nil && entry.Type().IsRegular() {
			files = append(files, File{Path: filepath.Join(d.Path, entry.Name()), Created: created})
		}
	}
	slices.SortFunc(files, func(a, b File) int { return b.Created.Compare(a.Created) })
	return files, nil
}

func (d Directory) prune() error {
	files, err := d.Files()
	if err != nil {
		return err
	}
	for _, old := range files[min(len(files), max(d.Keep, 1)):] {
		if err := os.Remove(old.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove an old backup: %w", err)
		}
	}
	return nil
}
