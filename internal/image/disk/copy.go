package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// copyStep is how much is copied between two looks at the context, in bytes.
const copyStep = 16 << 20

// CopyFile copies the bytes of a file into another that is empty, without its holes, by the kernel where it can. progress gets the bytes that
// were copied and their sum, holes not counted; it may be nil.
func CopyFile(ctx context.Context, to, from *os.File, progress func(done, total int64)) error {
	info, err := from.Stat()
	if err != nil {
		return fmt.Errorf("copy %s: %w", from.Name(), err)
	}
	var data []Extent
	var done, total int64
	for e, err := range fileExtents(ctx, from, info.Size()) {
		if err != nil {
			return err
		}
		if !e.Zero {
			data, total = append(data, e), total+e.Length
		}
	}
	for _, e := range data {
		for at := e.Start; at < e.Start+e.Length; {
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("copy %s: %w", from.Name(), err)
			}
			n, err := copyRange(to, from, at, min(copyStep, e.Start+e.Length-at))
			if err != nil {
				return fmt.Errorf("copy %s to %s: %w", from.Name(), to.Name(), err)
			}
			at, done = at+n, done+n
			if progress != nil {
				progress(done, total)
			}
		}
	}
	if err := to.Truncate(info.Size()); err != nil {
		return fmt.Errorf("copy %s to %s: %w", from.Name(), to.Name(), err)
	}
	return nil
}

func copyRange(to, from *os.File, at, length int64) (int64, error) {
	if _, err := from.Seek(at, io.SeekStart); err != nil {
		return 0, err
	}
	if _, err := to.Seek(at, io.SeekStart); err != nil {
		return 0, err
	}
	n, err := io.CopyN(to, from, length)
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("the file became shorter while it was copied: %w", io.ErrUnexpectedEOF)
	}
	return n, err
}
