package incluster_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/coreos/ignition/v2/config/v3_4"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/ocne-project/ocne/hack/image/oci"
	"github.com/ocne-project/ocne/internal/boot"
	"github.com/ocne-project/ocne/internal/capi"
	"github.com/ocne-project/ocne/internal/incluster"
)

// layout is an OCI layout with images for two architectures, of a program of so many bytes that do not compress.
func layout(t *testing.T, size int) string {
	t.Helper()
	content := make([]byte, 0, size)
	for sum := sha256.Sum256(nil); len(content) < size; sum = sha256.Sum256(sum[:]) {
		content = append(content, sum[:]...)
	}
	program := filepath.Join(t.TempDir(), "program")
	require.NoError(t, os.WriteFile(program, content, 0o600))
	d := oci.Description{Title: "ocne-manager", Version: "v1.2.3"}
	var images []v1.Image
	for _, architecture := range []string{"amd64", "arm64"} {
		image, err := oci.Image(d, architecture, program)
		require.NoError(t, err)
		images = append(images, image)
	}
	dir := filepath.Join(t.TempDir(), "image")
	require.NoError(t, oci.Write(dir, d, images...))
	return dir
}

func typed(t *testing.T, object client.Object, into any) {
	t.Helper()
	text, err := yaml.Marshal(object)
	require.NoError(t, err)
	require.NoError(t, yaml.UnmarshalStrict(text, into), object.GetName())
	require.Equal(t, capi.ManagedBy, object.GetLabels()[capi.ManagedByLabel], object.GetName())
}

func TestThePartsMakeAnArchiveThatContainerRuntimesLoad(t *testing.T) {
	dir := layout(t, 2_500_000)
	for _, architecture := range []string{"amd64", "arm64"} {
		image, err := incluster.ReadImage(dir, architecture)
		require.NoError(t, err)
		parts := image.Parts()
		require.Len(t, parts, 3, "a ConfigMap holds at most 1 MiB")
		var archive bytes.Buffer
		for _, object := range parts {
			var part corev1.ConfigMap
			typed(t, object, &part)
			archive.Write(part.BinaryData["part"])
		}
		loaded, err := tarball.Image(func() (readCloser, error) { return nopCloser(archive.Bytes()), nil }, nil)
		require.NoError(t, err)
		config, err := loaded.ConfigFile()
		require.NoError(t, err)
		require.Equal(t, architecture, config.Architecture)
		manifest, err := tarball.LoadManifest(func() (readCloser, error) { return nopCloser(archive.Bytes()), nil })
		require.NoError(t, err)
		require.Equal(t, []string{image.Reference}, manifest[0].RepoTags)

		index := image.Index()
		var says corev1.ConfigMap
		typed(t, index[len(index)-1], &says)
		sum := sha256.Sum256(archive.Bytes())
		require.Equal(t, map[string]string{"image": image.Reference, "sha256": hex.EncodeToString(sum[:]), "parts": strconv.Itoa(len(parts))}, says.Data)
	}
}

func TestTheSameImageHasTheSamePartsAndAnotherHasOthers(t *testing.T) {
	names := func(dir string) (reference string, parts []string) {
		image, err := incluster.ReadImage(dir, "amd64")
		require.NoError(t, err)
		for _, o := range image.Parts() {
			parts = append(parts, o.GetName())
		}
		return image.Reference, parts
	}
	reference, parts := names(layout(t, 1000))
	again, same := names(layout(t, 1000))
	require.Equal(t, reference, again)
	require.Equal(t, parts, same)
	another, others := names(layout(t, 2000))
	require.NotEqual(t, reference, another)
	require.NotEqual(t, parts, others)
}

func TestAMissingImageIsToldWithItsPlace(t *testing.T) {
	dir := t.TempDir()
	require.ErrorContains(t, incluster.HasImages(dir), dir)
	full := layout(t, 1000)
	require.NoError(t, incluster.HasImages(full))
	_, err := incluster.ReadImage(full, "s390x")
	require.ErrorContains(t, err, "there is no image for linux/s390x")
	require.ErrorContains(t, err, full)
}

func TestTheControllersRunOnControlPlaneNodesThatHaveTheirImage(t *testing.T) {
	objects, err := incluster.Controllers("localhost/ocne-manager:0123456789ab")
	require.NoError(t, err)
	kinds := map[string]any{
		"ServiceAccount": &corev1.ServiceAccount{}, "ClusterRoleBinding": &rbacv1.ClusterRoleBinding{},
		"Service": &corev1.Service{}, "Deployment": &appsv1.Deployment{},
	}
	require.Len(t, objects, len(kinds))
	for _, o := range objects {
		typed(t, o, kinds[o.GetObjectKind().GroupVersionKind().Kind])
	}
	d, service := kinds["Deployment"].(*appsv1.Deployment), kinds["Service"].(*corev1.Service)
	pod := d.Spec.Template
	require.Equal(t, "localhost/ocne-manager:0123456789ab", pod.Spec.Containers[0].Image)
	require.Equal(t, corev1.PullNever, pod.Spec.Containers[0].ImagePullPolicy)
	require.Contains(t, pod.Spec.NodeSelector, "node-role.kubernetes.io/control-plane")
	require.Equal(t, service.Spec.Selector, pod.Labels)
	require.Contains(t, pod.Spec.Containers[0].Args, "--webhook-service="+service.Namespace+"/"+service.Name)
	require.Contains(t, pod.Spec.Containers[0].Args, "--providers="+string(capi.Bundle))
}

func TestNodesMayReadThePartsAndNothingElse(t *testing.T) {
	image, err := incluster.ReadImage(layout(t, 1000), "amd64")
	require.NoError(t, err)
	index := image.Index()
	var role rbacv1.Role
	var binding rbacv1.RoleBinding
	typed(t, index[0], &role)
	typed(t, index[1], &binding)
	require.Equal(t, []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"get"}}}, role.Rules)
	require.Equal(t, role.Name, binding.RoleRef.Name)
	require.Equal(t, "system:nodes", binding.Subjects[0].Name)
}

func TestWhatNodesBootWithIsValidIgnitionOnEveryImage(t *testing.T) {
	for _, profile := range []string{boot.ProfileOCK, boot.ProfilePlain} {
		image, err := boot.LoadImage(profile)
		require.NoError(t, err)
		require.NotEmpty(t, image.ImageStore.List, profile)
		config, err := incluster.NodeConfig(image.ImageStore, 6444)
		require.NoError(t, err)
		content, err := runtime.Encode(unstructured.UnstructuredJSONScheme, &unstructured.Unstructured{Object: asMap(t, config)})
		require.NoError(t, err)
		_, report, err := v3_4.Parse(content)
		require.NoError(t, err, report.String())
		require.Empty(t, report.Entries, report.String())
	}
}
