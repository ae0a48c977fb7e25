package source_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSmallRequestsAreRepeated drops each kind of request once, in the middle of its answer.
func TestSmallRequestsAreRepeated(t *testing.T) {
	disk := content(1, 100_000)
	layer := ockLayer(t, "gzip", disk)
	for _, part := range []string{"HEAD /v2/ock/manifests/", "GET /v2/ock/manifests/", "GET /v2/ock/blobs/sha256:" + configOf(t, "amd64", layer)} {
		t.Run(part, func(t *testing.T) {
			server := serve(t, httptest.NewServer)
			server.push(t, "ock:1", image(t, "amd64", layer))
			var dropped atomic.Bool // the connection that it ends gives the client no order of events
			server.setBefore(func(w http.ResponseWriter, r *http.Request) bool {
				if dropped.Load() || !strings.HasPrefix(r.Method+" "+r.URL.Path, part) {
					return false
				}
				dropped.Store(true)
				if r.Method == http.MethodGet {
					w.Header().Set("Content-Length", "200")
					_, _ = w.Write([]byte("{"))
					w.(http.Flusher).Flush()
				}
				panic(http.ErrAbortHandler)
			})
			p := puller(t, t.TempDir())
			_, got := p.pull(t, server.host()+"/ock:1", "amd64")
			require.Equal(t, disk, got)
			require.True(t, dropped.Load())
			require.Len(t, server.asked(part), 2)
			require.Empty(t, p.told())
		})
	}
}
