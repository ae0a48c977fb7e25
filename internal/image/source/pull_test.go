package source_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/image/cache"
	"github.com/ocne-project/ocne/internal/image/source"
)

func TestPullGivesTheBootDiskOfTheArchitecture(t *testing.T) {
	for _, how := range []string{"", "gzip", "zstd"} {
		t.Run("layer "+how, func(t *testing.T) {
			server := serve(t, httptest.NewServer)
			disks := map[string][]byte{"amd64": content(1, 3_000_000), "arm64": content(2, 2_000_000)}
			images := map[string]v1.Image{}
			for architecture, disk := range disks {
				images[architecture] = image(t, architecture, ockLayer(t, how, disk))
			}
			server.push(t, "olcne/ock:1.31", index(images))
			p := puller(t, t.TempDir())
			for architecture, disk := range disks {
				pulled, got := p.pull(t, "docker://"+server.host()+"/olcne/ock:1.31", architecture)
				require.Equal(t, disk, got)
				digest, err := images[architecture].Digest()
				require.NoError(t, err)
				require.Equal(t, digest.String(), pulled.Digest)
				sum := sha256.Sum256(disk)
				require.Equal(t, hex.EncodeToString(sum[:]), pulled.SHA256)
				require.NoError(t, cache.Verify(t.Context(), pulled, nil))
				info, err := os.Stat(pulled.Path)
				require.NoError(t, err)
				require.Equal(t, os.FileMode(0o600), info.Mode())
				info, err = os.Stat(filepath.Dir(pulled.Path))
				require.NoError(t, err)
				require.Equal(t, os.ModeDir|0o700, info.Mode())
				require.NoFileExists(t, filepath.Join(filepath.Dir(pulled.Path), "layer.part"))
			}
			require.Empty(t, p.told())
		})
	}
}

func TestProgressCountsTheBytesOfTheLayer(t *testing.T) {
	server := serve(t, httptest.NewServer)
	layer := ockLayer(t, "gzip", content(1, 1_000_000))
	server.push(t, "ock:1", image(t, "amd64", layer))
	var last int64
	p := puller(t, t.TempDir(), func(o *source.Options) {
		o.Progress = func(done, total int64) {
			require.EqualValues(t, len(layer), total)
			require.Greater(t, done, last)
			last = done
		}
	})
	p.pull(t, server.host()+"/ock:1", "amd64")
	require.EqualValues(t, len(layer), last)
}

func TestAnUnchangedTagIsNotDownloadedAgain(t *testing.T) {
	server := serve(t, httptest.NewServer)
	first, second := content(1, 100_000), content(2, 100_000)
	server.push(t, "ock:1", image(t, "amd64", ockLayer(t, "gzip", first)))
	p, reference := puller(t, t.TempDir()), server.host()+"/ock:1"
	before, _ := p.pull(t, reference, "amd64")

	server.setBefore(nil)
	again, disk := p.pull(t, reference, "amd64")
	require.Equal(t, first, disk)
	require.Equal(t, before.Path, again.Path)
	require.Equal(t, []string{"HEAD /v2/ock/manifests/1"}, server.asked(""))

	server.push(t, "ock:1", image(t, "amd64", ockLayer(t, "gzip", second)))
	moved, disk := p.pull(t, reference, "amd64")
	require.Equal(t, second, disk)
	entries, err := p.store.List()
	require.NoError(t, err)
	require.Len(t, entries, 2)
	require.Equal(t, moved.Digest, entries[0].Digest)
	require.Equal(t, []string{reference}, entries[0].References)
	require.Empty(t, entries[1].References, "the tag means another image now")
}

func TestATagMeansOfflineWhatItMeantLast(t *testing.T) {
	server := serve(t, httptest.NewServer)
	disk := content(1, 100_000)
	server.push(t, "ock:1", image(t, "amd64", ockLayer(t, "gzip", disk)))
	p, reference := puller(t, t.TempDir()), server.host()+"/ock:1"
	p.pull(t, reference, "amd64")
	server.Close()
	_, got := p.pull(t, reference, "amd64")
	require.Equal(t, disk, got)
	require.Contains(t, p.told(), "cannot be reached")
	require.Contains(t, p.told(), "is used as it was on")

	resolved, err := p.Resolve(t.Context(), parse(t, reference), "amd64")
	require.NoError(t, err)
	require.True(t, resolved.Offline && resolved.Cached)

	var unreachable *source.UnreachableError
	_, err = p.Pull(t.Context(), parse(t, reference), "arm64")
	require.ErrorAs(t, err, &unreachable)
	require.Equal(t, server.host(), unreachable.Host)
}

