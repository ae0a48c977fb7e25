package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// image is one container image, by all the names that it is known by.
type image struct {
	names      []string
	layers     []string
	entrypoint []string
}

// ockRepository is where OCK's own images are named; its packages tag some of them "current", too.
const ockRepository = "container-registry.oracle.com/olcne/"

// testWorkload is for the tests' own pods.
const testWorkload = "localhost/ocne/web:v1"

// nodeImages are those that kubeadm names, and what the tests run on the nodes. While a cluster is upgraded, all its nodes run kube-proxy
// of one version, old nodes and new ones: what others pull from a registry then, each node has by the names of all versions.
func nodeImages(kubeadm, flannel, versions []string) ([]image, error) {
	network := image{names: []string{ockRepository + "flannel:current"}, layers: []string{"base", "tools", "flannel"},
		entrypoint: []string{"/opt/bin/flanneld"}}
	for _, name := range flannel {
		network.names = append(network.names, name, ockRepository+path.Base(name))
	}
	images := []image{
		network,
		{names: []string{testWorkload}, layers: []string{"base", "tools", "web"}, entrypoint: []string{"/usr/local/bin/web"}},
	}
	for _, name := range kubeadm {
		i := image{names: []string{name, ockRepository + path.Base(name)}}
		switch program, _, _ := strings.Cut(path.Base(name), ":"); program {
		case "kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd":
			i.layers = []string{"base", "kubernetes"}
		case "kube-proxy":
			i.layers = []string{"base", "tools", "kubernetes"}
			i.names = append(i.names, ockRepository+"kube-proxy:current")
			repository, own, _ := strings.Cut(name, ":")
			for _, version := range versions {
				if version != own {
					i.names = append(i.names, repository+":"+version, ockRepository+"kube-proxy:"+version)
				}
			}
		case "coredns":
			i.layers, i.entrypoint = []string{"base", "coredns"}, []string{"/coredns"}
			i.names = append(i.names, ockRepository+"coredns:current")
		case "pause":
			i.layers, i.entrypoint = []string{"pause"}, []string{"/pause"}
		default:
			return nil, fmt.Errorf("kubeadm wants the image %s, which this program does not know how to make", name)
		}
		images = append(images, i)
	}
	return images, nil
}

// writePatches does what OCK's packages do: static pods get the images by OCK's own names. kubeadm passes over those that it has no
// patches for.
func writePatches(dir string, images []image) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // part of a node's public files
		return fmt.Errorf("patches: %w", err)
	}
	for _, i := range images {
		if len(i.names) < 2 || !strings.HasPrefix(i.names[1], ockRepository) {
			continue
		}
		program, _, _ := strings.Cut(path.Base(i.names[1]), ":")
		if !strings.HasPrefix(program, "kube-") && program != "etcd" {
			continue
		}
		patch, err := json.Marshal([]map[string]string{{"op": "replace", "path": "/spec/containers/0/image", "value": i.names[1]}})
		if err != nil {
			return fmt.Errorf("patch of %s: %w", program, err)
		}
		file := filepath.Join(dir, program+"+json.json")
		if err := os.WriteFile(file, append(patch, '\n'), 0o644); err != nil { //nolint:gosec // part of a node's public files
			return fmt.Errorf("patch of %s: %w", program, err)
		}
	}
	return nil
}
