// Package create is the command "ocne image create".
package create

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cli/output"
	"github.com/ocne-project/ocne/internal/image"
)

// Options of the command.
type Options struct {
	Environment *cli.Environment
	cli.ImageSource
	// File is where the image is written; empty for its place below ~/.ocne/images.
	File string
	// Output is the format: Text, JSON or YAML.
	Output output.Format
}

const long = `Create writes a boot image for Oracle Linux Virtualization Manager to a file: the OCK image of a Kubernetes version, which it pulls from its
registry, with the changes that machines of this platform need. It needs neither root nor a cluster nor the engine.

'ocne image upload' and 'ocne cluster start' need no such file. It is for those who upload images by other means.`

const example = `  # The image of Kubernetes 1.33, into ~/.ocne/images
  ocne image create --type olvm --arch amd64 --version 1.33

  # With arguments of the kernel, into a file
  ocne image create --type olvm --kernel-args "console=ttyS1" --file ock.qcow2

  # From a directory that was brought to a machine without a network
  ocne image create --type olvm --image oci:/media/ock --file ock.qcow2`

// stopped is what an interrupt leaves.
const stopped = "No file was written; what was pulled stays, and is not pulled again."

// NewCommand returns the command; run is Run but in tests.
func NewCommand(env *cli.Environment, run func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Environment: env}
	cmd := &cobra.Command{
		Use:     "create",
		Short:   "Write a boot image to a file",
		Long:    long,
		Example: example,
		Args:    cli.NoArguments,
	}
	complete := cli.ImageFlags(cmd, &o.ImageSource)
	f := cmd.Flags()
	f.StringVarP(&o.File, "file", "f", "", "`file` to write")
	output.AddFlag(f, &o.Output, output.JSON, output.YAML)
	provider := f.StringP("ignition-provider", "i", "", "")
	f.Lookup("ignition-provider").Hidden = true
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *provider != "" && *provider != "openstack" {
			return &cli.UsageError{Command: cmd.CommandPath(), Err: errors.New("--ignition-provider: machines of this platform need openstack, leave it out")}
		}
		if err := complete(); err != nil {
			return err
		}
		return run(cmd.Context(), o)
	}
	return cmd
}

// created is what programs read.
type created struct {
	File         string `json:"file"`
	Image        string `json:"image"`
	Digest       string `json:"digest"`
	Architecture string `json:"architecture"`
	Title        string `json:"title"`
	KernelArgs   string `json:"kernelArgs"`
	VirtualSize  int64  `json:"virtualSize"`
}

// Run writes the file.
func Run(ctx context.Context, o *Options) (err error) {
	env := o.Environment
	c, wanted, err := o.Load(env)
	if err != nil {
		return err
	}
	report := env.Reporter(c.Quiet)
	defer report.Close()
	directory := image.Directory(env.HomeDir)
	i, err := image.Open(ctx, directory, wanted, report)
	if err != nil {
		return cli.Stopped(err, stopped)
	}
	defer func() { err = errors.Join(err, i.Close()) }()
	file := o.File
	if file == "" { // the name that the existing ocne gives it
		minor := c.KubernetesVersion[:strings.LastIndex(c.KubernetesVersion, ".")]
		file = filepath.Join(directory, fmt.Sprintf("boot.qcow2-%s-%s.olvm", strings.TrimPrefix(minor, "v"), wanted.Architecture))
	}
	if err := i.WriteFile(ctx, file, report); err != nil {
		return cli.Stopped(err, stopped)
	}
	if !i.Changed {
		report.Step("The image has the form for OLVM already")
	}
	report.Close()
	if o.Output.ForPrograms() {
		return output.Print(env.Streams.Out, o.Output, created{
			File: file, Image: wanted.Reference, Digest: i.Digest, Architecture: wanted.Architecture, Title: i.Info.Title,
			KernelArgs: i.Info.KernelArgs, VirtualSize: i.Info.VirtualSize,
		})
	}
	_, err = fmt.Fprintf(env.Streams.Out, "%s\n\nUpload it:\n  %s image upload --type olvm --image %s\n", file, env.Name(), cli.Quote(file))
	return err
}
