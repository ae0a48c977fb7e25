package source

import (
	"context"
	"net"
	"net/http"
	"time"
)

// WithoutWaiting makes retries come at once.
func (p *Puller) WithoutWaiting() *Puller {
	p.firstWait = time.Millisecond
	return p
}

// WithFree makes the file system have other numbers of free bytes, one for each question; the last one stays.
func (p *Puller) WithFree(free ...int64) *Puller {
	p.free = func(string) (int64, error) {
		now := free[0]
		if len(free) > 1 {
			free = free[1:]
		}
		return now, nil
	}
	return p
}

// WithAddresses makes names of hosts mean others: HOST:PORT by HOST:PORT.
func (p *Puller) WithAddresses(addresses map[string]string) *Puller {
	base, ok := p.transport.(*http.Transport)
	if !ok {
		base = p.transport.(encrypted).inner.(*http.Transport)
	}
	base.Proxy = nil
	base.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if other, ok := addresses[address]; ok {
			address = other
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	return p
}
