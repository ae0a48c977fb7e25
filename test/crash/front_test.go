package crash

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/test/programs"
)

const loginPath = "/sso/oauth/token"

// front stands before a simulated engine: it can go down, change its certificate authority and the administrator's password, and forget
// sessions, as engines do in the hands of their administrators. It knows when each request came.
type front struct {
	t   *testing.T
	url string

	mu          sync.Mutex
	down        bool
	password    string
	sessions    map[string]bool // tokens that are valid
	certificate *tls.Certificate
	ca          []byte // PEM
	arrivals    []time.Time
	connections map[net.Conn]bool
}

func newFront(t *testing.T, engine *programs.Engine) *front {
	t.Helper()
	target, err := url.Parse(engine.URL)
	require.NoError(t, err)
	transport := engine.Transport(t)
	f := &front{t: t, password: programs.Password, sessions: map[string]bool{}, connections: map[net.Conn]bool{}}
	f.renewAuthority()
	reverse := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: target.Scheme, Host: target.Host}) },
		Transport:      transport,
		ModifyResponse: f.answered,
		ErrorLog:       log.New(io.Discard, "", 0),
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f.serve(w, r, reverse) }),
		TLSConfig:         &tls.Config{GetCertificate: f.certificateOfNow, MinVersion: tls.VersionTLS12},
		ErrorLog:          log.New(io.Discard, "", 0),
		ReadHeaderTimeout: 10 * time.Second,
		ConnState:         f.connection,
	}
	ended := make(chan error, 1)
	go func() { ended <- server.ServeTLS(listener, "", "") }()
	t.Cleanup(func() {
		_ = server.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
		transport.CloseIdleConnections()
	})
	f.url = "https://" + listener.Addr().String() + target.Path
	return f
}

func (f *front) serve(w http.ResponseWriter, r *http.Request, engine http.Handler) {
	f.mu.Lock()
	f.arrivals = append(f.arrivals, time.Now())
	down, password := f.down, f.password
	known := f.sessions[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	f.mu.Unlock()
	switch login := strings.HasSuffix(r.URL.Path, loginPath); {
	case down:
		panic(http.ErrAbortHandler) // the connection is closed without an answer
	case login:
		f.translate(r, password)
	case !known:
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	engine.ServeHTTP(w, r)
}

// translate gives the engine its own password for the one of the moment, and a wrong one as it is.
func (f *front) translate(r *http.Request, password string) {
	if err := r.ParseForm(); err != nil {
		return
	}
	form := r.PostForm
	if form.Get("password") == password {
		form.Set("password", programs.Password)
	} else {
		form.Set("password", "not "+programs.Password)
	}
	body := form.Encode()
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
}

// answered takes note of the tokens that the engine gives.
func (f *front) answered(r *http.Response) error {
	if !strings.HasSuffix(r.Request.URL.Path, loginPath) || r.StatusCode != http.StatusOK {
		return nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	var reply struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(body, &reply); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sessions[reply.Token] = true
	return nil
}

func (f *front) connection(c net.Conn, state http.ConnState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch state {
	case http.StateNew:
		f.connections[c] = true
	case http.StateClosed, http.StateHijacked:
		delete(f.connections, c)
	}
}

func (f *front) certificateOfNow(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.certificate, nil
}

// setDown takes the engine away, with all sessions, or brings it back.
func (f *front) setDown(down bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down, f.sessions = down, map[string]bool{}
}

// setPassword changes the administrator's password and ends all sessions.
func (f *front) setPassword(password string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.password, f.sessions = password, map[string]bool{}
}

// renewAuthority makes a new certificate authority and returns it; connections of the old one are closed.
func (f *front) renewAuthority() (ca []byte) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(f.t, err)
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	require.NoError(f.t, err)
	template := &x509.Certificate{
		SerialNumber: serial, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(f.t, err)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.certificate = &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	f.ca = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for c := range f.connections {
		_ = c.Close()
	}
	return f.ca
}

// since counts the requests of a time, and the most of them in any second of it.
func (f *front) since(start, end time.Time) (count, mostInASecond int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var inside []time.Time
	for _, at := range f.arrivals {
		if at.After(start) && at.Before(end) {
			inside = append(inside, at)
		}
	}
	for first, last := 0, 0; last < len(inside); last++ {
		for inside[last].Sub(inside[first]) >= time.Second {
			first++
		}
		mostInASecond = max(mostInASecond, last-first+1)
	}
	return len(inside), mostInASecond
}
