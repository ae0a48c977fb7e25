package disk

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zstd"
	"github.com/lima-vm/go-qcow2reader/image/qcow2"
	"github.com/lima-vm/go-qcow2reader/log"
)

// maxZstdWindow bounds the memory of one decoder, in bytes. QEMU compresses clusters of at most 2 MiB, one frame each.
const maxZstdWindow = 8 << 20

// go-qcow2reader keeps its decompressors in a map of the process, which nobody may write while images are opened: so this is done before main.
var _ = setDecompressors()

// setDecompressors gives go-qcow2reader decoders that are used again, which doubles its speed, and the one for zstd, which it lacks. What it
// would warn about in the process's log is refused before it sees it.
func setDecompressors() struct{} { //nolint:unparam // what a package variable needs
	log.SetWarnFunc(func(string) {})
	var deflate, zstandard sync.Pool
	qcow2.SetDecompressor(qcow2.CompressionTypeZlib, func(r io.Reader) (io.ReadCloser, error) {
		d, ok := deflate.Get().(io.ReadCloser)
		if !ok {
			d = flate.NewReader(r)
		} else if err := d.(flate.Resetter).Reset(r, nil); err != nil {
			return nil, fmt.Errorf("start deflate decoder: %w", err)
		}
		return &fullReader{r: d, close: func() { deflate.Put(d) }}, nil
	})
	qcow2.SetDecompressor(qcow2.CompressionTypeZstd, func(r io.Reader) (io.ReadCloser, error) {
		d, ok := zstandard.Get().(*zstd.Decoder)
		var err error
		if !ok {
			d, err = zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxZstdWindow))
		} else {
			err = d.Reset(r)
		}
		if err != nil {
			return nil, fmt.Errorf("start zstd decoder: %w", err)
		}
		return &fullReader{r: d, close: func() { zstandard.Put(d) }}, nil
	})
	return struct{}{}
}

// fullReader fills what it is given: go-qcow2reader decompresses a cluster again for what a short read left.
type fullReader struct {
	r     io.Reader
	close func()
}

func (f *fullReader) Read(p []byte) (int, error) {
	n, err := io.ReadFull(f.r, p)
	if errors.Is(err, io.EOF) && len(p) > 0 {
		err = io.ErrUnexpectedEOF // a cluster is never short
	}
	return n, err
}

func (f *fullReader) Close() error {
	f.close()
	return nil
}