func TestABusyRegistryIsLikeNone(t *testing.T) {
	server := serve(t, httptest.NewServer)
	disk := content(1, 100_000)
	server.push(t, "ock:1", image(t, "amd64", ockLayer(t, "gzip", disk)))
	p, reference := puller(t, t.TempDir()), server.host()+"/ock:1"
	p.pull(t, reference, "amd64")
	server.setBefore(func(w http.ResponseWriter, _ *http.Request) bool {
		http.Error(w, "maintenance", http.StatusServiceUnavailable)
		return true
	})
	_, got := p.pull(t, reference, "amd64")
	require.Equal(t, disk, got)
	require.Contains(t, p.told(), "503")
}

func TestADigestIsNotAskedForAgain(t *testing.T) {
	server := serve(t, httptest.NewServer)
	layer := ockLayer(t, "gzip", content(1, 100_000))
	i := image(t, "amd64", layer)
	list := index(map[string]v1.Image{"amd64": i})
	server.push(t, "ock:1", list)
	ofImage, err := i.Digest()
	require.NoError(t, err)
	ofList, err := list.Digest()
	require.NoError(t, err)
	references := []string{
		server.host() + "/ock:1@" + ofImage.String(), server.host() + "/ock@" + ofList.String(), server.host() + "/ock@" + ofImage.String(),
	}
	for _, first := range append(references, server.host()+"/ock:1") {
		p := puller(t, t.TempDir())
		p.pull(t, first, "amd64")
		for _, reference := range references {
			server.setBefore(nil)
			p.pull(t, reference, "amd64")
			if strings.HasSuffix(reference, ofImage.String()) || !strings.HasSuffix(first, ofImage.String()) {
				require.Empty(t, server.asked(""), "%s after %s", reference, first)
			} else {
				require.Empty(t, server.asked(sha(layer)), "the list's digest was not known, but the image is there")
			}
		}
	}
}

// TestADroppedConnectionGoesOn drops connections after random numbers of bytes, also after none. Nothing is sent twice.
func TestADroppedConnectionGoesOn(t *testing.T) {
	disk := content(1, 1_000_000)
	layer := ockLayer(t, "gzip", disk)
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			server := serve(t, httptest.NewServer)
			server.push(t, "ock:1", image(t, "amd64", layer))
			random, drops := rand.New(rand.NewPCG(seed, 0)), 0
			server.setBefore(drop(layer, func() int {
				if drops++; drops > 12 {
					return 0
				}
				return 1 + random.IntN(len(layer)/6)
			}))
			// The configuration is a blob, too: it is small, and is sent as it is.
			whole := server.before
			server.setBefore(func(w http.ResponseWriter, r *http.Request) bool {
				return strings.HasSuffix(r.URL.Path, fmt.Sprintf("%x", sha256.Sum256(layer))) && whole(w, r)
			})
			p := puller(t, t.TempDir())
			_, got := p.pull(t, server.host()+"/ock:1", "amd64")
			require.Equal(t, disk, got)
			requests := server.asked(fmt.Sprintf("%x", sha256.Sum256(layer)))
			require.Greater(t, len(requests), 1)
			require.Contains(t, p.told(), "goes on from there")
			t.Log(len(requests), "requests for the layer")
		})
	}
}

// interrupted pulls until some bytes of the layer have arrived.
func interrupted(t *testing.T, dir, reference string, after int64, change ...func(*source.Options)) *pulling {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p := puller(t, dir, append(change, func(o *source.Options) {
		o.Progress = func(done, _ int64) {
			if done >= after {
				cancel()
			}
		}
	})...)
	_, err := p.Pull(ctx, parse(t, reference), "amd64")
	require.ErrorIs(t, err, context.Canceled)
	return p
}

