package ovirt

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// maxReply bounds a reply in bytes. A list of 1,000 VMs that still hold their boot documents has about half of it.
	maxReply = 64 << 20
	redacted = "[redacted]"
)

// request is one call of the API.
type request struct {
	name              string // for metrics: vms.add
	operation, object string // for errors: add VM, demo-1
	method            string
	path              []string // segments below /api, unescaped
	query             url.Values
	correlationID     string
	userLevel         bool // also for an administrator
	body              any
}

// do carries out a call and decodes its reply into out, unless that is nil. A 401 means that the engine did nothing, so any
// call is safe to replay once with a new token. A GET that is refused because the user is no administrator is replayed once as
// the user-level call (see UserLevel).
func (c *Client) do(ctx context.Context, r request, out any) error {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	if err := c.enter(ctx); err != nil {
		failure := c.noReply(err)
		failure.Err = fmt.Errorf("waiting for one of %d places in flight: %w", c.config.MaxInFlight, failure.Err)
		return failure.labelled(r.operation, r.object)
	}
	defer c.leave()
	filtered := r.userLevel || c.asUser(r.method)
	stale, replayed := "", false
	for {
		token, failure := c.token(ctx, stale)
		if failure != nil {
			return &Error{Kind: failure.Kind, Operation: r.operation, Object: r.object, Err: failure}
		}
		failure = c.send(ctx, r, token, filtered, out)
		switch {
		case failure == nil:
			if r.method == http.MethodGet && !filtered {
				c.userLevelSince.Store(0)
			}
			return nil
		case failure.Status == http.StatusUnauthorized && !replayed:
			stale, replayed = token, true
		case r.method == http.MethodGet && !filtered && failure.refusesQuery():
			c.userLevelSince.Store(time.Now().UnixNano())
			filtered = true
		default:
			return failure.labelled(r.operation, r.object)
		}
	}
}

// send makes the HTTP request of a call. Filtered, the engine answers with what the user may see, and refuses what only
// administrators may ask; a command too may run queries, so the header belongs to every request.
func (c *Client) send(ctx context.Context, r request, token string, filtered bool, out any) *Error {
	address := c.url + "/api"
	for _, segment := range r.path {
		// An empty id would turn the call on an object into one on the collection.
		if strings.Trim(segment, ".") == "" {
			return &Error{Kind: Invalid, Err: errors.New("the id is empty")}
		}
		address += "/" + url.PathEscape(segment)
	}
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	var body io.Reader
	if r.body != nil {
		encoded, err := json.Marshal(r.body)
		if err != nil {
			return &Error{Kind: Invalid, Err: fmt.Errorf("encode the request: %w", err)}
		}
		body = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, r.method, address, body)
	if err != nil {
		return &Error{Kind: Invalid, Err: fmt.Errorf("make the request: %w", err)}
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if filtered {
		request.Header.Set("Filter", "true")
	}
	if r.correlationID != "" {
		request.Header.Set("Correlation-Id", r.correlationID)
	}
	return c.exchange(request, r.name, token, out)
}

// exchange sends one HTTP request, reads its reply, reports both to the observer, and keeps secrets out of the engine's words.
func (c *Client) exchange(request *http.Request, name, token string, out any) *Error {
	if c.config.Admit != nil {
		if err := c.config.Admit(request.Context()); err != nil {
			return &Error{Kind: KindOf(err), Err: err}
		}
	}
	started := time.Now()
	status, failure := c.roundTrip(request, out)
	call := Call{Operation: name, Status: status, Duration: time.Since(started)}
	if failure != nil {
		for _, secret := range []string{c.config.Password, token} {
			if secret != "" {
				failure.Reason = strings.ReplaceAll(failure.Reason, secret, redacted)
				failure.Detail = strings.ReplaceAll(failure.Detail, secret, redacted)
			}
		}
		call.Err = failure
	}
	if c.config.Observe != nil {
		c.config.Observe(call)
	}
	return failure
}

func (c *Client) roundTrip(request *http.Request, out any) (int, *Error) {
	response, err := c.http.Do(request)
	if err != nil {
		return 0, c.noReply(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxReply+1))
	if err != nil {
		return response.StatusCode, c.noReply(err)
	}
	if len(body) > maxReply {
		return response.StatusCode, &Error{Kind: Unknown, Status: response.StatusCode,
			Err: fmt.Errorf("the reply is larger than %d MiB; narrow the search", maxReply>>20)}
	}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return response.StatusCode, faultFrom(response.StatusCode, response.Header, body)
	}
	return response.StatusCode, decode(response, body, out)
}

// decode reads the reply to a request that succeeded. Also where nothing of it is wanted, it must be the engine's.
func decode(response *http.Response, body []byte, out any) *Error {
	if out == nil {
		out = &json.RawMessage{}
		if len(bytes.TrimSpace(body)) == 0 {
			return nil
		}
	}
	err := json.Unmarshal(body, out)
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*json.SyntaxError](err); ok {
		return &Error{Kind: Unavailable, Status: response.StatusCode, Err: notJSON(response.Header)}
	}
	return &Error{Kind: Unknown, Status: response.StatusCode, Err: fmt.Errorf("not what the API describes: %w", err)}
}

// withoutPorts takes away what differs at each try, such as our own port: callers compare messages to tell whether anything is new.
func withoutPorts(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op != "dial" {
		return fmt.Errorf("%s: %w", op.Op, op.Err)
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return &net.DNSError{Err: "no answer", Name: dns.Name, IsTimeout: dns.IsTimeout, IsNotFound: dns.IsNotFound, IsTemporary: dns.IsTemporary}
	}
	return err
}

// noReply makes the error of a request without a reply. The *url.Error around the cause only repeats what the caller knows.
func (c *Client) noReply(err error) *Error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	err = withoutPorts(err)
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case errors.Is(err, context.Canceled):
		return &Error{Kind: Unknown, Err: err}
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Kind: Unavailable, Err: fmt.Errorf("no reply in time (at most %s for a call): %w", c.config.Timeout, err)}
	case untrusted:
		return &Error{Kind: Unavailable, Err: &UntrustedCertificateError{CAURL: c.url + caResource, Err: err}}
	default:
		return &Error{Kind: Unavailable, Err: fmt.Errorf("no connection to the engine: %w", err)}
	}
}
