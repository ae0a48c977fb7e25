package boot

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/coreos/ignition/v2/config/v3_4"
	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/vincent-petithory/dataurl"
)

const (
	hostnamePath = "/etc/hostname"
	// kubeadmPath is where kubeadm bootstrap's Ignition puts kubeadm's configuration.
	kubeadmPath = "/etc/kubeadm.yml"
	// maxKubeadmSize bounds what a compressed configuration may grow to, in bytes.
	maxKubeadmSize = 4 << 20
)

var errElsewhere = errors.New("its contents are not in the document: they must be one data URL for the provider ID to be added")

// machineConfig adds what only this machine is to the layers below.
func machineConfig(below types.Config, p profile, in Input) (types.Config, error) {
	id, n := in.Identity, in.Network
	if err := id.check(); err != nil {
		return types.Config{}, err
	}
	if err := n.check(); err != nil {
		return types.Config{}, err
	}
	out := below
	out.Storage.Files = slices.Clone(below.Storage.Files)
	if i := fileIndex(out, kubeadmPath); i >= 0 {
		kubeadm, err := contents(out.Storage.Files[i])
		if err != nil {
			return types.Config{}, fmt.Errorf("read %s: %w", kubeadmPath, err)
		}
		if kubeadm, err = registerNode(kubeadm, id.ProviderID, n.nodeIP()); err != nil {
			return types.Config{}, fmt.Errorf("%s: %w", kubeadmPath, err)
		}
		setFile(&out, kubeadmPath, *cmp.Or(out.Storage.Files[i].Mode, new(0o600)), kubeadm)
	}
	setFile(&out, hostnamePath, 0o644, id.Hostname+"\n")
	setFile(&out, path.Join(p.NetworkConnections, n.Device+".nmconnection"), 0o600, keyfile(n))
	if err := setNICs(&out, p, n.Device, in.NICs); err != nil {
		return types.Config{}, err
	}
	if len(n.NTPServers) > 0 {
		setFile(&out, p.TimeServers.Path, 0o644, p.TimeServers.Head+"server "+strings.Join(n.NTPServers, " iburst\nserver ")+" iburst\n")
	}
	if n.IPv6AutoConf && !n.IPv6.IsValid() {
		setFile(&out, p.NodeIP.Script, 0o755, p.nodeIPScript)
		out = v3_4.Merge(out, runNodeIPScript(p.NodeIP, n))
	}
	return out, nil
}

// runNodeIPScript makes the kubelet's unit wait for the network and run the script. A node that gets no IPv6 address still starts.
func runNodeIPScript(p nodeIP, n Network) types.Config {
	text := fmt.Sprintf("[Unit]\nWants=network-online.target\nAfter=network-online.target\n\n[Service]\nExecStartPre=-/bin/bash %s %s %s %s\n",
		p.Script, n.Device, n.IPv4.Addr(), p.KubeletFlags)
	return types.Config{
		Ignition: types.Ignition{Version: types.MaxVersion.String()},
		Systemd:  types.Systemd{Units: []types.Unit{{Name: "kubelet.service", Dropins: []types.Dropin{{Name: p.Dropin, Contents: &text}}}}},
	}
}

// check refuses what would break out of the files that the values are written to.
func (id Identity) check() error {
	if !isWord(id.Hostname) {
		return fmt.Errorf("host name %q is empty or has characters that a host name cannot have", id.Hostname)
	}
	if id.ProviderID == "" {
		return errors.New("the provider ID is empty")
	}
	return nil
}

