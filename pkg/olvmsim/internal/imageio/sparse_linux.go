package imageio

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
)

const (
	seekData = 3 // SEEK_DATA
	seekHole = 4 // SEEK_HOLE

	fallocKeepSize  = 0x1
	fallocPunchHole = 0x2

	// statBlock is the unit of st_blocks, whatever the block size of the file system is.
	statBlock = 512
)

// punchHole makes the bytes read as zeroes and take no space.
func punchHole(f *os.File, offset, length int64) error {
	err := syscall.Fallocate(int(f.Fd()), fallocKeepSize|fallocPunchHole, offset, length)
	if errors.Is(err, syscall.EOPNOTSUPP) {
		return writeZeroes(f, offset, length)
	}
	if err != nil {
		return fmt.Errorf("punch hole: %w", err)
	}
	return nil
}

// nextData finds the first data at or after offset; ok is false when only a hole follows.
func nextData(f *os.File, offset, size int64) (data engine.Span, ok bool, err error) {
	start, err := f.Seek(offset, seekData)
	if errors.Is(err, syscall.ENXIO) || err == nil && start >= size {
		return engine.Span{}, false, nil
	}
	if err != nil {
		return engine.Span{}, false, fmt.Errorf("find data: %w", err)
	}
	end, err := f.Seek(start, seekHole)
	if err != nil && !errors.Is(err, io.EOF) {
		return engine.Span{}, false, fmt.Errorf("find hole: %w", err)
	}
	return engine.Span{Start: start, End: min(end, size)}, true, nil
}

// occupied is the space that the file takes, in bytes, and how many names it has.
func occupied(info os.FileInfo) (bytes int64, links int) {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return stat.Blocks * statBlock, int(stat.Nlink)
	}
	return info.Size(), 1
}
