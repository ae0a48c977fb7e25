//go:build linux

package container

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// proxy lets programs outside into the segment: HTTP's method CONNECT, which clients use that have it in HTTPS_PROXY. It listens on the
// loopback interface only.
type proxy struct {
	dial     func(ctx context.Context, address string) (net.Conn, error)
	listener net.Listener
	server   *http.Server
	end      context.CancelFunc
	running  sync.WaitGroup
}

func newProxy(dial func(ctx context.Context, address string) (net.Conn, error)) (*proxy, error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ctx, end := context.WithCancel(context.Background())
	p := &proxy{dial: dial, listener: listener, end: end}
	p.server = &http.Server{
		Handler: http.HandlerFunc(p.serveHTTP), ReadHeaderTimeout: 10 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	p.running.Go(func() { _ = p.server.Serve(listener) }) // ends with ErrServerClosed
	return p, nil
}

func (p *proxy) url() string { return "http://" + p.listener.Addr().String() }

func (p *proxy) serveHTTP(w http.ResponseWriter, r *http.Request) {
	p.running.Add(1) // the server does not wait for connections that were taken from it
	defer p.running.Done()
	if r.Method != http.MethodConnect {
		http.Error(w, "this proxy leads into the VMs' network and knows CONNECT only", http.StatusMethodNotAllowed)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), 30*time.Second)
	defer cancel()
	far, err := p.dial(ctx, r.Host)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	near, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = far.Close()
		return
	}
	// The server no longer knows the connection, so the end of the proxy closes both.
	stop := context.AfterFunc(r.Context(), func() { closeAll(near, far) })
	defer stop()
	defer closeAll(near, far)
	if _, err := io.WriteString(near, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	join(near, far, buffered)
}

// join copies both ways until both are at their end.
func join(near, far net.Conn, fromNear io.Reader) {
	var copies sync.WaitGroup
	copies.Go(func() {
		_, _ = io.Copy(far, fromNear)
		closeWrite(far)
	})
	copies.Go(func() {
		_, _ = io.Copy(near, far)
		closeWrite(near)
	})
	copies.Wait()
}

func closeWrite(c net.Conn) {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // the other direction goes on
	}
}

func closeAll(connections ...net.Conn) {
	for _, c := range connections {
		_ = c.Close()
	}
}

func (p *proxy) close() {
	p.end()
	if err := p.server.Close(); !errors.Is(err, http.ErrServerClosed) {
		_ = p.listener.Close() // Serve may not have begun
	}
	p.running.Wait()
}
