// Package oci makes an OCI image of one static program, without a daemon, a registry or a base image. The same program gives the same
// bytes.
package oci

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// User is the id of the user and the group that the program runs as; a number, so that a kubelet can see that it is not root.
const User = "65532:65532"

// Annotations that the OCI image specification defines:
// https://github.com/opencontainers/image-spec/blob/main/annotations.md
const (
	titleKey    = "org.opencontainers.image.title"
	versionKey  = "org.opencontainers.image.version"
	sourceKey   = "org.opencontainers.image.source"
	licensesKey = "org.opencontainers.image.licenses"
	refNameKey  = "org.opencontainers.image.ref.name"
)

// Description is what an image says about itself.
type Description struct {
	// Title is the program's name, which is also the path of its file in the image: /title.
	Title string
	// Version of the program.
	Version string
	// Source is the URL of its source code.
	Source string
	// Licenses is an SPDX expression.
	Licenses string
}

func (d Description) labels() map[string]string {
	return map[string]string{titleKey: d.Title, versionKey: d.Version, sourceKey: d.Source, licensesKey: d.Licenses}
}

// Image returns the image of a program for linux on one architecture, such as amd64. The program must be linked statically: the image
// holds nothing else but the directory /tmp.
func Image(d Description, architecture, program string) (v1.Image, error) {
	content, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	files, err := archive(d.Title, content)
	if err != nil {
		return nil, fmt.Errorf("archive %s: %w", program, err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(files)), nil },
		tarball.WithMediaType(types.OCILayer), tarball.WithCompressedCaching)
	if err != nil {
		return nil, fmt.Errorf("compress the layer of %s: %w", program, err)
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err = mutate.ConfigFile(image, &v1.ConfigFile{
		OS: "linux", Architecture: architecture, Created: v1.Time{Time: epoch()},
		Config: v1.Config{Entrypoint: []string{"/" + d.Title}, User: User, WorkingDir: "/", Labels: d.labels()},
	})
	if err != nil {
		return nil, fmt.Errorf("configure the image of %s: %w", program, err)
	}
	image, err = mutate.Append(image, mutate.Addendum{Layer: layer, History: v1.History{
		CreatedBy: d.Title + " " + d.Version, Created: v1.Time{Time: epoch()},
	}})
	if err != nil {
		return nil, fmt.Errorf("append the layer of %s: %w", program, err)
	}
	return image, nil
}

// epoch is the time of every file and image: that of a build would make each build another.
func epoch() time.Time { return time.Unix(0, 0).UTC() }

// archive is a layer with the program and a /tmp that everyone may write to, where no volume is mounted.
func archive(name string, program []byte) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, file := range []struct {
		header  tar.Header
		content []byte
	}{
		{tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o555, Size: int64(len(program))}, program},
		{tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777}, nil},
	} {
		file.header.ModTime, file.header.Format = epoch(), tar.FormatUSTAR
		if err := w.WriteHeader(&file.header); err != nil {
			return nil, err
		}
		if _, err := w.Write(file.content); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), w.Close()
}

// Write writes the images of several architectures as one OCI layout, in place of what dir held.
func Write(dir string, d Description, images ...v1.Image) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	var list []mutate.IndexAddendum
	for _, image := range images {
		config, err := image.ConfigFile()
		if err != nil {
			return fmt.Errorf("read the configuration of an image: %w", err)
		}
		platform := &v1.Platform{OS: config.OS, Architecture: config.Architecture}
		list = append(list, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: platform}})
	}
	base := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	index, ok := mutate.Annotations(mutate.AppendManifests(base, list...), d.labels()).(v1.ImageIndex)
	if !ok {
		return errors.New("an annotated index is no index any more")
	}
	target, err := layout.Write(dir, empty.Index)
	if err != nil {
		return fmt.Errorf("write the OCI layout %s: %w", dir, err)
	}
	if err := target.AppendIndex(index, layout.WithAnnotations(map[string]string{refNameKey: d.Version})); err != nil {
		return fmt.Errorf("write the images to %s: %w", dir, err)
	}
	return nil
}

// Extract unpacks the image of one architecture from a layout into a directory, as a container runtime would.
func Extract(dir, architecture, into string) (*v1.ConfigFile, error) {
	image, err := find(dir, architecture)
	if err != nil {
		return nil, err
	}
	content := mutate.Extract(image)
	defer content.Close()
	for reader := tar.NewReader(content); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return image.ConfigFile()
		}
		if err != nil {
			return nil, fmt.Errorf("read the layers of %s: %w", dir, err)
		}
		if err := unpack(header, reader, filepath.Join(into, filepath.FromSlash(path.Clean("/"+header.Name)))); err != nil {
			return nil, fmt.Errorf("unpack %s: %w", header.Name, err)
		}
	}
}

func unpack(header *tar.Header, content io.Reader, target string) error {
	if header.Typeflag == tar.TypeDir {
		if err := os.MkdirAll(target, 0o755); err != nil {
			return err
		}
		return os.Chmod(target, header.FileInfo().Mode())
	}
	file, err := os.OpenFile(target, os.O_CREATE|os.O_EXCL|os.O_WRONLY, header.FileInfo().Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(file, io.LimitReader(content, header.Size))
	return errors.Join(err, file.Close())
}

// find returns the image of one architecture in a layout.
func find(dir, architecture string) (v1.Image, error) {
	root, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return nil, fmt.Errorf("read the OCI layout %s: %w", dir, err)
	}
	manifest, err := root.IndexManifest()
	if err != nil || len(manifest.Manifests) != 1 {
		return nil, fmt.Errorf("the OCI layout %s does not hold one index: %w", dir, err)
	}
	index, err := root.ImageIndex(manifest.Manifests[0].Digest)
	if err != nil {
		return nil, fmt.Errorf("read the index of %s: %w", dir, err)
	}
	if manifest, err = index.IndexManifest(); err != nil {
		return nil, fmt.Errorf("read the index of %s: %w", dir, err)
	}
	for _, m := range manifest.Manifests {
		if m.Platform != nil && m.Platform.Architecture == architecture {
			return index.Image(m.Digest)
		}
	}
	return nil, fmt.Errorf("the OCI layout %s holds no image for %s", dir, architecture)
}
