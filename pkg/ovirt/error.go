package ovirt

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Kind says what a caller can do about an error. It is an error itself, so that errors.Is(err, ovirt.NotFound) works.
type Kind string //nolint:errname // a class of errors, a target for errors.Is

// The kinds of errors.
const (
	// NotFound: the object, or one that the request names, is not there, or this user may not see it.
	NotFound Kind = "not found"
	// Exists: the name or the id is taken. It may be taken by an earlier try of the same request.
	Exists Kind = "exists"
	// Conflict: the object is locked or in another state than the request needs; the same request can succeed later.
	Conflict Kind = "conflict"
	// Invalid: the request itself is wrong; repeating it does not help.
	Invalid Kind = "invalid"
	// Auth: the credentials are refused. Refused ones are not tried again for a minute.
	Auth Kind = "auth"
	// Forbidden: the credentials are right, and this user lacks a permission.
	Forbidden Kind = "forbidden"
	// Quota: a quota, storage space, memory, processors, MAC addresses or hosts that fit are missing; the same request can
	// succeed once an administrator has added capacity or something else has gone.
	Quota Kind = "quota"
	// Unavailable: no reply in time, no connection, an engine that failed or is starting, or a reply that is not the engine's.
	// The engine may have carried out the request.
	Unavailable Kind = "unavailable"
	// NotEngine: what answers at the URL is not an engine: no single sign-on is there, or the reply is a redirect. An engine that
	// is starting can look so for a moment.
	NotEngine Kind = "not an engine"
	// Unknown: everything else, and calls whose context the caller cancelled.
	Unknown Kind = "unknown"
)

// Error makes a Kind a target for errors.Is.
func (k Kind) Error() string { return string(k) }

// Error is what every call returns when it fails.
type Error struct {
	Kind Kind
	// Operation and Object say what was tried, for example "add VM" and "demo-1". Object may be empty.
	Operation, Object string
	// Status is the HTTP status, 0 when there was no reply or no request.
	Status int
	// Reason and Detail are the engine's own words; Detail is without the brackets of the engine's list of messages.
	Reason, Detail string
	// Err is the cause on our side of the wire, if any.
	Err error
}

// Error says what was tried, on which object, and what the engine said.
func (e *Error) Error() string {
	what := strings.TrimSpace(e.Operation + " " + e.Object)
	said := e.said()
	if what == "" {
		return said
	}
	return what + ": " + said
}

func (e *Error) said() string {
	words := e.Words()
	switch {
	case e.Err != nil && e.Status == 0:
		return e.Err.Error()
	case e.Err != nil:
		words = e.Err.Error()
	case e.Kind == NotFound && words == "":
		return "not found in the engine, or not visible to this user"
	}
	verdict := "engine refused"
	switch {
	case e.Kind == NotEngine:
		verdict = "not an engine"
	case e.Status < 400:
		verdict = "unexpected reply"
	case e.Kind == Unavailable:
		verdict = "engine unavailable"
	}
	reason := e.Reason
	if reason == "" {
		reason = http.StatusText(e.Status)
	}
	text := fmt.Sprintf("%s (%s)", verdict, strings.TrimSpace(fmt.Sprintf("%d %s", e.Status, reason)))
	if words == "" {
		return text
	}
	return text + ": " + words
}

// Words is what the engine itself said, for conditions and events; empty when it said nothing.
func (e *Error) Words() string {
	if e.Detail != "" {
		return e.Detail
	}
	if e.Reason != "" {
		return e.Reason
	}
	if inner, ok := errors.AsType[*Error](e.Err); ok {
		return inner.Words()
	}
	return ""
}

// Unwrap gives the cause on our side of the wire.
func (e *Error) Unwrap() error { return e.Err }

// Is matches a Kind.
func (e *Error) Is(target error) bool {
	kind, ok := target.(Kind)
	return ok && kind == e.Kind
}

// UntrustedCertificateError is the cause of a call that was not made because the certificate that was shown is not trusted.
// Its Kind is Unavailable.
type UntrustedCertificateError struct {
	// CAURL is where the engine serves its CA certificate, as PEM and without a login.
	CAURL string
	// Err says what is wrong with the certificate.
	Err error
}

// Error says what is wrong and what to do about it. A CA that was fetched without a check proves nothing, hence the fingerprint.
func (e *UntrustedCertificateError) Error() string {
	text := fmt.Sprintf("the engine's certificate is not trusted: %v; ", e.Err)
	if _, ok := errors.AsType[x509.HostnameError](e.Err); ok {
		return text + "give the engine's URL with a host name that is in its certificate"
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](e.Err); ok && invalid.Reason == x509.Expired {
		return text + "check this machine's clock; if it is right, the engine's administrator has to renew the certificate"
	}
	return text + fmt.Sprintf("give the engine's CA: fetch it with \"curl -k -o ca.pem '%s'\" and compare its fingerprint "+
		"(openssl x509 -in ca.pem -noout -fingerprint -sha256) with the one that the engine's administrator has", e.CAURL)
}

// Unwrap gives what is wrong with the certificate.
func (e *UntrustedCertificateError) Unwrap() error { return e.Err }

// KindOf is the Kind of the first *Error in err's chain; Unknown for another error, empty for nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Unknown
}

// labelled is a copy that names the call: one login failure can be the answer to many calls.
func (e *Error) labelled(operation, object string) *Error {
	named := *e
	named.Operation, named.Object = operation, object
	return &named
}
