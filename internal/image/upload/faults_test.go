package upload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/image/disk"
	"github.com/ocne-project/ocne/internal/image/remote"
	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/ovirt"
	"github.com/ocne-project/ocne/pkg/ovirt/imageio"
)

// cutter passes connections on, and cuts each after a random number of bytes from the client, until it has cut enough.
type cutter struct {
	target string
	seed   *rand.Rand
	mu     sync.Mutex
	left   int
	within int64
	cuts   atomic.Int64
}

// startCutter listens in front of the address.
func startCutter(t testing.TB, c *cutter) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var running sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { c.pass(ctx, client) })
		}
	})
	t.Cleanup(func() {
		cancel()
		_ = listener.Close()
		running.Wait()
	})
	return listener.Addr().String()
}

// budget is after how many bytes the next connection is cut; less than 0 means never.
func (c *cutter) budget() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left == 0 {
		return -1
	}
	c.left--
	return c.seed.Int64N(c.within)
}

func (c *cutter) pass(ctx context.Context, client net.Conn) {
	defer client.Close()
	server, err := (&net.Dialer{}).DialContext(ctx, "tcp", c.target)
	if err != nil {
		return
	}
	defer server.Close()
	stop := context.AfterFunc(ctx, func() { _ = client.Close(); _ = server.Close() })
	defer stop()
	var back sync.WaitGroup
	back.Go(func() { _, _ = io.Copy(client, server); _ = client.Close() })
	if n := c.budget(); n < 0 {
		_, _ = io.Copy(server, client)
	} else if _, err := io.CopyN(server, client, n); err == nil {
		c.cuts.Add(1)
	}
	_ = server.Close()
	_ = client.Close()
	back.Wait()
}

func TestDroppedConnectionsLeaveNoTraceInTheDisk(t *testing.T) {
	sim := newSite(t, olvmsim.Options{})
	cut := &cutter{}
	s := sim.behind(func(address string) string {
		cut.target = address
		return startCutter(t, cut)
	}, nil)
	total := int64(0)
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 1))
		cut.mu.Lock()
		cut.seed, cut.left, cut.within = rand.New(rand.NewPCG(seed, 2)), 1+random.IntN(12), []int64{400 << 10, 3 * mib}[random.IntN(2)]
		cut.mu.Unlock()
		most := []int64{3000, 3000, 3000, 3000, 10_000}[seed%5] // KiB
		source, want := content(byte(seed), 1+random.Int64N(most), 1+random.Int64N(1000), 1+random.Int64N(most))
		if random.IntN(2) == 0 {
			source, want = content(byte(seed), 1+random.Int64N(2*most))
		}
		r := s.request(source)
		r.Name, r.Writers = fmt.Sprintf("ock-%d", seed), []int{1, 4, 8}[seed%3]
		result, err := s.Upload(t.Context(), r)
		require.NoError(t, err, "seed %d", seed)
		s.requireHolds(result.DiskID, want)
		require.Equal(t, "checksum", result.Checked)
		total += result.Sent - result.Data
	}
	require.Greater(t, cut.cuts.Load(), int64(50))
	t.Logf("%d connections were cut; %d KiB were sent twice", cut.cuts.Load(), total>>10)
}

// The helper process of the tests below and of the benchmark: it uploads until it is killed.
func TestUploadOfAnotherProcess(t *testing.T) {
	url := os.Getenv("OCNE_TEST_UPLOAD_URL")
	if url == "" {
		t.Skip("it is the process that TestAKilledUploadGoesOn starts and kills")
	}
	ca, err := os.ReadFile(os.Getenv("OCNE_TEST_UPLOAD_CA"))
	require.NoError(t, err)
	s := clientOf(t, nil, "", ovirt.Config{URL: url, Username: "admin@internal", Password: os.Getenv("OCNE_TEST_UPLOAD_PASSWORD"), CA: ca})
	s.state = os.Getenv("OCNE_TEST_UPLOAD_STATE")
	var source disk.Disk
	if path := os.Getenv("OCNE_TEST_UPLOAD_FILE"); path != "" {
		file, err := os.Open(path)
		require.NoError(t, err)
		defer file.Close()
		source = fileDisk{file, benchSize}
	} else {
		source, _ = killedContent()
	}
	_, err = s.Upload(t.Context(), s.request(source))
	require.NoError(t, err)
	t.Logf("peak memory: %d bytes", peakMemory(t))
}

