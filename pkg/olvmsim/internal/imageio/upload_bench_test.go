package imageio

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
)

// start serves one ticket that may write, until the test ends. The certificate is that of the plain server, whose client
// trusts both.
func start(t testing.TB, plain *httptest.Server, ticket engine.Ticket, now func() time.Time) (s *Server, url string) {
	t.Helper()
	var listeners []net.Listener
	for range 2 {
		listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		listeners = append(listeners, listener)
	}
	s, err := New(Options{
		Dir: t.TempDir(), Host: listeners[0], Proxy: listeners[1], HostAddress: listeners[0].Addr().String(),
		ProxyAddress: listeners[1].Addr().String(), Certificate: plain.TLS.Certificates[0], Now: now, Log: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { s.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	s.Grant(ticket, now())
	url, _ = s.URLs(ticket.ID)
	return s, url
}

func send(t testing.TB, client *http.Client, method, url string, body []byte) (status int, reply string) {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, url, bytes.NewReader(body))
	require.NoError(t, err)
	response, err := client.Do(r)
	require.NoError(t, err)
	raw, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode, string(raw)
}

// BenchmarkUpload uploads an image with one PUT and compares with the same bytes that a plain handler, behind the same
// TLS, copies to a file. ratio is imageio's throughput by the plain one's, measured in turns.
func BenchmarkUpload(b *testing.B) {
	const size = 256 << 20
	content := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(content)
	path := filepath.Join(b.TempDir(), "plain")
	plain := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
		if err == nil {
			_, err = io.Copy(file, r.Body)
			_ = file.Close()
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}))
	b.Cleanup(plain.Close)
	_, url := start(b, plain, engine.Ticket{ID: "t", DiskID: "d", Write: true, Format: "raw", DiskFormat: "raw", VirtualSize: size}, time.Now)
	put := func(url string) time.Duration {
		began := time.Now()
		status, reply := send(b, plain.Client(), http.MethodPut, url, content)
		require.Equal(b, http.StatusOK, status, reply)
		return time.Since(began)
	}
	put(url)
	put(plain.URL) // both files are there now
	var imageio, direct time.Duration
	n := 0.0
	b.SetBytes(2 * size)
	for b.Loop() {
		imageio += put(url + "?flush=n")
		direct += put(plain.URL)
		n++
	}
	b.ReportMetric(n*size/imageio.Seconds()/1e6, "imageio-MB/s")
	b.ReportMetric(n*size/direct.Seconds()/1e6, "plain-MB/s")
	b.ReportMetric(direct.Seconds()/imageio.Seconds(), "ratio")
}
