// Package version is the command "ocne version".
package version

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

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
			_, err := fmt.Fprintf(env.Streams.Out, "ocne %s\n", Describe())
			return err
		},
	}
}

// Describe is the module's version, the commit and what it was built with and for, as Go recorded them in the program.
func Describe() string {
	version, commit, modified := "(unknown)", "", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		version = cmp.Or(info.Main.Version, version)
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				commit = ", commit " + s.Value
			case s.Key == "vcs.modified" && s.Value == "true":
				modified = " with changes"
			}
		}
	}
	return fmt.Sprintf("%s%s%s, %s %s/%s", version, commit, modified, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