// killedContent is large enough to be killed in its middle.
func killedContent() (*memory, []byte) { return content(11, 40*1024, 10*1024, 24*1024) }

// anotherProcess is one that uploads; it is not started.
func (s *site) anotherProcess(output *strings.Builder) *exec.Cmd {
	s.t.Helper()
	ca := filepath.Join(s.t.TempDir(), "ca.pem")
	require.NoError(s.t, os.WriteFile(ca, s.sim.CA(), 0o600))
	self, err := os.Executable()
	require.NoError(s.t, err)
	process := exec.CommandContext(context.Background(), self, "-test.run=^TestUploadOfAnotherProcess$", "-test.v")
	process.Env = append(os.Environ(), "TMPDIR="+s.t.TempDir(), "OCNE_TEST_UPLOAD_URL="+s.sim.URL(), "OCNE_TEST_UPLOAD_CA="+ca,
		"OCNE_TEST_UPLOAD_PASSWORD="+s.sim.Password(), "OCNE_TEST_UPLOAD_STATE="+s.state)
	process.Stdout, process.Stderr = output, output
	return process
}

// uploadInAnotherProcess starts the upload, and kills it when the engine has seen so many requests with data.
func (s *site) uploadInAnotherProcess(puts int) {
	s.t.Helper()
	var output strings.Builder
	process := s.anotherProcess(&output)
	require.NoError(s.t, process.Start())
	require.Eventually(s.t, func() bool { return s.puts() >= puts }, time.Minute, time.Millisecond, "the process said: %s", &output)
	require.NoError(s.t, process.Process.Kill())
	_ = process.Wait()
	require.NotContains(s.t, output.String(), "PASS", "it was killed before its end")
}

func TestAKilledUploadGoesOn(t *testing.T) {
	for _, share := range []float64{0.2, 0.5, 0.8} {
		t.Run(fmt.Sprintf("after %.0f %%", share*100), func(t *testing.T) {
			s := newSite(t, olvmsim.Options{})
			source, want := killedContent()
			chunks := int(source.data() / minChunk) // all requests are of this size, as the data is less than 96 MiB
			s.uploadInAnotherProcess(int(share * float64(chunks)))
			require.FileExists(t, s.state)
			info, err := os.Stat(s.state)
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o600), info.Mode())

			result, err := s.Upload(t.Context(), s.request(source))
			require.NoError(t, err)
			s.requireHolds(result.DiskID, want)
			require.Positive(t, result.Resumed)
			twice := s.puts() - chunks
			t.Logf("%d of %d requests were sent twice; %d of %d MiB were there", twice, chunks, result.Resumed>>20, result.Data>>20)
			require.LessOrEqual(t, twice*10, chunks, "at most 10 % twice")
			require.NoFileExists(t, s.state)
		})
	}
}

// data is how many bytes of the disk are no zeros.
func (m *memory) data() (n int64) {
	for _, each := range m.extents {
		if !each.Zero {
			n += each.Length
		}
	}
	return n
}

var errKilled = errors.New("killed")

