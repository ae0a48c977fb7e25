package source_test

import (
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/image/cache"
	"github.com/ocne-project/ocne/internal/image/source"
)

// advice is what an error that was told a user says to do next.
func advice(t *testing.T, err error) string {
	t.Helper()
	var adviser source.Adviser
	require.ErrorAs(t, err, &adviser)
	require.NotEmpty(t, adviser.Advice())
	return adviser.Advice()
}

func TestAMissingTagNamesNearOnes(t *testing.T) {
	server := serve(t, httptest.NewServer)
	i := image(t, "amd64", ockLayer(t, "gzip", content(1, 1000)))
	for _, tag := range []string{"1.26", "1.29", "1.30", "1.31", "1.32", "1.33", "latest", "2.0"} {
		server.push(t, "olcne/ock:"+tag, i)
	}
	p := puller(t, t.TempDir())
	var missing *source.NotFoundError
	err := p.fails(t, server.host()+"/olcne/ock:1.35", "amd64")
	require.ErrorAs(t, err, &missing)
	require.Equal(t, []string{"1.33", "1.32", "1.31", "1.30", "1.29"}, missing.Near)
	require.Contains(t, err.Error(), "image "+server.host()+"/olcne/ock:1.35 is not there")
	require.Equal(t, "There are: 1.33, 1.32, 1.31, 1.30, 1.29", advice(t, err))

	err = p.fails(t, server.host()+"/olcne/ock:lates", "amd64")
	require.ErrorAs(t, err, &missing)
	require.Equal(t, "latest", missing.Near[0])

	err = p.fails(t, server.host()+"/olcne/ock@sha256:"+strings.Repeat("0", 64), "amd64")
	require.ErrorAs(t, err, &missing)
	require.False(t, missing.Repository)

	err = p.fails(t, server.host()+"/olcne/oc:1.31", "amd64")
	require.ErrorAs(t, err, &missing)
	require.True(t, missing.Repository)
	require.Contains(t, err.Error(), "no such repository")
}

func TestAnotherArchitectureIsNamed(t *testing.T) {
	server := serve(t, httptest.NewServer)
	arm := image(t, "arm64", ockLayer(t, "gzip", content(1, 1000)))
	server.push(t, "ock:list", index(map[string]v1.Image{"arm64": arm, "s390x": image(t, "s390x", ockLayer(t, "gzip", content(2, 1000)))}))
	server.push(t, "ock:one", arm)
	p := puller(t, t.TempDir())
	var other *source.ArchitectureError
	err := p.fails(t, server.host()+"/ock:list", "amd64")
	require.ErrorAs(t, err, &other)
	require.ElementsMatch(t, []string{"linux/arm64", "linux/s390x"}, other.Available)
	require.ErrorContains(t, p.fails(t, server.host()+"/ock:one", "amd64"), "is not there for linux/amd64, only for linux/arm64")
	advice(t, err)
}

func TestWhatIsNoOCKImageIsToldByItsContent(t *testing.T) {
	server := serve(t, httptest.NewServer)
	var many []file
	for i := range 200 {
		many = append(many, file{name: fmt.Sprintf("etc/%03d", i), content: []byte("x")})
	}
	for name, c := range map[string]struct {
		layer  []byte
		wanted string
	}{
		"other-files":  {tarOf(t, file{name: "./bin/sh", content: []byte("x")}, file{name: "disk/"}), "which holds bin/sh, disk"},
		"many-files":   {tarOf(t, many...), "which holds etc/000, etc/001, etc/002, etc/003, etc/004, etc/005, etc/006, etc/007 and more"},
		"a-directory":  {tarOf(t, file{name: "disk/boot.qcow2/"}), "which holds disk/boot.qcow2"},
		"empty":        {tarOf(t), "its first layer is empty"},
		"no-tar":       {content(1, 5000), "read the layer as a tar archive"},
		"gzip-of-junk": {compressed(t, "gzip", content(1, 5000)), "read the layer as a tar archive"},
		"broken-gzip":  {ockLayer(t, "gzip", content(1, 5000))[:3000], "unexpected EOF"},
		"bad-gzip":     {append([]byte("\x1f\x8b"), content(1, 5000)...), "gzip"},
		"bad-zstd":     {append([]byte("\x28\xb5\x2f\xfd"), content(1, 5000)...), "is not an OCK image"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, architecture := range []string{"amd64", "arm64"} {
				server.push(t, "other:"+name, image(t, architecture, c.layer))
				dir := t.TempDir()
				p := puller(t, dir)
				err := p.fails(t, server.host()+"/other:"+name, architecture)
				var other *source.NotOCKError
				require.ErrorAs(t, err, &other)
				require.ErrorContains(t, err, "is not an OCK image: ")
				require.ErrorContains(t, err, c.wanted)
				advice(t, err)
				entries, err := p.store.List()
				require.NoError(t, err)
				require.Empty(t, entries, "nothing is left in the cache")
			}
		})
	}
}

