package guest

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// listener serves one control plane endpoint until close, which leaves no connection and no running request behind.
type listener struct {
	server *http.Server
	served sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	conns    map[*trackedConn]struct{}
	requests sync.WaitGroup
}

func listen(ctx context.Context, address string, config *tls.Config, h http.Handler) (*listener, error) {
	l := &listener{conns: map[*trackedConn]struct{}{}}
	l.server = &http.Server{
		Handler: l.counted(h), TLSConfig: config, ReadHeaderTimeout: 10 * time.Second,
		ErrorLog: log.New(io.Discard, "", 0), // refused handshakes are a normal thing here
	}
	tcp, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	l.served.Go(func() { _ = l.server.ServeTLS(trackingListener{tcp, l}, "", "") })
	return l, nil
}

// counted lets close wait for the requests that run, which http.Server.Close does not.
func (l *listener) counted(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		if l.closed {
			l.mu.Unlock()
			return
		}
		l.requests.Add(1)
		l.mu.Unlock()
		defer l.requests.Done()
		h.ServeHTTP(w, r)
	})
}

func (l *listener) close() {
	l.mu.Lock()
	l.closed = true
	open := make([]*trackedConn, 0, len(l.conns))
	for c := range l.conns {
		open = append(open, c)
	}
	l.mu.Unlock()
	_ = l.server.Close()
	for _, c := range open { // http.Server forgets the hijacked ones, which carry port-forwarding
		_ = c.Close()
	}
	l.served.Wait()
	l.requests.Wait()
}

type trackingListener struct {
	net.Listener
	l *listener
}

func (t trackingListener) Accept() (net.Conn, error) {
	c, err := t.Listener.Accept()
	if err != nil {
		return nil, err
	}
	t.l.mu.Lock()
	defer t.l.mu.Unlock()
	tracked := &trackedConn{c, t.l}
	if t.l.closed {
		_ = c.Close() // the server notices at its first read
		return tracked, nil
	}
	t.l.conns[tracked] = struct{}{}
	return tracked, nil
}

type trackedConn struct {
	net.Conn
	l *listener
}

func (c *trackedConn) Close() error {
	c.l.mu.Lock()
	delete(c.l.conns, c)
	c.l.mu.Unlock()
	return c.Conn.Close()
}
