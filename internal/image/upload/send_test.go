package upload

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/ovirt"
	"github.com/ocne-project/ocne/pkg/ovirt/imageio"
)

// forgetful is a data plane that loses what a connection wrote since its last flush whenever it fails, which it does at random.
type forgetful struct {
	mu       sync.Mutex
	random   *rand.Rand
	failures int
	chance   float64
	safe     []byte
	unsafe   map[string][]written // by the client's address
	lost     int
	noFlush  bool
}

type written struct {
	at   int64
	data []byte
}

func (f *forgetful) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failures > 0 && f.random.Float64() < f.chance {
		f.failures--
		f.lost += len(f.unsafe[r.RemoteAddr])
		delete(f.unsafe, r.RemoteAddr)
		http.Error(w, "out of order", http.StatusInternalServerError)
		return
	}
	switch r.Method {
	case http.MethodPut:
		var first, last int64
		if _, err := fmt.Sscanf(r.Header.Get("Content-Range"), "bytes %d-%d/*", &first, &last); err != nil || last-first+1 != int64(len(body)) {
			http.Error(w, "bad range", http.StatusBadRequest)
			return
		}
		if r.URL.Query().Get("flush") == "y" {
			copy(f.safe[first:], body)
			return
		}
		f.unsafe[r.RemoteAddr] = append(f.unsafe[r.RemoteAddr], written{first, body})
	case http.MethodPatch:
		var patch struct{ Op string }
		if json.Unmarshal(body, &patch) != nil || patch.Op != "flush" || f.noFlush {
			http.Error(w, "bad patch", http.StatusBadRequest)
			return
		}
		for _, each := range f.unsafe[r.RemoteAddr] {
			copy(f.safe[each.at:], each.data)
		}
		delete(f.unsafe, r.RemoteAddr)
	}
}

func TestWhatAServerLosesBeforeAFlushIsSentAgain(t *testing.T) {
	for _, test := range []struct {
		writers, most int
		features      []string
	}{{1, 8, []string{imageio.FeatureFlush}}, {4, 4, []string{imageio.FeatureFlush}}, {8, 8, []string{imageio.FeatureFlush}}, {4, 8, nil}} {
		t.Run(fmt.Sprintf("%d writers, %v", test.writers, test.features), func(t *testing.T) {
			source, want := content(30, 24*1024, 512, 6*1024)
			f := &forgetful{random: rand.New(rand.NewPCG(1, 1)), failures: 12, chance: 0.15, safe: make([]byte, len(want)),
				unsafe: map[string][]written{}, noFlush: test.features == nil}
			server := httptest.NewTLSServer(f)
			defer server.Close()
			roots := x509.NewCertPool()
			roots.AddCert(server.Certificate())
			image, err := imageio.Open(server.URL+"/images/x", ovirt.Trust{TLS: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}})
			require.NoError(t, err)
			state, err := openState(filepath.Join(t.TempDir(), "state"))
			require.NoError(t, err)
			defer state.unlock()
			j := &job{Uploader: &Uploader{}, Request: Request{Content: source, Size: source.Size(), Writers: test.most}, state: state}
			j.source, err = newSource(t.Context(), j.Request)
			require.NoError(t, err)
			var done int64
			j.ledger = newLedger(j.source.data.total(), func(n, _ int64) { done = n }, state)
			for {
				s := newSender(j, image, &imageio.Options{MaxWriters: test.writers, Features: test.features})
				require.Equal(t, test.writers, s.writers)
				missing := j.source.data.without(j.ledger.restart())
				err := s.send(t.Context(), missing)
				f.mu.Lock() // what the state says is safe, is
				for _, each := range state.Flushed {
					require.Equal(t, want[each.Start:each.End], f.safe[each.Start:each.End])
				}
				f.mu.Unlock()
				if err == nil {
					break
				}
				require.ErrorIs(t, err, imageio.Interrupted) // more failures in a row than a connection bears
			}
			require.Equal(t, want, f.safe)
			require.Equal(t, j.source.data, state.Flushed)
			require.Equal(t, j.source.data.total(), done)
			require.Less(t, f.failures, 8, "some happened")
			if test.features != nil {
				require.Positive(t, f.lost)
			}
		})
	}
}
