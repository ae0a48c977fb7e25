package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// layer is a tar file on disk, known by the hash of its content.
type layer struct{ file, digest string }

// layerWriter writes one layer. All times are zero and all owners are root, so that the same programs make the same layer.
type layerWriter struct {
	tar  *tar.Writer
	done map[string]bool
}

func writeLayer(file string, fill func(*layerWriter) error) (layer, error) {
	f, err := os.Create(file)
	if err != nil {
		return layer{}, fmt.Errorf("layer: %w", err)
	}
	defer func() { _ = f.Close() }()
	sum := sha256.New()
	w := &layerWriter{tar: tar.NewWriter(io.MultiWriter(f, sum)), done: map[string]bool{".": true, "/": true, "": true}}
	if err := fill(w); err != nil {
		return layer{}, fmt.Errorf("layer %s: %w", filepath.Base(file), err)
	}
	if err := w.tar.Close(); err != nil {
		return layer{}, fmt.Errorf("layer %s: %w", filepath.Base(file), err)
	}
	return layer{file, hex.EncodeToString(sum.Sum(nil))}, f.Close()
}

// entry writes a header once for each name, after those of its directories.
func (w *layerWriter) entry(h *tar.Header) (bool, error) {
	name := strings.TrimPrefix(h.Name, "/")
	if w.done[name] {
		return false, nil
	}
	if err := w.directory(path.Dir(name), 0o755); err != nil {
		return false, err
	}
	w.done[name] = true
	h.Name = name
	if h.Typeflag == tar.TypeDir {
		h.Name += "/"
	}
	return true, w.tar.WriteHeader(h)
}

func (w *layerWriter) directory(name string, mode int64) error {
	if w.done[strings.TrimPrefix(name, "/")] {
		return nil
	}
	_, err := w.entry(&tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: mode})
	return err
}

func (w *layerWriter) symlink(name, target string) error {
	_, err := w.entry(&tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777})
	return err
}

func (w *layerWriter) text(name, content string) error {
	written, err := w.entry(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(content))})
	if err != nil || !written {
		return err
	}
	_, err = io.Copy(w.tar, bytes.NewBufferString(content))
	return err
}

// file copies a regular file as an executable one.
func (w *layerWriter) file(name, source string) error {
	f, err := os.Open(source)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	written, err := w.entry(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o755, Size: info.Size()})
	if err != nil || !written {
		return err
	}
	_, err = io.Copy(w.tar, f)
	return err
}
