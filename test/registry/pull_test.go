package registry_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/image/cache"
	"github.com/ocne-project/ocne/internal/image/source"
	"github.com/ocne-project/ocne/test/registry"
)

// diskSize in bytes; random, so that the layer is as large.
const diskSize = 8 << 20

// world is a registry with the image ock:1.31 for two architectures, behind a proxy.
type world struct {
	*registry.Server
	proxy   *proxy
	disks   map[string][]byte
	digests map[string]string
	// reference of the image, through the proxy.
	reference string
	// authFile has the credentials for the proxy's address.
	authFile string
}

func start(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	server, err := registry.Start(t.Context(), dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	w := &world{Server: server, proxy: startProxy(t, server.Address), disks: map[string][]byte{}, authFile: filepath.Join(dir, "proxy.json")}
	files := map[string]string{}
	for i, architecture := range []string{"amd64", "arm64"} {
		files[architecture] = filepath.Join(dir, architecture+".qcow2")
		w.disks[architecture] = random(uint64(i), diskSize)
		require.NoError(t, os.WriteFile(files[architecture], w.disks[architecture], 0o600))
	}
	w.digests, err = server.Push(t.Context(), "olcne/ock:1.31", files)
	require.NoError(t, err)
	require.NoError(t, server.WriteAuthFile(w.authFile, w.proxy.Addr().String()))
	w.reference = w.proxy.Addr().String() + "/olcne/ock:1.31"
	return w
}

func random(seed uint64, size int) []byte {
	source := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	b := make([]byte, size)
	_, _ = source.Read(b)
	return b
}

// said collects what a puller says.
type said struct {
	mu    sync.Mutex
	lines []string
}

func (s *said) say(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, line)
}

func (s *said) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
}

func (w *world) puller(t *testing.T, dir string, change ...func(*source.Options)) (*source.Puller, *said) {
	t.Helper()
	store, err := cache.Open(dir)
	require.NoError(t, err)
	s := &said{}
	options := source.Options{CAFile: w.CAFile, AuthFile: w.authFile, Say: s.say}
	for _, c := range change {
		c(&options)
	}
	p, err := source.New(store, options)
	require.NoError(t, err)
	return p, s
}

func (w *world) pull(t *testing.T, p *source.Puller, architecture string) *cache.Image {
	t.Helper()
	ref, err := source.Parse(w.reference)
	require.NoError(t, err)
	image, err := p.Pull(t.Context(), ref, architecture)
	require.NoError(t, err)
	require.NoError(t, image.Close())
	require.Equal(t, w.digests[architecture], image.Digest)
	disk, err := os.ReadFile(image.Path)
	require.NoError(t, err)
	require.True(t, string(disk) == string(w.disks[architecture]), "the disk is another one")
	return image
}

func TestPullFromTheRegistry(t *testing.T) {
	w, dir := start(t), t.TempDir()
	p, said := w.puller(t, dir)
	w.pull(t, p, "amd64")
	w.pull(t, p, "arm64")
	sent := w.proxy.passedBytes()
	require.Greater(t, sent, int64(2*diskSize))
	w.pull(t, p, "amd64")
	require.Less(t, w.proxy.passedBytes()-sent, int64(64<<10), "an unchanged tag is not downloaded again")
	require.Empty(t, said.text())

	t.Run("offline", func(t *testing.T) {
		w.proxy.setBudget(func() int64 { return 0 })
		p, said := w.puller(t, dir)
		w.pull(t, p, "arm64")
		require.Contains(t, said.text(), "is used as it was on")
	})
}

