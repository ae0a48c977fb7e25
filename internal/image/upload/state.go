package upload

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/ocne-project/ocne/internal/filelock"
)

// stateFile remembers how far an upload came, for a process that follows one that was killed. It is locked while it is used.
type stateFile struct {
	// Key names the image, the disk and the form; see job.key.
	Key string `json:"key,omitempty"`
	// Disk and Transfer are ids in the engine.
	Disk     string `json:"disk,omitempty"`
	Transfer string `json:"transfer,omitempty"`
	// Finalizing: all was sent and checked, and the engine was asked to end the transfer.
	Finalizing bool `json:"finalizing,omitempty"`
	// Flushed is what the engine has for sure.
	Flushed spans `json:"flushed,omitempty"`

	path string
	lock *os.File
}

const lockSuffix = ".lock"

// openState locks and reads the state at path. One that cannot be read counts as none: the disk that it was about is found in the
// engine by its name and mark.
func openState(path string) (*stateFile, error) {
	lock, err := filelock.Try(path+lockSuffix, filelock.Alone)
	switch {
	case errors.Is(err, filelock.ErrHeld):
		return nil, &BusyError{Path: path}
	case err != nil:
		return nil, fmt.Errorf("state of the upload: %w", err)
	}
	s := &stateFile{path: path, lock: lock}
	raw, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s, nil
	case err != nil:
		s.unlock()
		return nil, fmt.Errorf("read the state of the upload: %w", err)
	}
	if json.Unmarshal(raw, s) != nil || !s.Flushed.inOrder() {
		*s = stateFile{path: path, lock: lock}
	}
	return s, nil
}

// inOrder tells a file that somebody has changed.
func (s spans) inOrder() bool {
	end := int64(-1)
	for _, each := range s {
		if each.Start <= end || each.length() <= 0 {
			return false
		}
		end = each.End
	}
	return true
}

// unlock lets others use the state. The lock's file stays: removing it would let two have a lock of one name.
func (s *stateFile) unlock() { _ = s.lock.Close() }

// save replaces the file at once, so that a killed process leaves the old or the new one.
func (s *stateFile) save() error {
	raw, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode the state of the upload: %w", err)
	}
	fresh := s.path + ".new"
	if err := os.WriteFile(fresh, raw, 0o600); err != nil {
		return fmt.Errorf("write the state of the upload: %w", err)
	}
	if err := os.Rename(fresh, s.path); err != nil {
		return fmt.Errorf("write the state of the upload: %w", err)
	}
	return nil
}

// remove forgets the upload.
func (s *stateFile) remove() error {
	*s = stateFile{path: s.path, lock: s.lock}
	if err := os.Remove(s.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the state of the upload: %w", err)
	}
	return nil
}
