// Package image gets an OCK image from where it was published into an engine: it is pulled into a cache, read there in its OLVM form,
// uploaded, and made into a VM template. Nothing of it needs root, a kernel module or a cluster.
package image

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/image/cache"
	"github.com/ocne-project/ocne/internal/image/disk"
	"github.com/ocne-project/ocne/internal/image/ock"
	"github.com/ocne-project/ocne/internal/image/source"
)

// Directory is that of images below a home directory: the cache, and what interrupted uploads remember.
func Directory(home string) string { return filepath.Join(home, ".ocne", "images") }

// Source says which image is wanted, and how to reach it.
type Source struct {
	// Reference as package source reads it: a registry's, oci:, docker-archive: or a file.
	Reference string
	// Architecture is amd64 or arm64.
	Architecture string
	// KernelArgs are added to the kernel's command line, separated by spaces.
	KernelArgs string
	// Mirrors are asked before the registries that they stand for: PREFIX=MIRROR.
	Mirrors []string
	// CAFile holds certificates of registries to trust beside the system's; empty for none.
	CAFile string
	// AuthFile is looked into for credentials instead of the usual files; empty for those.
	AuthFile string
	// Insecure trusts any certificate of a registry, and uses HTTP where there is no HTTPS.
	Insecure bool
}

// kernelArgs are the same text however they are spaced: the text is part of what makes an image another one.
func (s Source) kernelArgs() string { return strings.Join(strings.Fields(s.KernelArgs), " ") }

// Image is a boot disk in the cache, in the OLVM form.
type Image struct {
	*ock.Conversion
	// Digest is that of the image as it was published.
	Digest string
	// Path of the file as it was published.
	Path string

	cached *cache.Image
	file   *disk.Image
}

// Close lets others remove the image from the cache.
func (i *Image) Close() error { return errors.Join(i.file.Close(), i.cached.Close()) }

// Pull gets an image into the cache, unless it is there, as it was published.
func Pull(ctx context.Context, directory string, s Source, report progress.Reporter) (*cache.Image, error) {
	puller, reference, err := newPuller(directory, s, report)
	if err != nil {
		return nil, err
	}
	defer report.Close()
	return puller.Pull(ctx, reference, s.Architecture)
}

func newPuller(directory string, s Source, report progress.Reporter) (*source.Puller, source.Reference, error) {
	reference, err := source.Parse(s.Reference)
	if err != nil {
		return nil, source.Reference{}, err
	}
	store, err := cache.Open(directory)
	if err != nil {
		return nil, source.Reference{}, err
	}
	o := source.Options{
		CAFile: s.CAFile, Insecure: s.Insecure, AuthFile: s.AuthFile, Say: report.Step,
		Progress: newMeter(report, "image "+s.Reference, "is being read").at,
	}
	for _, text := range s.Mirrors {
		mirror, err := source.ParseMirror(text)
		if err != nil {
			return nil, source.Reference{}, err
		}
		o.Mirrors = append(o.Mirrors, mirror)
	}
	puller, err := source.New(store, o)
	return puller, reference, err
}

// Open pulls an image and opens it in the OLVM form. The file in the cache stays as it was published. The errors are those of source.Pull
// and of ock.Convert.
func Open(ctx context.Context, directory string, s Source, report progress.Reporter) (*Image, error) {
	i, err := published(ctx, directory, s, report)
	if err != nil {
		return nil, err
	}
	i.Conversion, err = ock.Convert(ctx, i.file, ock.Options{Architecture: s.Architecture, KernelArgs: s.kernelArgs()})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("image %s: %w", s.Reference, err), i.Close())
	}
	return i, nil
}

// published pulls an image and opens it as it was published.
func published(ctx context.Context, directory string, s Source, report progress.Reporter) (*Image, error) {
	cached, err := Pull(ctx, directory, s, report)
	if err != nil {
		return nil, err
	}
	file, err := disk.Open(cached.Path)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("image %s: %w", s.Reference, err), cached.Close())
	}
	return &Image{Digest: cached.Digest, Path: cached.Path, cached: cached, file: file}, nil
}

// WriteFile writes the image in its OLVM form, in the format that it was published in. A file of that name is replaced once all is written.
func (i *Image) WriteFile(ctx context.Context, path string, report progress.Reporter) error {
	defer report.Close()
	return i.Conversion.WriteFile(ctx, i.file, path, newMeter(report, path, "is being written").at)
}
