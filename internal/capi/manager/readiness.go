package manager

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
)

// readiness knows when the caches are synced and the webhooks are served. controller-runtime's own probe server would not tell
// its port, and knows nothing of the caches.
type readiness struct {
	cache    cache.Cache
	webhooks healthz.Checker // nil when there are none
	started  atomic.Bool
}

// setupReadiness adds the probes to the manager, and their server if there is a listener.
func setupReadiness(mgr ctrl.Manager, webhooks bool, listener net.Listener) (*readiness, error) {
	r := &readiness{cache: mgr.GetCache()}
	if webhooks {
		r.webhooks = mgr.GetWebhookServer().StartedChecker()
	}
	if err := mgr.Add(r); err != nil {
		return nil, fmt.Errorf("add the readiness check: %w", err)
	}
	if listener == nil {
		return r, nil
	}
	mux := http.NewServeMux()
	for path, checks := range map[string]map[string]healthz.Checker{
		"/healthz": {"ping": healthz.Ping},
		"/readyz":  {"caches-and-webhooks": r.check},
	} {
		mux.Handle(path, http.StripPrefix(path, &healthz.Handler{Checks: checks}))
		mux.Handle(path+"/", http.StripPrefix(path, &healthz.Handler{Checks: checks}))
	}
	timeout := shutdownTimeout
	err := mgr.Add(&manager.Server{
		Name:            "health",
		Server:          &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second},
		Listener:        listener,
		ShutdownTimeout: &timeout,
	})
	if err != nil {
		return nil, fmt.Errorf("add the health server: %w", err)
	}
	return r, nil
}

// Start is called when the caches that exist before the controllers start are synced.
func (r *readiness) Start(context.Context) error {
	r.started.Store(true)
	return nil
}

// NeedLeaderElection: a process that waits for the Lease is ready too; its webhooks are in use.
func (r *readiness) NeedLeaderElection() bool { return false }

// check fails until the webhooks answer and every cache that anybody asked for so far is synced.
func (r *readiness) check(request *http.Request) error {
	if !r.started.Load() {
		return errors.New("the manager has not started yet")
	}
	if r.webhooks != nil {
		if err := r.webhooks(request); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(request.Context(), time.Second)
	defer cancel()
	if !r.cache.WaitForCacheSync(ctx) {
		return errors.New("the caches are not synced yet")
	}
	return nil
}

// WaitReady returns when the manager is ready, or with the error of ctx.
func (m *Manager) WaitReady(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "/readyz", nil)
	if err != nil {
		return err
	}
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for m.ready.check(request) != nil {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
	return nil
}
