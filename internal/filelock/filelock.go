// Package filelock keeps processes from doing the same at once. The kernel drops a lock when its holder ends, however it ends.
package filelock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// retry is the time between two attempts to take a lock that somebody else holds.
const retry = 100 * time.Millisecond

// ErrHeld says that somebody else holds the lock.
var ErrHeld = errors.New("locked by another process")

// Way is how a lock is held.
type Way int

// Many may hold a lock in the shared way, or one alone.
const (
	Shared Way = syscall.LOCK_SH
	Alone  Way = syscall.LOCK_EX
)

// Wait holds the file at path, which it makes, as soon as others let it. waiting, unless nil, is called once when that takes time. To close
// the file lets others in. The error is the context's when it ended first.
func Wait(ctx context.Context, path string, how Way, waiting func()) (*os.File, error) {
	ticker := time.NewTicker(retry)
	defer ticker.Stop()
	for told := waiting == nil; ; {
		f, err := Try(path, how)
		if !errors.Is(err, ErrHeld) {
			return f, err
		}
		if !told {
			told = true
			waiting()
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for lock %s: %w", path, ctx.Err())
		case <-ticker.C:
		}
	}
}

// Try is Wait for those who do not wait: ErrHeld when somebody else holds the lock.
func Try(path string, how Way) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), int(how)|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, ErrHeld
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	// The last holder may have removed the file between open and flock; a lock on a removed file excludes nobody.
	if !sameFile(f, path) {
		_ = f.Close()
		return nil, ErrHeld
	}
	return f, nil
}

func sameFile(f *os.File, path string) bool {
	held, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(path)
	return err == nil && os.SameFile(held, named)
}
