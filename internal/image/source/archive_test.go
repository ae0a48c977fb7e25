package source_test

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/image/source"
)

// layoutOf writes an OCI layout with named lists of images; the images of "" have no name.
func layoutOf(t *testing.T, lists map[string]v1.ImageIndex) string {
	t.Helper()
	dir := t.TempDir()
	path, err := layout.Write(dir, empty.Index)
	require.NoError(t, err)
	for name, list := range lists {
		var options []layout.Option
		if name != "" {
			options = append(options, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": name}))
		}
		require.NoError(t, path.AppendIndex(list, options...))
	}
	return dir
}

// tarOfDir archives a directory as "tar -C DIR -cf FILE ." does.
func tarOfDir(t *testing.T, dir string) string {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "image.tar"))
	require.NoError(t, err)
	w := tar.NewWriter(f)
	require.NoError(t, w.AddFS(os.DirFS(dir)))
	require.NoError(t, w.Close())
	require.NoError(t, f.Close())
	return f.Name()
}

func TestOCILayoutsAndTheirArchives(t *testing.T) {
	disks := map[string][]byte{"1.31 amd64": content(1, 100_000), "1.31 arm64": content(2, 100_000), "1.32 amd64": content(3, 100_000)}
	of := func(tag, architecture string) v1.Image {
		return image(t, architecture, ockLayer(t, "gzip", disks[tag+" "+architecture]))
	}
	one := index(map[string]v1.Image{"amd64": of("1.31", "amd64"), "arm64": of("1.31", "arm64")})
	two := index(map[string]v1.Image{"amd64": of("1.32", "amd64")})
	several := layoutOf(t, map[string]v1.ImageIndex{"1.31": one, "1.32": two})
	unnamed := layoutOf(t, map[string]v1.ImageIndex{"": one})
	for _, reference := range []string{
		"oci:" + several + ":1.31", "oci:" + tarOfDir(t, several) + ":1.31", "oci-archive:" + tarOfDir(t, several) + ":1.31",
		"oci:" + unnamed, "oci:" + tarOfDir(t, unnamed),
	} {
		p := puller(t, t.TempDir())
		for _, architecture := range []string{"amd64", "arm64"} {
			pulled, got := p.pull(t, reference, architecture)
			require.Equal(t, disks["1.31 "+architecture], got, reference)
			digest, err := of("1.31", architecture).Digest()
			require.NoError(t, err)
			require.Equal(t, digest.String(), pulled.Digest)
		}
		require.Empty(t, p.told())
	}
	p := puller(t, t.TempDir())
	var missing *source.NotFoundError
	require.ErrorAs(t, p.fails(t, "oci:"+several+":1.33", "amd64"), &missing)
	require.Equal(t, []string{"1.32", "1.31"}, missing.Near)
	require.ErrorAs(t, p.fails(t, "oci:"+several, "amd64"), &missing)
	require.Equal(t, []string{"1.31", "1.32"}, missing.Near)
	var other *source.ArchitectureError
	require.ErrorAs(t, p.fails(t, "oci:"+several+":1.32", "arm64"), &other)
	require.Equal(t, []string{"linux/amd64"}, other.Available)
	require.ErrorContains(t, p.fails(t, "oci:"+t.TempDir(), "amd64"), "is not an OCI layout")
	require.ErrorIs(t, p.fails(t, "oci:"+filepath.Join(t.TempDir(), "none"), "amd64"), fs.ErrNotExist)
}