func TestAnAlteredLayerIsRefused(t *testing.T) {
	server := serve(t, httptest.NewServer)
	for _, how := range []string{"", "gzip", "zstd"} {
		layer := ockLayer(t, how, content(1, 100_000))
		server.setBefore(nil)
		server.push(t, "ock:1", image(t, "amd64", layer))
		altered := append([]byte(nil), layer...)
		altered[50_000] ^= 1
		server.setBefore(func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/blobs/") || strings.HasSuffix(r.URL.Path, configOf(t, "amd64", layer)) {
				return false
			}
			_, _ = w.Write(altered)
			return true
		})
		p := puller(t, t.TempDir())
		err := p.fails(t, server.host()+"/ock:1", "amd64")
		var digest *source.DigestError
		require.ErrorAs(t, err, &digest)
		require.NotEqual(t, digest.Wanted, digest.Got)
		require.ErrorContains(t, err, "the first layer of image "+server.host()+"/ock:1 is damaged")
		advice(t, err)
		entries, err := p.store.List()
		require.NoError(t, err)
		require.Empty(t, entries)
	}
}

func configOf(t *testing.T, architecture string, layer []byte) string {
	t.Helper()
	digest, err := image(t, architecture, layer).ConfigName()
	require.NoError(t, err)
	return digest.Hex
}

func TestAnAlteredManifestIsRefused(t *testing.T) {
	server := serve(t, httptest.NewServer)
	i := image(t, "amd64", ockLayer(t, "gzip", content(1, 1000)))
	server.push(t, "ock:1", i)
	digest, err := i.Digest()
	require.NoError(t, err)
	server.setBefore(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/manifests/") {
			return false
		}
		w.Header().Set("Docker-Content-Digest", digest.String())
		_, _ = w.Write([]byte(`{"layers":[{}]}`))
		return true
	})
	var wrong *source.DigestError
	require.ErrorAs(t, puller(t, t.TempDir()).fails(t, server.host()+"/ock:1", "amd64"), &wrong)
	require.Equal(t, digest.String(), wrong.Wanted)
}