func TestAnInterruptedDownloadGoesOn(t *testing.T) {
	server := serve(t, httptest.NewServer)
	disk := content(1, 2_000_000)
	server.push(t, "ock:1", image(t, "amd64", ockLayer(t, "gzip", disk)))
	dir, reference := t.TempDir(), server.host()+"/ock:1"
	before := interrupted(t, dir, reference, 800_000)
	entries, err := before.store.List()
	require.NoError(t, err)
	require.Len(t, entries, 1)
	require.False(t, entries[0].Complete)
	require.GreaterOrEqual(t, entries[0].Stored, int64(800_000))

	server.setBefore(nil)
	p := puller(t, dir)
	_, got := p.pull(t, reference, "amd64")
	require.Equal(t, disk, got)
	require.Contains(t, p.told(), "Going on with an earlier download")
	require.Len(t, server.asked(fmt.Sprintf("bytes=%d-", entries[0].Stored)), 1)
}

func TestADamagedPartialDownloadIsThrownAway(t *testing.T) {
	for what, damage := range map[string]func(*testing.T, string){
		"altered in the middle": func(t *testing.T, path string) { alter(t, path, 300_000) },
		"altered at the start":  func(t *testing.T, path string) { alter(t, path, 0) },
		"too long": func(t *testing.T, path string) {
			require.NoError(t, os.Truncate(path, 6_000_000))
		},
	} {
		for _, how := range []string{"", "gzip", "zstd"} {
			t.Run(what+", layer "+how, func(t *testing.T) {
				server := serve(t, httptest.NewServer)
				disk := content(1, 2_000_000)
				server.push(t, "ock:1", image(t, "amd64", ockLayer(t, how, disk)))
				dir, reference := t.TempDir(), server.host()+"/ock:1"
				interrupted(t, dir, reference, 800_000)
				partial, err := filepath.Glob(filepath.Join(dir, "*", "layer.part"))
				require.NoError(t, err)
				require.Len(t, partial, 1)
				damage(t, partial[0])
				p := puller(t, dir)
				_, got := p.pull(t, reference, "amd64")
				require.Equal(t, disk, got)
				require.Contains(t, p.told(), "It is thrown away.")
			})
		}
	}
}

func alter(t *testing.T, path string, at int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	var b [1]byte
	_, err = f.ReadAt(b[:], at)
	require.NoError(t, err)
	b[0] ^= 0x55
	_, err = f.WriteAt(b[:], at)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

func TestARegistryThatKnowsNoRangesIsReadFromTheStart(t *testing.T) {
	server := serve(t, httptest.NewServer)
	disk := content(1, 2_000_000)
	server.push(t, "ock:1", image(t, "amd64", ockLayer(t, "gzip", disk)))
	dir, reference := t.TempDir(), server.host()+"/ock:1"
	interrupted(t, dir, reference, 800_000)
	server.setBefore(func(_ http.ResponseWriter, r *http.Request) bool {
		r.Header.Del("Range")
		return false
	})
	_, got := puller(t, dir).pull(t, reference, "amd64")
	require.Equal(t, disk, got)
}

func TestADamagedCachedImageIsPulledAgain(t *testing.T) {
	for what, damage := range map[string]func(*testing.T, string){
		"truncated": func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, 10)) },
		"removed":   func(t *testing.T, path string) { require.NoError(t, os.Remove(path)) },
		"altered":   func(t *testing.T, path string) { alter(t, path, 5000) },
	} {
		t.Run(what, func(t *testing.T) {
			server := serve(t, httptest.NewServer)
			disk := content(1, 100_000)
			server.push(t, "ock:1", image(t, "amd64", ockLayer(t, "gzip", disk)))
			p, reference := puller(t, t.TempDir()), server.host()+"/ock:1"
			pulled, err := p.Pull(t.Context(), parse(t, reference), "amd64")
			require.NoError(t, err)
			require.NoError(t, pulled.Close())
			damage(t, pulled.Path)
			_, got := p.pull(t, reference, "amd64")
			require.Equal(t, disk, got)
			require.Contains(t, p.told(), "is damaged")
		})
	}
}

