package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/ocne-project/ocne/internal/cluster"
)

// Exit codes of ocne.
const (
	ExitOK          = 0
	ExitError       = 1
	ExitUsage       = 2
	ExitInterrupted = 130 // as shells report a process that SIGINT (2) has ended: 128 + 2
)

// UsageError says that the command line itself is wrong.
type UsageError struct {
	// Command is the path of the command whose help explains what is right, such as "ocne cluster start".
	Command string
	Err     error
}

// Error is what is wrong.
func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong.
func (e *UsageError) Unwrap() error { return e.Err }

// ExitCode is the exit code for what a command returned.
func ExitCode(err error) int {
	var usage *UsageError
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &usage):
		return ExitUsage
	case errors.Is(err, context.Canceled):
		return ExitInterrupted
	}
	return ExitError
}

// PrintError tells what a command returned, once, with the next step where one is known.
func PrintError(w io.Writer, err error) {
	if err == nil {
		return
	}
	what := fmt.Sprintf("Error: %s\n", strings.TrimRight(err.Error(), "\n"))
	var usage *UsageError
	var advised *cluster.AdvisedError
	var adviser interface{ Advice() string }
	hasAdvice := errors.As(err, &advised)
	if hasAdvice && advised.Last {
		_, _ = fmt.Fprintf(w, "\n%s\n\n%s", advised.Advice, what)
		return
	}
	_, _ = io.WriteString(w, what)
	switch {
	case hasAdvice:
		_, _ = fmt.Fprintf(w, "\n%s\n", advised.Advice)
	case errors.As(err, &adviser):
		_, _ = fmt.Fprintf(w, "\n%s\n", adviser.Advice())
	case errors.As(err, &usage):
		_, _ = fmt.Fprintf(w, "\nRun '%s --help' for help.\n", usage.Command)
	}
}
