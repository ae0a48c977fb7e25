package imageio

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
)

// Options configure a Server.
type Options struct {
	// Dir is where the bytes of disks are.
	Dir string
	// Host and Proxy are the listeners behind transfer_url and proxy_url. The Server closes them.
	Host, Proxy net.Listener
	// HostAddress and ProxyAddress are where clients reach them, host:port.
	HostAddress, ProxyAddress string
	Certificate               tls.Certificate
	// Now is the engine's time, by which tickets expire. It is never called with the Server locked.
	Now func() time.Time
	// FileWriters is how many parallel writers are announced for transfers of files as they are; 0 means 1, which is what
	// ovirt-imageio says for its file backend. More than that work all the same, as they do there.
	FileWriters int
	Log         *slog.Logger
	// Record is called after every request; nil is allowed.
	Record func(Entry)
}

// Entry is what is remembered of a request.
type Entry struct {
	Method, Path string
	// Proxy says that the request came to the proxy's address.
	Proxy  bool
	Status int
}

// Server serves the tickets of one engine. It implements engine.Images.
type Server struct {
	options Options
	store   *store
	buffers sync.Pool

	mu      sync.Mutex
	tickets map[string]*ticket
}

// New returns a Server that does not serve yet. On an error the listeners are closed.
func New(options Options) (*Server, error) {
	kept, err := newStore(options.Dir)
	if err != nil {
		return nil, errors.Join(err, options.Host.Close(), options.Proxy.Close())
	}
	s := &Server{options: options, store: kept, tickets: map[string]*ticket{}}
	s.buffers.New = func() any { return new([copySize]byte) }
	return s, nil
}

// Run serves until ctx ends.
func (s *Server) Run(ctx context.Context) {
	var running sync.WaitGroup
	for _, listener := range []net.Listener{s.options.Host, s.options.Proxy} {
		server := &http.Server{
			Handler: s.handler(listener == s.options.Proxy),
			TLSConfig: &tls.Config{
				Certificates: []tls.Certificate{s.options.Certificate}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
			},
			TLSNextProto:                 map[string]func(*http.Server, *tls.Conn, http.Handler){}, // ovirt-imageio speaks HTTP/1.1 only
			DisableGeneralOptionsHandler: true,
			ErrorLog:                     slog.NewLogLogger(s.options.Log.Handler(), slog.LevelDebug),
			ReadHeaderTimeout:            30 * time.Second,
			BaseContext:                  func(net.Listener) context.Context { return ctx },
		}
		running.Go(func() {
			if err := server.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
				s.options.Log.Error("imageio server ended", "error", err)
			}
		})
		running.Go(func() {
			<-ctx.Done()
			_ = server.Close() // transfers may take hours: nobody waits for them
		})
	}
	running.Wait()
}

// URLs are where clients find the ticket's resource, on the host and on the proxy.
func (s *Server) URLs(ticketID string) (host, proxy string) {
	return "https://" + s.options.HostAddress + "/images/" + ticketID, "https://" + s.options.ProxyAddress + "/images/" + ticketID
}

// Grant makes a ticket usable.
func (s *Server) Grant(t engine.Ticket, now time.Time) {
	granted := &ticket{Ticket: t, store: s.store, last: now, moved: slices.Clone(t.Moved)}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tickets[t.ID] = granted
}

// Renew moves the end of a ticket's life.
func (s *Server) Renew(ticketID string, until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t, ok := s.tickets[ticketID]; ok {
		t.Until = until
	}
}

// Revoke makes a ticket unusable. When it returns, nothing is written any more.
func (s *Server) Revoke(ticketID string) {
	s.mu.Lock()
	t, ok := s.tickets[ticketID]
	delete(s.tickets, ticketID)
	s.mu.Unlock()
	if ok {
		t.revoke()
	}
}

// Progress is what has happened with a ticket so far; that of an unknown one is zero.
func (s *Server) Progress(ticketID string) engine.Progress {
	s.mu.Lock()
	t, ok := s.tickets[ticketID]
	s.mu.Unlock()
	if !ok {
		return engine.Progress{}
	}
	t.progress.Lock()
	defer t.progress.Unlock()
	return engine.Progress{Moved: slices.Clone(t.moved), InFlight: t.inFlight, LastActivity: t.last}
}

// Check says why what was uploaded as a qcow2 image is not fit for a disk of that size.
func (s *Server) Check(diskID string, virtualSize int64) error {
	return s.store.check(diskID, virtualSize)
}

// Allocated is the space that the disk takes, in bytes.
func (s *Server) Allocated(diskID string) int64 { return s.store.allocated(diskID) }

// Share makes the second disk's bytes those of the first, until one of them is written.
func (s *Server) Share(from, to string) { s.log("share image", s.store.share(from, to)) }

// Remove drops a disk's bytes.
func (s *Server) Remove(diskID string) { s.log("remove image", s.store.remove(diskID)) }

// Retain drops the bytes of all disks that are not known.
func (s *Server) Retain(known func(diskID string) bool) {
	s.log("clean image directory", s.store.retain(known))
}

// log is for errors that the engine can do nothing about.
func (s *Server) log(operation string, err error) {
	if err != nil {
		s.options.Log.Error(operation, "error", err)
	}
}

// find returns the ticket if it allows the operation. The error is the text for the client.
func (s *Server) find(id string, write bool) (*ticket, error) {
	now := s.options.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.tickets[id]
	switch {
	case !ok:
		return nil, fmt.Errorf("No such ticket %s", id) //nolint:staticcheck // the wording is ovirt-imageio's
	case !t.Until.IsZero() && now.After(t.Until):
		return nil, fmt.Errorf("Ticket %s expired", id) //nolint:staticcheck // likewise
	case write && !t.Write:
		return nil, fmt.Errorf("Ticket %s forbids write", id) //nolint:staticcheck // likewise
	}
	return t, nil
}
