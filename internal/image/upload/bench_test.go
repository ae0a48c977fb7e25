package upload

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/image/disk"
	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

const (
	benchSize  = 2 << 30
	benchPiece = 64 << 20
)

// fileDisk is a sparse file of which every other piece is data.
type fileDisk struct {
	*os.File
	size int64
}

func (f fileDisk) Size() int64 { return f.size }

func (f fileDisk) Extents(context.Context) iter.Seq2[disk.Extent, error] {
	return func(yield func(disk.Extent, error) bool) {
		for at := int64(0); at < f.size; at += benchPiece {
			if !yield(disk.Extent{Start: at, Length: min(benchPiece, f.size-at), Zero: at/benchPiece%2 == 1}, nil) {
				return
			}
		}
	}
}

func newFileDisk(tb testing.TB, size int64) fileDisk {
	tb.Helper()
	file, err := os.Create(filepath.Join(tb.TempDir(), "image"))
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = file.Close() })
	require.NoError(tb, file.Truncate(size))
	part := make([]byte, benchPiece)
	source := rand.NewChaCha8([32]byte{7})
	for at := int64(0); at < size; at += 2 * benchPiece {
		_, _ = source.Read(part)
		_, err := file.WriteAt(part[:min(benchPiece, size-at)], at)
		require.NoError(tb, err)
	}
	return fileDisk{file, size}
}

// data gives the data of the disk one piece after the other.
func (f fileDisk) data() io.Reader {
	var parts []io.Reader
	for extent := range f.Extents(context.Background()) {
		if !extent.Zero {
			parts = append(parts, io.NewSectionReader(f, extent.Start, extent.Length))
		}
	}
	return io.MultiReader(parts...)
}

// BenchmarkUpload uploads an image of 2 GiB, half of it holes, to the simulated engine, and compares the throughput of its data with
// (a) one plain PUT of the same bytes to a server that writes them to a file, behind the same TLS, and (b) what the existing ocne
// does: the whole image, holes included, in flushed pieces of 100 MiB, one by one. All three in turns.
func BenchmarkUpload(b *testing.B) {
	image := newFileDisk(b, benchSize)
	const data = benchSize / 2
	s := newSite(b, olvmsim.Options{TimeScale: 1}) // time-outs are those of an engine
	path := filepath.Join(b.TempDir(), "plain")
	plain := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		file, err := os.Create(path)
		if err == nil {
			_, err = io.Copy(file, r.Body)
			_ = file.Close()
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}))
	b.Cleanup(plain.Close)
	var ours, checking, direct, pieces, oursCPU, directCPU time.Duration
	n := 0.0
	for b.Loop() {
		r := s.request(image)
		r.Name = fmt.Sprintf("ours-%.0f", n)
		var sent time.Duration
		began := cpuTime(b)
		r.Progress = func(done, total int64) {
			if done == total && sent == 0 {
				sent = cpuTime(b) - began
			}
		}
		result, err := s.Upload(b.Context(), r)
		require.NoError(b, err)
		oursCPU += sent
		ours, checking = ours+result.Sending, checking+result.Checking
		require.NoError(b, s.removeDisk(b.Context(), result.DiskID))
		began = cpuTime(b)
		direct += putOnce(b, plain, image, data)
		directCPU += cpuTime(b) - began
		pieces += s.putInPieces(b, image)
		n++
	}
	rate := func(d time.Duration) float64 { return n * data / d.Seconds() / 1e6 }
	b.ReportMetric(rate(ours), "data-MB/s")
	b.ReportMetric(rate(direct), "plain-MB/s")
	b.ReportMetric(rate(pieces), "pieces-data-MB/s")
	b.ReportMetric(direct.Seconds()/ours.Seconds(), "ratio-to-plain")
	b.ReportMetric(directCPU.Seconds()/oursCPU.Seconds(), "cpu-ratio-to-plain")
	b.ReportMetric(pieces.Seconds()/ours.Seconds(), "ratio-to-pieces")
	b.ReportMetric(checking.Seconds()/n, "checking-s")
	b.ReportMetric(s.memoryOfAnotherProcess(b, image)/1e6, "peak-RSS-MB")
}

// memoryOfAnotherProcess is the most that a process has in memory that only uploads, in bytes.
func (s *site) memoryOfAnotherProcess(b *testing.B, image fileDisk) float64 {
	b.Helper()
	var output strings.Builder
	process := s.anotherProcess(&output)
	process.Env = append(process.Env, "OCNE_TEST_UPLOAD_FILE="+image.Name())
	require.NoError(b, process.Run(), &output)
	_, rest, found := strings.Cut(output.String(), "peak memory: ")
	require.True(b, found, &output)
	text, _, _ := strings.Cut(rest, " ")
	peak, err := strconv.ParseFloat(text, 64)
	require.NoError(b, err)
	return peak
}

// cpuTime is what this process, client and server, has used of the processors. On a machine that is busy with other things it says
// more than the time that passed.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func putOnce(b *testing.B, plain *httptest.Server, image fileDisk, data int64) time.Duration {
	b.Helper()
	began := time.Now()
	request, err := http.NewRequestWithContext(b.Context(), http.MethodPut, plain.URL, image.data())
	require.NoError(b, err)
	request.ContentLength = data
	response, err := plain.Client().Do(request)
	require.NoError(b, err)
	require.NoError(b, response.Body.Close())
	require.Equal(b, http.StatusOK, response.StatusCode)
	return time.Since(began)
}

// putInPieces sends the image as the existing ocne does, to the engine's proxy.
func (s *site) putInPieces(b *testing.B, image fileDisk) time.Duration {
	b.Helper()
	id := s.foreignDiskOf("pieces", image.size)
	var transfer *ovirt.ImageTransfer
	require.Eventually(b, func() bool {
		var err error
		transfer, err = s.Engine.AddImageTransfer(b.Context(), ovirt.AddImageTransfer{DiskID: id, Format: ovirt.FormatRaw}, id)
		return err == nil
	}, time.Minute, 10*time.Millisecond)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: s.Engine.Trust().TLS}}
	defer client.CloseIdleConnections()
	piece := make([]byte, 100<<20)
	began := time.Now()
	for at := int64(0); at < image.size; at += int64(len(piece)) {
		part := piece[:min(int64(len(piece)), image.size-at)]
		_, err := image.ReadAt(part, at)
		require.NoError(b, err)
		request, err := http.NewRequestWithContext(b.Context(), http.MethodPut, transfer.ProxyURL+"?flush=y", bytes.NewReader(part))
		require.NoError(b, err)
		request.Header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", at, at+int64(len(part))-1, image.size))
		response, err := client.Do(request)
		require.NoError(b, err)
		require.NoError(b, response.Body.Close())
		require.Equal(b, http.StatusOK, response.StatusCode)
	}
	took := time.Since(began)
	require.NoError(b, s.removeDisk(b.Context(), id))
	return took
}

// peakMemory is the most that this process had in memory, in bytes.
func peakMemory(tb testing.TB) int64 {
	tb.Helper()
	file, err := os.Open("/proc/self/status")
	if err != nil {
		return 0 // only Linux says it
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(text), " kB"), 10, 64)
			require.NoError(tb, err)
			return kib << 10
		}
	}
	return 0
}
