package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// findSaved finds an image in an archive of "docker save", whose layers are known by the digest of their content.
func findSaved(from files, ref Reference, architecture string) (*found, error) {
	raw, err := readFile(from, "manifest.json")
	if err != nil {
		return nil, fmt.Errorf("image %s is not an archive of 'docker save': %w", ref, err)
	}
	var manifest tarball.Manifest
	if err := json.Unmarshal(raw, &manifest); err != nil {
		return nil, fmt.Errorf("image %s: parse manifest.json: %w", ref, err)
	}
	var available, names []string
	for _, d := range manifest {
		names = append(names, d.RepoTags...)
		if ref.Name != "" && !slices.Contains(d.RepoTags, ref.Name) {
			continue
		}
		image, platform, err := saved(from, ref, architecture, d)
		if err != nil || image != nil {
			return image, err
		}
		available = append(available, platform)
	}
	if len(available) == 0 {
		return nil, &NotFoundError{Reference: ref.String(), Near: nearest(ref.Name, names, false), Err: errors.New("manifest.json does not name it")}
	}
	return nil, &ArchitectureError{Reference: ref.String(), Wanted: architecture, Available: available}
}

// saved returns nil and what the image is for when that is not the architecture.
func saved(from files, ref Reference, architecture string, d tarball.Descriptor) (*found, string, error) {
	raw, err := readFile(from, d.Config)
	if err != nil {
		return nil, "", fmt.Errorf("image %s: %w", ref, err)
	}
	var config v1.ConfigFile
	if err := json.Unmarshal(raw, &config); err != nil {
		return nil, "", fmt.Errorf("image %s: parse %s: %w", ref, d.Config, err)
	}
	if config.Architecture != "" && config.Architecture != architecture {
		return nil, config.OS + "/" + config.Architecture, nil
	}
	if len(d.Layers) == 0 || len(config.RootFS.DiffIDs) == 0 {
		return nil, "", &NotOCKError{Reference: ref.String(), Err: errors.New("it has no layers")}
	}
	digest, err := digestOf("sha256", raw)
	if err != nil {
		return nil, "", err
	}
	body, size, err := from.open(d.Layers[0])
	if err != nil {
		return nil, "", fmt.Errorf("image %s: %w", ref, err)
	}
	return &found{reference: ref.String(), digest: digest.String(), architecture: architecture, layer: layer{
		digest: config.RootFS.DiffIDs[0], size: size, plain: true,
		open: func(context.Context, int64) (io.ReadCloser, error) {
			body, _, err := from.open(d.Layers[0])
			return body, err
		},
	}}, "", body.Close()
}
