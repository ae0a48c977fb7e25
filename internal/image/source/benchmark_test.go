package source_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/image/cache"
	"github.com/ocne-project/ocne/internal/image/source"
)

// BenchmarkPull pulls 128 MiB, beside a download of the same layer into a file, without looking at it.
func BenchmarkPull(b *testing.B) {
	const size = 128 << 20
	for _, how := range []string{"plain", "gzip", "zstd"} {
		server := serve(b, httptest.NewServer)
		layer := ockLayer(b, how, content(1, size))
		ref, err := name.ParseReference(server.host() + "/ock:1")
		require.NoError(b, err)
		require.NoError(b, remote.Write(ref, image(b, "amd64", layer)))
		b.Run(how+"/download alone", func(b *testing.B) {
			b.SetBytes(int64(len(layer)))
			for b.Loop() {
				download(b, server.URL+"/v2/ock/blobs/sha256:"+sha(layer))
			}
		})
		b.Run(how+"/pull", func(b *testing.B) {
			b.SetBytes(int64(len(layer)))
			for b.Loop() {
				dir := b.TempDir()
				store, err := cache.Open(dir)
				require.NoError(b, err)
				p, err := source.New(store, source.Options{AuthFile: filepath.Join(dir, "none")})
				require.NoError(b, err)
				pulled, err := p.Pull(b.Context(), parse(b, ref.Name()), "amd64")
				require.NoError(b, err)
				require.NoError(b, pulled.Close())
				require.NoError(b, os.RemoveAll(dir))
			}
		})
	}
}

func download(b *testing.B, url string) {
	b.Helper()
	answer, err := http.Get(url)
	require.NoError(b, err)
	defer answer.Body.Close()
	f, err := os.Create(filepath.Join(b.TempDir(), "layer"))
	require.NoError(b, err)
	_, err = io.Copy(f, answer.Body)
	require.NoError(b, err)
	require.NoError(b, f.Sync()) // as the cache does
	require.NoError(b, f.Close())
	require.NoError(b, os.Remove(f.Name()))
}
