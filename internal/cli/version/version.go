// Package version is the command "ocne version".
package version

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cli/output"
)

// info is what programs get.
type info struct {
	Version  string `json:"version"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// NewCommand returns the command.
func NewCommand(env *cli.Environment) *cobra.Command {
	var format output.Format
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Show the version of ocne",
		Args:  cli.NoArguments,
		RunE: func(*cobra.Command, []string) error {
			v := info{Version: env.Version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
			if format.ForPrograms() {
				return output.Print(env.Streams.Out, format, v)
			}
			_, err := fmt.Fprintf(env.Streams.Out, "ocne %s, %s %s\n", v.Version, v.Go, v.Platform)
			return err
		},
	}
	output.AddFlag(cmd.Flags(), &format, output.JSON, output.YAML)
	return cmd
}
