package incluster

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// imageIndex is the ConfigMap that says which image the nodes shall have and in how many parts it is.
	imageIndex = Name + "-image"
	// partSize in bytes; a ConfigMap holds at most 1 MiB (MaxSecretSize of Kubernetes' validation, for ConfigMaps too).
	partSize = 1_000_000
	// imageLabel is on the parts, with the short digest of the archive, so that those of an older image are found.
	imageLabel = "ocne-project.github.io/controllers-image"
)

// Image is the container image of the controllers for one architecture, as an archive that container runtimes load.
type Image struct {
	// Reference is its name on the nodes; another content has another one.
	Reference string

	archive []byte
	digest  string // SHA-256 of the archive, in hex
}

// HasImages says whether a directory is an OCI layout.
func HasImages(dir string) error {
	if _, err := layout.ImageIndexFromPath(dir); err != nil {
		return fmt.Errorf("container image of the controllers in %s: %w", dir, err)
	}
	return nil
}

// ReadImage reads the image for linux on an architecture, such as amd64, from an OCI layout with the images of several.
func ReadImage(dir, architecture string) (*Image, error) {
	image, err := find(dir, architecture)
	if err != nil {
		return nil, fmt.Errorf("container image of the controllers in %s: %w", dir, err)
	}
	digest, err := image.Digest()
	if err != nil {
		return nil, fmt.Errorf("container image of the controllers in %s: %w", dir, err)
	}
	i := &Image{Reference: "localhost/" + Name + ":" + digest.Hex[:12]}
	reference, err := name.NewTag(i.Reference, name.StrictValidation)
	if err != nil {
		return nil, fmt.Errorf("name the container image of the controllers: %w", err)
	}
	var archive bytes.Buffer
	if err := tarball.Write(reference, image, &archive); err != nil {
		return nil, fmt.Errorf("read the container image of the controllers in %s: %w", dir, err)
	}
	sum := sha256.Sum256(archive.Bytes())
	i.archive, i.digest = archive.Bytes(), hex.EncodeToString(sum[:])
	return i, nil
}

func find(dir, architecture string) (v1.Image, error) {
	path, err := layout.FromPath(dir)
	if err != nil {
		return nil, err
	}
	index, err := path.ImageIndex()
	if err != nil {
		return nil, err
	}
	return findIn(index, architecture)
}

// findIn looks through an index of images, or of indexes.
func findIn(index v1.ImageIndex, architecture string) (v1.Image, error) {
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	for _, d := range manifest.Manifests {
		switch {
		case d.MediaType.IsIndex():
			inner, err := index.ImageIndex(d.Digest)
			if err != nil {
				return nil, err
			}
			if image, err := findIn(inner, architecture); err == nil {
				return image, nil
			}
		case d.Platform != nil && d.Platform.OS == "linux" && d.Platform.Architecture == architecture:
			return index.Image(d.Digest)
		}
	}
	return nil, fmt.Errorf("%w for linux/%s", errNoImage, architecture)
}

var errNoImage = errors.New("there is no image")

func (i *Image) short() string { return i.digest[:12] }

// Parts are the ConfigMaps with the pieces of the archive, in their order.
func (i *Image) Parts() []client.Object {
	var parts []client.Object
	for piece := range slices.Chunk(i.archive, partSize) {
		parts = append(parts, ours(&corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: Namespace, Name: fmt.Sprintf("%s-%s-%d", imageIndex, i.short(), len(parts)), Labels: i.Labels(),
			},
			BinaryData: map[string][]byte{"part": piece},
		}))
	}
	return parts
}

// Index are the objects that make nodes take the image; its parts come before them.
func (i *Image) Index() []client.Object {
	meta := metav1.ObjectMeta{Namespace: Namespace, Name: imageIndex}
	count := (len(i.archive) + partSize - 1) / partSize
	return []client.Object{
		ours(&rbacv1.Role{
			ObjectMeta: meta,
			Rules:      []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"get"}}},
		}),
		ours(&rbacv1.RoleBinding{
			ObjectMeta: meta,
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: imageIndex},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: "system:nodes"}},
		}),
		ours(&corev1.ConfigMap{
			ObjectMeta: meta,
			Data:       map[string]string{"image": i.Reference, "sha256": i.digest, "parts": strconv.Itoa(count)},
		}),
	}
}

// Labels are those of the parts.
func (i *Image) Labels() map[string]string { return map[string]string{imageLabel: i.short()} }

// OfOtherImages selects the parts of images that are not this one.
func (i *Image) OfOtherImages() string {
	return fmt.Sprintf("%s,%s!=%s", imageLabel, imageLabel, i.short())
}
