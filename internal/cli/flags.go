package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

// NoArguments refuses arguments that are not flags.
func NoArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return &UsageError{Command: cmd.CommandPath(), Err: fmt.Errorf("unexpected argument %q: this command takes flags only", args[0])}
}

// Given returns the value of a flag that is on the command line, and nil for one that is not.
func Given(cmd *cobra.Command, flag string, value *string) *string {
	if !cmd.Flags().Changed(flag) {
		return nil
	}
	return value
}

// GivenCount is Given for a number of nodes.
func GivenCount(cmd *cobra.Command, flag string, value *uint16) *int {
	if !cmd.Flags().Changed(flag) {
		return nil
	}
	count := int(*value)
	return &count
}

// WithTimeout ends the context after the time that --timeout gives; 0 means never.
func WithTimeout(ctx context.Context, after time.Duration) (context.Context, context.CancelFunc) {
	if after <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, after, fmt.Errorf("not finished within %s", after))
}
