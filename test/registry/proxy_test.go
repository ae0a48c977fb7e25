package registry_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// proxy passes connections on to a registry, and drops them after so many bytes from it as budget says; a negative number is no limit.
type proxy struct {
	net.Listener
	to string

	mu     sync.Mutex
	budget func() int64
	// reset says that connections are reset, not ended.
	reset bool
	// passed are the bytes that the registry sent.
	passed int64
	// open are the connections that have not ended.
	open sync.WaitGroup
}

func startProxy(t *testing.T, to string) *proxy {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{Listener: listener, to: to}
	p.setBudget(func() int64 { return -1 })
	ctx, cancel := context.WithCancel(context.Background())
	p.open.Go(func() { p.accept(ctx) })
	t.Cleanup(func() {
		cancel()
		require.NoError(t, listener.Close())
		p.open.Wait()
	})
	return p
}

func (p *proxy) setBudget(budget func() int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.budget, p.passed = budget, 0
}

func (p *proxy) setReset(reset bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reset = reset
}

func (p *proxy) passedBytes() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.passed
}

func (p *proxy) accept(ctx context.Context) {
	for {
		client, err := p.Accept()
		if err != nil {
			return // closed
		}
		p.open.Go(func() { p.pass(ctx, client.(*net.TCPConn)) })
	}
}

func (p *proxy) pass(ctx context.Context, client *net.TCPConn) {
	defer client.Close()
	connected, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.to)
	if err != nil {
		return
	}
	server := connected.(*net.TCPConn)
	defer server.Close()
	stop := context.AfterFunc(ctx, func() { _, _ = client.Close(), server.Close() })
	defer stop()
	var sending sync.WaitGroup
	defer sending.Wait()
	sending.Go(func() {
		_, _ = io.Copy(server, client)
		_ = server.CloseWrite()
	})
	p.mu.Lock()
	budget, reset := p.budget(), p.reset
	p.mu.Unlock()
	err = p.answer(client, server, budget)
	_ = server.Close()
	switch spent := errors.Is(err, errSpent); {
	case spent && reset:
		_ = client.SetLinger(0)
	case spent:
		// What the client still sends has to be read: otherwise the kernel resets the connection.
		_ = client.CloseWrite()
		sending.Wait()
		_, _ = io.Copy(io.Discard, client)
	}
	_ = client.Close()
}

var errSpent = errors.New("the budget is spent")

func (p *proxy) answer(client io.Writer, server io.Reader, budget int64) error {
	buffer := make([]byte, 16<<10)
	for {
		if budget == 0 {
			return errSpent
		}
		part := buffer
		if budget > 0 {
			part = buffer[:min(int64(len(buffer)), budget)]
		}
		n, err := server.Read(part)
		p.mu.Lock()
		p.passed += int64(n)
		p.mu.Unlock()
		if budget > 0 {
			budget -= int64(n)
		}
		if _, err := client.Write(part[:n]); err != nil {
			return err
		}
		if err != nil {
			return err
		}
	}
}
