package source

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// files are those of a directory or of a tar archive.
type files interface {
	open(name string) (io.ReadCloser, int64, error)
	io.Closer
}

// directory holds files as they are.
type directory string

func (d directory) open(name string) (io.ReadCloser, int64, error) {
	if !filepath.IsLocal(name) {
		return nil, 0, fmt.Errorf("%q leads out of %s", name, d)
	}
	f, err := os.Open(filepath.Join(string(d), name))
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

func (directory) Close() error { return nil }

// archive is a tar file, which is read where its files are.
type archive struct {
	file     *os.File
	sections map[string]*tar.Header
	offsets  map[string]int64
}

// maxFiles of an archive; images have a few hundred.
const maxFiles = 100_000

func openArchive(ctx context.Context, file string) (*archive, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	a := &archive{file: f, sections: map[string]*tar.Header{}, offsets: map[string]int64{}}
	if err := a.index(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("read the archive %s: %w", file, err), f.Close())
	}
	return a, nil
}

func (a *archive) index(ctx context.Context) error {
	var start [4]byte
	if _, err := a.file.ReadAt(start[:], 0); err == nil && compression(start[:]) != "" {
		return fmt.Errorf("it is compressed with %s: decompress it first", compression(start[:]))
	}
	reader := tar.NewReader(a.file) // seeks over what the files hold
	for range maxFiles {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && ctx.Err() != nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		offset, err := a.file.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		name := path.Clean(header.Name)
		a.sections[name], a.offsets[name] = header, offset
	}
	return fmt.Errorf("it holds more than %d files", maxFiles)
}

func (a *archive) open(name string) (io.ReadCloser, int64, error) {
	name = path.Clean(name)
	header := a.sections[name]
	// "docker save" of old makes a layer that several images have a link to the first.
	for links := 0; header != nil && header.Typeflag == tar.TypeSymlink && links < 8; links++ {
		name = path.Join(path.Dir(name), header.Linkname) //nolint:gosec // a name in the archive, never a file's
		header = a.sections[name]
	}
	if header == nil || header.Typeflag != tar.TypeReg {
		return nil, 0, fmt.Errorf("%s in %s: %w", name, a.file.Name(), fs.ErrNotExist)
	}
	return io.NopCloser(io.NewSectionReader(a.file, a.offsets[name], header.Size)), header.Size, nil
}

func (a *archive) Close() error { return a.file.Close() }

func readFile(from files, name string) ([]byte, error) {
	f, _, err := from.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := readLimited(f, manifestLimit)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return content, nil
}

// openFiles opens a directory, or a tar archive.
func openFiles(ctx context.Context, path string) (files, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return directory(path), nil
	}
	return openArchive(ctx, path)
}
