package main

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var versions = []string{"v1.34.4", "v1.34.5"}

var flannelNames = []string{"ghcr.io/flannel-io/flannel-cni-plugin:v1.9.1-flannel1", "ghcr.io/flannel-io/flannel:v0.28.4"}

var kubeadmNames = []string{
	"registry.k8s.io/kube-apiserver:v1.34.4", "registry.k8s.io/kube-controller-manager:v1.34.4", "registry.k8s.io/kube-scheduler:v1.34.4",
	"registry.k8s.io/kube-proxy:v1.34.4", "registry.k8s.io/coredns/coredns:v1.12.1", "registry.k8s.io/pause:3.10.1", "registry.k8s.io/etcd:3.6.5-0",
}

func TestEveryImageOfKubeadmAndFlannelIsMade(t *testing.T) {
	images, err := nodeImages(kubeadmNames, flannelNames, versions)
	require.NoError(t, err)
	var names []string
	for _, i := range images {
		for _, name := range i.names {
			require.NotContains(t, names, name, "a name stands for one image")
			names = append(names, name)
		}
	}
	require.Subset(t, names, append(kubeadmNames, flannelNames...))
	require.Contains(t, names, "registry.k8s.io/kube-proxy:v1.34.5", "while a cluster is upgraded to it")
	require.Subset(t, names, []string{
		"container-registry.oracle.com/olcne/etcd:3.6.5-0", "container-registry.oracle.com/olcne/coredns:current",
		"container-registry.oracle.com/olcne/kube-proxy:current", "container-registry.oracle.com/olcne/flannel:current",
	}, "OCK's names")

	_, err = nodeImages([]string{"registry.k8s.io/new-component:v1"}, flannelNames, versions)
	require.ErrorContains(t, err, "registry.k8s.io/new-component:v1")
}

func TestAnArchiveHoldsWhatItsManifestNames(t *testing.T) {
	dir := t.TempDir()
	layers := map[string]layer{}
	for _, name := range []string{"base", "tools", "kubernetes", "coredns", "pause", "flannel", "web"} {
		l, err := writeLayer(filepath.Join(dir, name), func(w *layerWriter) error { return w.text("etc/"+name, "content of "+name) })
		require.NoError(t, err)
		layers[name] = l
	}
	images, err := nodeImages(kubeadmNames, flannelNames, versions)
	require.NoError(t, err)
	file := filepath.Join(dir, "out", "images.tar")
	require.NoError(t, writeArchive(file, images, layers))

	content := readTar(t, file)
	var manifest []manifestEntry
	require.NoError(t, json.Unmarshal([]byte(content["manifest.json"]), &manifest))
	require.Len(t, manifest, len(images))
	for n, entry := range manifest {
		require.Equal(t, images[n].names, entry.RepoTags)
		var config imageConfig
		require.NoError(t, json.Unmarshal([]byte(content[entry.Config]), &config))
		require.Equal(t, images[n].entrypoint, config.Config.Entrypoint)
		require.Len(t, config.RootFS.DiffIDs, len(entry.Layers))
		for m, name := range entry.Layers {
			sum := sha256.Sum256([]byte(content[name]))
			require.Equal(t, config.RootFS.DiffIDs[m], "sha256:"+hex.EncodeToString(sum[:]))
		}
	}

	second := filepath.Join(dir, "again", "images.tar")
	require.NoError(t, writeArchive(second, images, layers))
	require.Equal(t, content, readTar(t, second), "the same programs make the same archive")
}

func TestAManifestNamesItsImages(t *testing.T) {
	file := filepath.Join(t.TempDir(), "manifest.yml")
	require.NoError(t, os.WriteFile(file, []byte("  - image: a/b:1\n    name: x\n  - name: y\n    image: a/c:2\n  - image: a/b:1\n"), 0o600))
	names, err := manifestImages(file)
	require.NoError(t, err)
	require.Equal(t, []string{"a/b:1", "a/c:2"}, names)

	require.NoError(t, os.WriteFile(file, []byte("kind: List\n"), 0o600))
	_, err = manifestImages(file)
	require.Error(t, err)
}

func TestLayersHaveDirectoriesBeforeFilesAndEveryNameOnce(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "program"), []byte("program"), 0o600))
	l, err := writeLayer(filepath.Join(dir, "layer"), func(w *layerWriter) error {
		return errors.Join(w.file("/usr/bin/program", filepath.Join(dir, "program")), w.symlink("usr/bin/link", "program"),
			w.file("usr/bin/program", filepath.Join(dir, "program")), w.directory("usr", 0o700))
	})
	require.NoError(t, err)
	var names []string
	walkTar(t, l.file, func(h *tar.Header, _ string) {
		names = append(names, h.Name)
		require.True(t, h.ModTime.IsZero() || h.ModTime.Unix() == 0, h.Name)
	})
	require.Equal(t, []string{"usr/", "usr/bin/", "usr/bin/program", "usr/bin/link"}, names)
}

