package cache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// retryLock is the time between two attempts to take a lock that somebody else holds.
const retryLock = 100 * time.Millisecond

// errLocked says that somebody else holds the lock.
var errLocked = errors.New("locked by another process")

// lockFile waits until it holds path in the given way: unix.LOCK_EX or LOCK_SH. The kernel drops the lock when its holder ends, however it
// ends.
func lockFile(ctx context.Context, path string, how int, waiting func()) (*os.File, error) {
	for told := waiting == nil; ; {
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
			return nil, ctx.Err()
		case <-time.After(retryLock):
		}
	}
}

// tryLock returns errLocked when somebody else holds the lock.
func tryLock(path string, how int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, fileMode)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errLocked
		}
		return nil, fmt.Errorf("flock %s: %w", path, err)
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
