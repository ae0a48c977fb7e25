package ock_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/ocne-project/ocne/internal/image/disk"
	"github.com/ocne-project/ocne/internal/image/imagetest"
	"github.com/ocne-project/ocne/internal/image/ock"
)

// stream reads all data of a disk with as many goroutines as there are processors, and writes it where write says.
func stream(ctx context.Context, d disk.Disk, write func(p []byte, at int64) error) (total int64, err error) {
	const chunk = 1 << 20
	workers, ctx := errgroup.WithContext(ctx)
	parts := make(chan disk.Extent)
	workers.Go(func() error {
		defer close(parts)
		for e, err := range d.Extents(ctx) {
			if err != nil {
				return err
			}
			for at := e.Start; !e.Zero && at < e.Start+e.Length; at += chunk {
				n := min(chunk, e.Start+e.Length-at)
				total += n
				select {
				case parts <- disk.Extent{Start: at, Length: n}:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		}
		return nil
	})
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() error {
			b := make([]byte, chunk)
			for part := range parts {
				p := b[:part.Length]
				if n, err := d.ReadAt(p, part.Start); n < len(p) {
					return err
				}
				if err := write(p, part.Start); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return total, workers.Wait()
}

// BenchmarkConversion compares, in each run, the conversion as a stream with what qemu-img needs for the same disk, and with reading the file once.
// The image has the files of Go itself for data: programs and text.
func BenchmarkConversion(b *testing.B) {
	needTools(b)
	dir := imagetest.Scratch(b)
	goroot := strings.TrimSpace(run(b, "go", "env", "GOROOT"))
	data := filepath.Join(dir, "data.tar")
	run(b, "tar", "-C", goroot, "--sort=name", "--mtime=@0", "--owner=0", "--group=0", "-cf", data, "bin", "pkg", "src")
	for _, compression := range []string{"none", "zlib", "zstd"} {
		b.Run(compression, func(b *testing.B) {
			path := testImage(b, "-c", compression, "-d", data, "-r", "512")
			var reading, qemu, toFile, toNowhere time.Duration
			var size int64
			for b.Loop() {
				reading += timed(b, func() error { return readOnce(path) })
				target := filepath.Join(dir, "qemu")
				qemu += timed(b, func() error { return exec.Command("qemu-img", "convert", "-O", "raw", path, target).Run() })
				require.NoError(b, os.Remove(target))
				toNowhere += timed(b, func() error {
					var err error
					size, err = convertTo(b.Context(), path, func([]byte, int64) error { return nil })
					return err
				})
				toFile += timed(b, func() error { return convertToFile(b.Context(), path, filepath.Join(dir, "ours")) })
			}
			info, err := os.Stat(path)
			require.NoError(b, err)
			b.ReportMetric(float64(size)*float64(b.N)/1e6/toNowhere.Seconds(), "MB-data/s")
			b.ReportMetric(toNowhere.Seconds()/reading.Seconds(), "x-reading")
			b.ReportMetric(toFile.Seconds()/qemu.Seconds(), "x-qemu-img")
			b.ReportMetric(float64(info.Size())/1e6, "MB-file")
			b.ReportMetric(float64(size)/1e6, "MB-data")
			b.ReportMetric(peakMemory(), "MiB-peak")
		})
	}
}

func timed(b *testing.B, do func() error) time.Duration {
	start := time.Now()
	require.NoError(b, do())
	return time.Since(start)
}

func readOnce(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.CopyBuffer(io.Discard, struct{ io.Reader }{f}, make([]byte, 1<<20))
	return err
}

func convertTo(ctx context.Context, path string, write func([]byte, int64) error) (int64, error) {
	image, err := disk.Open(path)
	if err != nil {
		return 0, err
	}
	defer image.Close()
	c, err := ock.Convert(ctx, image, ock.Options{KernelArgs: args})
	if err != nil {
		return 0, err
	}
	return stream(ctx, c, write)
}

func convertToFile(ctx context.Context, path, target string) error {
	f, err := os.Create(target)
	if err != nil {
		return err
	}
	defer os.Remove(target)
	defer f.Close()
	_, err = convertTo(ctx, path, func(p []byte, at int64) error {
		_, err := f.WriteAt(p, at)
		return err
	})
	return err
}

// peakMemory is the most that this process has had in memory so far, in MiB.
func peakMemory() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	var kib float64
	for line := range strings.Lines(string(status)) {
		_, _ = fmt.Sscanf(line, "VmHWM: %f kB", &kib)
	}
	return kib / 1024
}
