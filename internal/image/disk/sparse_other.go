//go:build !linux

package disk

import "os"

// nextData finds no holes: all of the file is data.
func nextData(_ *os.File, offset, size int64) (start, end int64, err error) {
	return offset, size, nil
}