func TestErrorsOfTheRegistry(t *testing.T) {
	w := start(t)
	host := w.proxy.Addr().String()
	nobody := filepath.Join(t.TempDir(), "none.json")
	wrong := filepath.Join(t.TempDir(), "wrong.json")
	other := *w.Server
	other.Password = "another"
	require.NoError(t, other.WriteAuthFile(wrong, host))
	for name, c := range map[string]struct {
		reference, architecture string
		change                  func(*source.Options)
		check                   func(*testing.T, error)
	}{
		"no such tag": {host + "/olcne/ock:1.35", "amd64", nil, func(t *testing.T, err error) {
			missing := as[*source.NotFoundError](t, err)
			require.Equal(t, []string{"1.31"}, missing.Near)
			require.Contains(t, err.Error(), "404 Not Found: manifest unknown")
		}},
		"no such repository": {host + "/olcne/none:1.31", "amd64", nil, func(t *testing.T, err error) {
			require.True(t, as[*source.NotFoundError](t, err).Repository)
		}},
		"no such digest": {host + "/olcne/ock@sha256:" + strings.Repeat("0", 64), "amd64", nil, func(t *testing.T, err error) {
			require.False(t, as[*source.NotFoundError](t, err).Repository)
		}},
		"another architecture": {w.reference, "s390x", nil, func(t *testing.T, err error) {
			require.ElementsMatch(t, []string{"linux/amd64", "linux/arm64"}, as[*source.ArchitectureError](t, err).Available)
		}},
		"no credentials": {w.reference, "amd64", func(o *source.Options) { o.AuthFile = nobody }, func(t *testing.T, err error) {
			require.Equal(t, []source.AuthFile{{Path: nobody, Finding: "is not there"}}, as[*source.CredentialsError](t, err).Looked)
			require.Contains(t, err.Error(), "401 Unauthorized: authentication required")
		}},
		"wrong credentials": {w.reference, "amd64", func(o *source.Options) { o.AuthFile = wrong }, func(t *testing.T, err error) {
			require.Equal(t, wrong, as[*source.CredentialsError](t, err).Used)
			require.NotContains(t, err.Error(), "another")
		}},
		"unknown authority": {w.reference, "amd64", func(o *source.Options) { o.CAFile = "" }, func(t *testing.T, err error) {
			require.Equal(t, host, as[*source.UntrustedCertificateError](t, err).Host)
			require.Contains(t, err.Error(), "authority of a test's registry")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			p, _ := w.puller(t, t.TempDir(), func(o *source.Options) {
				if c.change != nil {
					c.change(o)
				}
			})
			ref, err := source.Parse(c.reference)
			require.NoError(t, err)
			_, err = p.Pull(t.Context(), ref, c.architecture)
			require.Error(t, err)
			var adviser source.Adviser
			require.ErrorAs(t, err, &adviser)
			t.Logf("Error: %v\n\n%s", err, adviser.Advice())
			c.check(t, err)
		})
	}
}

func as[E error](t *testing.T, err error) E {
	t.Helper()
	var typed E
	require.ErrorAs(t, err, &typed)
	return typed
}

// TestDroppedConnections ends or resets connections after random numbers of bytes. A reset takes what was on its way along.
func TestDroppedConnections(t *testing.T) {
	w := start(t)
	for seed := range uint64(30) {
		reset := seed%2 == 1
		t.Run(fmt.Sprintf("seed %d, reset %t", seed, reset), func(t *testing.T) {
			random, connections := rand.New(rand.NewPCG(seed, 1)), 0
			w.proxy.setReset(reset)
			w.proxy.setBudget(func() int64 {
				connections++
				return 32<<10 + random.Int64N(diskSize/4)
			})
			p, said := w.puller(t, t.TempDir())
			w.pull(t, p, "amd64")
			require.Contains(t, said.text(), "The download goes on from there.")
			sent := w.proxy.passedBytes()
			t.Logf("%d connections, %.2f times the disk's bytes", connections, float64(sent)/diskSize)
			if !reset {
				require.Less(t, sent, int64(diskSize*11/10), "what has arrived is not sent again")
			}
		})
	}
}

// inChild is set in the environment of processes that only pull: what, and how.
const inChild = "OCNE_TEST_PULL"

func TestMain(m *testing.M) {
	if os.Getenv(inChild) == "" {
		os.Exit(m.Run())
	}
	if err := pullAsChild(strings.Split(os.Getenv(inChild), "\n")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// pullAsChild tells its progress on standard output, and waits for a line on its input after each.
func pullAsChild(arguments []string) error {
	if len(arguments) != 4 {
		return errors.New("wrong number of arguments")
	}
	store, err := cache.Open(arguments[0])
	if err != nil {
		return err
	}
	p, err := source.New(store, source.Options{CAFile: arguments[1], AuthFile: arguments[2], Progress: func(done, _ int64) {
		fmt.Println(done)
	}})
	if err != nil {
		return err
	}
	ref, err := source.Parse(arguments[3])
	if err != nil {
		return err
	}
	image, err := p.Pull(context.Background(), ref, "amd64")
	if err != nil {
		return err
	}
	return image.Close()
}

func TestAKilledProcessGoesOn(t *testing.T) {
	w := start(t)
	program, err := os.Executable()
	require.NoError(t, err)
	for _, part := range []int64{1, 4, 7} {
		t.Run(fmt.Sprintf("at %d eighths", part), func(t *testing.T) {
			dir := t.TempDir()
			w.proxy.setBudget(func() int64 { return -1 })
			child := exec.CommandContext(t.Context(), program)
			child.Env = append(os.Environ(), inChild+"="+strings.Join([]string{dir, w.CAFile, w.authFile, w.reference}, "\n"))
			output, err := child.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, child.Start())
			lines := bufio.NewScanner(output)
			for lines.Scan() {
				var done int64
				_, err := fmt.Sscan(lines.Text(), &done)
				require.NoError(t, err)
				if done >= diskSize*part/8 {
					break
				}
			}
			require.NoError(t, child.Process.Kill())
			var exit *exec.ExitError
			require.ErrorAs(t, child.Wait(), &exit, "it was killed before it was done")

			w.proxy.setBudget(func() int64 { return -1 })
			p, said := w.puller(t, dir)
			w.pull(t, p, "amd64")
			require.Contains(t, said.text(), "Going on with an earlier download")
			sent := w.proxy.passedBytes()
			t.Logf("%.2f of the disk's bytes were sent again or for the first time", float64(sent)/diskSize)
			require.Less(t, sent, diskSize-diskSize*part/8+(256<<10))
		})
	}
}

// connector is an HTTP proxy that connects clients to one address, whatever they ask for.
func connector(t *testing.T, to string) (url string, asked func() []string) {
	t.Helper()
	var mu sync.Mutex
	var hosts []string
	var open sync.WaitGroup
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		hosts = append(hosts, r.Method+" "+r.Host)
		mu.Unlock()
		target, err := net.Dial("tcp", to)
		if err != nil {
			http.Error(w, "no way", http.StatusBadGateway)
			return
		}
		client, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			_ = target.Close()
			return
		}
		_, _ = io.WriteString(client, "HTTP/1.1 200 Connected\r\n\r\n")
		for _, pair := range [][2]net.Conn{{client, target}, {target, client}} {
			open.Go(func() {
				_, _ = io.Copy(pair[0], pair[1])
				_, _ = client.Close(), target.Close()
			})
		}
	}))
	t.Cleanup(func() {
		server.Close()
		open.Wait()
	})
	return server.URL, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(hosts)
	}
}

