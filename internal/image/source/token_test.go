package source_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/image/source"
)

// tokens answers as registries do that give tokens for a password, or to anybody. A token is good for so many requests.
type tokens struct {
	server   *fakeRegistry
	password string
	uses     int64
	given    atomic.Int64
	left     atomic.Int64
}

func (k *tokens) before(w http.ResponseWriter, r *http.Request) bool {
	if r.URL.Path == "/token" {
		if _, password, _ := r.BasicAuth(); password != k.password {
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"unknown user"}]}`, http.StatusUnauthorized)
			return true
		}
		k.left.Store(k.uses)
		_, _ = fmt.Fprintf(w, `{"token":"t%d"}`, k.given.Add(1))
		return true
	}
	if r.Header.Get("Authorization") == fmt.Sprintf("Bearer t%d", k.given.Load()) && k.left.Add(-1) >= 0 {
		return false
	}
	w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="%s/token",service="registry"`, k.server.URL))
	w.WriteHeader(http.StatusUnauthorized)
	return true
}

func TestTokens(t *testing.T) {
	disk := content(1, 1_000_000)
	layer := ockLayer(t, "gzip", disk)
	for name, c := range map[string]struct {
		password string
		uses     int64
		auth     string
		refused  bool
	}{
		"for a password":                     {"right", 1000, "dXNlcjpyaWdodA==", false}, // user:right
		"for a wrong password":               {"right", 1000, "dXNlcjp3cm9uZw==", true},  // user:wrong
		"for anybody":                        {"", 1000, "", false},
		"that expire while connections drop": {"right", 3, "dXNlcjpyaWdodA==", false},
	} {
		t.Run(name, func(t *testing.T) {
			server := serve(t, httptest.NewServer)
			server.push(t, "ock:1", image(t, "amd64", layer))
			k := &tokens{server: server, password: c.password, uses: c.uses}
			broken := drop(layer, func() int { return 100_000 })
			server.setBefore(func(w http.ResponseWriter, r *http.Request) bool {
				return k.before(w, r) || strings.HasSuffix(r.URL.Path, sha(layer)) && broken(w, r)
			})
			auth := filepath.Join(t.TempDir(), "auth.json")
			if c.auth != "" {
				require.NoError(t, os.WriteFile(auth, fmt.Appendf(nil, `{"auths":{%q:{"auth":%q}}}`, server.host(), c.auth), 0o600))
			}
			p := puller(t, t.TempDir(), func(o *source.Options) { o.AuthFile = auth })
			if c.refused {
				var credentials *source.CredentialsError
				err := p.fails(t, server.host()+"/ock:1", "amd64")
				require.ErrorAs(t, err, &credentials)
				require.Equal(t, auth, credentials.Used)
				require.ErrorContains(t, err, "unknown user")
				return
			}
			_, got := p.pull(t, server.host()+"/ock:1", "amd64")
			require.Equal(t, disk, got)
			if c.uses < 10 {
				require.Greater(t, k.given.Load(), int64(2))
			}
		})
	}
}

// TestBlobsFromAnotherHost: large registries send clients to a store for blobs, which must not see the registry's password.
func TestBlobsFromAnotherHost(t *testing.T) {
	disk := content(1, 1_000_000)
	layer := ockLayer(t, "gzip", disk)
	server, store := serve(t, httptest.NewServer), serve(t, httptest.NewServer)
	server.push(t, "ock:1", image(t, "amd64", layer))
	broken := drop(layer, func() int { return 300_000 })
	store.setBefore(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Authorization") != "" {
			http.Error(w, "a password", http.StatusBadRequest)
			return true
		}
		return broken(w, r)
	})
	server.setBefore(func(w http.ResponseWriter, r *http.Request) bool {
		if _, password, _ := r.BasicAuth(); password != "right" {
			w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}
		if strings.HasSuffix(r.URL.Path, sha(layer)) {
			http.Redirect(w, r, strings.Replace(store.URL, "127.0.0.1", "localhost", 1)+r.URL.Path, http.StatusTemporaryRedirect)
			return true
		}
		return false
	})
	auth := filepath.Join(t.TempDir(), "auth.json")
	require.NoError(t, os.WriteFile(auth, fmt.Appendf(nil, `{"auths":{%q:{"username":"user","password":"right"}}}`, server.host()), 0o600))
	p := puller(t, t.TempDir(), func(o *source.Options) { o.AuthFile = auth })
	_, got := p.pull(t, server.host()+"/ock:1", "amd64")
	require.Equal(t, disk, got)
	require.Len(t, store.asked("bytes="), 3)
}
