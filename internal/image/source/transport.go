package source

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

// Waiting times of requests. There is none for a whole download: one without a byte for stalledAfter is begun again.
const (
	dialTimeout      = 10 * time.Second
	handshakeTimeout = 10 * time.Second
	answerTimeout    = 30 * time.Second
	stalledAfter     = 60 * time.Second
)

// newTransport returns a transport that uses the proxies of the environment, and trusts the authorities of the system and those in the file.
func newTransport(caFile string, insecure bool) (*http.Transport, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: insecure} //nolint:gosec // when the user said so
	if caFile != "" {
		content, err := os.ReadFile(caFile)
		if err != nil {
			return nil, fmt.Errorf("read the certificate authority of the registry: %w", err)
		}
		if config.RootCAs, err = x509.SystemCertPool(); err != nil {
			return nil, fmt.Errorf("read the certificate authorities of the system: %w", err)
		}
		if !config.RootCAs.AppendCertsFromPEM(content) {
			return nil, fmt.Errorf("certificate authority of the registry: %s holds no certificate in PEM form", caFile)
		}
	}
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		TLSClientConfig:       config,
		TLSHandshakeTimeout:   handshakeTimeout,
		ResponseHeaderTimeout: answerTimeout,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   4,
		IdleConnTimeout:       90 * time.Second,
		DisableCompression:    true, // lengths and ranges are those of the blob
	}, nil
}

// errPlain says that a request would have gone over the network without TLS.
var errPlain = errors.New("plain HTTP is not used; " + FlagInsecure + " allows it")

// encrypted refuses plain HTTP, except to this machine: the library tries it with registries in private networks, and redirects may lead there.
type encrypted struct{ inner http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (e encrypted) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" && !loopback(r.URL.Hostname()) {
		return nil, fmt.Errorf("%s %s://%s: %w", r.Method, r.URL.Scheme, r.URL.Host, errPlain)
	}
	return e.inner.RoundTrip(r)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
