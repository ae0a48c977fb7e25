// Package schema is the command "ocne config schema".
package schema

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/config/schema"
)

// Options of the command.
type Options struct {
	Environment *cli.Environment
}

const long = `Schema prints the JSON schema of the cluster file and the defaults file, with which editors complete keys, show what they mean and mark
what is wrong. 'ocne config validate' checks more: what does not fit together, and the files that are named.`

const example = `  ocne config schema > cluster-file.schema.json`

// NewCommand returns the command; run is Run but in tests.
func NewCommand(env *cli.Environment, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Environment: env}
	return &cobra.Command{
		Use:     "schema",
		Short:   "Print the JSON schema of the cluster file",
		Long:    long,
		Example: example,
		Args:    cli.NoArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), o) },
	}
}

// Run prints the schema.
func Run(_ context.Context, o *Options) error {
	if _, err := o.Environment.Streams.Out.Write(schema.JSON()); err != nil {
		return fmt.Errorf("print the schema: %w", err)
	}
	return nil
}
