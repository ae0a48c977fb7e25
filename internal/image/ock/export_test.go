package ock

import (
	"bytes"
	"compress/gzip"
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/image/disk"
)

// InodeOffset is where the inode of the loader's entry is on the disk that was changed, in bytes.
func (c *Conversion) InodeOffset() int64 { return c.patches[1].Offset }

// EntryInode gives the inode of the loader's entry, and where it is on the disk.
func EntryInode(ctx context.Context, d disk.Disk) (raw []byte, offset int64, err error) {
	e, err := find(ctx, d)
	if err != nil {
		return nil, 0, err
	}
	return e.inode.WithSize(e.inode.Size), e.base + e.inode.Offset, nil
}

// WithEntry is a disk whose loader entry has another text.
func WithEntry(ctx context.Context, d disk.Disk, change func(text string) string) (disk.Disk, error) {
	e, err := find(ctx, d)
	if err != nil {
		return nil, err
	}
	patches, err := e.rewrite(ctx, change(e.text()))
	if err != nil {
		return nil, err
	}
	return disk.NewOverlay(d, patches...)
}

func packed(t *testing.T, content []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}