func TestAnAlteredImageIsNotUsedOffline(t *testing.T) {
	server := serve(t, httptest.NewServer)
	server.push(t, "ock:1", image(t, "amd64", ockLayer(t, "gzip", content(1, 100_000))))
	p, reference := puller(t, t.TempDir()), server.host()+"/ock:1"
	pulled, err := p.Pull(t.Context(), parse(t, reference), "amd64")
	require.NoError(t, err)
	require.NoError(t, pulled.Close())
	require.NoError(t, os.Truncate(pulled.Path, 10))
	server.Close()
	var unreachable *source.UnreachableError
	_, err = p.Pull(t.Context(), parse(t, reference), "amd64")
	require.ErrorAs(t, err, &unreachable)
	require.Contains(t, p.told(), "is damaged: it has 10 bytes instead of 100000")
}

func TestACopiedCacheIsUsed(t *testing.T) {
	server := serve(t, httptest.NewServer)
	server.push(t, "ock:1", image(t, "amd64", ockLayer(t, "gzip", content(1, 100_000))))
	p, reference := puller(t, t.TempDir()), server.host()+"/ock:1"
	pulled, err := p.Pull(t.Context(), parse(t, reference), "amd64")
	require.NoError(t, err)
	require.NoError(t, pulled.Close())
	require.NoError(t, os.Chtimes(pulled.Path, time.Time{}, time.Now().Add(-time.Hour)))
	server.setBefore(nil)
	p.pull(t, reference, "amd64")
	require.Empty(t, server.asked("blobs"))
}

func TestTwoProcessesDownloadOnce(t *testing.T) {
	server := serve(t, httptest.NewServer)
	disk := content(1, 1_000_000)
	layer := ockLayer(t, "gzip", disk)
	server.push(t, "ock:1", image(t, "amd64", layer))
	begun, goOn := make(chan struct{}), make(chan struct{})
	server.setBefore(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, fmt.Sprintf("%x", sha256.Sum256(layer))) {
			close(begun) // a second request panics
			<-goOn
		}
		return false
	})
	dir, ref := t.TempDir(), parse(t, server.host()+"/ock:1")
	results := make(chan error, 2)
	first, second := puller(t, dir), puller(t, dir)
	get := func(p *pulling) {
		pulled, err := p.Pull(t.Context(), ref, "amd64")
		if err == nil {
			err = pulled.Close()
		}
		results <- err
	}
	go get(first)
	<-begun
	go get(second)
	require.Eventually(t, func() bool { return strings.Contains(second.told(), "waiting for it") }, time.Minute, time.Millisecond)

	// Who waits can be interrupted.
	ctx, cancel := context.WithCancel(t.Context())
	third := puller(t, dir, func(o *source.Options) { o.Say = func(string) { cancel() } })
	_, err := third.Pull(ctx, ref, "amd64")
	require.ErrorIs(t, err, context.Canceled)

	close(goOn)
	require.NoError(t, <-results)
	require.NoError(t, <-results)
	require.Len(t, server.asked(fmt.Sprintf("%x", sha256.Sum256(layer))), 1)
}

