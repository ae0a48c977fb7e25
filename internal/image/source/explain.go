package source

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/ocne-project/ocne/internal/spelling"
)

// explain gives the error of a request its type.
func (r *remoteImage) explain(at *place, err error) error {
	host, reference := at.ref.Context().RegistryStr(), at.ref.Name()
	if chain, ok := untrusted(err); ok {
		return &UntrustedCertificateError{Host: host, Chain: chain, Err: innermost(err)}
	}
	var refused *transport.Error
	var digest *DigestError
	var network net.Error
	switch cause := innermost(err); {
	case errors.As(err, &digest):
		return err
	// With registries on this machine, HTTP is tried beside HTTPS: 400 is what HTTPS servers say to that.
	case errors.As(err, &refused) && refused.StatusCode != http.StatusBadRequest:
		return r.refusal(at, refused)
	case errors.As(err, &network) && !errors.Is(cause, errPlain), dropped(err):
		return &UnreachableError{Reference: reference, Host: host, Proxy: r.puller.proxy(at), Err: cause}
	case errors.As(err, &refused):
		return r.refusal(at, refused)
	}
	return fmt.Errorf("image %s: registry %s: %w", reference, host, err)
}

// dropped is the error of a download whose connection dropped too often.
func (r *remoteImage) dropped(err error) error {
	at := r.places[r.current]
	return &UnreachableError{Reference: at.ref.Name(), Host: at.ref.Context().RegistryStr(), Proxy: r.puller.proxy(at), Err: innermost(err)}
}

func (r *remoteImage) refusal(at *place, refused *transport.Error) error {
	host, reference := at.ref.Context().RegistryStr(), at.ref.Name()
	words := &answerError{refused}
	switch {
	case refused.StatusCode == http.StatusUnauthorized || refused.StatusCode == http.StatusForbidden:
		looked := r.puller.keychain.lookedFor(at.ref.Context())
		return &CredentialsError{Reference: reference, Host: host, Used: looked.used, Looked: looked.files, Err: words}
	case refused.StatusCode == http.StatusNotFound:
		return &NotFoundError{Reference: reference, Err: words}
	case busy(refused.StatusCode) || refused.StatusCode == http.StatusInternalServerError:
		return &UnreachableError{Reference: reference, Host: host, Proxy: r.puller.proxy(at), Err: words}
	}
	return fmt.Errorf("image %s: registry %s: %w", reference, host, words)
}

// answerError is what a registry answered, in a line: whole pages, which proxies like to send, are left out.
type answerError struct{ refused *transport.Error }

func (e *answerError) Error() string {
	text := fmt.Sprintf("%d %s", e.refused.StatusCode, http.StatusText(e.refused.StatusCode))
	for _, d := range e.refused.Errors {
		if d.Message != "" {
			text += ": " + d.Message
		}
	}
	return text
}

func (e *answerError) Unwrap() error { return e.refused }

// untrusted returns the certificates of a handshake that failed because of them.
func untrusted(err error) ([]*x509.Certificate, bool) {
	var verification *tls.CertificateVerificationError
	if errors.As(err, &verification) {
		return verification.UnverifiedCertificates, true
	}
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	return nil, errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid)
}

// innermost drops the URL that net/http wraps around its errors.
func innermost(err error) error {
	var verification *tls.CertificateVerificationError
	var request *url.Error
	switch {
	case errors.As(err, &verification):
		return verification.Err
	case errors.As(err, &request):
		return request.Err
	}
	return err
}

// proxy is the one that requests to a place go through, as text without a password.
func (p *Puller) proxy(at *place) string {
	request := &http.Request{URL: &url.URL{Scheme: "https", Host: at.ref.Context().RegistryStr()}}
	through, err := http.ProxyFromEnvironment(request)
	if err != nil || through == nil {
		return ""
	}
	return through.Redacted()
}

// passing says whether the same request may succeed in a moment.
func passing(err error) bool {
	var refused *transport.Error
	return errors.As(err, &refused) && busy(refused.StatusCode) || dropped(err)
}

func busy(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// dropped says whether a connection that was there ended too early.
func dropped(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed) || errors.Is(err, errStalled)
}

// repeat does something again while its failure may pass: with a wait that grows, up to the given number of times.
func (p *Puller) repeat(ctx context.Context, tries int, do func() error) error {
	for wait := p.firstWait; ; wait *= 2 {
		tries--
		err := do()
		if err == nil || tries < 1 || !passing(err) || ctx.Err() != nil {
			return err
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

// listed is how many names an error lists.
const listed = 5

// nearest returns the tags that somebody may have meant: of versions the next ones, before all others.
func nearest(wanted string, tags []string, pinned bool) []string {
	tags = slices.DeleteFunc(slices.Clone(tags), func(tag string) bool { return strings.HasPrefix(tag, "sha256-") }) // signatures and the like
	if pinned || wanted == name.DefaultTag {
		slices.SortFunc(tags, func(a, b string) int { return -compareVersions(a, b) }) // the newest
		return tags[:min(len(tags), listed)]
	}
	tags = spelling.NearestFirst(wanted, tags)
	if version, ok := parseVersion(wanted); ok {
		slices.SortStableFunc(tags, func(a, b string) int { return cmp.Compare(version.distance(a), version.distance(b)) })
	}
	return tags[:min(len(tags), listed)]
}