func (n Network) check() error {
	switch {
	case !isWord(n.Device):
		return fmt.Errorf("interface name %q is empty or has characters that an interface name cannot have", n.Device)
	case n.MTU < 0 || n.MTU > 65535:
		return fmt.Errorf("MTU %d is out of range: use 1 to 65535, or 0 for the device's own", n.MTU)
	case !n.IPv4.IsValid() || !n.IPv4.Addr().Is4():
		return fmt.Errorf("the machine's address %s is not an IPv4 address with a prefix length", n.IPv4)
	case n.Gateway.IsValid() && !n.Gateway.Is4():
		return fmt.Errorf("gateway %s is not an IPv4 address", n.Gateway)
	case n.IPv6.IsValid() && !isIPv6(n.IPv6.Addr()):
		return fmt.Errorf("the machine's second address %s is not an IPv6 address", n.IPv6)
	case n.IPv6Gateway.IsValid() && !isIPv6(n.IPv6Gateway):
		return fmt.Errorf("IPv6 gateway %s is not an IPv6 address", n.IPv6Gateway)
	case n.IPv6Gateway.IsValid() && !n.IPv6.IsValid():
		return fmt.Errorf("IPv6 gateway %s needs an IPv6 address beside it: add addresses, or leave the gateway to router advertisements", n.IPv6Gateway)
	}
	for _, s := range n.Nameservers {
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" {
			return fmt.Errorf("name server %q is not an IP address", s)
		}
		// NetworkManager refuses the whole connection otherwise, and the machine would have no network at all.
		if isIPv6(a) && !n.hasIPv6() {
			return fmt.Errorf("name server %s is IPv6, but the machine has no IPv6: add ipv6 or use an IPv4 name server", s)
		}
	}
	for _, s := range slices.Concat(n.SearchDomains, n.NTPServers) {
		if !isWord(s) {
			return fmt.Errorf("%q is neither a host name nor a domain", s)
		}
	}
	return nil
}

func (n Network) hasIPv6() bool { return n.IPv6.IsValid() || n.IPv6AutoConf }

// nodeIP is the kubelet's node-ip. The kubelet would otherwise take the first address of the default route's interface, which can
// be the virtual IP. The kubelet takes no placeholder for the second family: an address that SLAAC makes is added on the node, by node-ip.sh.
func (n Network) nodeIP() string {
	if n.IPv6.IsValid() {
		return n.IPv4.Addr().String() + "," + n.IPv6.Addr().String()
	}
	return n.IPv4.Addr().String()
}

func isIPv6(a netip.Addr) bool { return a.Is6() && !a.Is4In6() }

// isWord accepts host names, domains, addresses and interface names, and nothing that ends a line or a list item.
func isWord(s string) bool { return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]*$`).MatchString(s) }

func fileIndex(config types.Config, path string) int {
	return slices.IndexFunc(config.Storage.Files, func(f types.File) bool { return f.Path == path })
}

// setFile writes a file of the machine's own. It replaces an earlier one whole instead of merging with it, so that no compression
// or hash of other contents stays behind.
func setFile(config *types.Config, path string, mode int, text string) {
	file := types.File{
		Node:          types.Node{Path: path, Overwrite: new(true)},
		FileEmbedded1: types.FileEmbedded1{Mode: &mode, Contents: types.Resource{Source: new("data:," + dataurl.EscapeString(text))}},
	}
	if i := fileIndex(*config, path); i >= 0 {
		config.Storage.Files[i] = file
		return
	}
	config.Storage.Files = append(config.Storage.Files, file)
}

// contents is what Ignition would write for a file whose contents are in the document.
func contents(f types.File) (string, error) {
	if len(f.Append) > 0 || f.Contents.Source == nil || !strings.HasPrefix(*f.Contents.Source, "data:") {
		return "", errElsewhere
	}
	url, err := dataurl.DecodeString(*f.Contents.Source)
	if err != nil {
		return "", errors.New("its contents are not a valid data URL")
	}
	if f.Contents.Compression == nil || *f.Contents.Compression == "" {
		return string(url.Data), nil
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(url.Data))
	if err != nil {
		return "", fmt.Errorf("uncompress: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(unzipped, maxKubeadmSize+1))
	if err != nil {
		return "", fmt.Errorf("uncompress: %w", err)
	}
	if len(text) > maxKubeadmSize {
		return "", fmt.Errorf("uncompress: it is larger than %d bytes", maxKubeadmSize)
	}
	return string(text), nil
}
