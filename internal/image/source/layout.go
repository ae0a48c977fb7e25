package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// layout is an OCI layout: https://github.com/opencontainers/image-spec/blob/main/image-layout.md
type layout struct {
	reference string
	files     files
}

// refNames are the annotations with a name in a layout: the specification's, and that of containerd's and docker's archives.
func refNames() []string {
	return []string{"org.opencontainers.image.ref.name", "io.containerd.image.name"}
}

// find returns the image of a name; without one, there must be one image only, or one list of images.
func (l layout) find(ctx context.Context, ref Reference, architecture string) (*found, error) {
	raw, err := readFile(l.files, "index.json")
	if err != nil {
		return nil, fmt.Errorf("image %s is not an OCI layout: %w", ref, err)
	}
	var index v1.IndexManifest
	if err := json.Unmarshal(raw, &index); err != nil {
		return nil, fmt.Errorf("image %s: parse index.json: %w", ref, err)
	}
	var names []string
	var named []v1.Descriptor
	for _, d := range index.Manifests {
		for _, key := range refNames() {
			if name := d.Annotations[key]; name != "" {
				names = append(names, name)
				if name == ref.Name {
					named = append(named, d)
				}
			}
		}
	}
	if ref.Name == "" {
		named = index.Manifests
	}
	if len(named) == 0 {
		return nil, &NotFoundError{Reference: ref.String(), Near: nearest(ref.Name, names, false), Err: errors.New("index.json does not name it")}
	}
	if slices.Sort(names); ref.Name == "" && len(slices.Compact(names)) > 1 {
		return nil, &NotFoundError{Reference: ref.String(), Near: slices.Compact(names), Err: errors.New("index.json names several images: append :NAME")}
	}
	return l.among(ctx, ref, architecture, named)
}

func (l layout) among(ctx context.Context, ref Reference, architecture string, images []v1.Descriptor) (*found, error) {
	c := &choice{content: l, reference: ref.String(), architecture: architecture}
	image, err := c.findIn(ctx, images, 0)
	if err != nil || image != nil {
		return image, err
	}
	return nil, &ArchitectureError{Reference: ref.String(), Wanted: architecture, Available: c.available}
}

func (l layout) manifest(_ context.Context, digest v1.Hash) ([]byte, error) {
	return l.small("a manifest of image "+l.reference, digest)
}

func (l layout) config(_ context.Context, digest v1.Hash) ([]byte, error) {
	return l.small("the configuration of image "+l.reference, digest)
}

func (l layout) small(what string, digest v1.Hash) ([]byte, error) {
	raw, err := readFile(l.files, blobPath(digest))
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", l.reference, err)
	}
	return raw, compare(what, digest, raw)
}

func (l layout) blob(_ context.Context, d v1.Descriptor, offset int64) (io.ReadCloser, error) {
	body, size, err := l.files.open(blobPath(d.Digest))
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", l.reference, err)
	}
	if size != d.Size {
		return nil, errors.Join(&SizeError{What: "blob " + d.Digest.String() + " of image " + l.reference, Wanted: d.Size, Got: size}, body.Close())
	}
	if _, err := io.CopyN(io.Discard, body, offset); err != nil {
		return nil, errors.Join(fmt.Errorf("image %s: %w", l.reference, err), body.Close())
	}
	return body, nil
}

func blobPath(digest v1.Hash) string { return path.Join("blobs", digest.Algorithm, digest.Hex) }
