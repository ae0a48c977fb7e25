package boot

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"github.com/coreos/ignition/v2/config/v3_4"
	"github.com/coreos/ignition/v2/config/v3_4/types"
	"go.yaml.in/yaml/v3"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/loadbalancer"
)

// LoadBalancer is the virtual IP that a control plane node may hold.
type LoadBalancer struct {
	Endpoint string // the virtual IP
	Port     int    // of the cluster's API at the virtual IP
	Settings infrav1.LoadBalancer
}

// loadBalancerConfig adds the built-in load balancer. A document that brings a keepalived.conf has a load balancer of its own and gets
// nothing of this one, and neither does a node that kubeadm does not make.
func loadBalancerConfig(below types.Config, p profile, in Input) (types.Config, error) {
	i := fileIndex(below, kubeadmPath)
	if in.LoadBalancer == nil || i < 0 || bringsKeepalived(below, in.User) {
		return below, nil
	}
	kubeadm, err := contents(below.Storage.Files[i])
	if err != nil {
		return types.Config{}, fmt.Errorf("read %s: %w", kubeadmPath, err)
	}
	c, err := balancerOf(in, p, kubeadm)
	if err != nil {
		return types.Config{}, fmt.Errorf("%s: %w", kubeadmPath, err)
	}
	return withLoadBalancer(below, c)
}

// balancerOf is the node's load balancer, where kubeadm is the text of kubeadm's configuration.
func balancerOf(in Input, p profile, kubeadm string) (loadbalancer.Config, error) {
	port, first, err := localAPIEndpoint(kubeadm)
	if err != nil {
		return loadbalancer.Config{}, err
	}
	vip, err := netip.ParseAddr(in.LoadBalancer.Endpoint)
	if err != nil {
		vip = netip.Addr{} // refused with the reason
	}
	return loadbalancer.Config{
		VirtualIP: vip, Port: in.LoadBalancer.Port, APIServerPort: port,
		Device: in.Network.Device, Address: in.Network.IPv4, DualStack: in.Network.hasIPv6(), First: first,
		Settings: in.LoadBalancer.Settings, Image: p.LoadBalancer,
	}, nil
}

func withLoadBalancer(below types.Config, c loadbalancer.Config) (types.Config, error) {
	files, err := loadbalancer.Files(c)
	if err != nil {
		return types.Config{}, err
	}
	units, err := loadbalancer.Units(c)
	if err != nil {
		return types.Config{}, err
	}
	out := below
	out.Storage.Files = slices.Clone(below.Storage.Files)
	for _, f := range files {
		setFile(&out, f.Path, f.Mode, f.Text)
	}
	layer := types.Config{Ignition: types.Ignition{Version: types.MaxVersion.String()}}
	for _, u := range units {
		unit := types.Unit{Name: u.Name}
		if u.Enabled {
			unit.Enabled = new(true)
		}
		if u.Contents != "" {
			unit.Contents = &u.Contents
		}
		if u.Dropin != "" {
			unit.Dropins = []types.Dropin{{Name: loadbalancer.DropinName, Contents: &u.Dropin}}
		}
		layer.Systemd.Units = append(layer.Systemd.Units, unit)
	}
	return v3_4.Merge(out, layer), nil
}

// bringsKeepalived looks into the user's document too, although that lies above: what is wrong with it is told there.
func bringsKeepalived(below types.Config, user []byte) bool {
	if fileIndex(below, loadbalancer.KeepalivedConfiguration) >= 0 {
		return true
	}
	config, _, err := parse3(user)
	return err == nil && fileIndex(config, loadbalancer.KeepalivedConfiguration) >= 0
}

// localAPIEndpoint is the port of the node's own API server in kubeadm's configuration (6443 by kubeadm's default), and whether kubeadm
// makes the cluster with it.
func localAPIEndpoint(text string) (port int, first bool, err error) {
	for _, part := range splitDocuments(text) {
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(part), &doc); err != nil {
			return 0, false, errors.New(withoutContents(err.Error()))
		}
		if len(doc.Content) == 0 {
			continue
		}
		node := doc.Content[0]
		switch scalar(node, "kind") {
		case "InitConfiguration":
			first = true
		case "JoinConfiguration":
			node = at(node, "controlPlane")
		default:
			continue
		}
		value := scalar(at(node, "localAPIEndpoint"), "bindPort")
		if value == "" || value == "0" {
			return 6443, first, nil
		}
		if port, err = strconv.Atoi(value); err != nil || port < 1 || port > 65535 {
			return 0, false, fmt.Errorf("localAPIEndpoint.bindPort is not a port")
		}
		return port, first, nil
	}
	return 0, false, errors.New("it has neither an InitConfiguration nor a JoinConfiguration with the API server's own port")
}

// at is the value of a key, or an empty node.
func at(mapping *yaml.Node, key string) *yaml.Node {
	if v := lookup(mapping, key); v != nil {
		return v
	}
	return &yaml.Node{}
}
