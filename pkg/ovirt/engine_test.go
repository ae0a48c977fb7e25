package ovirt

import (
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	testUsername = "admin@internal"
	testPassword = "pass-w0rd&with=signs"
	tokenPrefix  = "secret-token-"
	vmID         = "5f3c2c1e-9d0f-4a38-9f5b-0f6f1f0c7a11"
	expiredPage  = "<html><head><title>Error</title></head><body>" +
		"invalid_grant: The provided authorization grant for the auth code has expired.</body></html>"
)

// engine is an HTTPS server with the engine's single sign-on, in front of replies that a test gives.
type engine struct {
	*httptest.Server
	// signOn replaces the login when it is set.
	signOn http.HandlerFunc
	// expired is the reply to a token that is not known.
	expired http.HandlerFunc

	mu       sync.Mutex
	logins   int
	token    string
	requests []string // "METHOD path?query body" of what the API carried out
	headers  []http.Header
}

func newEngine(t *testing.T, api http.HandlerFunc) *engine {
	t.Helper()
	e := &engine{expired: reply(http.StatusUnauthorized, "text/html;charset=UTF-8", expiredPage)}
	routes := http.NewServeMux()
	routes.HandleFunc("POST /ovirt-engine/sso/oauth/token", e.serveLogin)
	routes.HandleFunc("POST /ovirt-engine/services/sso-logout", func(w http.ResponseWriter, r *http.Request) {
		e.record(r, "token is known: "+fmt.Sprint(r.FormValue("token") == e.currentToken()))
		replyJSON(http.StatusOK, "{}")(w, r)
	})
	routes.HandleFunc("/ovirt-engine/api/", e.guard(api))
	routes.HandleFunc("/ovirt-engine/api", e.guard(api))
	e.Server = httptest.NewUnstartedServer(routes)
	e.EnableHTTP2 = true
	e.Config.ErrorLog = log.New(io.Discard, "", 0)
	e.StartTLS()
	t.Cleanup(e.Close)
	return e
}

func (e *engine) serveLogin(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	e.logins++
	login := e.logins
	e.mu.Unlock()
	if e.signOn != nil {
		e.signOn(w, r)
		return
	}
	var form []string
	for _, field := range []string{"grant_type", "username", "password", "scope"} {
		form = append(form, r.PostFormValue(field))
	}
	if !slices.Equal(form, []string{"password", testUsername, testPassword, "ovirt-app-api"}) || r.Header.Get("Accept") != "application/json" {
		replyJSON(http.StatusBadRequest, `{"error_code":"invalid_request","error":"Missing parameter: 'Accept Header'"}`)(w, r)
		return
	}
	e.mu.Lock()
	e.token = fmt.Sprint(tokenPrefix, login)
	token := e.token
	e.mu.Unlock()
	replyJSON(http.StatusOK, `{"access_token":"`+token+`","scope":"ovirt-app-api","exp":"9223372036854775807","token_type":"bearer"}`)(w, r)
}

func (e *engine) guard(api http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+e.currentToken() {
			e.expired(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		e.record(r, string(body))
		api(w, r)
	}
}

func (e *engine) record(r *http.Request, body string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	line := r.Method + " " + strings.TrimPrefix(r.URL.RequestURI(), "/ovirt-engine")
	e.requests = append(e.requests, strings.TrimSpace(line+" "+body))
	e.headers = append(e.headers, r.Header)
}

// expire makes the engine forget its tokens, as it does after 30 idle minutes and at a restart.
func (e *engine) expire() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.token = "forgotten"
}

func (e *engine) currentToken() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.token
}

func (e *engine) loginCount() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.logins
}

func (e *engine) carriedOut() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string(nil), e.requests...)
}

func (e *engine) ca() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: e.Certificate().Raw})
}

func (e *engine) config() Config {
	return Config{URL: e.URL + "/ovirt-engine", Username: testUsername, Password: testPassword, CA: e.ca()}
}

func (e *engine) client(t *testing.T, adapt ...func(*Config)) *Client {
	t.Helper()
	config := e.config()
	for _, change := range adapt {
		change(&config)
	}
	client, err := New(config)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client
}

func reply(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func replyJSON(status int, body string) http.HandlerFunc {
	return reply(status, "application/json", body)
}