func TestMirrors(t *testing.T) {
	disk := content(1, 100_000)
	mirrorOf := func(from, to *fakeRegistry, path string) func(*source.Options) {
		return func(o *source.Options) {
			m, err := source.ParseMirror(from.host() + "/olcne=" + to.host() + path)
			require.NoError(t, err)
			o.Mirrors = append(o.Mirrors, m)
		}
	}
	t.Run("are asked first", func(t *testing.T) {
		original, mirror := serve(t, httptest.NewServer), serve(t, httptest.NewServer)
		mirror.push(t, "copies/ock:1", image(t, "amd64", ockLayer(t, "gzip", disk)))
		p := puller(t, t.TempDir(), mirrorOf(original, mirror, "/copies"))
		pulled, got := p.pull(t, original.host()+"/olcne/ock:1", "amd64")
		require.Equal(t, disk, got)
		require.Equal(t, original.host()+"/olcne/ock:1", pulled.Reference)
		require.Empty(t, original.asked(""))
		require.Empty(t, p.told())
	})
	t.Run("without the image are passed over", func(t *testing.T) {
		original, mirror := serve(t, httptest.NewServer), serve(t, httptest.NewServer)
		original.push(t, "olcne/ock:1", image(t, "amd64", ockLayer(t, "gzip", disk)))
		p := puller(t, t.TempDir(), mirrorOf(original, mirror, "/copies"))
		_, got := p.pull(t, original.host()+"/olcne/ock:1", "amd64")
		require.Equal(t, disk, got)
		require.Contains(t, p.told(), "Mirror "+mirror.host()+"/copies/ock is not used")
	})
	t.Run("that break off are passed over, and the download goes on", func(t *testing.T) {
		original, mirror := serve(t, httptest.NewServer), serve(t, httptest.NewServer)
		layer := ockLayer(t, "gzip", disk)
		i := image(t, "amd64", layer)
		original.push(t, "olcne/ock:1", i)
		mirror.push(t, "copies/ock:1", i)
		blob := fmt.Sprintf("%x", sha256.Sum256(layer))
		broken := false
		mirror.setBefore(func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, blob) {
				return false
			}
			if broken {
				http.Error(w, "", http.StatusBadGateway)
				return true
			}
			broken = true
			return drop(layer, func() int { return 50_000 })(w, r)
		})
		p := puller(t, t.TempDir(), mirrorOf(original, mirror, "/copies"))
		original.setBefore(nil)
		_, got := p.pull(t, original.host()+"/olcne/ock:1", "amd64")
		require.Equal(t, disk, got)
		require.Len(t, original.asked("bytes=50000-"), 1)
	})
	t.Run("with a damaged copy are passed over", func(t *testing.T) {
		original, mirror := serve(t, httptest.NewServer), serve(t, httptest.NewServer)
		layer := ockLayer(t, "gzip", disk)
		i := image(t, "amd64", layer)
		original.push(t, "olcne/ock:1", i)
		mirror.push(t, "copies/ock:1", i)
		altered := append([]byte(nil), layer...)
		altered[50_000] ^= 1
		mirror.setBefore(func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, sha(layer)) {
				return false
			}
			_, _ = w.Write(altered)
			return true
		})
		p := puller(t, t.TempDir(), mirrorOf(original, mirror, "/copies"))
		_, got := p.pull(t, original.host()+"/olcne/ock:1", "amd64")
		require.Equal(t, disk, got)
		require.Contains(t, p.told(), "has a damaged copy")
	})
	t.Run("of other repositories are not asked", func(t *testing.T) {
		original, mirror := serve(t, httptest.NewServer), serve(t, httptest.NewServer)
		original.push(t, "olcne-old/ock:1", image(t, "amd64", ockLayer(t, "gzip", disk)))
		p := puller(t, t.TempDir(), mirrorOf(original, mirror, "/copies"))
		p.pull(t, original.host()+"/olcne-old/ock:1", "amd64")
		require.Empty(t, mirror.asked(""))
	})
	for _, text := range []string{"", "=", "a=", "=b", "registry.example.com", "registry.example.com=Bad Host"} {
		_, err := source.ParseMirror(text)
		require.Error(t, err, text)
	}
}

func TestALocalFileIsUsedWhereItIs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "boot.qcow2")
	require.NoError(t, os.WriteFile(path, content(1, 5000), 0o600))
	p := puller(t, t.TempDir())
	pulled, got := p.pull(t, path, "arm64")
	require.Equal(t, content(1, 5000), got)
	require.Equal(t, path, pulled.Path)
	resolved, err := p.Resolve(t.Context(), parse(t, path), "arm64")
	require.NoError(t, err)
	require.Equal(t, pulled.Digest, resolved.Digest)
	require.Equal(t, "sha256:"+pulled.SHA256, pulled.Digest)
	require.ErrorIs(t, p.fails(t, filepath.Join(t.TempDir(), "none.qcow2"), "arm64"), os.ErrNotExist)
	require.ErrorContains(t, p.fails(t, t.TempDir(), "arm64"), "is not a file")
}

func TestResolveGetsNoLayer(t *testing.T) {
	server := serve(t, httptest.NewServer)
	layer := ockLayer(t, "gzip", content(1, 100_000))
	i := image(t, "amd64", layer)
	server.push(t, "ock:1", i)
	server.setBefore(nil)
	p := puller(t, t.TempDir())
	resolved, err := p.Resolve(t.Context(), parse(t, server.host()+"/ock:1"), "amd64")
	require.NoError(t, err)
	digest, err := i.Digest()
	require.NoError(t, err)
	require.Equal(t, digest.String(), resolved.Digest)
	require.False(t, resolved.Cached)
	require.Empty(t, server.asked(fmt.Sprintf("%x", sha256.Sum256(layer))))
}
