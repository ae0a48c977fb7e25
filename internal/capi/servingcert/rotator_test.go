package servingcert

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	"github.com/stretchr/testify/require"
)

// apiServer is a client that trusts what was last published, as an API server does with a caBundle.
type apiServer struct {
	mu     sync.Mutex
	bundle []byte
}

func (a *apiServer) publish(_ context.Context, bundle []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.bundle = bundle
	return nil
}

func (a *apiServer) trusted() []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.bundle
}

// call makes a new connection, verified against the published CAs.
func (a *apiServer) call(url string) error {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(a.trusted())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}
	response, err := (&http.Client{Transport: transport}).Get(url)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// serve runs an HTTPS server with the rotator's certificate.
func serve(t *testing.T, r *Rotator) (url string) {
	t.Helper()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{GetCertificate: r.GetCertificate}
	// httptest would put its own certificate in the place of GetCertificate, so TLS is added by the listener.
	server.Listener = tls.NewListener(server.Listener, server.TLS)
	server.Start()
	t.Cleanup(server.Close)
	return "https://" + server.Listener.Addr().(*net.TCPAddr).String()
}

func TestTheAPIServerTrustsEveryCertificateThroughTwoRotations(t *testing.T) {
	client := &apiServer{}
	r, err := New(Options{Hosts: []string{"127.0.0.1"}, Lifetime: 6 * time.Second, Publish: client.publish, Log: testr.New(t)})
	require.NoError(t, err)
	require.NoError(t, client.publish(t.Context(), r.CABundle()))
	url := serve(t, r)

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Start(ctx) }()
	defer func() { cancel(); require.NoError(t, <-done) }()

	seen := map[string]bool{}
	overlap := false
	for deadline := time.Now().Add(time.Minute); len(seen) < 3; time.Sleep(20 * time.Millisecond) {
		require.True(t, time.Now().Before(deadline), "the certificate was not rotated twice")
		certificate, err := r.GetCertificate(nil)
		require.NoError(t, err)
		seen[string(certificate.Certificate[0])] = true
		require.NoError(t, client.call(url))
		overlap = overlap || bytes.Count(client.trusted(), []byte("BEGIN CERTIFICATE")) == 2
	}
	require.True(t, overlap, "the old CA stays trusted beside the new one")
}

func TestACertificateThatCannotBePublishedIsNotServed(t *testing.T) {
	down := errors.New("the API server is down")
	fail := true
	var published []byte
	r, err := New(Options{Hosts: []string{"127.0.0.1"}, Log: testr.New(t), Publish: func(_ context.Context, bundle []byte) error {
		if fail {
			return down
		}
		published = bundle
		return nil
	}})
	require.NoError(t, err)
	old := r.current
	due := old.rotateAt(DefaultLifetime).Add(time.Second)

	require.ErrorIs(t, r.step(t.Context(), due), down)
	require.Equal(t, old, r.current)
	require.Equal(t, bundle([]*x509.Certificate{old.ca}), r.CABundle())

	fail = false
	require.NoError(t, r.step(t.Context(), due))
	require.Equal(t, old, r.current, "the old certificate is served until the API server has read the new CA")
	require.NoError(t, r.step(t.Context(), due))
	require.NotEqual(t, old.serving.Leaf, r.current.serving.Leaf)
	require.Equal(t, bundle([]*x509.Certificate{old.ca, r.current.ca}), published)

	require.NoError(t, r.step(t.Context(), old.ca.NotAfter.Add(time.Second)))
	require.Equal(t, bundle([]*x509.Certificate{r.current.ca}), published, "an expired CA is not trusted any more")
}

func TestNothingIsPublishedWhileNothingIsDue(t *testing.T) {
	r, err := New(Options{Hosts: []string{"127.0.0.1"}, Log: testr.New(t), Publish: func(context.Context, []byte) error {
		return errors.New("published without need")
	}})
	require.NoError(t, err)
	require.NoError(t, r.step(t.Context(), time.Now().Add(DefaultLifetime/2)))
}

func TestARestartKeepsTheCertificate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "webhook")
	options := Options{Hosts: []string{"127.0.0.1"}, Dir: dir, Log: testr.New(t)}
	first, err := New(options)
	require.NoError(t, err)
	second, err := New(options)
	require.NoError(t, err)
	require.Equal(t, first.CABundle(), second.CABundle())

	for path, mode := range map[string]os.FileMode{dir: 0o700 | os.ModeDir, filepath.Join(dir, fileName): 0o600} {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode(), path)
	}
}

func TestAStoredCertificateIsReplacedWhenItCannotBeUsed(t *testing.T) {
	for reason, options := range map[string]Options{
		"for another host": {Hosts: []string{"webhooks.ocne-system.svc"}},
		"due for rotation": {Hosts: []string{"127.0.0.1"}, Lifetime: 4 * DefaultLifetime},
	} {
		dir := t.TempDir()
		first, err := New(Options{Hosts: []string{"127.0.0.1"}, Dir: dir, Log: testr.New(t)})
		require.NoError(t, err)
		options.Dir, options.Log = dir, testr.New(t)
		second, err := New(options)
		require.NoError(t, err)
		require.NotEqual(t, first.CABundle(), second.CABundle(), reason)
	}

	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, fileName), []byte("half a file"), 0o600))
	r, err := New(Options{Hosts: []string{"127.0.0.1"}, Dir: dir, Log: testr.New(t)})
	require.NoError(t, err)
	require.NoError(t, (&apiServer{bundle: r.CABundle()}).call(serve(t, r)))
}