func TestDamagedLayoutsAreRefused(t *testing.T) {
	i := image(t, "amd64", ockLayer(t, "gzip", content(1, 100_000)))
	layers, err := i.Layers()
	require.NoError(t, err)
	layer, err := layers[0].Digest()
	require.NoError(t, err)
	manifest, err := i.Digest()
	require.NoError(t, err)
	for name, c := range map[string]struct {
		damage func(*testing.T, string)
		wanted string
	}{
		"layer altered": {func(t *testing.T, dir string) { alter(t, filepath.Join(dir, "blobs/sha256", layer.Hex), 50_000) }, "the first layer of image"},
		"layer truncated": {func(t *testing.T, dir string) {
			require.NoError(t, os.Truncate(filepath.Join(dir, "blobs/sha256", layer.Hex), 10))
		}, "it has 10 bytes"},
		"layer removed": {func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(filepath.Join(dir, "blobs/sha256", layer.Hex)))
		}, "no such file"},
		"manifest altered": {func(t *testing.T, dir string) { alter(t, filepath.Join(dir, "blobs/sha256", manifest.Hex), 5) }, "a manifest of image"},
		"index altered":    {func(t *testing.T, dir string) { alter(t, filepath.Join(dir, "index.json"), 0) }, "parse index.json"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := layoutOf(t, map[string]v1.ImageIndex{"": index(map[string]v1.Image{"amd64": i})})
			c.damage(t, dir)
			require.ErrorContains(t, puller(t, t.TempDir()).fails(t, "oci:"+dir, "amd64"), c.wanted)
		})
	}
}

func TestArchivesOfDockerSave(t *testing.T) {
	disk := content(1, 100_000)
	archive := filepath.Join(t.TempDir(), "saved.tar")
	tags := map[name.Tag]v1.Image{}
	for i, text := range []string{"registry.example.com/olcne/ock:1.31", "registry.example.com/olcne/ock:1.32"} {
		tag, err := name.NewTag(text)
		require.NoError(t, err)
		plain := tarOf(t, bootDisk(content(uint64(i+1), 100_000)))
		saved, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(plain)), nil })
		require.NoError(t, err)
		tags[tag] = withLayer(t, "amd64", saved)
	}
	require.NoError(t, tarball.MultiWriteToFile(archive, tags))
	p := puller(t, t.TempDir())
	reference := "docker-archive:" + archive + ":registry.example.com/olcne/ock:1.31"
	pulled, got := p.pull(t, reference, "amd64")
	require.Equal(t, disk, got)
	require.Equal(t, reference, pulled.Reference)
	var missing *source.NotFoundError
	require.ErrorAs(t, p.refuses(t, "docker-archive:"+archive+":registry.example.com/olcne/ock:1.33", "amd64"), &missing)
	require.Equal(t, "registry.example.com/olcne/ock:1.32", missing.Near[0])
	var other *source.ArchitectureError
	require.ErrorAs(t, p.refuses(t, reference, "arm64"), &other)

	// As docker writes it: the layer is not compressed, and a link leads to it.
	layer := tarOf(t, bootDisk(disk))
	config := []byte(fmt.Sprintf(`{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}`, sha(layer)))
	docker := filepath.Join(t.TempDir(), "docker.tar")
	manifest := []byte(`[{"Config":"c.json","RepoTags":["ock:1"],"Layers":["aaa/layer.tar"]}]`)
	write(t, docker, tarWithLink(t, "aaa/layer.tar", "../bbb/layer.tar",
		file{name: "c.json", content: config}, file{name: "manifest.json", content: manifest}, file{name: "bbb/layer.tar", content: layer}))
	_, got = p.pull(t, "docker-archive:"+docker, "amd64")
	require.Equal(t, disk, got)

	// Altered content is found by the digest of what is in the layer.
	altered := bytes.Replace(readAll(t, docker), disk[50_000:50_100], bytes.Repeat([]byte{0}, 100), 1)
	write(t, docker, bytes.Replace(altered, []byte(`"os":"linux"`), []byte(`"os":"LINUX"`), 1)) // it is another image
	var digest *source.DigestError
	require.ErrorAs(t, p.refuses(t, "docker-archive:"+docker, "amd64"), &digest)

	write(t, docker, compressed(t, "gzip", readAll(t, archive)))
	require.ErrorContains(t, p.refuses(t, "docker-archive:"+docker, "amd64"), "it is compressed with gzip: decompress it first")
	write(t, docker, content(1, 5000))
	require.ErrorContains(t, p.refuses(t, "docker-archive:"+docker, "amd64"), "read the archive "+docker)
	write(t, docker, tarOf(t, bootDisk(disk)))
	require.ErrorContains(t, p.refuses(t, "docker-archive:"+docker, "amd64"), "is not an archive of 'docker save'")
}