func TestAnUnknownAuthorityIsNamed(t *testing.T) {
	server := serve(t, func(h http.Handler) *httptest.Server {
		s := httptest.NewUnstartedServer(h)
		s.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshakes that clients end
		s.StartTLS()
		return s
	})
	disk := content(1, 1000)
	certificate := filepath.Join(t.TempDir(), "ca.pem")
	block := &pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}
	require.NoError(t, os.WriteFile(certificate, pem.EncodeToMemory(block), 0o600))
	server.push(t, "ock:1", image(t, "amd64", ockLayer(t, "gzip", disk)), withTransport(server))
	reference := server.host() + "/ock:1"

	err := puller(t, t.TempDir()).fails(t, reference, "amd64")
	var untrusted *source.UntrustedCertificateError
	require.ErrorAs(t, err, &untrusted)
	require.Equal(t, server.host(), untrusted.Host)
	require.ErrorContains(t, err, "issued by O=Acme Co")
	require.Contains(t, advice(t, err), source.FlagCA)

	_, got := puller(t, t.TempDir(), func(o *source.Options) { o.CAFile = certificate }).pull(t, reference, "amd64")
	require.Equal(t, disk, got)
	_, got = puller(t, t.TempDir(), func(o *source.Options) { o.Insecure = true }).pull(t, reference, "amd64")
	require.Equal(t, disk, got)

	// The certificate is for example.com and this machine, not for all names.
	other := strings.Replace(reference, "127.0.0.1", "localhost", 1)
	err = puller(t, t.TempDir(), func(o *source.Options) { o.CAFile = certificate }).fails(t, other, "amd64")
	require.ErrorAs(t, err, &untrusted)
	require.ErrorContains(t, err, "localhost")

	store, err := cache.Open(t.TempDir())
	require.NoError(t, err)
	_, err = source.New(store, source.Options{CAFile: "errors_test.go"})
	require.ErrorContains(t, err, "holds no certificate")
	_, err = source.New(store, source.Options{CAFile: filepath.Join(t.TempDir(), "none")})
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestPlainHTTPLeavesThisMachineOnlyWhenAllowed(t *testing.T) {
	server := serve(t, httptest.NewServer)
	server.push(t, "ock:1", image(t, "amd64", ockLayer(t, "gzip", content(1, 1000))))
	server.setBefore(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "/blobs/") {
			http.Redirect(w, r, "http://192.0.2.1"+r.URL.Path, http.StatusTemporaryRedirect)
			return true
		}
		return false
	})
	require.ErrorContains(t, puller(t, t.TempDir()).fails(t, server.host()+"/ock:1", "amd64"), "plain HTTP is not used; "+source.FlagInsecure)
}

func TestARegistryWithoutTLSIsUsedWhenAllowed(t *testing.T) {
	server := serve(t, httptest.NewServer)
	disk := content(1, 1000)
	server.push(t, "ock:1", image(t, "amd64", ockLayer(t, "gzip", disk)))
	addresses := map[string]string{"registry.example.com:80": server.host(), "registry.example.com:443": server.host()}
	server.setBefore(nil)
	p := puller(t, t.TempDir())
	p.WithAddresses(addresses)
	err := p.fails(t, "registry.example.com/ock:1", "amd64")
	var unreachable *source.UnreachableError
	require.ErrorAs(t, err, &unreachable)
	require.ErrorContains(t, err, "server gave HTTP response to HTTPS client")
	require.Contains(t, advice(t, err), source.FlagInsecure)
	require.Empty(t, server.asked(""), "nothing is sent without TLS")

	p = puller(t, t.TempDir(), func(o *source.Options) { o.Insecure = true })
	p.WithAddresses(addresses)
	_, got := p.pull(t, "registry.example.com/ock:1", "amd64")
	require.Equal(t, disk, got)
}

func TestARegistryThatDoesNotAnswerIsNamed(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for name, c := range map[string]struct{ reference, wanted string }{
		"refused":      {strings.TrimPrefix(closed.URL, "http://") + "/ock:1", "refused"},
		"no such host": {"registry.invalid/ock:1", "registry.invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			err := puller(t, t.TempDir()).fails(t, c.reference, "amd64")
			var unreachable *source.UnreachableError
			require.ErrorAs(t, err, &unreachable)
			require.ErrorContains(t, err, "cannot be reached")
			require.ErrorContains(t, err, c.wanted)
			require.Contains(t, advice(t, err), "oci:DIRECTORY")
		})
	}
}

