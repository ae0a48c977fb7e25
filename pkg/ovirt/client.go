package ovirt

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync/atomic"
	"time"
)

const (
	defaultScope       = "ovirt-app-api"
	defaultTimeout     = 30 * time.Second
	defaultMaxInFlight = 16
	enginePath         = "/ovirt-engine"
	caResource         = "/services/pki-resource?resource=ca-certificate&format=X509-PEM-CA"
)

// Config says which engine a Client talks to, and as whom.
type Config struct {
	// URL is https://HOST/ovirt-engine. A trailing slash, a trailing /api and a missing path are accepted.
	URL string
	// Username is user@profile, for example admin@internal.
	Username string
	// Password is only ever sent in the body of the login request.
	Password string
	// Scope of the token; empty means ovirt-app-api.
	Scope string
	// CA is a PEM bundle that the engine's certificate must chain to; empty means the system's roots.
	CA []byte
	// InsecureSkipTLSVerify accepts any certificate.
	InsecureSkipTLSVerify bool
	// Timeout bounds each call as a whole; 0 means 30 s.
	Timeout time.Duration
	// MaxInFlight is how many calls run at the same time, the others wait; 0 means 16.
	MaxInFlight int
	// Admit is called before each HTTP request, from the goroutine of the caller; it may wait. After an error the request is not sent, and
	// the call fails with that error and its Kind. nil means that every request is sent.
	Admit func(context.Context) error
	// Observe is called after each HTTP request that was sent, from the goroutine of the caller; nil means nobody looks.
	Observe func(Call)
}

// String leaves the password out, so that a Config can be logged.
func (c Config) String() string { return fmt.Sprintf("oVirt engine %s as %s", c.URL, c.Username) }

// GoString leaves the password out too.
func (c Config) GoString() string { return c.String() }

// Call is one HTTP request that has ended.
type Call struct {
	// Operation is the resource and what was done to it, for example vms.add; a login is sso.token.
	Operation string
	// Status is the HTTP status, 0 when there was no reply.
	Status int
	// Duration is the time from sending the request to the end of the reply.
	Duration time.Duration
	// Err is nil after a success.
	Err error
}

// userLevelRemembered is how long a refused query decides how the next ones are asked.
const userLevelRemembered = 5 * time.Minute

// Client talks to one engine as one user. It is safe for concurrent use. New credentials need a new Client.
type Client struct {
	config    Config
	url       string // https://HOST/ovirt-engine
	http      *http.Client
	transport *http.Transport
	places    chan struct{}
	session   session
	// userLevelSince is when the engine last refused a query of this user, in nanoseconds since 1970; 0 means never, or not any more.
	userLevelSince atomic.Int64
}

// New makes a Client without any I/O: the first call logs in.
func New(config Config) (*Client, error) {
	engine, err := engineURL(config.URL)
	if err != nil {
		return nil, err
	}
	if config.Username == "" || config.Password == "" {
		return nil, errors.New("engine credentials: a user name (user@profile) and a password are needed")
	}
	config.Scope = cmp.Or(config.Scope, defaultScope)
	config.Timeout = cmp.Or(config.Timeout, defaultTimeout)
	config.MaxInFlight = cmp.Or(config.MaxInFlight, defaultMaxInFlight)
	if config.Timeout < 0 || config.MaxInFlight < 0 {
		return nil, errors.New("engine client: the timeout and the number of calls in flight must not be negative")
	}
	transport, err := newTransport(config)
	if err != nil {
		return nil, err
	}
	return &Client{
		config:    config,
		url:       engine,
		transport: transport,
		// A redirect would send the token, or the password, to a host that nobody named.
		http: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		places: make(chan struct{}, config.MaxInFlight),
	}, nil
}

// String leaves the credentials out, so that a Client can be logged.
func (c *Client) String() string { return c.config.String() }

// GoString leaves the credentials out too.
func (c *Client) GoString() string { return c.config.String() }

// UserLevel tells that the engine refused a query of this user because the user has no administrator's role; System and
// CurrentUser do not tell, any list does. From then on requests have the header Filter: such a user's lists hold only what the
// user's own roles show, and ignore a search. Every five minutes one query goes without it, and ends this when it is answered.
//
// The engine decides by the role and the header alone: QueriesCommandBase.validatePermissions in its source.
func (c *Client) UserLevel() bool { return c.userLevelSince.Load() != 0 }

// asUser says whether to ask with the filter from the beginning. From time to time a query goes without it: roles change.
func (c *Client) asUser(method string) bool {
	since := c.userLevelSince.Load()
	return since != 0 && (method != http.MethodGet || time.Since(time.Unix(0, since)) < userLevelRemembered)
}

// Close drops idle connections. The token stays valid in the engine; Logout revokes it.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// engineURL gives https://HOST/ovirt-engine. Its errors never hold the URL: people write passwords into URLs.
func engineURL(raw string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(raw))
	switch {
	case err != nil:
		return "", errors.New("engine URL: not a URL; expected https://HOST/ovirt-engine")
	case u.User != nil:
		return "", errors.New("engine URL: must not hold credentials; give the user name and the password on their own")
	case u.Scheme != "https" || u.Host == "":
		return "", errors.New("engine URL: must begin with https:// and name a host; expected https://HOST/ovirt-engine")
	case u.RawQuery != "" || u.Fragment != "":
		return "", errors.New("engine URL: must not hold a query or a fragment; expected https://HOST/ovirt-engine")
	}
	prefix := strings.TrimSuffix(path.Clean("/"+u.Path), "/api")
	if prefix == "/" || prefix == "" {
		prefix = enginePath
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: prefix}).String(), nil
}

func newTransport(config Config) (*http.Transport, error) {
	trust := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: config.InsecureSkipTLSVerify} //nolint:gosec // the user's choice
	if len(config.CA) > 0 {
		trust.RootCAs = x509.NewCertPool()
		if !trust.RootCAs.AppendCertsFromPEM(config.CA) {
			return nil, errors.New("engine CA: no certificate in the PEM bundle; the engine serves its CA at URL" + caResource)
		}
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         dialer.DialContext,
		TLSClientConfig:     trust,
		TLSHandshakeTimeout: 10 * time.Second,
		ForceAttemptHTTP2:   true,
		// Without pings an HTTP/2 connection whose peer vanished fails every call until TCP gives up.
		HTTP2:               &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 10 * time.Second},
		MaxIdleConns:        config.MaxInFlight,
		MaxIdleConnsPerHost: config.MaxInFlight,
		IdleConnTimeout:     90 * time.Second,
	}, nil
}

// enter waits for one of the places in flight.
func (c *Client) enter(ctx context.Context) error {
	select {
	case c.places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Client) leave() { <-c.places }
