package engine

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/ocne-project/ocne/pkg/ovirt"
)

const (
	// failuresUntilDown is how many requests in a row must go unanswered before nobody is let through any more.
	failuresUntilDown = 3
	// usualRate and gentleRate are requests per second: in ordinary times, and in the first minute of an engine that has come back.
	usualRate, gentleRate   = rate.Limit(100), rate.Limit(10)
	usualBurst, gentleBurst = 50, 5
	// gentleFor is how long an engine that has come back is spared.
	gentleFor = time.Minute
	// signOn is the operation of a login, pkg/ovirt.
	signOn = "sso.token"
)

// DownError says that an engine is not asked, because it did not answer the last requests or refused the credentials.
type DownError struct {
	// Since is when the first of the requests failed that were not followed by a good one.
	Since time.Time
	// Err is what the last request came to.
	Err error
}

// Error implements error. It is the same for as long as the engine says the same: conditions do not change with the clock.
func (e *DownError) Error() string {
	return fmt.Sprintf("no usable answer since %s: %v", e.Since.UTC().Format(time.RFC3339), e.Err)
}

// Unwrap returns what the last request came to.
func (e *DownError) Unwrap() error { return e.Err }

// breaker keeps a thousand callers from an engine that does not answer: one request at a time finds out whether it does again.
type breaker struct {
	probeEvery time.Duration
	turned     func() // called when the engine goes down, and when it comes back; it must not block
	limit      *rate.Limiter

	mu          sync.Mutex
	failures    int
	down        *DownError // nil while requests are let through
	probed      time.Time  // when a request was last let through while down
	gentleUntil time.Time
	last        *DownError // of the failures so far
}

func newBreaker(probeEvery time.Duration, turned func()) *breaker {
	return &breaker{probeEvery: probeEvery, turned: turned, limit: rate.NewLimiter(usualRate, usualBurst)}
}

// admit is ovirt.Config.Admit.
func (b *breaker) admit(ctx context.Context) error {
	if err := b.refuse(time.Now()); err != nil {
		return err
	}
	if err := b.limit.Wait(ctx); err != nil {
		return &ovirt.Error{Kind: ovirt.Unavailable, Err: fmt.Errorf("waiting for its turn, at most %v requests per second: %w", b.limit.Limit(), err)}
	}
	return nil
}

func (b *breaker) refuse(now time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down != nil {
		if now.Sub(b.probed) < b.probeEvery {
			return b.down
		}
		b.probed = now
	}
	if !b.gentleUntil.IsZero() && now.After(b.gentleUntil) {
		b.gentleUntil = time.Time{}
		b.limit.SetLimit(usualRate)
		b.limit.SetBurst(usualBurst)
	}
	return nil
}

// observe is told of every request that was sent.
func (b *breaker) observe(call ovirt.Call, now time.Time) {
	failed, counts := b.judge(call)
	b.mu.Lock()
	if !counts {
		if ovirt.KindOf(call.Err) == ovirt.Auth {
			b.probed = time.Time{} // the engine has forgotten the session: the login that follows finds out
		}
		b.mu.Unlock()
		return
	}
	wasDown := b.down != nil
	if failed == 0 {
		b.answered(wasDown, now)
	} else {
		b.failed(failed, call.Err, now)
	}
	isDown := b.down != nil
	b.mu.Unlock()
	if wasDown != isDown {
		b.turned()
	}
}

// judge gives the weight of a failure, or says that the call tells nothing about the engine. Refused credentials weigh like an engine
// that is down: a thousand machines that try them would lock the account.
func (b *breaker) judge(call ovirt.Call) (weight int, counts bool) {
	switch kind := ovirt.KindOf(call.Err); {
	case kind == ovirt.Unavailable, kind == ovirt.NotEngine:
		return 1, true
	case kind == ovirt.Auth:
		return failuresUntilDown, call.Operation == signOn // elsewhere it is a token that has expired
	case kind == ovirt.Unknown && call.Status == 0:
		return 0, false // the caller gave up
	default:
		return 0, true
	}
}

func (b *breaker) answered(wasDown bool, now time.Time) {
	b.failures, b.down, b.last = 0, nil, nil
	if wasDown {
		b.gentleUntil = now.Add(gentleFor)
		b.limit.SetLimit(gentleRate)
		b.limit.SetBurst(gentleBurst)
	}
}

func (b *breaker) failed(weight int, err error, now time.Time) {
	since := now
	if b.last != nil {
		since = b.last.Since
	}
	b.failures += weight
	b.last = &DownError{Since: since, Err: err}
	if b.failures >= failuresUntilDown {
		if b.down == nil {
			b.probed = now
		}
		b.down = b.last
	}
}

// failing says whether the last request went unanswered.
func (b *breaker) failing() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last != nil
}

// isDown returns a *DownError while the engine is not asked, or nil.
func (b *breaker) isDown() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down == nil {
		return nil
	}
	return b.down
}