func TestADownloadThatNeverGoesOnEnds(t *testing.T) {
	server := serve(t, httptest.NewServer)
	layer := ockLayer(t, "gzip", content(1, 100_000))
	server.push(t, "ock:1", image(t, "amd64", layer))
	sent := false
	server.setBefore(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/blobs/") || strings.HasSuffix(r.URL.Path, configOf(t, "amd64", layer)) {
			return false
		}
		if sent {
			panic(http.ErrAbortHandler)
		}
		sent = true
		return drop(layer, func() int { return 40_000 })(w, r)
	})
	err := puller(t, t.TempDir()).fails(t, server.host()+"/ock:1", "amd64")
	var unreachable *source.UnreachableError
	require.ErrorAs(t, err, &unreachable)
	require.GreaterOrEqual(t, len(server.asked("bytes=40000-")), 5)
}

func TestAFullDiskIsNoticedBeforeItIsFull(t *testing.T) {
	server := serve(t, httptest.NewServer)
	disk := make([]byte, 10_000_000) // which compresses well
	layer := ockLayer(t, "gzip", disk)
	server.push(t, "ock:1", image(t, "amd64", layer))
	var full *source.DiskFullError
	for name, c := range map[string]struct {
		free   []int64
		layers int
	}{
		"from the layer's size": {[]int64{int64(2*len(layer)) - 1}, 0},
		"from the disk's size":  {[]int64{1 << 40, int64(len(disk)) - 1}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			p := puller(t, t.TempDir())
			p.WithFree(c.free...)
			server.setBefore(nil)
			err := p.fails(t, server.host()+"/ock:1", "amd64")
			require.ErrorAs(t, err, &full)
			require.Equal(t, c.free[len(c.free)-1], full.Free)
			require.Greater(t, full.Needed, full.Free)
			require.Contains(t, advice(t, err), "ocne image prune")
			require.Len(t, server.asked("/blobs/"), 1+c.layers, "the configuration, and the layer if its beginning was read")
		})
	}
	// What is exactly enough is enough: the beginning of the layer has been read when the disk's size is known.
	p := puller(t, t.TempDir())
	p.WithFree(1<<40, int64(len(disk)+len(layer)))
	p.pull(t, server.host()+"/ock:1", "amd64")
}

