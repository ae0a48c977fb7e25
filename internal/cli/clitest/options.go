// Package clitest is for tests of commands.
package clitest

import (
	"context"
	"io"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/cli"
)

// ExpectOptions parses a command line and compares what the command would run with; want is nil when it is to be refused.
func ExpectOptions[T any](t *testing.T, newCommand func(*cli.Environment, func(context.Context, *T) error) *cobra.Command, args []string, want *T) {
	t.Helper()
	var got *T
	cmd := newCommand(nil, func(_ context.Context, o *T) error { got = o; return nil })
	cmd.SetArgs(args)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetErr(io.Discard)
	err := cmd.ExecuteContext(t.Context())
	require.Equal(t, want == nil, err != nil, "%v", err)
	require.Equal(t, want, got)
}
