// Package source gets the boot disk of an OCK container image: from a registry, an OCI layout or an archive of "docker save" into a cache,
// or as a file that is there already.
package source

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// Kind is where an image comes from.
type Kind string

// The kinds of sources.
const (
	Registry      Kind = "registry"
	OCI           Kind = "oci"
	DockerArchive Kind = "docker-archive"
	File          Kind = "file"
)

// Reference names an image.
type Reference struct {
	Kind Kind
	// Path of the directory or file, absolute; not of a registry's.
	Path string
	// Name is the name in the directory or archive, which is needed when that holds several images.
	Name string

	// named is a registry's.
	named name.Reference
}

// InvalidReferenceError says that a text names no image.
type InvalidReferenceError struct {
	Text string
	Err  error
}

// Error is what is wrong.
func (e *InvalidReferenceError) Error() string {
	return fmt.Sprintf("%q names no image: %v", e.Text, e.Err)
}

// Unwrap is what is wrong.
func (e *InvalidReferenceError) Unwrap() error { return e.Err }

// Advice tells what names one.
func (e *InvalidReferenceError) Advice() string {
	return "Write one of\n" +
		"  registry.example.com/repository:tag, or with @sha256:... instead of the tag\n" +
		"  oci:DIRECTORY[:TAG], an OCI layout, or a tar archive of one\n" +
		"  docker-archive:FILE[:REFERENCE], as 'podman save' and 'docker save' write it\n" +
		"  FILE.qcow2, the boot disk itself"
}

// Parse understands registry/repository:tag and registry/repository@sha256:..., also with docker:// before them, oci:DIR[:tag] (DIR may be
// a tar archive), docker-archive:FILE[:reference], and the path of a file that ends with .qcow2 or begins with / or a dot.
func Parse(text string) (Reference, error) {
	ref, err := parse(text)
	if err != nil {
		return Reference{}, &InvalidReferenceError{Text: text, Err: err}
	}
	return ref, nil
}

func parse(text string) (Reference, error) {
	scheme, rest, _ := strings.Cut(text, ":")
	switch {
	case text == "":
		return Reference{}, fmt.Errorf("it is empty")
	case scheme == "oci", scheme == "oci-archive":
		return parsePath(OCI, rest)
	case scheme == "docker-archive":
		return parsePath(DockerArchive, rest)
	case strings.HasSuffix(text, ".qcow2"), strings.HasPrefix(text, "/"), strings.HasPrefix(text, "."):
		path, err := filepath.Abs(text)
		return Reference{Kind: File, Path: path}, err
	case scheme == "docker" && strings.HasPrefix(rest, "//"):
		text = strings.TrimPrefix(rest, "//")
	case strings.HasPrefix(rest, "//"):
		return Reference{}, fmt.Errorf("images are not read from %s://", scheme)
	}
	named, err := name.ParseReference(text)
	if err != nil {
		return Reference{}, err
	}
	return Reference{Kind: Registry, named: named}, nil
}

func parsePath(kind Kind, rest string) (Reference, error) {
	path, inside, named := strings.Cut(rest, ":")
	if path == "" || named && inside == "" {
		return Reference{}, fmt.Errorf("a path and, after a colon, a name are needed")
	}
	absolute, err := filepath.Abs(path)
	return Reference{Kind: kind, Path: absolute, Name: inside}, err
}

// String is the reference in full: with registry and tag, and with absolute paths.
func (r Reference) String() string {
	switch {
	case r.Kind == Registry:
		return r.named.Name()
	case r.Kind == File:
		return r.Path
	case r.Name == "":
		return string(r.Kind) + ":" + r.Path
	}
	return string(r.Kind) + ":" + r.Path + ":" + r.Name
}

// Pinned says whether the reference is a digest, which never means anything else.
func (r Reference) Pinned() bool {
	_, ok := r.named.(name.Digest)
	return ok
}

// Architecture returns Go's name of a processor architecture, which images use, from that or from the kernel's.
func Architecture(text string) (string, error) {
	switch text {
	case "amd64", "x86_64":
		return "amd64", nil
	case "arm64", "aarch64":
		return "arm64", nil
	}
	return "", fmt.Errorf("unknown architecture %q: OCK images are for amd64 and arm64", text)
}

// Mirror is another place of a registry's images.
type Mirror struct {
	// Prefix of the references that the mirror has: a registry, or a registry and the beginning of a repository, up to a slash.
	Prefix string
	// Replacement of the prefix.
	Replacement string
}

// ParseMirror understands PREFIX=REPLACEMENT, such as container-registry.oracle.com/olcne=mirror.example.com/ock.
func ParseMirror(text string) (Mirror, error) {
	prefix, replacement, ok := strings.Cut(text, "=")
	m := Mirror{Prefix: strings.TrimRight(strip(prefix), "/"), Replacement: strings.TrimRight(strip(replacement), "/")}
	if !ok || m.Prefix == "" || m.Replacement == "" {
		return Mirror{}, fmt.Errorf("%q is no mirror: write PREFIX=REPLACEMENT, such as container-registry.oracle.com/olcne=mirror.example.com/ock", text)
	}
	if _, err := name.NewRepository(m.Replacement + "/repository"); err != nil {
		return Mirror{}, fmt.Errorf("%q is no mirror: %w", text, err)
	}
	return m, nil
}

func strip(text string) string { return strings.TrimPrefix(strings.TrimSpace(text), "docker://") }

// at returns where the mirror has what a reference names; false when it does not.
func (m Mirror) at(ref name.Reference) (name.Reference, bool, error) {
	rest, ok := strings.CutPrefix(ref.Context().Name(), m.Prefix)
	if !ok || rest != "" && rest[0] != '/' {
		return nil, false, nil
	}
	separator := ":"
	if _, pinned := ref.(name.Digest); pinned {
		separator = "@"
	}
	mirrored, err := name.ParseReference(m.Replacement + rest + separator + ref.Identifier())
	if err != nil {
		return nil, false, fmt.Errorf("mirror %s of %s: %w", m.Replacement, m.Prefix, err)
	}
	return mirrored, true, nil
}
