// Command archive writes the container images of one Kubernetes version as an archive that containerd imports, and the patches that make
// kubeadm use OCK's names for them. No image is pulled: all are made of the programs that the node image was built from.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

type options struct {
	root       string // Debian root, for the packet filter's programs and their libraries
	kubernetes string // the binary that has all programs of Kubernetes
	version    string // of Kubernetes, with its leading "v"
	versions   string // of all trees of the node image, separated by commas
	network    string // directory of coredns, flanneld, flannel, pause and web
	flannel    string // flannel's own manifest, which names its images
	out        string // directory of the version's tree
}

func main() {
	var o options
	flag.StringVar(&o.root, "root", "", "directory of the Debian root")
	flag.StringVar(&o.kubernetes, "kubernetes", "", "binary with all programs of Kubernetes")
	flag.StringVar(&o.version, "version", "", "version of Kubernetes, such as v1.34.4")
	flag.StringVar(&o.versions, "versions", "", "all versions that nodes of one cluster may have, separated by commas")
	flag.StringVar(&o.network, "network", "", "directory of the programs of the pod network")
	flag.StringVar(&o.flannel, "flannel", "", "flannel's own manifest kube-flannel.yml, which names its images")
	flag.StringVar(&o.out, "out", "", "directory to write usr/share/ocne/images.tar and etc/ocne/ock/patches into")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "archive:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	names, err := kubeadmImages(ctx, o.kubernetes, o.version)
	if err != nil {
		return err
	}
	flannel, err := manifestImages(o.flannel)
	if err != nil {
		return err
	}
	images, err := nodeImages(names, flannel, strings.Split(o.versions, ","))
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp(o.out, "layers-")
	if err != nil {
		return fmt.Errorf("directory for layers: %w", err)
	}
	defer func() { _ = os.RemoveAll(work) }()
	layers, err := writeLayers(o, work)
	if err != nil {
		return err
	}
	file := filepath.Join(o.out, "usr/share/ocne/images.tar")
	if err := writeArchive(file, images, layers); err != nil {
		return fmt.Errorf("archive %s: %w", file, err)
	}
	return writePatches(filepath.Join(o.out, "etc/ocne/ock/patches"), images)
}

// manifestImages are the names of the images in a manifest, each once.
func manifestImages(file string) ([]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("manifest of flannel: %w", err)
	}
	var names []string
	for line := range strings.Lines(string(text)) {
		if _, name, ok := strings.Cut(line, "image:"); ok && !slices.Contains(names, strings.TrimSpace(name)) {
			names = append(names, strings.TrimSpace(name))
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("manifest %s names no image", file)
	}
	return names, nil
}

// kubeadmImages asks kubeadm itself, so that the archive cannot miss what kubeadm will want.
func kubeadmImages(ctx context.Context, kubernetes, version string) ([]string, error) {
	cmd := exec.CommandContext(ctx, kubernetes, "config", "images", "list", "--kubernetes-version", version)
	cmd.Args[0] = "kubeadm" // the binary acts by its name
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("kubeadm config images list: %w", err)
	}
	return strings.Fields(string(out)), nil
}
