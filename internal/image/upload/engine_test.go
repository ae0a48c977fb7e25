package upload

import (
	"bytes"
	"context"
	"encoding/pem"
	"io"
	"iter"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/image/disk"
	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

const (
	mib        = 1 << 20
	testDigest = "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
)

// memory is a disk whose bytes are in memory.
type memory struct {
	*bytes.Reader
	extents []disk.Extent
	// failure, if it is set, is what a read gets that touches the byte at failAt.
	failure error
	failAt  int64
}

func (m *memory) ReadAt(p []byte, offset int64) (int, error) {
	if m.failure != nil && offset <= m.failAt && m.failAt < offset+int64(len(p)) {
		return 0, m.failure
	}
	return m.Reader.ReadAt(p, offset)
}

func (m *memory) Extents(context.Context) iter.Seq2[disk.Extent, error] {
	return func(yield func(disk.Extent, error) bool) {
		for _, each := range m.extents {
			if !yield(each, nil) {
				return
			}
		}
	}
}

// content makes a disk by its parts in KiB, by turns data and zeros, and returns its bytes too. Data is random by the seed.
func content(seed byte, kib ...int64) (*memory, []byte) {
	m := &memory{}
	var all []byte
	source := rand.NewChaCha8([32]byte{seed})
	for n, each := range kib {
		part := make([]byte, each<<10)
		if n%2 == 0 {
			_, _ = source.Read(part)
		}
		m.extents = append(m.extents, disk.Extent{Start: int64(len(all)), Length: int64(len(part)), Zero: n%2 == 1})
		all = append(all, part...)
	}
	m.Reader = bytes.NewReader(all)
	return m, all
}

// site is a simulated engine and a client of it.
type site struct {
	*Uploader
	t       testing.TB
	sim     *olvmsim.Simulator
	images  string
	notices []string
	state   string
}

func newSite(t testing.TB, options olvmsim.Options) *site {
	t.Helper()
	options.StateDir = t.TempDir()
	if options.TimeScale == 0 {
		options.TimeScale = 10 // a ticket lives 30 s, which is enough for a slow machine
	}
	sim := olvmsim.New(t, options)
	return clientOf(t, sim, options.StateDir, ovirt.Config{URL: sim.URL(), Username: sim.Username(), Password: sim.Password(), CA: sim.CA()})
}

func clientOf(t testing.TB, sim *olvmsim.Simulator, stateDir string, config ovirt.Config) *site {
	t.Helper()
	engine, err := ovirt.New(config)
	require.NoError(t, err)
	t.Cleanup(engine.Close)
	s := &site{t: t, sim: sim, images: filepath.Join(stateDir, "images"), state: filepath.Join(t.TempDir(), "upload.json")}
	s.Uploader = &Uploader{Engine: engine, Patience: 2 * time.Minute, Notice: func(text string) { s.notices = append(s.notices, text) }}
	return s
}

// request is one for the disk ock in the storage domain data.
func (s *site) request(content disk.Disk) Request {
	s.t.Helper()
	dataCenter, err := s.Engine.DataCenterByName(context.Background(), "Default")
	require.NoError(s.t, err)
	return Request{Name: "ock", DataCenterID: dataCenter.ID, StorageDomain: "data", Digest: testDigest, Content: content, State: s.state}
}

// requireHolds compares what the engine keeps of a disk with what it should.
func (s *site) requireHolds(id string, want []byte) {
	s.t.Helper()
	got, err := os.ReadFile(filepath.Join(s.images, id))
	require.NoError(s.t, err)
	require.Len(s.t, got, len(want))
	require.True(s.t, bytes.Equal(want, got), "the disk differs")
	status, err := s.Engine.Disk(context.Background(), id)
	require.NoError(s.t, err)
	require.Equal(s.t, ovirt.StatusOK, status.Status)
}

// requireEmpty: nothing of ours is in the engine, and no state is here.
func (s *site) requireEmpty() {
	s.t.Helper()
	for _, each := range s.sim.Disks() {
		require.Equal(s.t, "ock-boot", each.Alias, "only the inventory's disk is there")
	}
	transfers, err := s.Engine.ImageTransfers(context.Background())
	require.NoError(s.t, err)
	for _, each := range transfers {
		require.True(s.t, each.Ended(), each.Phase)
	}
	require.NoFileExists(s.t, s.state)
	left, err := os.ReadDir(s.images)
	require.NoError(s.t, err)
	require.Empty(s.t, left)
}

func (s *site) puts() int {
	return s.sim.Count(olvmsim.Match{Method: http.MethodPut, Path: "/images/*"})
}

// behind puts another server in the place of the data plane: the engine's replies name it instead. Both of its addresses pass the
// bytes to change; an empty one stays as it is.
func (s *site) behind(host, proxy func(address string) string) *site {
	s.t.Helper()
	target, err := url.Parse(s.sim.URL())
	require.NoError(s.t, err)
	forward := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: target.Scheme, Host: target.Host})
	forward.Transport = &http.Transport{TLSClientConfig: s.Engine.Trust().TLS}
	forward.ErrorLog = log.New(io.Discard, "", 0)
	var mu sync.Mutex
	known := map[string]string{}
	forward.ModifyResponse = func(r *http.Response) error {
		mu.Lock()
		defer mu.Unlock()
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		for name, change := range map[string]func(string) string{"transfer_url": host, "proxy_url": proxy} {
			named := regexp.MustCompile(`"` + name + `"\s*:\s*"https://([^/"]+)/`).FindSubmatch(body)
			if named == nil || change == nil {
				continue
			}
			address := string(named[1])
			if known[address] == "" {
				known[address] = change(address)
			}
			body = bytes.ReplaceAll(body, []byte("https://"+address+"/"), []byte("https://"+known[address]+"/"))
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		r.Header.Del("Content-Length")
		return nil
	}
	front := httptest.NewTLSServer(forward)
	s.t.Cleanup(front.Close)
	ca := append(s.sim.CA(), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw})...)
	return clientOf(s.t, s.sim, filepath.Dir(s.images), ovirt.Config{
		URL: front.URL + target.Path, Username: s.sim.Username(), Password: s.sim.Password(), CA: ca,
	})
}
