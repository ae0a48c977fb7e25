package source

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// free are the bytes that the user may write into the file system of a directory.
func free(dir string) (int64, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return 0, fmt.Errorf("ask for the free space of %s: %w", dir, err)
	}
	return int64(stat.Bavail) * stat.Bsize, nil
}

// room returns DiskFullError when fewer bytes than needed are free.
func (p *Puller) room(needed int64) error {
	dir := p.store.Dir()
	available, err := p.free(dir)
	if err != nil {
		return err
	}
	if available < needed {
		return &DiskFullError{Dir: dir, Needed: needed, Free: available}
	}
	return nil
}

// full tells a full disk from other failures of a write.
func (p *Puller) full(err error) error {
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return &DiskFullError{Dir: p.store.Dir(), Err: err}
	}
	return err
}
