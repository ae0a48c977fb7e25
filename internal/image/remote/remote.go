// Package remote has what is common to all that waits for an engine: how long, and how it ends when nothing comes of it.
package remote

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ocne-project/ocne/pkg/ovirt"
)

const (
	// DefaultPatience is how long an engine or its hosts may be out of reach.
	DefaultPatience = 5 * time.Minute
	// CleanupTime is how long what failed may take to remove what it made.
	CleanupTime = 2 * time.Minute

	// FirstPause is how long to wait before something is tried again the first time.
	FirstPause = 50 * time.Millisecond
	// LongPause is how long to wait before something is tried again, at most.
	LongPause = 2 * time.Second
)

// Await calls done until it is, less and less often. An engine that is out of reach, or an object in the wrong state, is tried again
// as long as patience lasts, and then what was waited for is in a *TimeoutError; every other error ends it.
func Await(ctx context.Context, patience time.Duration, what string, done func() (bool, error)) error {
	pause, until := FirstPause, time.Now().Add(patience)
	for {
		ok, err := done()
		switch {
		case ok:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !errors.Is(err, ovirt.Unavailable) && !errors.Is(err, ovirt.Conflict):
			return err
		case time.Now().After(until):
			return &TimeoutError{Waiting: what, Err: err}
		}
		if err := Sleep(ctx, pause); err != nil {
			return err
		}
		pause = min(pause*3/2, LongPause)
	}
}

// Sleep waits, or returns the error of a context that ends before.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Over is a refusal that says no more than that the next look at the object will tell.
func Over(err error) bool { return errors.Is(err, ovirt.Conflict) || errors.Is(err, ovirt.NotFound) }

// Ignore drops such refusals.
func Ignore(err error) error {
	if Over(err) {
		return nil
	}
	return err
}

// TimeoutError says that patience is at its end.
type TimeoutError struct {
	Waiting string // until what
	Err     error  // the last error, nil when there was none
}

func (e *TimeoutError) Error() string {
	text := "gave up waiting until " + e.Waiting
	if e.Err != nil {
		text += fmt.Sprintf(": %v", e.Err)
	}
	return text
}

// Unwrap gives the last error.
func (e *TimeoutError) Unwrap() error { return e.Err }

// PermissionError says what a user lacks.
type PermissionError struct {
	// Permit is the engine's name of it, and Object what it is needed on, for example "storage domain data".
	Permit, Object string
	Err            error
}

func (e *PermissionError) Error() string {
	return fmt.Sprintf("%v; the user needs the permit %s on %s: the engine's administrator can give a role that has it", e.Err, e.Permit, e.Object)
}

// Unwrap gives the engine's refusal.
func (e *PermissionError) Unwrap() error { return e.Err }

// LeftBehindError says that something could not be removed after a failure.
type LeftBehindError struct {
	// What it is, for example "disk ock (id ...)".
	What string
	Err  error
}

func (e *LeftBehindError) Error() string {
	return fmt.Sprintf("%s could not be removed: %v; the same command goes on with it, and --abort removes it", e.What, e.Err)
}

// Unwrap gives why.
func (e *LeftBehindError) Unwrap() error { return e.Err }
