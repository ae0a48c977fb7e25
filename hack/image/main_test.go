package main

import (
	"crypto/sha256"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/hack/image/oci"
)

const program = `package main

import ("fmt"; "os")

var version string

func main() { fmt.Fprintln(os.Stdout, "hello", version) }
`

// writeProgram writes a module with one program, which is built as ocne-manager is, in seconds.
func writeProgram(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module hello\n\ngo 1.26.0\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte(program), 0o600))
	return dir
}

// image builds a program in a directory of its own and returns its OCI layout.
func image(t *testing.T) string {
	t.Helper()
	d := description("hello", "v1.2.3")
	images, err := build(t.Context(), writeProgram(t), ".", d, []string{"amd64", "arm64"})
	require.NoError(t, err)
	dir := filepath.Join(t.TempDir(), "image")
	require.NoError(t, oci.Write(dir, d, images...))
	return dir
}

func sums(t *testing.T, dir string) map[string][32]byte {
	t.Helper()
	files := map[string][32]byte{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		files[name] = sha256.Sum256(content)
		return err
	}))
	return files
}

func TestTheSameSourceGivesTheSameBytesWhereverItIsBuilt(t *testing.T) {
	first := sums(t, image(t))
	require.Len(t, first, 2+1+2*3, "oci-layout and index.json; the index; manifest, configuration and layer of each architecture")
	require.Equal(t, first, sums(t, image(t)))
}

func TestAnImageHoldsTheProgramAndATmpAlone(t *testing.T) {
	dir := image(t)
	for _, architecture := range []string{"amd64", "arm64"} {
		root := t.TempDir()
		config, err := oci.Extract(dir, architecture, root)
		require.NoError(t, err)
		require.Equal(t, "linux", config.OS)
		require.Equal(t, architecture, config.Architecture)
		require.Equal(t, []string{"/hello"}, config.Config.Entrypoint)
		require.Equal(t, "65532:65532", config.Config.User)
		require.Equal(t, map[string]string{
			"org.opencontainers.image.title": "hello", "org.opencontainers.image.version": "v1.2.3",
			"org.opencontainers.image.source":   "https://github.com/ocne-project/ocne",
			"org.opencontainers.image.licenses": "Apache-2.0",
		}, config.Config.Labels)

		entries, err := os.ReadDir(root)
		require.NoError(t, err)
		require.Len(t, entries, 2)
		tmp, err := os.Stat(filepath.Join(root, "tmp"))
		require.NoError(t, err)
		require.Equal(t, fs.ModeDir|fs.ModeSticky|0o777, tmp.Mode())
		if architecture == runtime.GOARCH {
			info, err := os.Stat(filepath.Join(root, "hello"))
			require.NoError(t, err)
			require.Equal(t, fs.FileMode(0o555), info.Mode())
		}
	}
}

func TestAnArchitectureThatIsNotThereIsAnError(t *testing.T) {
	_, err := oci.Extract(image(t), "s390x", t.TempDir())
	require.ErrorContains(t, err, "s390x")
}
