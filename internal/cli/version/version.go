// Package version is the command "ocne version".
package version

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/ocne-project/ocne/internal/cli"
)

// NewCommand returns the command.
func NewCommand(env *cli.Environment) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show the version of ocne",
		Args:  cli.NoArguments,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(env.Streams.Out, "ocne %s, %s %s/%s\n", env.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