func TestReadingAnArchiveCanBeInterrupted(t *testing.T) {
	dir := layoutOf(t, map[string]v1.ImageIndex{"": index(map[string]v1.Image{"amd64": image(t, "amd64", ockLayer(t, "", content(1, 3_000_000)))})})
	ctx, cancel := context.WithCancel(t.Context())
	p := puller(t, t.TempDir(), func(o *source.Options) {
		o.Progress = func(done, total int64) {
			require.Less(t, done, total)
			cancel()
		}
	})
	_, err := p.Pull(ctx, parse(t, "oci:"+dir), "amd64")
	require.ErrorIs(t, err, context.Canceled)
	entries, err := p.store.List()
	require.NoError(t, err)
	require.Empty(t, entries, "what is there anyway is not kept twice")
}

func TestParse(t *testing.T) {
	here, err := os.Getwd()
	require.NoError(t, err)
	for text, wanted := range map[string]struct {
		kind source.Kind
		full string
	}{
		"container-registry.oracle.com/olcne/ock:1.31":          {source.Registry, "container-registry.oracle.com/olcne/ock:1.31"},
		"docker://container-registry.oracle.com/olcne/ock:1.31": {source.Registry, "container-registry.oracle.com/olcne/ock:1.31"},
		"registry.example.com:5000/ock":                         {source.Registry, "registry.example.com:5000/ock:latest"},
		"olcne/ock:1":                                           {source.Registry, "index.docker.io/olcne/ock:1"},
		"r.example.com/ock@sha256:" + strings.Repeat("a", 64):   {source.Registry, "r.example.com/ock@sha256:" + strings.Repeat("a", 64)},
		"r.example.com/ock:1@sha256:" + strings.Repeat("a", 64): {source.Registry, "r.example.com/ock@sha256:" + strings.Repeat("a", 64)},
		"oci:dir":           {source.OCI, "oci:" + here + "/dir"},
		"oci:/tmp/dir:1.31": {source.OCI, "oci:/tmp/dir:1.31"},
		"docker-archive:/f.tar:r.example.com/o:1": {source.DockerArchive, "docker-archive:/f.tar:r.example.com/o:1"},
		"boot.qcow2": {source.File, here + "/boot.qcow2"},
		"./image":    {source.File, here + "/image"},
		"/tmp/image": {source.File, "/tmp/image"},
	} {
		ref, err := source.Parse(text)
		require.NoError(t, err, text)
		require.Equal(t, wanted.kind, ref.Kind, text)
		require.Equal(t, wanted.full, ref.String(), text)
		require.Equal(t, strings.Contains(text, "@"), ref.Pinned(), text)
	}
	for _, text := range []string{
		"", "oci:", "oci:dir:", "docker-archive::x", "https://registry.example.com/ock:1", "Registry/ÖCK:1", "a:b:c", "r.example.com/ock@sha256:12",
	} {
		_, err := source.Parse(text)
		var invalid *source.InvalidReferenceError
		require.ErrorAs(t, err, &invalid, text)
		advice(t, err)
	}
}

func TestArchitecture(t *testing.T) {
	for text, wanted := range map[string]string{"amd64": "amd64", "x86_64": "amd64", "arm64": "arm64", "aarch64": "arm64", "s390x": "", "": ""} {
		got, err := source.Architecture(text)
		require.Equal(t, wanted, got)
		require.Equal(t, wanted == "", err != nil)
	}
}
