package source_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/image/cache"
	"github.com/ocne-project/ocne/internal/image/source"
)

// file of a layer.
type file struct {
	name    string
	content []byte
}

// content is incompressible, as the clusters of a compressed disk are.
func content(seed uint64, size int) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{byte(seed)}).Read(b)
	return b
}

func tarOf(t testing.TB, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		header := &tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.content)), Typeflag: tar.TypeReg, Uid: 107, Gid: 107}
		if strings.HasSuffix(f.name, "/") {
			header.Typeflag = tar.TypeDir
		}
		require.NoError(t, w.WriteHeader(header))
		_, err := w.Write(f.content)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

// compressed by "gzip" or "zstd", or by nothing.
func compressed(t testing.TB, how string, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch how {
	case "gzip":
		w, _ = gzip.NewWriterLevel(&b, gzip.BestSpeed)
	case "zstd":
		var err error
		w, err = zstd.NewWriter(&b)
		require.NoError(t, err)
	default:
		return content
	}
	_, err := w.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

// image has one layer, as it is given.
func image(t testing.TB, architecture string, layer []byte) v1.Image {
	t.Helper()
	i, err := mutate.ConfigFile(mutate.MediaType(empty.Image, types.OCIManifestSchema1), &v1.ConfigFile{OS: "linux", Architecture: architecture})
	require.NoError(t, err)
	i, err = mutate.AppendLayers(i, static.NewLayer(layer, types.OCILayer))
	require.NoError(t, err)
	return i
}

func ockLayer(t testing.TB, how string, disk []byte) []byte {
	t.Helper()
	return compressed(t, how, tarOf(t, file{name: "disk/"}, file{name: "disk/boot.qcow2", content: disk}))
}

// index of images, by architecture.
func index(images map[string]v1.Image) v1.ImageIndex {
	var all []mutate.IndexAddendum
	for architecture, i := range images {
		all = append(all, mutate.IndexAddendum{Add: i, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: architecture}}})
	}
	return mutate.AppendManifests(empty.Index, all...)
}

// fakeRegistry serves images on a port of this machine, and notes requests.
type fakeRegistry struct {
	*httptest.Server
	mu       sync.Mutex
	requests []string
	// before, if any, is asked first; true says that it has answered.
	before func(http.ResponseWriter, *http.Request) bool
}

// serve starts a registry; a server of another kind is given with TLS.
func serve(t testing.TB, start func(http.Handler) *httptest.Server) *fakeRegistry {
	t.Helper()
	r := &fakeRegistry{}
	images := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	r.Server = start(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) { r.pass(images, w, request) }))
	t.Cleanup(r.Close)
	return r
}

func (r *fakeRegistry) pass(images http.Handler, w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	r.requests = append(r.requests, strings.TrimSpace(request.Method+" "+request.URL.Path+" "+request.Header.Get("Range")))
	before := r.before
	r.mu.Unlock()
	if before == nil || !before(w, request) {
		images.ServeHTTP(w, request)
	}
}

func (r *fakeRegistry) host() string {
	return strings.TrimPrefix(strings.TrimPrefix(r.URL, "https://"), "http://")
}

// setBefore changes what happens before requests are answered, and forgets the requests so far.
func (r *fakeRegistry) setBefore(before func(http.ResponseWriter, *http.Request) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.before, r.requests = before, nil
}

// asked are the requests that have the text in them, except those that find out how to ask.
func (r *fakeRegistry) asked(text string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for _, request := range r.requests {
		if strings.Contains(request, text) && request != "GET /v2/" {
			all = append(all, request)
		}
	}
	return all
}

func (r *fakeRegistry) push(t *testing.T, reference string, what any, options ...remote.Option) {
	t.Helper()
	ref, err := name.ParseReference(r.host() + "/" + reference)
	require.NoError(t, err)
	switch what := what.(type) {
	case v1.Image:
		require.NoError(t, remote.Write(ref, what, options...))
	case v1.ImageIndex:
		require.NoError(t, remote.WriteIndex(ref, what, options...))
	}
}

// pulling is a puller and what it said.
type pulling struct {
	*source.Puller
	store *cache.Store

	mu   sync.Mutex
	said []string
}

func puller(t *testing.T, dir string, change ...func(*source.Options)) *pulling {
	t.Helper()
	store, err := cache.Open(dir)
	require.NoError(t, err)
	p := &pulling{store: store}
	options := source.Options{Say: p.say, AuthFile: filepath.Join(t.TempDir(), "auth.json")}
	for _, c := range change {
		c(&options)
	}
	p.Puller, err = source.New(store, options)
	require.NoError(t, err)
	p.WithoutWaiting()
	return p
}

func (p *pulling) say(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.said = append(p.said, line)
}

func (p *pulling) told() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.said, "\n")
}

func parse(t testing.TB, text string) source.Reference {
	t.Helper()
	ref, err := source.Parse(text)
	require.NoError(t, err)
	return ref
}

// pull gets an image and returns its disk.
func (p *pulling) pull(t *testing.T, text, architecture string) (*cache.Image, []byte) {
	t.Helper()
	image, err := p.Pull(t.Context(), parse(t, text), architecture)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, image.Close()) })
	disk, err := os.ReadFile(image.Path)
	require.NoError(t, err)
	require.EqualValues(t, len(disk), image.Size)
	return image, disk
}

// fails pulls an image and returns why that was not possible. Nothing complete must be left.
func (p *pulling) fails(t *testing.T, text, architecture string) error {
	t.Helper()
	_, err := p.Pull(t.Context(), parse(t, text), architecture)
	require.Error(t, err)
	entries, listErr := p.store.List()
	require.NoError(t, listErr)
	for _, e := range entries {
		require.False(t, e.Complete, "%+v", e)
	}
	return err
}

// drop sends a blob, and closes the connection after some bytes of each answer, as long as next returns a positive number.
func drop(blob []byte, next func() int) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/blobs/") {
			return false
		}
		start, end := 0, len(blob)-1
		if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &start, &end); err == nil {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", start, end, len(blob)))
			w.Header().Set("Content-Length", fmt.Sprint(end+1-start))
			w.WriteHeader(http.StatusPartialContent)
		}
		n := next()
		if n <= 0 || start+n >= len(blob) {
			_, _ = w.Write(blob[start:])
			return true
		}
		_, _ = w.Write(blob[start : start+n])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}

func withTransport(server *fakeRegistry) remote.Option {
	return remote.WithTransport(server.Client().Transport)
}

// bootDisk is the boot disk.
func bootDisk(disk []byte) file { return file{name: "disk/boot.qcow2", content: disk} }

func sha(content []byte) string { return fmt.Sprintf("%x", sha256.Sum256(content)) }

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, content, 0o600))
}

func readAll(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return content
}

// tarWithLink is an archive that begins with a symbolic link.
func tarWithLink(t *testing.T, name, target string, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	require.NoError(t, w.WriteHeader(&tar.Header{Name: name, Linkname: target, Typeflag: tar.TypeSymlink}))
	require.NoError(t, w.Flush())
	return append(b.Bytes(), tarOf(t, files...)...)
}

func withLayer(t *testing.T, architecture string, layer v1.Layer) v1.Image {
	t.Helper()
	i, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: architecture})
	require.NoError(t, err)
	i, err = mutate.AppendLayers(i, layer)
	require.NoError(t, err)
	return i
}

// refuses pulls an image and returns why that was not possible.
func (p *pulling) refuses(t *testing.T, text, architecture string) error {
	t.Helper()
	_, err := p.Pull(t.Context(), parse(t, text), architecture)
	require.Error(t, err)
	return err
}
