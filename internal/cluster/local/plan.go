package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"runtime"

	"github.com/ocne-project/ocne/internal/addon"
	"github.com/ocne-project/ocne/internal/boot"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/cluster/providers/libvirt"
	"github.com/ocne-project/ocne/internal/cluster/workload"
	"github.com/ocne-project/ocne/internal/config"
	"github.com/ocne-project/ocne/internal/image"
	"github.com/ocne-project/ocne/internal/image/disk"
	"github.com/ocne-project/ocne/internal/image/ock"
	"github.com/ocne-project/ocne/internal/incluster"
)

// Plan is a cluster on a libvirt host, worked out before anything is touched.
type Plan struct {
	libvirt.StartOptions
	// Source of the image that its nodes boot; its digest becomes that of the base volume.
	Source image.Source
	// Kubeconfig is the file that the cluster's kubeconfig is written to.
	Kubeconfig string
	// Addons are what its nodes need to become Ready; server is host:port of the API as they reach it.
	Addons func(server string) ([]addon.Addon, error)
}

// Configured is the cluster that a configuration describes. The error is a *config.ValidationError when it is not one on a libvirt host.
func Configured(c *config.Config, getenv func(string) string) (Plan, error) {
	if err := c.Validate(); err != nil {
		return Plan{}, err
	}
	user, err := c.UserIgnition()
	if err != nil {
		return Plan{}, err
	}
	p := onHost(c, getenv)
	p.Cluster, p.Kubeconfig = c.Name, c.KubeconfigPath()
	p.ControlPlaneNodes, p.WorkerNodes = c.ControlPlaneNodes, c.WorkerNodes
	p.ControlPlane, p.Worker = libvirt.Shape(c.Libvirt.ControlPlane), libvirt.Shape(c.Libvirt.Worker)
	p.APIPort = c.APIServerPort
	p.PodSubnets, p.ServiceSubnets = prefixes(c.PodSubnets), prefixes(c.ServiceSubnets)
	p.Kubernetes.User = user
	p.Addons = func(server string) ([]addon.Addon, error) { return workload.Addons(c, c.Libvirt.ImageProfile, server) }
	return p, nil
}

// Ephemeral is the management cluster that is made when none is named. Of the configuration, only what it says of that one and of libvirt hosts is
// used, and of the cluster that is to be managed the image with its Kubernetes version, and the networks that must not be hidden.
func Ephemeral(c *config.Config, getenv func(string) string) (Plan, error) {
	profile, err := boot.LoadImage(c.Libvirt.ImageProfile)
	if err != nil {
		return Plan{}, err
	}
	p := onHost(c, getenv)
	p.Cluster, p.Kubeconfig = c.Ephemeral.Name, c.EphemeralKubeconfigPath()
	p.Private = true
	p.ControlPlaneNodes, p.ControlPlane = 1, libvirt.Shape(c.Ephemeral.Node)
	p.APIPort = 6443
	p.Network.Avoid = c.NodeNetworks()
	controllers, err := incluster.NodeConfig(profile.ImageStore, p.APIPort)
	if err != nil {
		return Plan{}, err
	}
	if p.Kubernetes.User, err = json.Marshal(controllers); err != nil {
		return Plan{}, fmt.Errorf("write the node's Ignition document: %w", err)
	}
	defaults := &config.Config{PodSubnets: []string{"10.244.0.0/16"}, ServiceSubnets: []string{"10.96.0.0/12"}, KubeProxyMode: "iptables", CNI: "flannel"}
	p.PodSubnets, p.ServiceSubnets = prefixes(defaults.PodSubnets), prefixes(defaults.ServiceSubnets)
	p.Addons = func(server string) ([]addon.Addon, error) {
		return workload.Addons(defaults, c.Libvirt.ImageProfile, server)
	}
	return p, nil
}

// onHost is what both have in common.
func onHost(c *config.Config, getenv func(string) string) Plan {
	l := c.Libvirt
	var p Plan
	p.Connection = Connection(c, getenv)
	p.Pool, p.DomainType = l.StoragePool, l.DomainType
	p.Network = libvirt.Network{Name: l.Network, UserSubnet: l.UserSubnet}
	p.Kubernetes = libvirt.Kubernetes{Version: c.KubernetesVersion, Profile: l.ImageProfile}
	p.Source = image.Source{
		Reference: c.Image.Reference, Architecture: runtime.GOARCH, Mirrors: c.Image.Mirrors, CAFile: c.Image.RegistryCAPath,
	}
	return p
}

// Connection to the host that a configuration names.
func Connection(c *config.Config, getenv func(string) string) libvirt.Connection {
	return libvirt.Connection{URI: c.Libvirt.URI, Getenv: getenv}
}

// prefixes of a configuration that was validated.
func prefixes(subnets []string) []netip.Prefix {
	list := make([]netip.Prefix, 0, len(subnets))
	for _, text := range subnets {
		if p, err := netip.ParsePrefix(text); err == nil {
			list = append(list, p)
		}
	}
	return list
}

// openImage pulls the image, unless it is in the cache, and has it ready to be uploaded. The caller closes what it returns.
func (p *Plan) openImage(ctx context.Context, home string, report progress.Reporter) (io.Closer, error) {
	cached, err := image.Pull(ctx, image.Directory(home), p.Source, report)
	if err != nil {
		return nil, err
	}
	if err := forLibvirt(ctx, cached.Path, p.Kubernetes.Profile); err != nil {
		return nil, errors.Join(fmt.Errorf("image %s: %w", p.Source.Reference, err), cached.Close())
	}
	p.Image = libvirt.Image{
		Digest: "sha256:" + cached.SHA256, Size: cached.Size,
		Open: func(context.Context) (io.ReadCloser, error) { return os.Open(cached.Path) },
	}
	return cached, nil
}

// CheckImage gets the image into the cache, unless it is there, and says whether it can be used.
func (p *Plan) CheckImage(ctx context.Context, home string, report progress.Reporter) error {
	image, err := p.openImage(ctx, home, report)
	if err != nil {
		return err
	}
	return image.Close()
}

// ErrConverted says that an image is for an engine: it looks for its boot document where libvirt puts none.
var ErrConverted = errors.New("it was converted for OLVM, and cannot be used with libvirt: name the image as it was published")

// forLibvirt refuses an OCK image whose nodes would wait for their boot document for ever.
func forLibvirt(ctx context.Context, path, profile string) error {
	if profile == boot.ProfilePlain {
		return nil
	}
	file, err := disk.Open(path)
	if err != nil {
		return err
	}
	info, err := ock.Inspect(ctx, file)
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if info.Converted {
		return ErrConverted
	}
	return nil
}
