package crash

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// call is one request of the controllers: the n-th of its name since the recording began.
type call struct {
	name string
	nth  int
}

func (c call) String() string { return fmt.Sprintf("%s #%d", c.name, c.nth) }

// moment is when the controllers are killed, seen from one of their requests.
type moment string

const (
	beforeSend   moment = "before it is sent"
	beforeCommit moment = "sent and not yet carried out"
	beforeReply  moment = "carried out and not yet answered"
)

// lateAtMost is how long a request that was held takes effect after the kill, when the next process does not send the same one.
const lateAtMost = 5 * time.Second

// trap kills the controllers at one moment of one call.
type trap struct {
	server server
	call   call
	moment moment
	kill   func()
	// held is true when the test itself decides when, or whether, a request that was held takes effect.
	held bool

	chosen  atomic.Bool   // the call has come; final once the recording was stopped
	sprung  chan struct{} // closed when the controllers are dead
	late    chan struct{} // closed to let the request that was held take effect
	settled chan struct{} // closed when it has, or never will
	release sync.Once
}

func newTrap(s server, c call, m moment, kill func()) *trap {
	return &trap{server: s, call: c, moment: m, kill: kill, sprung: make(chan struct{}), late: make(chan struct{}), settled: make(chan struct{})}
}

func (t *trap) letGo() { t.release.Do(func() { close(t.late) }) }

// proxy stands between the controllers and a server, counts requests and springs traps.
type proxy struct {
	url       string
	ca        []byte
	upstream  *url.URL
	transport http.RoundTripper
	reverse   *httputil.ReverseProxy
	// name gives the name of a request, or "" for one that is not counted.
	name func(*http.Request) string

	mu    sync.Mutex
	calls []call
	count map[string]int
	trap  *trap
}

func startProxy(t *testing.T, upstream string, transport http.RoundTripper, name func(*http.Request) string) *proxy {
	t.Helper()
	target, err := url.Parse(upstream)
	require.NoError(t, err)
	p := &proxy{upstream: target, transport: transport, name: name, count: map[string]int{}}
	p.reverse = &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: target.Scheme, Host: target.Host}) },
		Transport:     transport,
		FlushInterval: -1, // watches
		ErrorHandler:  func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		ErrorLog:      log.New(io.Discard, "", 0), // killed clients are the point
	}
	server := httptest.NewUnstartedServer(p)
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	p.url = server.URL + target.Path
	p.ca = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return p
}

// record begins to count anew, with a trap or without one.
func (p *proxy) record(t *trap) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls, p.count, p.trap = nil, map[string]int{}, t
}

// stop ends the recording: no trap springs from now on. The calls are in their order.
func (p *proxy) stop() []call {
	p.mu.Lock()
	defer p.mu.Unlock()
	calls := p.calls
	p.calls, p.trap = nil, nil
	return calls
}

// arrived counts a request. armed is true for the one at which the controllers are to be killed; repeated is set for those that are the
// same as the one at which they were killed.
func (p *proxy) arrived(r *http.Request) (armed, repeated *trap) {
	name := p.name(r)
	if name == "" {
		return nil, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count[name]++
	c := call{name: name, nth: p.count[name]}
	p.calls = append(p.calls, c)
	t := p.trap
	switch {
	case t == nil || t.call.name != name:
		return nil, nil
	case t.chosen.Load():
		return nil, t
	case t.call == c:
		t.chosen.Store(true)
		return t, nil
	default:
		return nil, nil
	}
}

// ServeHTTP implements http.Handler.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	armed, repeated := p.arrived(r)
	if armed != nil {
		p.spring(armed, r)
		panic(http.ErrAbortHandler) // nobody is left to be answered
	}
	p.reverse.ServeHTTP(w, r)
	if repeated != nil && !repeated.held {
		repeated.letGo()
	}
}

func (p *proxy) spring(t *trap, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // cut off: it was not sent as a whole, and nothing comes of it
	if t.moment == beforeReply {
		p.carryOut(r, body)
	}
	t.kill()
	close(t.sprung)
	if t.moment == beforeCommit {
		p.wait(t)
		p.carryOut(r, body)
	}
	close(t.settled)
}

// wait holds a request until the next process has had the same one answered, or will not send it.
func (p *proxy) wait(t *trap) {
	if t.held {
		<-t.late
		return
	}
	select {
	case <-t.late:
	case <-time.After(lateAtMost):
	}
}

// carryOut sends a request whose client is gone, or will be.
func (p *proxy) carryOut(r *http.Request, body []byte) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out := r.Clone(ctx)
	out.URL.Scheme, out.URL.Host, out.Host, out.RequestURI = p.upstream.Scheme, p.upstream.Host, p.upstream.Host, ""
	out.Body = io.NopCloser(bytes.NewReader(body))
	resp, err := p.transport.RoundTrip(out)
	if err != nil {
		return // the same as a request that got lost
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
}