// A process can end after each call that changes something; the engine's calls that follow are not made.
func TestAProcessThatWasKilledAtAnyCallIsFollowedByOneThatGoesOn(t *testing.T) {
	source, want := content(16, 2048)
	for _, last := range []olvmsim.Match{
		{Method: http.MethodPost, Path: "disks"}, {Method: http.MethodPost, Path: "imagetransfers"},
		{Method: http.MethodPost, Path: "imagetransfers/*/finalize"}, {Method: http.MethodPut, Path: "disks/*"},
	} {
		t.Run(last.Method+" "+last.Path, func(t *testing.T) {
			s := newSite(t, olvmsim.Options{})
			dead := false
			var kept []byte // the state before the call
			killed := clientOf(t, s.sim, "", ovirt.Config{
				URL: s.sim.URL(), Username: s.sim.Username(), Password: s.sim.Password(), CA: s.sim.CA(),
				Admit: func(context.Context) error {
					if dead = dead || s.sim.Count(last) > 0; dead {
						return errKilled
					}
					kept, _ = os.ReadFile(s.state)
					return nil
				},
			})
			killed.state = s.state
			_, err := killed.Upload(t.Context(), killed.request(source))
			if last.Path == "disks/*" { // the last call of all
				require.NoError(t, err)
				require.NoError(t, os.WriteFile(s.state, kept, 0o600))
			} else {
				require.ErrorIs(t, err, errKilled)
			}
			result, err := s.Upload(t.Context(), s.request(source))
			require.NoError(t, err)
			s.requireHolds(result.DiskID, want)
			require.Equal(t, 1, s.sim.Count(olvmsim.Match{Method: http.MethodPost, Path: "disks"}))
			require.NoFileExists(t, s.state)
			again, err := s.Upload(t.Context(), s.request(source))
			require.NoError(t, err)
			require.True(t, again.Reused)
		})
	}
}

func TestAKilledUploadGoesOnWhenTheEngineForgotItsTransfer(t *testing.T) {
	s := newSite(t, olvmsim.Options{ImageIO: olvmsim.ImageIOOptions{LegacyCancel: true}}) // the disk stays
	source, want := killedContent()
	s.uploadInAnotherProcess(100)
	transfers, err := s.Engine.ImageTransfers(t.Context())
	require.NoError(t, err)
	require.NoError(t, s.Engine.CancelImageTransfer(t.Context(), transfers[0].ID))
	result, err := s.Upload(t.Context(), s.request(source))
	require.NoError(t, err)
	require.Positive(t, result.Resumed)
	s.requireHolds(result.DiskID, want)
	require.Equal(t, 2, s.sim.Count(olvmsim.Match{Method: http.MethodPost, Path: "imagetransfers", Status: http.StatusCreated}))
}

func TestAbortLeavesTheEngineEmpty(t *testing.T) {
	s := newSite(t, olvmsim.Options{})
	s.uploadInAnotherProcess(60)
	removed, err := s.Abort(t.Context(), AbortRequest{Name: "ock", State: s.state})
	require.NoError(t, err)
	require.Equal(t, []string{"ock"}, removed)
	s.requireEmpty()

	s.uploadInAnotherProcess(s.puts() + 60)
	require.NoError(t, os.Remove(s.state))
	source, _ := killedContent()
	_, err = s.Upload(t.Context(), s.request(source))
	exists, ok := errors.AsType[*DiskExistsError](err)
	require.True(t, ok, "%v", err)
	require.True(t, exists.Unfinished)
	require.ErrorContains(t, err, "--abort")
	removed, err = s.Abort(t.Context(), AbortRequest{Name: "ock", State: s.state})
	require.NoError(t, err)
	require.Equal(t, []string{"ock"}, removed, "without the state, the mark is enough")
	s.requireEmpty()

	removed, err = s.Abort(t.Context(), AbortRequest{Name: "ock", State: s.state})
	require.NoError(t, err)
	require.Empty(t, removed)

	small, _ := content(17, 64)
	_, err = s.Upload(t.Context(), s.request(small))
	require.NoError(t, err)
	s.foreignDisk("ock", "somebody's")
	removed, err = s.Abort(t.Context(), AbortRequest{Name: "ock", State: s.state})
	require.NoError(t, err)
	require.Empty(t, removed, "a complete disk stays unless that is asked for")
	removed, err = s.Abort(t.Context(), AbortRequest{Name: "ock", State: s.state, Complete: true})
	require.NoError(t, err)
	require.Len(t, removed, 1)
	require.Len(t, s.sim.Disks(), 2, "somebody's stays")
}

