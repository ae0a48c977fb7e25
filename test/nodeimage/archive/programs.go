package main

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
)

const (
	libraries = "usr/lib/x86_64-linux-gnu"
	loader    = "usr/lib64/ld-linux-x86-64.so.2"
	// extensions are loaded by iptables by name, so no program lists them.
	extensions = libraries + "/xtables"
)

// tools are what kube-proxy and flannel call, and a shell with a few programs for people and tests.
func tools() []string {
	return []string{
		"usr/sbin/xtables-nft-multi", "usr/sbin/nft", "usr/sbin/conntrack", "usr/sbin/ipset", "usr/bin/ip",
		"usr/bin/bash", "usr/bin/cat", "usr/bin/cp", "usr/bin/ls", "usr/bin/sleep", "usr/bin/curl",
	}
}

// writeLayers writes all layers into dir and returns them by name.
func writeLayers(o options, dir string) (map[string]layer, error) {
	network := func(name, program string) func(*layerWriter) error {
		return func(w *layerWriter) error { return w.file(name, filepath.Join(o.network, program)) }
	}
	parts := map[string]func(*layerWriter) error{
		"base":       func(w *layerWriter) error { return writeBase(w, o.root) },
		"tools":      func(w *layerWriter) error { return writeTools(w, o.root) },
		"kubernetes": func(w *layerWriter) error { return writeKubernetes(w, o.kubernetes) },
		"coredns":    network("coredns", "coredns"),
		"pause":      network("pause", "pause"),
		"web":        network("usr/local/bin/web", "web"),
		"flannel": func(w *layerWriter) error {
			// The plugin is in the image, too: manifests of flannel copy it to the node.
			return errors.Join(network("opt/bin/flanneld", "flanneld")(w), network("flannel", "flannel")(w))
		},
	}
	layers := map[string]layer{}
	for name, fill := range parts {
		l, err := writeLayer(filepath.Join(dir, name+".tar"), fill)
		if err != nil {
			return nil, err
		}
		layers[name] = l
	}
	return layers, nil
}

func writeBase(w *layerWriter, root string) error {
	return errors.Join(
		w.symlink("bin", "usr/bin"), w.symlink("sbin", "usr/sbin"), w.symlink("lib", "usr/lib"), w.symlink("lib64", "usr/lib64"),
		w.directory("tmp", 0o1777), w.directory("run", 0o755), w.directory("var/run", 0o755),
		w.text("etc/passwd", "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n"),
		w.text("etc/group", "root:x:0:\nnogroup:x:65534:\n"),
		w.text("etc/nsswitch.conf", "hosts: files dns\n"),
		w.file("etc/ssl/certs/ca-certificates.crt", filepath.Join(root, "etc/ssl/certs/ca-certificates.crt")),
	)
}

func writeKubernetes(w *layerWriter, binary string) error {
	errs := []error{w.file("usr/local/bin/kubernetes", binary)}
	for _, name := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubectl"} {
		errs = append(errs, w.symlink("usr/local/bin/"+name, "kubernetes"))
	}
	return errors.Join(errs...)
}

func writeTools(w *layerWriter, root string) error {
	for _, tool := range tools() {
		if err := writeProgram(w, root, tool); err != nil {
			return err
		}
	}
	for _, family := range []string{"iptables", "ip6tables"} {
		for _, name := range []string{"", "-save", "-restore", "-nft", "-nft-save", "-nft-restore"} {
			if err := w.symlink("usr/sbin/"+family+name, "xtables-nft-multi"); err != nil {
				return err
			}
		}
	}
	if err := errors.Join(w.symlink("usr/bin/sh", "bash"), w.file(loader, filepath.Join(root, loader))); err != nil {
		return err
	}
	return writeExtensions(w, root)
}

// writeExtensions keeps the symbolic links: some names, such as MASQUERADE, are only links.
func writeExtensions(w *layerWriter, root string) error {
	entries, err := os.ReadDir(filepath.Join(root, extensions))
	if err != nil {
		return fmt.Errorf("extensions of iptables: %w", err)
	}
	for _, e := range entries {
		name := path.Join(extensions, e.Name())
		if target, err := os.Readlink(filepath.Join(root, name)); err == nil {
			if err := w.symlink(name, target); err != nil {
				return err
			}
			continue
		}
		if err := writeProgram(w, root, name); err != nil {
			return err
		}
	}
	return nil
}

// writeProgram writes a program or library and all libraries that it needs.
func writeProgram(w *layerWriter, root, name string) error {
	if w.done[name] {
		return nil
	}
	source, err := resolve(root, name)
	if err != nil {
		return err
	}
	if err := w.file(name, source); err != nil {
		return err
	}
	f, err := elf.Open(source)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer func() { _ = f.Close() }()
	needed, err := f.ImportedLibraries()
	if err != nil {
		return fmt.Errorf("libraries of %s: %w", name, err)
	}
	for _, library := range needed {
		if library == path.Base(loader) {
			continue
		}
		if err := writeProgram(w, root, path.Join(libraries, library)); err != nil {
			return fmt.Errorf("library of %s: %w", name, err)
		}
	}
	return nil
}

// resolve follows symbolic links inside root, which may be absolute.
func resolve(root, name string) (string, error) {
	for range 8 {
		file := filepath.Join(root, name)
		target, err := os.Readlink(file)
		if err != nil {
			_, err = os.Stat(file)
			return file, err
		}
		if path.IsAbs(target) {
			name = target
		} else {
			name = path.Join(path.Dir(name), target)
		}
	}
	return "", fmt.Errorf("%s: too many symbolic links", name)
}
