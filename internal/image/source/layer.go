package source

import (
	"archive/tar"
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

const (
	// bootDisk is where the images of OCK have it, in their first layer.
	bootDisk = "disk/boot.qcow2"
	// maxEntries is how many files of a layer are looked at: that of OCK has two.
	maxEntries = 100
	// maxNamed is how many an error names.
	maxNamed = 8
	// maxWindow bounds the memory of zstd, in bytes: what "zstd --ultra -22" needs.
	maxWindow = 128 << 20
	// bufferSize in bytes, of reads and writes.
	bufferSize = 1 << 20
)

// stream is a layer as it arrives: hashed, counted, decompressed.
type stream struct {
	hash    hash.Hash
	wanted  v1.Hash
	raw     *bufio.Reader // as it is stored
	content io.Reader     // decompressed
	close   func()
}

// newStream reads a layer from raw. With an error about the content, the stream is good for its digest.
func newStream(l layer, raw io.Reader) (*stream, error) {
	hasher, err := v1.Hasher(l.digest.Algorithm)
	if err != nil {
		return nil, err
	}
	s := &stream{hash: hasher, wanted: l.digest, close: func() {}}
	if !l.plain {
		raw = io.TeeReader(raw, hasher)
	}
	s.raw = bufio.NewReaderSize(raw, bufferSize)
	if s.content, err = s.decompress(); err != nil {
		return s, err
	}
	if l.plain {
		s.content = io.TeeReader(s.content, hasher)
	}
	return s, nil
}

// compression is that of content with the given beginning; empty when there is none.
func compression(start []byte) string {
	switch {
	case strings.HasPrefix(string(start), "\x1f\x8b"):
		return "gzip"
	case strings.HasPrefix(string(start), "\x28\xb5\x2f\xfd"):
		return "zstd"
	}
	return ""
}

func (s *stream) decompress() (io.Reader, error) {
	start, err := s.raw.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch compression(start) {
	case "gzip":
		return gzip.NewReader(s.raw)
	case "zstd":
		decoder, err := zstd.NewReader(s.raw, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, err
		}
		s.close = decoder.Close
		return decoder, nil
	}
	return s.raw, nil
}

// verify reads what is left, and compares the digest.
func (s *stream) verify(what string) error {
	if _, err := io.Copy(io.Discard, s.content); err != nil {
		return err
	}
	return s.digest(what)
}

// digest compares the digest, however broken the content is.
func (s *stream) digest(what string) error {
	if _, err := io.Copy(io.Discard, s.raw); err != nil {
		return err
	}
	got := v1.Hash{Algorithm: s.wanted.Algorithm, Hex: hex.EncodeToString(s.hash.Sum(nil))}
	if got != s.wanted {
		return &DigestError{What: what, Wanted: s.wanted.String(), Got: got.String()}
	}
	return nil
}

// disk finds the boot disk in the layer. NotOCKError tells what is there instead.
func (s *stream) disk(reference string) (io.Reader, int64, error) {
	archive := tar.NewReader(s.content)
	var names []string
	for range maxEntries {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil, 0, notOCK(reference, names)
		}
		if err != nil {
			return nil, 0, fmt.Errorf("read the layer as a tar archive: %w", err)
		}
		name := path.Clean(strings.TrimLeft(header.Name, "/"))
		if name == bootDisk && header.Typeflag == tar.TypeReg {
			return archive, header.Size, nil
		}
		names = append(names, name)
	}
	return nil, 0, notOCK(reference, names)
}

func notOCK(reference string, names []string) *NotOCKError {
	return &NotOCKError{Reference: reference, Content: names[:min(len(names), maxNamed)], More: len(names) > maxNamed}
}

// write puts the boot disk into f, and returns its SHA-256.
func write(ctx context.Context, f *os.File, disk io.Reader, size int64) (string, error) {
	sum := sha256.New()
	n, err := io.CopyBuffer(io.MultiWriter(f, sum), interruptible{ctx, io.LimitReader(disk, size)}, make([]byte, bufferSize))
	if err == nil && n < size {
		err = io.ErrUnexpectedEOF
	}
	return hex.EncodeToString(sum.Sum(nil)), err
}
