// The CNI plugin "flannel": it lets the bridge plugin do the work, with the subnets and the MTU that flanneld wrote for this node.
// The official plugin is not published as a Go module; this one covers what flannel's own manifest asks for.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/containernetworking/cni/pkg/invoke"
	"github.com/containernetworking/cni/pkg/skel"
	"github.com/containernetworking/cni/pkg/types"
	"github.com/containernetworking/cni/pkg/version"
)

const (
	defaultSubnetFile = "/run/flannel/subnet.env"
	// defaultDataDir keeps what each container was added with: what is deleted is what was added, whatever flanneld says by then.
	defaultDataDir = "/var/lib/cni/flannel"
)

type config struct {
	types.NetConf
	SubnetFile string         `json:"subnetFile"`
	DataDir    string         `json:"dataDir"`
	Delegate   map[string]any `json:"delegate"`
}

func main() {
	skel.PluginMainFuncs(skel.CNIFuncs{Add: add, Del: del, Check: check}, version.All, "CNI plugin flannel")
}

func load(data []byte) (*config, error) {
	c := &config{SubnetFile: defaultSubnetFile, DataDir: defaultDataDir, Delegate: map[string]any{}}
	if err := json.Unmarshal(data, c); err != nil {
		return nil, fmt.Errorf("network configuration: %w", err)
	}
	return c, nil
}

func add(args *skel.CmdArgs) error {
	c, err := load(args.StdinData)
	if err != nil {
		return err
	}
	node, err := readSubnets(c.SubnetFile)
	if err != nil {
		return err
	}
	delegate, err := json.Marshal(delegateOf(c, node))
	if err != nil {
		return fmt.Errorf("delegate of network %s: %w", c.Name, err)
	}
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return fmt.Errorf("data of network %s: %w", c.Name, err)
	}
	if err := os.WriteFile(filepath.Join(c.DataDir, args.ContainerID), delegate, 0o600); err != nil {
		return fmt.Errorf("data of network %s: %w", c.Name, err)
	}
	result, err := invoke.DelegateAdd(context.Background(), typeOf(c), delegate, nil)
	if err != nil {
		return err
	}
	return types.PrintResult(result, c.CNIVersion)
}

func del(args *skel.CmdArgs) error {
	c, err := load(args.StdinData)
	if err != nil {
		return err
	}
	file := filepath.Join(c.DataDir, args.ContainerID)
	delegate, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil // never added, or deleted before: CNI wants both to succeed
	}
	if err != nil {
		return fmt.Errorf("data of network %s: %w", c.Name, err)
	}
	if err := invoke.DelegateDel(context.Background(), typeOf(c), delegate, nil); err != nil {
		return err
	}
	return os.Remove(file)
}

func check(*skel.CmdArgs) error { return nil }

func typeOf(c *config) string {
	if t, ok := c.Delegate["type"].(string); ok {
		return t
	}
	return "bridge"
}

// subnets are what flanneld wrote for this node: the whole network and the node's part of it, for each family that there is.
type subnets struct {
	networks, nodes []netip.Prefix
	mtu             int
	masquerade      bool // done by flanneld
}

func readSubnets(file string) (*subnets, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("flanneld has not written this node's subnets yet: %w", err)
	}
	defer func() { _ = f.Close() }()
	s := &subnets{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), "=")
		if err := s.set(key, value); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", file, key, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(s.nodes) == 0 {
		return nil, fmt.Errorf("%s names no subnet of this node", file)
	}
	return s, nil
}

func (s *subnets) set(key, value string) error {
	var err error
	switch key {
	case "FLANNEL_NETWORK", "FLANNEL_IPV6_NETWORK":
		err = appendPrefixes(&s.networks, value)
	case "FLANNEL_SUBNET", "FLANNEL_IPV6_SUBNET":
		err = appendPrefixes(&s.nodes, value)
	case "FLANNEL_MTU":
		s.mtu, err = strconv.Atoi(value)
	case "FLANNEL_IPMASQ":
		s.masquerade, err = strconv.ParseBool(value)
	}
	return err
}

func appendPrefixes(to *[]netip.Prefix, values string) error {
	for _, value := range strings.Split(values, ",") {
		prefix, err := netip.ParsePrefix(value)
		if err != nil {
			return err
		}
		*to = append(*to, prefix.Masked())
	}
	return nil
}

// delegateOf adds to the configured delegate what it does not say itself.
func delegateOf(c *config, node *subnets) map[string]any {
	var ranges, routes []any
	for _, subnet := range node.nodes {
		ranges = append(ranges, []any{map[string]any{"subnet": subnet.String()}})
	}
	for _, network := range node.networks {
		routes = append(routes, map[string]any{"dst": network.String()})
	}
	defaults := map[string]any{
		"type": "bridge", "cniVersion": c.CNIVersion, "name": c.Name, "ipMasq": !node.masquerade, "mtu": node.mtu,
		"ipam": map[string]any{"type": "host-local", "ranges": ranges, "routes": routes},
	}
	if typeOf(c) == "bridge" {
		defaults["isGateway"] = true
	}
	for key, value := range c.Delegate {
		if key != "ipam" {
			defaults[key] = value
		}
	}
	return defaults
}
