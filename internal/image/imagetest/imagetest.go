// Package imagetest has what the tests of several image packages need.
package imagetest

import (
	"os"
	"runtime/metrics"
	"testing"

	"github.com/stretchr/testify/require"
)

// Scratch is a directory for large files that goes with the test: in memory, where there is some.
func Scratch(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "image-test-*") //nolint:usetesting // in memory, which TempDir is not
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

// Allocated is how many bytes the process has allocated so far.
func Allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