func TestAnotherImageTakesThePlaceOfOneThatWasKilled(t *testing.T) {
	s := newSite(t, olvmsim.Options{})
	s.uploadInAnotherProcess(60)
	killed := s.onlyDisk()
	source, want := content(12, 1024)
	r := s.request(source)
	r.Options = "quiet"
	result, err := s.Upload(t.Context(), r)
	require.NoError(t, err)
	require.NotEqual(t, killed, result.DiskID)
	s.requireHolds(result.DiskID, want)
	require.Len(t, s.sim.Disks(), 2)
}

// nowhere is an address where nobody listens.
func nowhere(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}

func TestAHostOutOfReachMeansTheProxy(t *testing.T) {
	closed := func(string) string { return nowhere(t) }
	source, want := content(13, 1024)
	s := newSite(t, olvmsim.Options{}).behind(closed, nil)
	result, err := s.Upload(t.Context(), s.request(source))
	require.NoError(t, err)
	s.requireHolds(result.DiskID, want)
	require.Len(t, s.notices, 1)
	require.Contains(t, s.notices[0], "through the engine's proxy "+result.Host)

	s = newSite(t, olvmsim.Options{}).behind(closed, closed)
	_, err = s.Upload(t.Context(), s.request(source))
	unreachable, ok := errors.AsType[*UnreachableError](err)
	require.True(t, ok, "%v", err)
	require.ErrorIs(t, err, imageio.Unreachable)
	require.ErrorContains(t, err, unreachable.Host)
	require.ErrorContains(t, err, unreachable.Proxy)
	s.requireEmpty()
}

func TestAPortWithTheCertificateOfAnotherCA(t *testing.T) {
	other := newSite(t, olvmsim.Options{}) // another engine's data plane, with its own CA
	source, _ := content(14, 1024)
	result, err := other.Upload(t.Context(), other.request(source))
	require.NoError(t, err)
	wrong := func(string) string { return result.Host }
	s := newSite(t, olvmsim.Options{}).behind(wrong, wrong)
	_, err = s.Upload(t.Context(), s.request(source))
	require.ErrorIs(t, err, imageio.Untrusted)
	untrusted, ok := errors.AsType[*imageio.UntrustedCertificateError](err)
	require.True(t, ok)
	require.NotEmpty(t, untrusted.Issuer)
	require.ErrorContains(t, err, untrusted.Issuer)
	require.ErrorContains(t, err, "/services/pki-resource?resource=ca-certificate")
	s.requireEmpty()
}

func TestPatienceEnds(t *testing.T) {
	source, _ := content(15, 8*1024)
	s := newSite(t, olvmsim.Options{})
	s.Patience = 3 * time.Second
	r := s.request(source)
	r.Progress = func(done, total int64) {
		if done > total/2 {
			_, _ = s.sim.Inject(olvmsim.Fault{Match: olvmsim.Match{Method: http.MethodGet, Path: "imagetransfers|imagetransfers/*"},
				Effect: olvmsim.Effect{Kind: olvmsim.Unavailable}})
			_, _ = s.sim.Inject(olvmsim.Fault{Effect: olvmsim.Effect{Kind: olvmsim.TransferPaused}}) // fails once it is paused
		}
	}
	_, err := s.Upload(t.Context(), r)
	require.ErrorIs(t, err, ovirt.Unavailable)
	behind, ok := errors.AsType[*remote.LeftBehindError](err)
	require.True(t, ok, "%v", err)
	require.Contains(t, behind.What, "disk ock (id ")
	require.FileExists(t, s.state)
	require.NoError(t, s.sim.Clear(""))
	r.Progress, s.Patience = nil, time.Minute
	result, err := s.Upload(t.Context(), r)
	require.NoError(t, err, "the same command goes on")
	require.Equal(t, s.onlyDisk(), result.DiskID)
}
