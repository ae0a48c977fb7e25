package imageio

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lima-vm/go-qcow2reader/image/qcow2"
	"github.com/stretchr/testify/require"

	qcow2reader "github.com/lima-vm/go-qcow2reader"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
)

func TestTicketsExpireUnlessTheyAreRenewed(t *testing.T) {
	plain := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s, url := start(t, plain, engine.Ticket{
		ID: "t", DiskID: "d", Write: true, Format: "raw", DiskFormat: "raw", VirtualSize: 4096, Until: now.Add(time.Minute),
	}, func() time.Time { return now })
	requireAnswer := func(wantStatus int, wantReply string) {
		t.Helper()
		status, reply := send(t, plain.Client(), http.MethodPut, url, []byte("abc"))
		require.Equal(t, wantStatus, status)
		require.Equal(t, wantReply, reply)
	}
	now = now.Add(time.Minute)
	requireAnswer(http.StatusOK, "")
	now = now.Add(time.Second)
	requireAnswer(http.StatusForbidden, "You are not allowed to access this resource: Ticket t expired\n")
	s.Renew("t", now.Add(time.Minute))
	requireAnswer(http.StatusOK, "")
	require.Equal(t, engine.Progress{Moved: engine.Spans{{End: 3}}, LastActivity: now}, s.Progress("t"))
	s.Revoke("t")
	requireAnswer(http.StatusForbidden, "You are not allowed to access this resource: No such ticket t\n")
}

// The images that are made from visible content are read back by an independent reader: of every size and with data in
// every place.
func TestQCOW2ImagesHoldWhatAGuestSees(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, test := range map[string]struct {
		size int64
		data []engine.Span
	}{
		"empty":                     {10 << 20, nil},
		"one sector":                {512, []engine.Span{{Start: 0, End: 512}}},
		"no multiple of a cluster":  {100_000 * 512, []engine.Span{{Start: 70_000, End: 200_000}, {Start: 99_000 * 512, End: 100_000 * 512}}},
		"over several L2 tables":    {3 << 30, []engine.Span{{Start: 512<<20 - 65536, End: 512<<20 + 65536}, {Start: 2 << 30, End: 2<<30 + 1}}},
		"far beyond what is stored": {4 << 40, []engine.Span{{Start: 4<<40 - 4096, End: 4 << 40}}},
	} {
		t.Run(name, func(t *testing.T) {
			file, err := os.Create(filepath.Join(t.TempDir(), "raw"))
			require.NoError(t, err)
			defer func() { _ = file.Close() }()
			require.NoError(t, file.Truncate(test.size))
			for _, d := range test.data {
				content := make([]byte, d.End-d.Start)
				for i := range content {
					content[i] = byte(random.Uint32())
				}
				_, err := file.WriteAt(content, d.Start)
				require.NoError(t, err)
			}
			made, err := newEncoded(visible{file, test.size})
			require.NoError(t, err)
			img, err := qcow2reader.OpenWithType(io.NewSectionReader(made, 0, made.size()), qcow2.Type)
			require.NoError(t, err)
			require.NoError(t, img.Readable())
			require.Equal(t, test.size, img.Size())
			for _, d := range append(test.data, engine.Span{Start: 0, End: min(test.size, 1<<20)}) {
				want, got := make([]byte, d.End-d.Start), make([]byte, d.End-d.Start)
				_, err := file.ReadAt(want, d.Start)
				require.NoError(t, err)
				n, err := img.ReadAt(got, d.Start)
				require.Equal(t, len(got), n, err)
				require.True(t, bytes.Equal(want, got))
			}
		})
	}
}

// Whatever the size of the reads, the image is the same.
func TestQCOW2ImagesAreReadInAnyPieces(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "raw"))
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	require.NoError(t, file.Truncate(4<<20))
	_, err = file.WriteAt(bytes.Repeat([]byte("data"), 100_000), 1<<20+5)
	require.NoError(t, err)
	made, err := newEncoded(visible{file, 4 << 20})
	require.NoError(t, err)
	whole := make([]byte, made.size())
	_, err = made.ReadAt(whole, 0)
	require.NoError(t, err)
	for _, piece := range []int64{1009, 65536, 100_000} {
		var got []byte
		for at := int64(0); at < made.size(); at += piece {
			part := make([]byte, min(piece, made.size()-at))
			_, err := made.ReadAt(part, at)
			require.NoError(t, err)
			got = append(got, part...)
		}
		require.True(t, bytes.Equal(whole, got), piece)
	}
}

// A disk whose bytes others share must not change once its ticket is gone, however slow a client is.
func TestNothingIsWrittenOnceATicketIsRevoked(t *testing.T) {
	plain := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	const size = 4 * copySize
	s, url := start(t, plain, engine.Ticket{
		ID: "t", DiskID: "d", Write: true, Format: "raw", DiskFormat: "raw", VirtualSize: size,
	}, time.Now)
	body, client := io.Pipe()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url, body)
	require.NoError(t, err)
	request.ContentLength = size
	done := make(chan int)
	go func() {
		defer close(done)
		if response, err := plain.Client().Do(request); err == nil {
			_ = response.Body.Close()
			done <- response.StatusCode
		}
	}()
	part := bytes.Repeat([]byte("x"), copySize)
	_, err = client.Write(part)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return s.Progress("t").Moved.Total() == copySize }, time.Minute, time.Millisecond)
	require.Equal(t, 1, s.Progress("t").InFlight)
	s.Revoke("t")
	_, _ = client.Write(part) // the server may have hung up by now
	_ = client.Close()
	if status, answered := <-done; answered {
		require.Equal(t, http.StatusForbidden, status)
	}
	require.EqualValues(t, copySize, s.Allocated("d"))
}
