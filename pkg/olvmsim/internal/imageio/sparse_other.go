//go:build !linux

package imageio

import (
	"os"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
)

// Elsewhere files have no holes that could be found or made, and a file that is shared is not recognised as such: it is
// always copied before it is written.

func punchHole(f *os.File, offset, length int64) error { return writeZeroes(f, offset, length) }

func nextData(_ *os.File, offset, size int64) (data engine.Span, ok bool, err error) {
	return engine.Span{Start: offset, End: size}, offset < size, nil
}

func occupied(info os.FileInfo) (bytes int64, links int) { return info.Size(), 2 }
