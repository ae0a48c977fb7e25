package disk

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// nextData finds the first data at or after offset; both are size when only a hole follows.
func nextData(f *os.File, offset, size int64) (start, end int64, err error) {
	start, err = f.Seek(offset, unix.SEEK_DATA)
	switch {
	case errors.Is(err, unix.ENXIO):
		return size, size, nil
	case errors.Is(err, unix.EINVAL): // a file system that knows no holes
		return offset, size, nil
	case err != nil:
		return 0, 0, fmt.Errorf("find data: %w", err)
	case start >= size:
		return size, size, nil
	}
	end, err = f.Seek(start, unix.SEEK_HOLE)
	if err == nil && end <= start {
		err = errors.New("the file is being changed")
	}
	if err != nil {
		return 0, 0, fmt.Errorf("find hole after byte %d: %w", start, err)
	}
	return start, min(end, size), nil
}
