package image

import (
	"context"
	"errors"
	"fmt"

	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/image/ock"
)

// Facts are what is to be known of an image.
type Facts struct {
	Image  string `json:"image"`
	Digest string `json:"digest"`
	// File is the boot disk, of Size bytes.
	File   string `json:"file"`
	Format string `json:"format"`
	Size   int64  `json:"size"`
	Title  string `json:"title"`
	// Architecture is amd64 or arm64.
	Architecture string `json:"architecture"`
	// Platform is what Ignition takes for its platform: qemu as published, openstack for OLVM.
	Platform   string `json:"platform"`
	Converted  bool   `json:"converted"`
	KernelArgs string `json:"kernelArgs"`
	// VirtualSize is what the guest sees, and Data what of it is not zeros, in bytes.
	VirtualSize int64 `json:"virtualSize"`
	Data        int64 `json:"data"`
}

// Inspect pulls an image, unless it is in the cache, and tells what it holds.
func Inspect(ctx context.Context, directory string, s Source, report progress.Reporter) (facts *Facts, err error) {
	i, err := published(ctx, directory, s, report)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, i.Close()) }()
	file := i.file
	about, err := ock.Inspect(ctx, file)
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", s.Reference, err)
	}
	f := &Facts{
		Image: s.Reference, Digest: i.Digest, File: i.Path, Format: string(file.Format()), Size: file.Length(),
		Title: about.Title, Architecture: about.Architecture, Platform: about.Platform, Converted: about.Converted, KernelArgs: about.KernelArgs,
		VirtualSize: about.VirtualSize,
	}
	for extent, err := range file.Extents(ctx) {
		if err != nil {
			return nil, fmt.Errorf("image %s: %w", s.Reference, err)
		}
		if !extent.Zero {
			f.Data += extent.Length
		}
	}
	return f, nil
}