func TestLinksStayInsideTheRoot(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "usr/sbin"), 0o750))
	require.NoError(t, os.MkdirAll(filepath.Join(root, "etc/alternatives"), 0o750))
	require.NoError(t, os.WriteFile(filepath.Join(root, "usr/sbin/real"), nil, 0o600))
	require.NoError(t, os.Symlink("/etc/alternatives/program", filepath.Join(root, "usr/sbin/program")))
	require.NoError(t, os.Symlink("/usr/sbin/real", filepath.Join(root, "etc/alternatives/program")))
	file, err := resolve(root, "usr/sbin/program")
	require.NoError(t, err)
	require.Equal(t, filepath.Join(root, "usr/sbin/real"), file)

	require.NoError(t, os.Symlink("loop", filepath.Join(root, "usr/sbin/loop")))
	_, err = resolve(root, "usr/sbin/loop")
	require.Error(t, err)
}

func TestPatchesNameTheImagesOfOCK(t *testing.T) {
	images, err := nodeImages(kubeadmNames, flannelNames, versions)
	require.NoError(t, err)
	dir := filepath.Join(t.TempDir(), "patches")
	require.NoError(t, writePatches(dir, images))
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
	}
	require.Equal(t, []string{"etcd+json.json", "kube-apiserver+json.json", "kube-controller-manager+json.json", "kube-proxy+json.json",
		"kube-scheduler+json.json"}, names)
	text, err := os.ReadFile(filepath.Join(dir, "kube-apiserver+json.json"))
	require.NoError(t, err)
	require.JSONEq(t, `[{"op":"replace","path":"/spec/containers/0/image","value":"container-registry.oracle.com/olcne/kube-apiserver:v1.34.4"}]`,
		string(text))
}

// The node image that was made, if one was.
func TestTheNodeImageHasWhatItsVersionsNeed(t *testing.T) {
	image, err := filepath.EvalSymlinks("../../../bin/nodeimage")
	if err != nil {
		t.Skip("there is no bin/nodeimage: make node-image makes it, as root")
	}
	text, err := os.ReadFile(filepath.Join(image, "image.json"))
	require.NoError(t, err)
	var list struct{ Versions []string }
	require.NoError(t, json.Unmarshal(text, &list))
	require.NotEmpty(t, list.Versions)
	for _, version := range list.Versions {
		tree := filepath.Join(image, "versions", version)
		kubeadm := filepath.Join(tree, "usr/bin/kubeadm")
		out, err := exec.CommandContext(t.Context(), kubeadm, "version", "-o", "short").CombinedOutput()
		require.NoError(t, err, string(out))
		require.Equal(t, version, strings.TrimSpace(string(out)))
		wanted, err := kubeadmImages(t.Context(), kubeadm, version)
		require.NoError(t, err)
		require.Subset(t, archiveNames(t, filepath.Join(tree, "usr/share/ocne/images.tar")), wanted)
	}
	settings, err := os.ReadFile(filepath.Join(image, "root/etc/containerd/config.toml"))
	require.NoError(t, err)
	_, sandbox, _ := strings.Cut(string(settings), "sandbox_image = \"")
	sandbox, _, _ = strings.Cut(sandbox, "\"")
	require.Contains(t, archiveNames(t, filepath.Join(image, "versions", list.Versions[0], "usr/share/ocne/images.tar")), sandbox,
		"containerd's own image")
}

func archiveNames(t *testing.T, file string) (names []string) {
	var manifest []manifestEntry
	walkTar(t, file, func(h *tar.Header, content string) {
		if h.Name == "manifest.json" {
			require.NoError(t, json.Unmarshal([]byte(content), &manifest))
		}
	})
	for _, entry := range manifest {
		names = append(names, entry.RepoTags...)
	}
	return names
}

func readTar(t *testing.T, file string) map[string]string {
	content := map[string]string{}
	walkTar(t, file, func(h *tar.Header, text string) {
		require.NotContains(t, content, h.Name, "every name once")
		content[h.Name] = text
	})
	return content
}

// walkTar reads the content of small entries only: layers of real images are large.
func walkTar(t *testing.T, file string, visit func(*tar.Header, string)) {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer func() { _ = f.Close() }()
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
		var text []byte
		if h.Size < 1<<20 {
			text, err = io.ReadAll(r)
			require.NoError(t, err)
		}
		visit(h, string(text))
	}
}
