package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// retryLock is the time between two attempts to take a lock that somebody else holds.
const retryLock = 100 * time.Millisecond

// errLocked says that somebody else holds the lock.
var errLocked = errors.New("locked by another process")

// lock waits until it holds path in the given way: syscall.LOCK_EX or LOCK_SH. waiting is called once when that takes time. The
// kernel drops the lock when its holder ends, however it ends.
func lock(ctx context.Context, path string, how int, waiting func()) (*os.File, error) {
	ticker := time.NewTicker(retryLock)
	defer ticker.Stop()
	for told := false; ; {
		f, err := tryLock(path, how)
		if !errors.Is(err, errLocked) {
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

// tryLock returns errLocked when somebody else holds the lock.
func tryLock(path string, how int) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errLocked
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	// The last holder may have removed the file between open and flock; a lock on a removed file excludes nobody.
	if !sameFile(f, path) {
		_ = f.Close()
		return nil, errLocked
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
