package ock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/ocne-project/ocne/internal/image/disk"
	"github.com/ocne-project/ocne/internal/image/xfs"
)

// published is what to do about an image that somebody changed.
const published = "give an OCK image as it was published"

// Options are what a conversion may be asked for.
type Options struct {
	// Architecture is what the image has to be for; any when empty.
	Architecture string
	// KernelArgs are added to the image's own, with spaces between them; none when empty.
	KernelArgs string
}

// Conversion is an image in the OLVM form: a view of the disk that it was made from, which stays as it is.
type Conversion struct {
	disk.Disk
	// Info is what the converted image says of itself.
	Info Info
	// Changed tells whether the form differs from what the disk has: a disk that was converted already is left as it is.
	Changed bool

	text    string // of the loader's entry
	patches []disk.Patch
}

// Convert makes the OLVM form of an image. Errors are those of Inspect, an ArchitectureError, or a RefusedError.
func Convert(ctx context.Context, d disk.Disk, o Options) (*Conversion, error) {
	args := strings.TrimSpace(o.KernelArgs)
	if err := checkArgs(args); err != nil {
		return nil, err
	}
	e, err := find(ctx, d)
	if err != nil {
		return nil, err
	}
	if o.Architecture != "" && e.architecture != "" && o.Architecture != e.architecture {
		return nil, &ArchitectureError{Want: o.Architecture, Have: e.architecture}
	}
	text, err := e.convert(args)
	if err != nil {
		return nil, e.refused(err, "", published)
	}
	if text == e.text() {
		return &Conversion{Disk: d, Info: *e.info(), text: text}, nil
	}
	patches, err := e.rewrite(ctx, text)
	if err != nil {
		return nil, err
	}
	view, err := disk.NewOverlay(d, patches...)
	if err != nil {
		return nil, err
	}
	info, err := verify(ctx, view, text)
	if err != nil {
		return nil, err
	}
	return &Conversion{Disk: view, Info: *info, Changed: true, text: text, patches: patches}, nil
}

// rewrite gives the bytes of the disk that make a text the entry's: in the block that the file has, with its size and checksum in the inode. No
// other structure of the file system knows the size of a file, and none has to change as long as its blocks are the same.
func (e *entry) rewrite(ctx context.Context, text string) ([]disk.Patch, error) {
	clean, err := e.files.LogClean(ctx)
	if err != nil {
		return nil, fmt.Errorf("partition %q: %w", bootPartition, err)
	}
	if !clean {
		return nil, &RefusedError{Object: fmt.Sprintf("partition %q", bootPartition), Err: ErrUncleanLog, Next: published}
	}
	block, err := e.block()
	if err != nil {
		return nil, err
	}
	if e.inode.Shared {
		return nil, e.refused(ErrShared, "", published)
	}
	if int64(len(text)) > block.Length {
		return nil, e.refused(ErrTooLong, fmt.Sprintf("%d of %d bytes", len(text), block.Length), "give shorter kernel arguments")
	}
	// What a shorter text leaves of the longer is wiped out, as the kernel would do.
	content := make([]byte, max(int64(len(text)), e.inode.Size))
	copy(content, text)
	return []disk.Patch{
		{Offset: e.base + block.Offset, Data: content},
		{Offset: e.base + e.inode.Offset, Data: e.inode.WithSize(int64(len(text)))},
	}, nil
}

// block is the only extent of the entry's file.
func (e *entry) block() (*xfs.Extent, error) {
	extents, err := e.files.Extents(e.inode)
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", e.path, err)
	}
	if len(extents) != 1 || extents[0].FileOffset != 0 || extents[0].Length < e.inode.Size {
		return nil, e.refused(ErrSeveralExtents, fmt.Sprintf("it has %d extents", len(extents)), published)
	}
	if extents[0].Unwritten {
		return nil, e.refused(ErrUnwritten, "", published)
	}
	return &extents[0], nil
}

func (e *entry) refused(reason error, detail, next string) error {
	return &RefusedError{Object: e.path, Err: reason, Detail: detail, Next: next}
}

// verify reads a converted disk again.
func verify(ctx context.Context, d disk.Disk, text string) (*Info, error) {
	e, err := find(ctx, d)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrVerification, err)
	}
	if e.text() != text {
		return nil, e.refused(ErrVerification, "", "report this as a bug")
	}
	return e.info(), nil
}

// WriteFile writes the converted image into a file of its own: a copy of source, the image file that the conversion was made from, changed in
// place, in the same format. The target appears under its name when it is whole and was read again; one that exists is replaced. progress gets
// the bytes that were copied and their sum; it may be nil.
func (c *Conversion) WriteFile(ctx context.Context, source *disk.Image, target string, progress func(done, total int64)) (err error) {
	from, err := os.Open(source.Path())
	if err != nil {
		return fmt.Errorf("open disk image: %w", err)
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	to, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+".*")
	if err != nil {
		return fmt.Errorf("create %s: %w", target, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(to.Name()))
		}
	}()
	if err := errors.Join(disk.CopyFile(ctx, to, from, progress), to.Close()); err != nil {
		return err
	}
	// Even without patches this brings the copy to the disk.
	if err := disk.Apply(to.Name(), c.patches...); err != nil {
		return fmt.Errorf("convert the copy of %s: %w", source.Path(), err)
	}
	if err := c.verifyFile(ctx, to.Name()); err != nil {
		return err
	}
	if err := os.Rename(to.Name(), target); err != nil {
		return fmt.Errorf("name the converted image: %w", err)
	}
	return nil
}

func (c *Conversion) verifyFile(ctx context.Context, path string) (err error) {
	written, err := disk.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, written.Close()) }()
	_, err = verify(ctx, written, c.text)
	return err
}
