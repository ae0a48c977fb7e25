package imageio

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/ocne-project/ocne/pkg/ovirt"
)

// Kind says what a caller can do about an error. It is an error itself, so that errors.Is(err, imageio.NoTicket) works.
type Kind string //nolint:errname // a class of errors, a target for errors.Is

// The kinds of errors.
const (
	// Unreachable: no connection could be made.
	Unreachable Kind = "unreachable"
	// Untrusted: the certificate that was shown is not trusted; the cause is an *UntrustedCertificateError.
	Untrusted Kind = "untrusted"
	// Interrupted: the connection ended, nothing came in time, or the server failed (5xx).
	Interrupted Kind = "interrupted"
	// NoTicket: the server does not know the ticket, or no longer, or it does not allow this (403).
	NoTicket Kind = "no ticket"
	// OutOfRange: the bytes are beyond the end of the disk (416).
	OutOfRange Kind = "out of range"
	// Refused: every other refusal, and replies that are not a server's of this kind.
	Refused Kind = "refused"
	// Cancelled: the caller's context ended.
	Cancelled Kind = "cancelled"
)

// Error makes a Kind a target for errors.Is.
func (k Kind) Error() string { return string(k) }

// Error is what every call returns when it fails.
type Error struct {
	Kind Kind
	// Operation says what was tried, Host is host:port of the server.
	Operation, Host string
	// Status is the HTTP status, 0 when there was no reply.
	Status int
	// Text is what the server said, without the ticket.
	Text string
	// Err is the cause on our side of the wire, if any.
	Err error
}

// Error says what was tried, where, and what the server said.
func (e *Error) Error() string {
	what := e.Operation + " at " + e.Host + ": "
	switch {
	case e.Status == 0:
		return what + e.Err.Error()
	case e.Err != nil:
		return fmt.Sprintf("%s%d %s: %v", what, e.Status, http.StatusText(e.Status), e.Err)
	case e.Text == "":
		return fmt.Sprintf("%s%d %s", what, e.Status, http.StatusText(e.Status))
	}
	return fmt.Sprintf("%s%d %s: %s", what, e.Status, http.StatusText(e.Status), e.Text)
}

// Unwrap gives the cause on our side of the wire.
func (e *Error) Unwrap() error { return e.Err }

// Is matches a Kind.
func (e *Error) Is(target error) bool {
	kind, ok := target.(Kind)
	return ok && kind == e.Kind
}

// UntrustedCertificateError says whose signature is on a certificate of an image port that is not trusted.
type UntrustedCertificateError struct {
	// Issuer is the distinguished name of the CA that signed the certificate, for example "CN=engine.example.com.12345,O=example.com".
	Issuer string
	// Err says what is wrong and how to get the engine's CA.
	Err *ovirt.UntrustedCertificateError
}

// Error says what to do. An engine whose web certificate was replaced has two CAs; hosts keep certificates of the engine's own.
func (e *UntrustedCertificateError) Error() string {
	return fmt.Sprintf("the certificate of the image port was signed by %q, which is not among the CAs that were given; "+
		"a CA file may hold several, and the hosts' is always the engine's own: %v", e.Issuer, e.Err)
}

// Unwrap gives what is wrong with the certificate.
func (e *UntrustedCertificateError) Unwrap() error { return e.Err }

// noReply makes the error of a request without a reply.
func (i *Image) noReply(ctx context.Context, operation string, err error) *Error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // the URL holds the ticket
	}
	e := &Error{Kind: Interrupted, Operation: operation, Host: i.host, Err: err}
	dial, isOp := errors.AsType[*net.OpError](err)
	_, isName := errors.AsType[*net.DNSError](err)
	certificate, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		e.Kind, e.Err = Cancelled, ctx.Err()
	case untrusted:
		e.Kind, e.Err = Untrusted, i.untrusted(certificate)
	case isName, isOp && (dial.Op == "dial" || dial.Op == "proxyconnect"):
		e.Kind = Unreachable
	}
	return e
}

func (i *Image) untrusted(err *tls.CertificateVerificationError) error {
	issuer := "an unknown CA"
	if n := len(err.UnverifiedCertificates); n > 0 {
		issuer = err.UnverifiedCertificates[n-1].Issuer.String()
	}
	return &UntrustedCertificateError{Issuer: issuer, Err: &ovirt.UntrustedCertificateError{CAURL: i.trust.CAURL, Err: err.Err}}
}

// refused makes the error of a reply whose status is not the one that was wanted.
func (i *Image) refused(operation string, status int, text string) *Error {
	text = strings.TrimSpace(strings.ReplaceAll(text, i.ticket, "[ticket]"))
	e := &Error{Kind: Refused, Operation: operation, Host: i.host, Status: status, Text: text}
	switch {
	case status == http.StatusForbidden:
		e.Kind = NoTicket
	case status == http.StatusRequestedRangeNotSatisfiable:
		e.Kind = OutOfRange
	case status >= 500, status == http.StatusRequestTimeout, status == http.StatusTooManyRequests:
		e.Kind = Interrupted
	}
	return e
}
