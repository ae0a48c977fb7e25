// Package servingcert makes the certificate of a webhook server that nobody else provides one for, and replaces it, together with
// the CA that signed it, long before it expires.
//
// A new CA is published before the new certificate is served, and the old CA stays published until it has expired: at every
// moment the API server trusts what is served.
package servingcert

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/go-logr/logr"
)

// DefaultLifetime is how long a certificate is valid; it is replaced after two thirds of it.
const DefaultLifetime = 90 * 24 * time.Hour

// Options of a Rotator.
type Options struct {
	// Hosts are the IP addresses and DNS names that clients use.
	Hosts []string
	// Dir keeps the certificate across restarts, with mode 0700; empty keeps it in memory.
	Dir string
	// Lifetime of CA and certificate; 0 means DefaultLifetime. At least a few seconds: certificates count whole seconds.
	Lifetime time.Duration
	// Publish makes clients trust exactly the CAs of a PEM bundle. It is called again when it failed, and may be nil.
	Publish func(ctx context.Context, caBundle []byte) error
	// Log of the rotations.
	Log logr.Logger
}

// Rotator owns a serving certificate.
type Rotator struct {
	options Options

	mu sync.Mutex
	// current is replaced, never changed: handshakes hold on to it.
	current *pair
	// next is served from the next step on; its CA is published already. Nil while nothing is due.
	next *pair
	// trusted are the published CAs.
	trusted []*x509.Certificate
}

// New takes the certificate that an earlier process left in Options.Dir, or makes one.
func New(options Options) (*Rotator, error) {
	if options.Lifetime == 0 {
		options.Lifetime = DefaultLifetime
	}
	current, err := initial(options)
	if err != nil {
		return nil, err
	}
	return &Rotator{options: options, current: &current, trusted: []*x509.Certificate{current.ca}}, nil
}

func initial(options Options) (pair, error) {
	now := time.Now()
	if options.Dir != "" {
		stored, err := load(options.Dir)
		switch {
		case err == nil && stored.usable(options.Hosts, options.Lifetime, now):
			return stored, nil
		case err != nil && !errors.Is(err, os.ErrNotExist):
			options.Log.Info("the stored webhook certificate cannot be used and is replaced", "reason", err.Error())
		}
	}
	fresh, err := issue(options.Hosts, options.Lifetime, now)
	if err != nil {
		return pair{}, err
	}
	return fresh, save(options.Dir, fresh)
}

// GetCertificate returns the certificate to serve; it fits tls.Config.
func (r *Rotator) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &r.current.serving, nil
}

// CABundle returns the CAs to trust, in PEM.
func (r *Rotator) CABundle() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bundle(r.trusted)
}

// NeedLeaderElection says no: every process serves a certificate of its own.
func (r *Rotator) NeedLeaderElection() bool { return false }

// Start rotates until ctx ends. The clock is looked at often, because a timer does not count the time that a machine sleeps.
func (r *Rotator) Start(ctx context.Context) error {
	ticker := time.NewTicker(min(r.options.Lifetime/30, time.Minute))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if err := r.step(ctx, time.Now()); err != nil && ctx.Err() == nil {
			r.options.Log.Error(err, "the webhook certificate was not rotated; this is tried again", "validUntil", r.validUntil())
		}
	}
}

func (r *Rotator) validUntil() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.current.serving.Leaf.NotAfter
}

// step does what is due at the given time. Publishing the next CA and serving its certificate are two steps: API servers take a
// moment to read what was published.
func (r *Rotator) step(ctx context.Context, now time.Time) error {
	r.mu.Lock()
	current, next, trusted := r.current, r.next, r.trusted
	r.mu.Unlock()

	if next != nil {
		r.mu.Lock()
		r.current, r.next = next, nil
		r.mu.Unlock()
		r.options.Log.Info("rotated the webhook certificate", "validUntil", next.serving.Leaf.NotAfter)
		return save(r.options.Dir, *next)
	}
	wanted := []*x509.Certificate{current.ca}
	if now.After(current.rotateAt(r.options.Lifetime)) {
		fresh, err := issue(r.options.Hosts, r.options.Lifetime, now)
		if err != nil {
			return err
		}
		next, wanted = &fresh, append(wanted, fresh.ca)
	}
	for _, ca := range trusted {
		if !ca.Equal(current.ca) && now.Before(ca.NotAfter) {
			wanted = append(wanted, ca)
		}
	}
	if next == nil && len(wanted) == len(trusted) {
		return nil
	}
	if r.options.Publish != nil {
		if err := r.options.Publish(ctx, bundle(wanted)); err != nil {
			return fmt.Errorf("publish the webhook CA: %w", err)
		}
	}
	r.mu.Lock()
	r.next, r.trusted = next, wanted
	r.mu.Unlock()
	return nil
}
