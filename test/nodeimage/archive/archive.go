package main

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// The files of "docker save", which containerd imports; the OCI layout has no place for several names of one image.
type manifestEntry struct {
	Config           string
	RepoTags, Layers []string
}

type imageConfig struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
	Config       struct {
		Env        []string `json:"Env"`
		Entrypoint []string `json:"Entrypoint,omitempty"`
		WorkingDir string   `json:"WorkingDir"`
	} `json:"config"`
	RootFS struct {
		Type    string   `json:"type"`
		DiffIDs []string `json:"diff_ids"`
	} `json:"rootfs"`
	History []map[string]string `json:"history"`
}

func writeArchive(file string, images []image, layers map[string]layer) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // part of a node's public files
		return err
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	w := &layerWriter{tar: tar.NewWriter(f), done: map[string]bool{".": true}}
	var manifest []manifestEntry
	for _, i := range images {
		entry, err := writeImage(w, i, layers)
		if err != nil {
			return fmt.Errorf("image %s: %w", i.names[0], err)
		}
		manifest = append(manifest, entry)
	}
	text, err := json.Marshal(manifest)
	if err != nil {
		return err
	}
	if err := w.text("manifest.json", string(text)); err != nil {
		return err
	}
	if err := w.tar.Close(); err != nil {
		return err
	}
	return f.Close()
}

// writeImage writes what the archive does not hold yet: layers are shared.
func writeImage(w *layerWriter, i image, layers map[string]layer) (manifestEntry, error) {
	entry := manifestEntry{RepoTags: i.names}
	config := imageConfig{Architecture: "amd64", OS: "linux"}
	config.Config.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/opt/bin"}
	config.Config.Entrypoint, config.Config.WorkingDir = i.entrypoint, "/"
	config.RootFS.Type = "layers"
	for _, name := range i.layers {
		l, ok := layers[name]
		if !ok {
			return entry, fmt.Errorf("no layer %s", name)
		}
		entry.Layers = append(entry.Layers, l.digest+".tar")
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, "sha256:"+l.digest)
		config.History = append(config.History, map[string]string{"created_by": "test/nodeimage: " + name})
		if err := copyLayer(w, l); err != nil {
			return entry, fmt.Errorf("layer %s: %w", name, err)
		}
	}
	text, err := json.Marshal(config)
	if err != nil {
		return entry, err
	}
	sum := sha256.Sum256(text)
	entry.Config = hex.EncodeToString(sum[:]) + ".json"
	return entry, w.text(entry.Config, string(text))
}

func copyLayer(w *layerWriter, l layer) error {
	f, err := os.Open(l.file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	written, err := w.entry(&tar.Header{Typeflag: tar.TypeReg, Name: l.digest + ".tar", Mode: 0o644, Size: info.Size()})
	if err != nil || !written {
		return err
	}
	_, err = io.Copy(w.tar, f)
	return err
}
