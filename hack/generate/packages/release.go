package packages

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Release writes a release below dir: infrastructure-olvm/<version>/, a provider repository of clusterctl, and the chart as
// olvm-capi-<version>.tgz. It returns the paths of the repository's components file and of the chart.
func Release(root, version, dir string) (components, chart string, err error) {
	files, err := Files(root, version)
	if err != nil {
		return "", "", err
	}
	repository := filepath.Join(dir, provider, version)
	if err := os.MkdirAll(repository, 0o755); err != nil {
		return "", "", err
	}
	for name, content := range Below(files, ClusterctlDir) {
		if err := os.WriteFile(filepath.Join(repository, name), content, 0o644); err != nil {
			return "", "", err
		}
	}
	content, err := chartArchive(root, files)
	if err != nil {
		return "", "", err
	}
	chart = filepath.Join(dir, name+"-"+strings.TrimPrefix(version, "v")+".tgz")
	err = os.WriteFile(chart, content, 0o644)
	return filepath.Join(repository, "infrastructure-components.yaml"), chart, err
}

// chartArchive packs the chart as "helm package" does: what is generated, and what stands beside it in the tree. The same chart gives the
// same bytes.
func chartArchive(root string, files map[string][]byte) ([]byte, error) {
	all := Below(files, ChartDir)
	source := os.DirFS(filepath.Join(root, filepath.FromSlash(ChartDir)))
	err := fs.WalkDir(source, ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(file) == ".yaml" {
			return err
		}
		all[file], err = fs.ReadFile(source, file)
		return err
	})
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	compressed := gzip.NewWriter(&out)
	archive := tar.NewWriter(compressed)
	for _, file := range slices.Sorted(maps.Keys(all)) {
		header := &tar.Header{
			Typeflag: tar.TypeReg, Name: name + "/" + file, Mode: 0o644, Size: int64(len(all[file])), ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR,
		}
		if err := archive.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := archive.Write(all[file]); err != nil {
			return nil, err
		}
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	err = compressed.Close()
	return out.Bytes(), err
}
