package packages

import (
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
)

// apiProxy stands between the provider and the API server, and remembers what was forbidden.
type apiProxy struct {
	url string
	ca  []byte

	mu        sync.Mutex
	forbidden []string
}

// startProxy passes requests on as they are: it has no rights of its own.
func startProxy(t *testing.T, admin *rest.Config) *apiProxy {
	t.Helper()
	anonymous := rest.AnonymousClientConfig(admin)
	transport, err := rest.TransportFor(anonymous)
	require.NoError(t, err)
	server, err := url.Parse(admin.Host)
	require.NoError(t, err)
	p := &apiProxy{}
	reverse := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(server) },
		Transport:      transport,
		FlushInterval:  -1, // events of watches are not to wait for each other
		ModifyResponse: p.look,
		ErrorHandler:   func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }, // the client is gone
	}
	listener := httptest.NewUnstartedServer(reverse)
	listener.EnableHTTP2 = true // as the API server does: watches share a connection
	listener.StartTLS()         // client-go sends a token over nothing else
	p.url = listener.URL
	p.ca = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: listener.Certificate().Raw})
	t.Cleanup(func() {
		listener.CloseClientConnections()
		listener.Close()
	})
	return p
}

func (p *apiProxy) look(response *http.Response) error {
	if response.StatusCode == http.StatusForbidden {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.forbidden = append(p.forbidden, fmt.Sprintf("%s %s", response.Request.Method, response.Request.URL.Path))
	}
	return nil
}

// refused are the requests that were forbidden since the last reset.
func (p *apiProxy) refused() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.forbidden)
}

func (p *apiProxy) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forbidden = nil
}