// TestProxiesOfTheEnvironmentAreUsed pulls in another process, because Go reads the environment once.
func TestProxiesOfTheEnvironmentAreUsed(t *testing.T) {
	w := start(t)
	program, err := os.Executable()
	require.NoError(t, err)
	auth, dir := filepath.Join(t.TempDir(), "auth.json"), t.TempDir()
	require.NoError(t, w.WriteAuthFile(auth, registry.Name))
	run := func(to string) ([]string, string, error) {
		proxy, asked := connector(t, to)
		child := exec.CommandContext(t.Context(), program)
		child.Env = append(os.Environ(), "HTTPS_PROXY="+strings.Replace(proxy, "http://", "http://user:secret@", 1), "NO_PROXY=",
			inChild+"="+strings.Join([]string{dir, w.CAFile, auth, registry.Name + "/olcne/ock:1.31"}, "\n"))
		var failure strings.Builder
		child.Stderr = &failure
		err := child.Run()
		return asked(), failure.String(), err
	}
	asked, failure, err := run("127.0.0.1:1") // where nobody listens
	require.Error(t, err)
	require.Contains(t, asked, "CONNECT registry.test:443")
	require.Contains(t, failure, "cannot be reached through proxy http://user:xxxxx@127.0.0.1:")
	require.NotContains(t, failure, "secret")

	_, failure, err = run(w.Address)
	require.NoError(t, err, failure)
	disks, err := filepath.Glob(filepath.Join(dir, "sha256-*", "boot.qcow2"))
	require.NoError(t, err)
	require.Len(t, disks, 1)
}

func TestControlCEndsAPullAtOnce(t *testing.T) {
	w, dir := start(t), t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	var interrupted time.Time
	p, _ := w.puller(t, dir, func(o *source.Options) {
		o.Progress = func(done, _ int64) {
			if done > diskSize/2 && interrupted.IsZero() {
				interrupted = time.Now()
				cancel()
			}
		}
	})
	ref, err := source.Parse(w.reference)
	require.NoError(t, err)
	_, err = p.Pull(ctx, ref, "amd64")
	require.ErrorIs(t, err, context.Canceled)
	t.Log("ended after", time.Since(interrupted))

	// An image that nothing arrives for is given up at once, too.
	ctx, cancel = context.WithCancel(t.Context())
	stalled := make(chan struct{})
	stall := sync.OnceFunc(func() { close(stalled) })
	p, _ = w.puller(t, dir)
	w.proxy.setBudget(func() int64 {
		stall()
		<-ctx.Done()
		return -1
	})
	result := make(chan error, 1)
	go func() {
		_, err := p.Pull(ctx, ref, "amd64")
		result <- err
	}()
	<-stalled
	cancel()
	require.ErrorIs(t, <-result, context.Canceled)
	w.proxy.setBudget(func() int64 { return -1 })
	w.pull(t, p, "amd64")
}

// TestManyProcessesPullAtOnce pulls with puller and cache of its own each, as processes do.
func TestManyProcessesPullAtOnce(t *testing.T) {
	w, dir := start(t), t.TempDir()
	ref, err := source.Parse(w.reference)
	require.NoError(t, err)
	const count = 6
	results := make(chan error, count)
	for range count {
		p, _ := w.puller(t, dir)
		go func() {
			image, err := p.Pull(t.Context(), ref, "amd64")
			if err == nil {
				err = image.Close()
			}
			results <- err
		}()
	}
	for range count {
		require.NoError(t, <-results)
	}
	require.Less(t, w.proxy.passedBytes(), int64(diskSize*5/4), "one of them downloaded")
}
