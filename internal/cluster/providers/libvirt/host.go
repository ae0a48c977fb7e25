package libvirt

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"sync"
	"syscall"

	rpc "github.com/digitalocean/go-libvirt"
)

// Connection says how to reach a libvirt daemon.
type Connection struct {
	// URI of libvirt; DefaultURI when empty.
	URI string
	// Getenv reads the environment, for the places of a session; os.Getenv when nil.
	Getenv func(string) string
	// Owner is who asks. What is private to others is neither taken nor changed (ErrOthers), only shown.
	Owner Owner
}

// host is an open connection. It ends with the context that it was opened with, and so does every call that waits then: the library's calls
// take no context of their own.
type host struct {
	*rpc.Libvirt
	endpoint
	getenv func(string) string
	owner  Owner
	line   *line
	stop   func() bool
}

// open connects to the daemon. Close the host.
func open(ctx context.Context, c Connection) (*host, error) {
	getenv := c.Getenv
	if getenv == nil {
		getenv = os.Getenv
	}
	e, err := parseURI(c.URI, getenv)
	if err != nil {
		return nil, err
	}
	var problem error
	for _, socket := range e.sockets {
		l := &line{ctx: ctx, socket: socket}
		h := &host{Libvirt: rpc.NewWithDialer(l), endpoint: e, getenv: getenv, owner: c.Owner, line: l}
		h.stop = context.AfterFunc(ctx, l.cut)
		err := h.ConnectToURI(rpc.ConnectURI(e.driver))
		if err == nil {
			return h, nil
		}
		h.close()
		if ctx.Err() != nil {
			return nil, failed("connect to", e.uri, context.Cause(ctx))
		}
		problem = e.explain(socket, err)
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return nil, problem
}

// close ends the connection without waiting for the daemon.
func (h *host) close() {
	h.stop()
	h.line.cut()
}

// explain says why there is no connection, and what to do.
func (e endpoint) explain(socket string, err error) error {
	problem := &Error{Op: "connect to", Object: e.uri, Err: err}
	start := "Install libvirt and start it: systemctl enable --now libvirtd (or virtqemud, virtnetworkd and virtstoraged)."
	if e.session {
		start = "Start the daemon of your user once: virsh --connect qemu:///session version."
	}
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		problem.Err = because(ErrNoDaemon, "at "+socket, err)
		problem.Remedy = start
	case errors.Is(err, fs.ErrPermission), isCode(err, rpc.ErrAuthFailed, rpc.ErrAuthCancelled, rpc.ErrAuthUnavailable, rpc.ErrAccessDenied):
		problem.Err = because(ErrNoPermission, "for "+socket, err)
		problem.Remedy = "Add your user to the group libvirt and log in again: sudo usermod --append --groups libvirt $USER. " +
			"Or use the daemon of your user, which needs no rights: providers.libvirt.uri: qemu:///session."
	}
	return problem
}

// because is a reason with the words of whoever gave it.
func because(reason error, where string, err error) error {
	return &reasonError{reason: reason, where: where, err: err}
}

type reasonError struct {
	reason error
	where  string
	err    error
}

func (r *reasonError) Error() string {
	text := r.reason.Error()
	if r.where != "" {
		text += " " + r.where
	}
	if r.err != nil {
		text += ": " + r.err.Error()
	}
	return text
}

func (r *reasonError) Unwrap() []error {
	if r.err == nil {
		return []error{r.reason}
	}
	return []error{r.reason, r.err}
}

// line is the socket of a connection. It can be cut from outside while the library waits for an answer.
type line struct {
	ctx    context.Context //nolint:containedctx // the library's Dial has none
	socket string

	mu   sync.Mutex
	conn net.Conn
}

// Dial connects the socket.
func (l *line) Dial() (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(l.ctx, "unix", l.socket)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conn = conn
	return newPackets(conn), nil
}

func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != nil {
		_ = l.conn.Close() // it may be closed already
	}
}
