// Package info is the command "ocne image info".
package info

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cli/output"
	"github.com/ocne-project/ocne/internal/image"
)

// Options of the command.
type Options struct {
	Environment *cli.Environment
	cli.ImageSource
	// Output is the format: Text, JSON or YAML.
	Output output.Format
}

const long = `Info shows what an image holds: operating system, architecture, kernel arguments, sizes, and whether it has the form that Oracle Linux
Virtualization Manager needs. An image that is not in the cache is pulled.`

const example = `  ocne image info --version 1.33
  ocne image info --image ~/.ocne/images/boot.qcow2-1.33-amd64.olvm
  ocne image info --image registry.example.com/ock:1.33 -o json`

// NewCommand returns the command; run is Run but in tests.
func NewCommand(env *cli.Environment, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Environment: env}
	cmd := &cobra.Command{
		Use:     "info",
		Short:   "Show what an image holds",
		Long:    long,
		Example: example,
		Args:    cli.NoArguments,
	}
	complete := cli.ImageFlags(cmd, &o.ImageSource)
	output.AddFlag(cmd.Flags(), &o.Output, output.JSON, output.YAML)
	file := cmd.Flags().StringP("file", "f", "", "`file` of an image: the same as --image")
	cmd.Flags().Lookup("file").Hidden = true // of the existing ocne
	cmd.Flags().Lookup("kernel-args").Hidden = true
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := complete(); err != nil {
			return err
		}
		if given := cli.Given(cmd, "file", file); given != nil {
			o.Reference = given
		}
		return run(cmd.Context(), o)
	}
	return cmd
}

// Run shows the image.
func Run(ctx context.Context, o *Options) (err error) {
	env := o.Environment
	c, wanted, err := o.Load(env)
	if err != nil {
		return err
	}
	report := env.Reporter(c.Quiet)
	defer report.Close()
	facts, err := image.Inspect(ctx, image.Directory(env.HomeDir), wanted, report)
	if err != nil {
		return cli.Stopped(err, "What was pulled stays, and is not pulled again.")
	}
	report.Close()
	return o.print(facts)
}

func (o *Options) print(f *image.Facts) error {
	out := o.Environment.Streams.Out
	if o.Output.ForPrograms() {
		return output.Print(out, o.Output, f)
	}
	form := "as published; uploading gives it the form for OLVM"
	if f.Converted {
		form = "for OLVM"
	}
	var failed error
	for _, line := range [][2]string{
		{"Image", f.Image}, {"Digest", f.Digest}, {"File", fmt.Sprintf("%s (%s, %s)", f.File, f.Format, image.Size(f.Size))},
		{"Title", f.Title}, {"Architecture", f.Architecture}, {"Form", form}, {"Ignition", f.Platform}, {"Kernel", f.KernelArgs},
		{"Disk", fmt.Sprintf("%s, of which %s hold data", image.Size(f.VirtualSize), image.Size(f.Data))},
	} {
		_, err := fmt.Fprintf(out, "%-14s%s\n", line[0]+":", line[1])
		failed = errors.Join(failed, err)
	}
	return failed
}
