package boot

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/coreos/ignition/v2/config/v3_4"
	"github.com/coreos/ignition/v2/config/v3_4/types"
	"go.yaml.in/yaml/v3"

	"github.com/ocne-project/ocne/internal/loadbalancer"
)

// How Cluster API's kubeadm bootstrap provider writes cloud-config: bootstrap/kubeadm/pkg/cloudinit of Cluster API.
const (
	cloudInitPath   = "/run/kubeadm/kubeadm.yaml"             // kubeadm's configuration of the first control plane node
	cloudJoinPath   = "/run/kubeadm/kubeadm-join-config.yaml" // of every other node
	cloudJoin       = "kubeadm join --config " + cloudJoinPath
	cloudJoinScript = "/etc/ocne/kubeadm.sh" // ours: the provider's command
)

// cloudConfig makes the document of a machine with cloud-init. It is a mapping without a header: the engine writes #cloud-config and keys
// of its own before it (its CloudInitHandler), and of two keys of one name cloud-init takes the later one, so runcmd is all ours. What the
// machine's NIC needs comes from the engine, apart from this document.
func cloudConfig(in Input, p profile) ([]byte, error) {
	if len(p.CloudInit) == 0 {
		return nil, &LayerError{LayerProfile, fmt.Errorf("the image %s has no cloud-init, and the bootstrap data is cloud-config: set imageProfile to %s, "+
			"or format: ignition in the KubeadmConfig", ProfileOCK, ProfilePlain)}
	}
	if len(in.User) > 0 {
		return nil, &LayerError{LayerUser, errors.New("the bootstrap data is cloud-config, and a machine boots with one of the two: " +
			"use files, users and preKubeadmCommands of the KubeadmConfig")}
	}
	if len(in.Disks) > 0 {
		return nil, &LayerError{LayerDisks, errors.New("the bootstrap data is cloud-config, and mountPath of a data disk is for images with Ignition: " +
			"use diskSetup and mounts of the KubeadmConfig")}
	}
	if err := errors.Join(in.Identity.check(), in.Network.checkCloudInit(), checkCloudNICs(in.Network.Device, in.NICs)); err != nil {
		return nil, &LayerError{LayerMachine, err}
	}
	doc, err := parseCloudConfig(in.Bootstrap, in.Identity.Hostname)
	if err != nil {
		return nil, &LayerError{LayerBootstrap, err}
	}
	kubeadm, err := doc.kubeadm()
	if err != nil {
		return nil, &LayerError{LayerBootstrap, err}
	}
	steps := Steps{Commands: slices.Clone(p.CloudInit)}
	if in.LoadBalancer != nil && kubeadm != nil && doc.file(loadbalancer.KeepalivedConfiguration) == nil {
		if err := steps.balance(in, p, kubeadm.Value); err != nil {
			return nil, &LayerError{LayerBalancer, err}
		}
	}
	if err := doc.identify(in, p, kubeadm, &steps); err != nil {
		return nil, &LayerError{LayerMachine, err}
	}
	doc.retry(p, &steps)
	doc.add(steps)
	return doc.encode()
}

// checkCloudInit refuses what an engine cannot tell a guest (InitializationMapper: one address of each family, no MTU).
func (n Network) checkCloudInit() error {
	if err := n.check(); err != nil {
		return err
	}
	switch {
	case n.MTU > 0:
		return errors.New("mtu is not told to guests with cloud-init: leave it out, and set the MTU of the logical network in the engine, " +
			"which gives it to the VM's NIC")
	case n.IPv6AutoConf && n.IPv6.IsValid():
		return errors.New("guests with cloud-init configure one IPv6 address: set either ipv6.autoConf or an address")
	case n.IPv6.IsValid() && !n.IPv6Gateway.IsValid():
		return errors.New("guests with cloud-init take no router advertisements beside an address: set ipv6.gateway")
	}
	return nil
}

// checkCloudNICs refuses what an engine cannot tell of NICs beside the first one.
func checkCloudNICs(first string, nics []NIC) error {
	devices := map[string]bool{first: true}
	for _, n := range nics {
		err := n.check()
		switch {
		case err != nil:
		case devices[n.Device]:
			err = errors.New("another NIC has the same interface name")
		case n.MTU > 0:
			err = errors.New("mtu is not told to guests with cloud-init: set the MTU of the logical network in the engine")
		case len(n.Routes) > 0:
			err = errors.New("routes are not told to guests with cloud-init: leave them out")
		case n.IPv6AutoConf:
			err = errors.New("ipv6.autoConf would bring a default route to guests with cloud-init: give it an address")
		}
		if err != nil {
			return fmt.Errorf("additional NIC %s: %w", n.Device, err)
		}
		devices[n.Device] = true
	}
	return nil
}

// balance adds the built-in load balancer.
func (s *Steps) balance(in Input, p profile, kubeadm string) error {
	c, err := balancerOf(in, p, kubeadm)
	if err != nil {
		return err
	}
	config, err := withLoadBalancer(emptyConfig(), c)
	if err != nil {
		return err
	}
	steps, err := StepsOf(config)
	s.Files = append(s.Files, steps.Files...)
	s.Commands = append(append(s.Commands, "systemctl restart systemd-sysctl.service"), steps.Commands...)
	return err
}

func emptyConfig() types.Config {
	return types.Config{Ignition: types.Ignition{Version: types.MaxVersion.String()}}
}

// cloudDocument is cloud-config that is being added to.
type cloudDocument struct {
	root  *yaml.Node // a mapping
	files *yaml.Node // a list
	runs  *yaml.Node // a list
}

