package source

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// content is what holds manifests and blobs: a repository of a registry, or an OCI layout.
type content interface {
	// manifest and config read the manifest or the configuration with a digest, and compare it.
	manifest(ctx context.Context, digest v1.Hash) ([]byte, error)
	config(ctx context.Context, digest v1.Hash) ([]byte, error)
	// blob opens a blob at an offset in bytes. What is read is not compared with the digest.
	blob(ctx context.Context, d v1.Descriptor, offset int64) (io.ReadCloser, error)
}

// found is the image for one architecture.
type found struct {
	reference    string
	digest       string // of its manifest
	architecture string
	layer        layer
}

// layer is the first layer of an image.
type layer struct {
	digest v1.Hash
	size   int64 // bytes, as it is stored
	// plain says that the digest is that of the content, and not of what is stored, which may be compressed.
	plain bool
	// remote says that it pays to keep what has arrived.
	remote bool
	open   func(ctx context.Context, offset int64) (io.ReadCloser, error)
	// explain gives the error of a dropped connection its type; nil for what is not remote.
	explain func(error) error
	// elsewhere says whether there is another place to get the layer from, and goes there; nil for what is not remote.
	elsewhere func() bool
}

// maxDepth of lists of images in lists; nobody has more than two.
const maxDepth = 4

// choice looks for the image for an architecture.
type choice struct {
	content      content
	reference    string
	architecture string
	available    []string
}

// find returns nil when an image, or none of a list, is for the architecture.
func (c *choice) find(ctx context.Context, digest v1.Hash, raw []byte, depth int) (*found, error) {
	var err error
	if raw == nil {
		if raw, err = c.content.manifest(ctx, digest); err != nil {
			return nil, err
		}
	}
	var either struct {
		Manifests []v1.Descriptor `json:"manifests"`
		Layers    []v1.Descriptor `json:"layers"`
		Config    v1.Descriptor   `json:"config"`
	}
	if err := json.Unmarshal(raw, &either); err != nil {
		return nil, &NotOCKError{Reference: c.reference, Err: fmt.Errorf("manifest %s: %w", digest, err)}
	}
	switch {
	case len(either.Manifests) > 0 && depth < maxDepth:
		return c.findIn(ctx, either.Manifests, depth)
	case len(either.Layers) == 0:
		return nil, &NotOCKError{Reference: c.reference, Err: fmt.Errorf("manifest %s has no layers", digest)}
	}
	fits, err := c.fits(ctx, either.Config)
	if err != nil || !fits {
		return nil, err
	}
	first := either.Layers[0]
	return &found{reference: c.reference, digest: digest.String(), architecture: c.architecture, layer: layer{
		digest: first.Digest, size: first.Size,
		open: func(ctx context.Context, offset int64) (io.ReadCloser, error) {
			return c.content.blob(ctx, first, offset)
		},
	}}, nil
}

func (c *choice) findIn(ctx context.Context, images []v1.Descriptor, depth int) (*found, error) {
	for _, d := range images {
		if d.Platform != nil && !c.suits(d.Platform.OS, d.Platform.Architecture) {
			continue
		}
		image, err := c.find(ctx, d.Digest, nil, depth+1)
		if image != nil || err != nil {
			return image, err
		}
	}
	return nil, nil
}

// fits reads from an image's configuration what it is for. A configuration that does not say so fits all.
func (c *choice) fits(ctx context.Context, config v1.Descriptor) (bool, error) {
	raw, err := c.content.config(ctx, config.Digest)
	if err != nil {
		return false, err
	}
	var platform v1.Platform
	if json.Unmarshal(raw, &platform) != nil || platform.Architecture == "" {
		return true, nil //nolint:nilerr // as said above
	}
	return c.suits(platform.OS, platform.Architecture), nil
}

func (c *choice) suits(os, architecture string) bool {
	if os == "unknown" { // attestations beside the images
		return false
	}
	if platform := os + "/" + architecture; !slices.Contains(c.available, platform) {
		c.available = append(c.available, platform)
	}
	return architecture == c.architecture && (os == "linux" || os == "")
}

// choose returns the image for an architecture.
func choose(ctx context.Context, from content, reference, architecture string, top v1.Hash, raw []byte) (*found, error) {
	c := &choice{content: from, reference: reference, architecture: architecture}
	image, err := c.find(ctx, top, raw, 0)
	if err != nil {
		return nil, err
	}
	if image == nil && len(c.available) == 0 {
		return nil, &NotOCKError{Reference: reference, Err: errors.New("its list of images names none")}
	}
	if image == nil {
		return nil, &ArchitectureError{Reference: reference, Wanted: architecture, Available: c.available}
	}
	return image, nil
}

// compare returns a DigestError when content has another digest.
func compare(what string, wanted v1.Hash, content []byte) error {
	got, err := digestOf(wanted.Algorithm, content)
	if err != nil {
		return fmt.Errorf("compare the digest of %s: %w", what, err)
	}
	if got != wanted {
		return &DigestError{What: what, Wanted: wanted.String(), Got: got.String()}
	}
	return nil
}

func digestOf(algorithm string, content []byte) (v1.Hash, error) {
	hasher, err := v1.Hasher(algorithm)
	if err != nil {
		return v1.Hash{}, err
	}
	hasher.Write(content)
	return v1.Hash{Algorithm: algorithm, Hex: hex.EncodeToString(hasher.Sum(nil))}, nil
}
