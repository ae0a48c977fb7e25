package programs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// Username and Password of the simulated engine. Tests search what is left behind for the password.
const (
	Username = "admin@internal"
	Password = "s3cret-0f-the-engine"
)

// Engine is a simulated engine.
type Engine struct {
	*Daemon
	URL, CAFile string
	CA          []byte
	// GuestURL is the engine's URL in the VMs' network, where they have one of their own.
	GuestURL string
	// Proxy is the way into the VMs' network, where they have one of their own.
	Proxy string
	// State is its directory: CA and console logs.
	State string
	// Client is the test's own connection.
	Client *ovirt.Client
}

// StartEngine starts an engine whose time runs 20 times faster than real time.
func StartEngine(t testing.TB, args ...string) *Engine {
	t.Helper()
	var ready struct{ URL, CAFile, Proxy, GuestURL string }
	e := &Engine{State: t.TempDir()}
	args = append([]string{"--listen", "127.0.0.1:0", "--time-scale", "20", "--state-dir", e.State}, args...)
	e.Daemon = Start(t, &ready, []string{"OLVMSIM_PASSWORD=" + Password}, Path(t, "olvmsim"), args...)
	e.URL, e.CAFile, e.Proxy, e.GuestURL = ready.URL, ready.CAFile, ready.Proxy, ready.GuestURL
	var err error
	e.CA, err = os.ReadFile(e.CAFile)
	require.NoError(t, err)
	e.Client, err = ovirt.New(ovirt.Config{URL: e.URL, Username: Username, Password: Password, CA: e.CA})
	require.NoError(t, err)
	t.Cleanup(e.Client.Close)
	return e
}

// Requests is the engine's journal, the oldest first.
func (e *Engine) Requests(t testing.TB) []olvmsim.Request {
	t.Helper()
	var journal []olvmsim.Request
	e.read(t, olvmsim.RequestsPath, &journal)
	return journal
}

// Holds is everything that the engine holds.
func (e *Engine) Holds(t testing.TB) olvmsim.State {
	t.Helper()
	var state olvmsim.State
	e.read(t, olvmsim.StatePath, &state)
	return state
}

func (e *Engine) read(t testing.TB, path string, into any) {
	t.Helper()
	transport := e.Transport(t)
	defer transport.CloseIdleConnections()
	url := strings.TrimSuffix(e.URL, "/ovirt-engine") + path
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	require.NoError(t, err)
	req.SetBasicAuth(Username, Password)
	resp, err := (&http.Client{Transport: transport}).Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.NoError(t, json.NewDecoder(resp.Body).Decode(into))
}

// Transport trusts the engine's certificate. Whoever asks for one closes its idle connections.
func (e *Engine) Transport(t testing.TB) *http.Transport {
	t.Helper()
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(e.CA))
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
}