// parseCloudConfig reads what the bootstrap provider wrote. Its errors quote nothing of it.
func parseCloudConfig(raw []byte, hostname string) (cloudDocument, error) {
	text, err := rendered(string(raw), hostname)
	if err != nil {
		return cloudDocument{}, err
	}
	var parsed yaml.Node
	if err := yaml.Unmarshal([]byte(text), &parsed); err != nil {
		return cloudDocument{}, fmt.Errorf("it is not YAML: %s", withoutContents(err.Error()))
	}
	if len(parsed.Content) == 0 || parsed.Content[0].Kind != yaml.MappingNode {
		return cloudDocument{}, errors.New("it is not cloud-config, which is a YAML mapping: MIME archives and scripts cannot be added to the engine's own")
	}
	doc := cloudDocument{root: parsed.Content[0]}
	doc.root.HeadComment, doc.root.Content[0].HeadComment, parsed.HeadComment = "", "", "" // the header
	if doc.files, err = child(doc.root, "write_files", yaml.SequenceNode); err != nil {
		return cloudDocument{}, errors.New("write_files is not a list")
	}
	if doc.runs, err = child(doc.root, "runcmd", yaml.SequenceNode); err != nil {
		return cloudDocument{}, errors.New("runcmd is not a list")
	}
	return doc, nil
}

// file is the last entry of write_files for a path, or nil.
func (d cloudDocument) file(path string) *yaml.Node {
	var found *yaml.Node
	for _, f := range d.files.Content {
		if scalar(f, "path") == path {
			found = f
		}
	}
	return found
}

// kubeadm is the node that holds kubeadm's configuration, or nil where kubeadm does not make the node.
func (d cloudDocument) kubeadm() (*yaml.Node, error) {
	for _, path := range []string{cloudInitPath, cloudJoinPath} {
		f := d.file(path)
		if f == nil {
			continue
		}
		if scalar(f, "encoding") != "" || lookup(f, "content") == nil {
			return nil, fmt.Errorf("%s is not in plain text, so the provider ID cannot be added", path)
		}
		return lookup(f, "content"), nil
	}
	return nil, nil
}

// identify adds what only this machine is.
func (d cloudDocument) identify(in Input, p profile, kubeadm *yaml.Node, steps *Steps) error {
	n := in.Network
	if kubeadm != nil {
		text, err := registerNode(kubeadm.Value, in.Identity.ProviderID, n.nodeIP())
		if err != nil {
			return fmt.Errorf("kubeadm's configuration: %w", err)
		}
		*kubeadm = *stringNode(text)
	}
	put(d.root, "hostname", stringNode(in.Identity.Hostname))
	if len(n.NTPServers) > 0 {
		servers := &yaml.Node{Kind: yaml.SequenceNode}
		for _, s := range n.NTPServers {
			servers.Content = append(servers.Content, stringNode(s))
		}
		ntp := &yaml.Node{Kind: yaml.MappingNode}
		put(ntp, "enabled", &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "true"})
		put(ntp, "servers", servers)
		put(d.root, "ntp", ntp)
	}
	if !n.IPv6AutoConf {
		return nil
	}
	config := emptyConfig()
	setFile(&config, p.NodeIP.Script, 0o755, p.nodeIPScript)
	nodeIP, err := StepsOf(v3_4.Merge(config, runNodeIPScript(p.NodeIP, n)))
	steps.Files, steps.Commands = append(steps.Files, nodeIP.Files...), append(steps.Commands, nodeIP.Commands...)
	return err
}

// retry lets a join that failed be tried again. A command that somebody else wrote stays as it is.
func (d cloudDocument) retry(p profile, steps *Steps) {
	i := slices.IndexFunc(d.runs.Content, func(c *yaml.Node) bool {
		return c.Kind == yaml.ScalarNode && (c.Value == cloudJoin || strings.HasPrefix(c.Value, cloudJoin+" "))
	})
	if i < 0 {
		return
	}
	steps.Files = append(steps.Files,
		CloudFile{Path: attemptsPath, Mode: 0o755, Text: p.attemptsScript},
		CloudFile{Path: cloudJoinScript, Mode: 0o700, Text: "#!/bin/bash\n" + d.runs.Content[i].Value + "\n"})
	words := []string{"/bin/bash", attemptsPath, cloudJoinScript, cloudJoinPath, kubernetesPath, keptPath, p.Kubeadm.CRISocket}
	d.runs.Content[i] = stringNode(strings.Join(words, " "))
}

// add puts our commands before those of the bootstrap provider, and our files after its own: a later file of a path wins.
func (d cloudDocument) add(steps Steps) {
	for _, f := range steps.Files {
		d.files.Content = append(d.files.Content, f.node())
	}
	var commands []*yaml.Node
	for _, c := range steps.Commands {
		commands = append(commands, stringNode(c))
	}
	d.runs.Content = append(commands, d.runs.Content...)
}

func (f CloudFile) node() *yaml.Node {
	node := &yaml.Node{Kind: yaml.MappingNode}
	put(node, "path", stringNode(path.Clean(f.Path)))
	put(node, "owner", stringNode(f.owner()))
	permissions := stringNode(f.Permissions())
	permissions.Style = yaml.SingleQuotedStyle // or it is a number
	put(node, "permissions", permissions)
	if f.Append {
		put(node, "append", &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "true"})
	}
	put(node, "content", stringNode(f.Text))
	return node
}

func (d cloudDocument) encode() ([]byte, error) {
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	encoder.CompactSeqIndent()
	if err := errors.Join(encoder.Encode(d.root), encoder.Close()); err != nil {
		return nil, fmt.Errorf("boot document: write YAML: %s", withoutContents(err.Error()))
	}
	return out.Bytes(), nil
}
