// Command image builds ocne-manager for linux on amd64 and arm64 and writes both as one OCI layout. Run it with "make image" or, from the
// top of the tree, "go run ./hack/image -version v1.2.3 bin/image".
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/ocne-project/ocne/hack/image/oci"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("image", flag.ContinueOnError)
	version := flags.String("version", "dev", "version of the program and of the image")
	platforms := flags.String("architectures", "amd64,arm64", "architectures, as GOARCH calls them")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return errors.New("name the directory of the OCI layout")
	}
	d := description("ocne-manager", *version)
	images, err := build(ctx, ".", "./cmd/ocne-manager", d, strings.Split(*platforms, ","))
	if err != nil {
		return err
	}
	if err := oci.Write(flags.Arg(0), d, images...); err != nil {
		return err
	}
	for _, image := range images {
		config, err := image.ConfigFile()
		if err != nil {
			return err
		}
		digest, err := image.Digest()
		if err != nil {
			return err
		}
		fmt.Printf("%s/%s %s\n", config.OS, config.Architecture, digest)
	}
	return nil
}

func description(program, version string) oci.Description {
	return oci.Description{
		Title: program, Version: version, Source: "https://github.com/ocne-project/ocne", Licenses: "Apache-2.0",
	}
}

// build compiles the main package of a module in dir for each architecture and makes an image of each.
func build(ctx context.Context, dir, pkg string, d oci.Description, architectures []string) ([]v1.Image, error) {
	work, err := os.MkdirTemp("", "ocne-image-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	var images []v1.Image
	for _, architecture := range architectures {
		program := filepath.Join(work, architecture)
		// Neither paths nor ids of the build or of the working copy go into the program.
		flags := "-s -w -buildid= -X main.version=" + d.Version
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", program, pkg)
		cmd.Dir, cmd.Stderr = dir, os.Stderr
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+architecture, "GOAMD64=v1", "GOARM64=v8.0")
		if err := cmd.Run(); err != nil {
			return nil, fmt.Errorf("build %s for %s: %w", pkg, architecture, err)
		}
		image, err := oci.Image(d, architecture, program)
		if err != nil {
			return nil, err
		}
		images = append(images, image)
	}
	return images, nil
}
