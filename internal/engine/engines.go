// Package engine keeps what all machines of one engine share: one authenticated connection per account, one list of VMs, and
// the ids behind the names of clusters, networks and templates.
package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/ocne-project/ocne/pkg/ovirt"
)

const (
	// PollInterval is how often the list of VMs is read while nothing is on its way; a change made behind our back is seen
	// within this time.
	PollInterval = 10 * time.Second
	// idleAfter is how long a connection is kept after its last use.
	idleAfter = 15 * time.Minute
)

// Account is everything that decides which connection to use.
type Account struct {
	URL, Username, Password, Scope string
	CA                             []byte
	InsecureSkipTLSVerify          bool
}

// key changes with every part of the account, so that rotated credentials or certificates lead to a new connection.
func (a Account) key() string {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%q %q %q %q %q %t", a.URL, a.Username, a.Password, a.Scope, a.CA, a.InsecureSkipTLSVerify)
	return hex.EncodeToString(h.Sum(nil))
}

// Engines keeps one connection per account.
type Engines struct {
	// Observe is called after every request to an engine; it may be nil.
	Observe func(ovirt.Call)
	// Changed is called with the ids of VMs that appeared, changed their status or vanished; it may be nil.
	Changed func(ctx context.Context, vmIDs []string)

	mu      sync.Mutex
	engines map[string]*Engine
}

// For returns the connection of an account; it does no I/O.
func (e *Engines) For(a Account) (*Engine, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	key := a.key()
	if known := e.engines[key]; known != nil {
		known.used = time.Now()
		return known, nil
	}
	client, err := ovirt.New(ovirt.Config{
		URL: a.URL, Username: a.Username, Password: a.Password, Scope: a.Scope,
		CA: a.CA, InsecureSkipTLSVerify: a.InsecureSkipTLSVerify, Observe: e.Observe,
	})
	if err != nil {
		return nil, fmt.Errorf("engine client: %w", err)
	}
	if e.engines == nil {
		e.engines = map[string]*Engine{}
	}
	created := newEngine(client, a.URL)
	created.used = time.Now()
	e.engines[key] = created
	return created, nil
}

// Start refreshes the list of VMs of every engine in use until the context ends. It is a controller-runtime Runnable.
func (e *Engines) Start(ctx context.Context) error {
	ticker := time.NewTicker(PollInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			e.closeAll()
			return nil
		case <-ticker.C:
			e.poll(ctx)
		}
	}
}

// NeedLeaderElection says that only the leader polls.
func (e *Engines) NeedLeaderElection() bool { return true }

func (e *Engines) poll(ctx context.Context) {
	var wg sync.WaitGroup
	for _, one := range e.inUse() {
		wg.Go(func() {
			after, err := one.Snapshot(ctx, time.Now().Add(-PollInterval/2))
			if err != nil || e.Changed == nil { // an error is not an observation; whoever reconciles reports it
				return
			}
			before := one.reported
			if before == nil { // of a new connection everybody is told once
				before = &Snapshot{}
			}
			one.reported = after
			if ids := after.changedSince(before); len(ids) > 0 {
				e.Changed(ctx, ids)
			}
		})
	}
	wg.Wait()
}

func (e *Engines) inUse() []*Engine {
	e.mu.Lock()
	defer e.mu.Unlock()
	var used []*Engine
	for key, one := range e.engines {
		if time.Since(one.used) > idleAfter {
			one.client.Close()
			delete(e.engines, key)
			continue
		}
		used = append(used, one)
	}
	return used
}

func (e *Engines) closeAll() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, one := range e.engines {
		one.client.Close()
	}
}
