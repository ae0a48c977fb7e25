package cluster

import "errors"

// ErrBeingDeleted says that a cluster cannot be started before its deletion has ended.
var ErrBeingDeleted = errors.New("is being deleted")

// AdvisedError is an error that somebody can do something about.
type AdvisedError struct {
	Err error
	// Advice says what to do next: whole sentences, lines of a command indented.
	Advice string
	// Last says that what happened is told after the advice: the last line is what people read of a command that ran for long.
	Last bool
}

// Error is what happened, without the advice.
func (e *AdvisedError) Error() string { return e.Err.Error() }

// Unwrap returns the error itself.
func (e *AdvisedError) Unwrap() error { return e.Err }