func TestCredentials(t *testing.T) {
	server := serve(t, httptest.NewServer)
	disk := content(1, 1000)
	server.push(t, "team/ock:1", image(t, "amd64", ockLayer(t, "gzip", disk)))
	server.setBefore(func(w http.ResponseWriter, r *http.Request) bool {
		if user, password, ok := r.BasicAuth(); ok && user == "user" && password == "pass word" {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`))
		return true
	})
	reference := server.host() + "/team/ock:1"
	withFile := func(content string) (*pulling, string) {
		path := filepath.Join(t.TempDir(), "auth.json")
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return puller(t, t.TempDir(), func(o *source.Options) { o.AuthFile = path }), path
	}
	right := `{"auth":"dXNlcjpwYXNzIHdvcmQ="}` // user:pass word
	wrong := `{"auth":"dXNlcjpzZWNyZXQ="}`     // user:secret
	for name, content := range map[string]string{
		"of the registry":   `{"auths":{"` + server.host() + `":` + right + `}}`,
		"with a URL":        `{"auths":{"https://` + server.host() + `/v1/":` + right + `}}`,
		"of the repository": `{"auths":{"` + server.host() + `":` + wrong + `,"` + server.host() + `/team/ock":` + right + `}}`,
		"of its parent":     `{"auths":{"` + server.host() + `":` + wrong + `,"` + server.host() + `/team":` + right + `}}`,
		"in clear":          `{"auths":{"` + server.host() + `":{"username":"user","password":"pass word"}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			p, _ := withFile(content)
			_, got := p.pull(t, reference, "amd64")
			require.Equal(t, disk, got)
		})
	}
	for name, c := range map[string]struct{ content, finding string }{
		"none":               {`{}`, "has no credentials for " + server.host()},
		"of other parts":     {`{"auths":{"` + server.host() + `/other":` + right + `}}`, "has no credentials for"},
		"no JSON":            {`{`, "is not a file of credentials"},
		"no program":         {`{"credHelpers":{"` + server.host() + `":"ocne-none"}}`, "names the program docker-credential-ocne-none, which failed"},
		"refused":            {`{"auths":{"` + server.host() + `":` + wrong + `}}`, "has credentials for " + server.host()},
		"program for others": {`{"credHelpers":{"other.example.com":"ocne-none"}}`, "has no credentials for"},
	} {
		t.Run(name, func(t *testing.T) {
			p, path := withFile(c.content)
			err := p.fails(t, reference, "amd64")
			var credentials *source.CredentialsError
			require.ErrorAs(t, err, &credentials)
			require.Len(t, credentials.Looked, 1)
			require.Contains(t, credentials.Looked[0].Finding, c.finding)
			require.ErrorContains(t, err, "authentication required")
			require.Contains(t, advice(t, err), "podman login "+server.host())
			require.Contains(t, advice(t, err), path)
			require.Equal(t, name == "refused", credentials.Used != "")
			require.NotContains(t, err.Error()+advice(t, err), "secret")
		})
	}
}

func TestTheUsualFilesAreLookedInto(t *testing.T) {
	server := serve(t, httptest.NewServer)
	disk := content(1, 1000)
	server.push(t, "ock:1", image(t, "amd64", ockLayer(t, "gzip", disk)))
	server.setBefore(func(w http.ResponseWriter, r *http.Request) bool {
		if _, password, _ := r.BasicAuth(); password == "right" {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	usual := []string{"registry.json", "run/containers/auth.json", ".config/containers/auth.json", ".docker/config.json"}
	environment := func(t *testing.T) string {
		home := t.TempDir()
		t.Setenv("HOME", home)
		t.Setenv("REGISTRY_AUTH_FILE", filepath.Join(home, usual[0]))
		t.Setenv("XDG_RUNTIME_DIR", filepath.Join(home, "run"))
		t.Setenv("XDG_CONFIG_HOME", "")
		t.Setenv("DOCKER_CONFIG", "")
		return home
	}
	write := func(t *testing.T, path, password string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		text := fmt.Sprintf(`{"auths":{%q:{"username":"user","password":%q}}}`, server.host(), password)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	usually := func(o *source.Options) { o.AuthFile = "" }
	for i, path := range usual {
		t.Run(path, func(t *testing.T) {
			home := environment(t)
			write(t, filepath.Join(home, path), "right")
			for _, later := range usual[i+1:] {
				write(t, filepath.Join(home, later), "wrong")
			}
			_, got := puller(t, t.TempDir(), usually).pull(t, server.host()+"/ock:1", "amd64")
			require.Equal(t, disk, got)
		})
	}
	t.Run("a program", func(t *testing.T) {
		home := environment(t)
		script := "#!/bin/sh\nread host\n[ \"$1 $host\" = \"get " + server.host() + "\" ] || exit 1\n" +
			`echo '{"Username":"user","Secret":"right"}'` + "\n"
		require.NoError(t, os.WriteFile(filepath.Join(home, "docker-credential-test"), []byte(script), 0o700))
		t.Setenv("PATH", home+":"+os.Getenv("PATH"))
		require.NoError(t, os.Mkdir(filepath.Join(home, ".docker"), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(home, ".docker", "config.json"), []byte(`{"credsStore":"test"}`), 0o600))
		_, got := puller(t, t.TempDir(), usually).pull(t, server.host()+"/ock:1", "amd64")
		require.Equal(t, disk, got)
	})
	t.Run("all are named when none helps", func(t *testing.T) {
		home := environment(t)
		var credentials *source.CredentialsError
		require.ErrorAs(t, puller(t, t.TempDir(), usually).fails(t, server.host()+"/ock:1", "amd64"), &credentials)
		for i, looked := range credentials.Looked {
			require.Equal(t, source.AuthFile{Path: filepath.Join(home, usual[i]), Finding: "is not there"}, looked)
		}
		require.Len(t, credentials.Looked, len(usual))
	})
}
