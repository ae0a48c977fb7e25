//go:build linux

package container

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Image is a node image: a directory with root (the operating system), versions/<version> (what one Kubernetes version adds to it) and
// image.json, which lists the versions.
type Image struct {
	dir string
	// Versions are those of Kubernetes, with the leading "v". VMs that ask for none get the first.
	Versions []string `json:"versions"`
}

// OpenImage reads what an image directory holds.
func OpenImage(dir string) (Image, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Image{}, fmt.Errorf("open node image: %w", err)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return Image{}, fmt.Errorf("open node image: %w", err)
	}
	image := Image{dir: dir}
	raw, err := os.ReadFile(filepath.Join(dir, "image.json"))
	if err != nil {
		return Image{}, fmt.Errorf("open node image: %w", err)
	}
	if err := json.Unmarshal(raw, &image); err != nil {
		return Image{}, fmt.Errorf("open node image %s: image.json: %w", dir, err)
	}
	for _, path := range append(image.layersOfAll(), image.root()) {
		if info, err := os.Stat(path); err != nil || !info.IsDir() {
			return Image{}, fmt.Errorf("open node image %s: it has no directory %s", dir, path)
		}
	}
	return image, nil
}

// Dir is the image's directory.
func (i Image) Dir() string { return i.dir }

func (i Image) root() string { return filepath.Join(i.dir, "root") }

func (i Image) layersOfAll() (all []string) {
	for _, v := range i.Versions {
		all = append(all, filepath.Join(i.dir, "versions", v))
	}
	return all
}

// layers are the directories of an overlay, the topmost first.
func (i Image) layers(version string) ([]string, error) {
	switch {
	case version == "" && len(i.Versions) == 0:
		return []string{i.root()}, nil
	case version == "":
		version = i.Versions[0]
	case !slices.Contains(i.Versions, version):
		return nil, fmt.Errorf("the node image has no Kubernetes %s, but %s: set kubernetesVersion of the template in the inventory to one of these",
			version, strings.Join(i.Versions, ", "))
	}
	return []string{filepath.Join(i.dir, "versions", version), i.root()}, nil
}
