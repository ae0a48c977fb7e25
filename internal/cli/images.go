package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/ocne-project/ocne/internal/cluster"
	"github.com/ocne-project/ocne/internal/config"
	"github.com/ocne-project/ocne/internal/image"
	"github.com/ocne-project/ocne/internal/image/source"
)

// ImageSource is what the image commands share: which image, and how to reach it.
type ImageSource struct {
	// ConfigFile is a cluster file; it may be empty.
	ConfigFile string
	// Reference wins over the configuration, as all that follows; nil or empty means not given.
	Reference, Version, KernelArgs *string
	// Architecture is amd64 or arm64.
	Architecture string
	// CAFile, AuthFile and Insecure are about registries.
	CAFile, AuthFile string
	Insecure         bool
}

// ImageFlags adds the flags of ImageSource. The function that it returns completes it from the command line.
func ImageFlags(cmd *cobra.Command, s *ImageSource) (complete func() error) {
	f := cmd.Flags()
	f.StringVarP(&s.ConfigFile, "config", "c", "", "cluster `file`")
	reference := f.String("image", "", "container `image`: REPOSITORY[:TAG], oci:DIRECTORY[:TAG], docker-archive:FILE, or a qcow2 file")
	version := f.StringP("version", "v", "", "Kubernetes `version`, such as 1.33: the image's tag when it has none")
	args := f.StringP("kernel-args", "K", "", "`arguments` to add to the kernel's command line")
	f.StringVarP(&s.Architecture, "arch", "a", "", "`architecture`: amd64 or arm64")
	f.StringVar(&s.CAFile, "registry-ca", "", "`file` with certificates of registries to trust")
	f.StringVar(&s.AuthFile, "registry-auth-file", "", "`file` with credentials of registries, instead of those of podman and docker")
	f.BoolVar(&s.Insecure, "registry-insecure", false, "trust any certificate of a registry, and use HTTP where there is no HTTPS")
	kind := f.StringP("type", "t", "olvm", "`kind` of image: olvm")
	f.StringP("kubeconfig", "k", "", "") // the existing ocne needs a cluster for this
	f.Lookup("kubeconfig").Hidden = true
	return func() error {
		wrong := func(format string, args ...any) error {
			return &UsageError{Command: cmd.CommandPath(), Err: fmt.Errorf(format, args...)}
		}
		s.Reference, s.Version, s.KernelArgs = Given(cmd, "image", reference), Given(cmd, "version", version), Given(cmd, "kernel-args", args)
		if *kind != "olvm" {
			return wrong("--type %s: this release makes images for olvm only", *kind)
		}
		if s.Architecture == "" {
			return nil
		}
		architecture, err := source.Architecture(s.Architecture)
		if err != nil {
			return wrong("--arch: %w", err)
		}
		s.Architecture = architecture
		return nil
	}
}

// Load reads the configuration, and what of it is about the image. The architecture is that of the machines, unless it is given.
func (s *ImageSource) Load(env *Environment) (*config.Config, image.Source, error) {
	c, _, err := config.Load(config.Options{
		ClusterFile: s.ConfigFile, Flags: config.Flags{KubernetesVersion: s.Version, Image: s.Reference}, Getenv: env.Getenv, HomeDir: env.HomeDir,
	})
	if err != nil {
		return nil, image.Source{}, err
	}
	wanted := cluster.ImageSource(c.Image, cmp.Or(s.Architecture, c.OLVM.ControlPlaneMachine.Architecture()))
	wanted.CAFile, wanted.AuthFile, wanted.Insecure = cmp.Or(s.CAFile, wanted.CAFile), s.AuthFile, s.Insecure
	if s.KernelArgs != nil {
		wanted.KernelArgs = *s.KernelArgs
	}
	return c, wanted, nil
}

// Words are the flags that were given, for a command line to try next.
func (s *ImageSource) Words() []string {
	var words []string
	add := func(flag, value string) {
		if value != "" {
			words = append(words, flag, Quote(value))
		}
	}
	given := func(p *string) string {
		if p == nil {
			return ""
		}
		return *p
	}
	add("-c", s.ConfigFile)
	add("--image", given(s.Reference))
	add("-v", given(s.Version))
	add("-K", given(s.KernelArgs))
	add("--arch", s.Architecture)
	add("--registry-ca", s.CAFile)
	add("--registry-auth-file", s.AuthFile)
	if s.Insecure {
		words = append(words, "--registry-insecure")
	}
	return slices.Clip(words)
}

// WithEngine connects to the engine of a configuration, calls do, and logs out.
func (e *Environment) WithEngine(ctx context.Context, c *config.Config, do func(*image.Maker) error) error {
	if err := c.ValidateImage(); err != nil {
		return err
	}
	engine, err := cluster.ConnectEngine(c, e.Getenv)
	if err != nil {
		return err
	}
	defer engine.Close()
	defer cluster.Logout(ctx, engine)
	report := e.Reporter(c.Quiet)
	defer report.Close()
	return do(&image.Maker{Engine: engine, Directory: image.Directory(e.HomeDir), Report: report})
}

// Stopped says what an interrupt leaves; other errors stay as they are.
func Stopped(err error, left string) error {
	if !errors.Is(err, context.Canceled) {
		return err
	}
	return &cluster.AdvisedError{Err: &cluster.UnfinishedError{Err: context.Canceled}, Advice: left}
}
