// Package engine keeps what all machines of one engine share: one authenticated connection per account, one list of VMs, and
// the ids behind the names of clusters, networks and templates.
package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ocne-project/ocne/pkg/ovirt"
)

const (
	// PollInterval is how often the list of VMs is read while nothing is on its way; a change made behind our back is seen
	// within this time.
	PollInterval = 10 * time.Second
	// idleAfter is how long a connection is kept after its last use. Every OLVMCluster uses its own more often: a connection with
	// credentials that were replaced ends soon, before it could log in with them again.
	idleAfter = 2 * time.Minute
	// lookAgainAfter is how soon an engine is asked again that did not answer.
	lookAgainAfter = time.Second
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
	// Sent is called before every request is sent; it may be nil.
	Sent func()
	// Changed is called with the ids of VMs that appeared, changed their status or vanished between two lists, whoever read them, and again
	// with the next poll when it returns an error; it may be nil.
	Changed func(ctx context.Context, vmIDs []string) error
	// Connected is called in the place of Changed when a connection has read its first list, and again with the next poll when it returns an
	// error; it may be nil. What was seen through an older connection may have changed or vanished before that list.
	Connected func(ctx context.Context) error
	// Turned is called with the URL of an engine that does not answer any more, or does again; it may be nil.
	Turned func(ctx context.Context, url string)

	mu      sync.Mutex
	engines map[string]*Engine
	turned  chan string // URLs to tell about
}

// turnedAtMost is how many engines may wait to be told about; what is lost is seen with the next poll.
const turnedAtMost = 64

// For returns the connection of an account; it does no I/O.
func (e *Engines) For(a Account) (*Engine, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	key := a.key()
	if known := e.engines[key]; known != nil {
		known.used = time.Now()
		return known, nil
	}
	turned := e.ready()
	b := newBreaker(PollInterval, func() {
		select {
		case turned <- a.URL:
		default:
		}
	})
	client, err := ovirt.New(ovirt.Config{
		URL: a.URL, Username: a.Username, Password: a.Password, Scope: a.Scope,
		CA: a.CA, InsecureSkipTLSVerify: a.InsecureSkipTLSVerify, Admit: e.admit(b), Observe: e.observe(b),
	})
	if err != nil {
		return nil, fmt.Errorf("engine client: %w", err)
	}
	for key, old := range e.engines {
		if old.url == a.URL && old.username == a.Username && ovirt.KindOf(old.Down()) == ovirt.Auth { // its password was replaced
			old.client.Close()
			delete(e.engines, key)
		}
	}
	created := newEngine(client, a, b)
	created.used = time.Now()
	for _, other := range e.engines {
		if other.url == a.URL {
			created.turns = other.turns
		}
	}
	e.engines[key] = created
	return created, nil
}

// ready makes what the zero value lacks, under the lock, and returns where engines report that they turned.
func (e *Engines) ready() chan string {
	if e.engines == nil {
		e.engines, e.turned = map[string]*Engine{}, make(chan string, turnedAtMost)
	}
	return e.turned
}

func (e *Engines) admit(b *breaker) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := b.admit(ctx); err != nil {
			return err
		}
		if e.Sent != nil {
			e.Sent()
		}
		return nil
	}
}

func (e *Engines) observe(b *breaker) func(ovirt.Call) {
	return func(call ovirt.Call) {
		b.observe(call, time.Now())
		if e.Observe != nil {
			e.Observe(call)
		}
	}
}

// Start refreshes the list of VMs of every engine in use until the context ends. It is a controller-runtime Runnable.
func (e *Engines) Start(ctx context.Context) error {
	e.mu.Lock()
	turned := e.ready()
	e.mu.Unlock()
	var wg sync.WaitGroup
	wg.Go(func() { e.tell(ctx, turned) })
	defer wg.Wait()
	ticker := time.NewTicker(PollInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			e.closeAll()
			return nil
		case <-ticker.C:
			e.poll(ctx, &wg)
		}
	}
}

// tell reports engines that go down or come back.
func (e *Engines) tell(ctx context.Context, turned <-chan string) {
	for {
		select {
		case <-ctx.Done():
			return
		case url := <-turned:
			if e.Turned != nil {
				e.Turned(ctx, url)
			}
		}
	}
}

// Each calls f for every engine in use, the one used last first.
func (e *Engines) Each(f func(*Engine)) {
	e.mu.Lock()
	used := slices.SortedFunc(maps.Values(e.engines), func(a, b *Engine) int { return b.used.Compare(a.used) })
	e.mu.Unlock()
	for _, one := range used {
		f(one)
	}
}

// NeedLeaderElection says that only the leader polls.
func (e *Engines) NeedLeaderElection() bool { return true }

// poll asks each engine by itself: one that answers slowly, or not at all, does not keep the others from being asked.
func (e *Engines) poll(ctx context.Context, wg *sync.WaitGroup) {
	for _, one := range e.inUse() {
		if !one.polled.CompareAndSwap(false, true) { // it is still being asked
			continue
		}
		wg.Go(func() {
			defer one.polled.Store(false)
			e.tellChanges(ctx, one)
		})
	}
}

func (e *Engines) tellChanges(ctx context.Context, one *Engine) {
	if _, err := one.look(ctx); err != nil { // an error is not an observation
		return
	}
	ids := one.takeChanged()
	switch {
	case !one.connected && e.Connected != nil:
		one.connected = e.Connected(ctx) == nil
	case len(ids) > 0 && e.Changed != nil && e.Changed(ctx, ids) != nil:
		one.changedAgain(ids)
	}
}

// EachAccount calls f for every engine in use, once for each URL and user: after a rotation of the password there are two for a while, and
// the one used last counts.
func (e *Engines) EachAccount(f func(one *Engine, url, user string)) {
	told := map[[2]string]bool{}
	e.Each(func(one *Engine) {
		if account := [2]string{one.url, one.username}; !told[account] {
			told[account] = true
			f(one, one.url, one.username)
		}
	})
}

// look reads the list. An engine that does not answer is asked again soon, until it counts as down: that is told then.
func (e *Engine) look(ctx context.Context) (*Snapshot, error) {
	for {
		notBefore := time.Now().Add(-PollInterval / 2)
		if e.breaker.failing() {
			notBefore = time.Now()
		}
		snapshot, err := e.Snapshot(ctx, notBefore)
		if err == nil || ctx.Err() != nil || e.Down() != nil || !e.breaker.failing() {
			return snapshot, err
		}
		select {
		case <-ctx.Done():
		case <-time.After(lookAgainAfter):
		}
	}
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
