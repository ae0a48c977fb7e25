package manager

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
)

// shutdownTimeout bounds how long open requests of a server may delay the end of the process.
const shutdownTimeout = 2 * time.Second

// webhookServer is controller-runtime's webhook server on a listener that is open already: the port must be known before the
// webhooks are installed, and nobody else may take it in between.
type webhookServer struct {
	webhook.Server // registers the handlers
	listener       net.Listener
	certificate    func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	started        atomic.Bool
}

func newWebhookServer(w Webhooks) *webhookServer {
	mux := http.NewServeMux()
	return &webhookServer{
		Server:      webhook.NewServer(webhook.Options{WebhookMux: mux}),
		listener:    w.Listener,
		certificate: w.GetCertificate,
	}
}

// Start serves until ctx ends.
func (s *webhookServer) Start(ctx context.Context) error {
	timeout := shutdownTimeout
	config := &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"h2", "http/1.1"},
		GetCertificate: s.certificate,
	}
	server := &manager.Server{
		Name:            "webhook",
		Server:          &http.Server{Handler: s.WebhookMux(), ReadHeaderTimeout: 32 * time.Second, IdleTimeout: 90 * time.Second},
		Listener:        tls.NewListener(s.listener, config),
		ShutdownTimeout: &timeout,
	}
	s.started.Store(true)
	return server.Start(ctx)
}

// StartedChecker says whether the server completes a TLS handshake.
func (s *webhookServer) StartedChecker() healthz.Checker {
	return func(r *http.Request) error {
		if !s.started.Load() {
			return errors.New("the webhook server has not been started yet")
		}
		address := s.listener.Addr().String()
		// Only the handshake is of interest here; it is the API server that verifies the certificate.
		dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: 10 * time.Second}, Config: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // see above
		ctx := context.Background()                                                                                            // a manager that checks its own readiness gives no request
		if r != nil {
			ctx = r.Context()
		}
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err != nil {
			return fmt.Errorf("the webhook server does not answer on %s: %w", address, err)
		}
		return conn.Close()
	}
}
