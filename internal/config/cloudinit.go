package config

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/coreos/ignition/v2/config/v3_4/types"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"

	"github.com/ocne-project/ocne/internal/boot"
)

// maxCloudFile is the length of a file's content that a KubeadmConfig accepts.
const maxCloudFile = 10240

// BootFormat is the format of the machines' bootstrap data.
func (m Machine) BootFormat() string { return cmp.Or(m.Format, boot.FormatIgnition) }

func (m Machine) hasCloudInit() bool { return m.BootFormat() == boot.FormatCloudConfig }

// cloudInit puts into a KubeadmConfig what nodes with Ignition get in a document of their own: the user ocne, the proxy and the registry, and
// the user's documents.
func (c *Config) cloudInit(spec *bootstrapv1.KubeadmConfigSpec, m Machine, controlPlane bool) error {
	if !m.hasCloudInit() {
		return nil
	}
	spec.Format = bootstrapv1.CloudConfig
	config, err := c.nodeConfig(m.image(), controlPlane)
	if err != nil {
		return err
	}
	steps, err := boot.StepsOf(config)
	if err != nil {
		return fmt.Errorf("nodes with format: %s: %w", boot.FormatCloudConfig, err)
	}
	for _, f := range steps.Files {
		file, err := kubeadmFile(f)
		if err != nil {
			return err
		}
		spec.Files = append(spec.Files, file)
	}
	for _, u := range steps.Users {
		spec.Users = append(spec.Users, kubeadmUser(u))
	}
	spec.PreKubeadmCommands = append(spec.PreKubeadmCommands, steps.Commands...)
	return nil
}

// kubeadmFile is a file as a KubeadmConfig has it. Its content goes into YAML and through Jinja unchanged: what either would change is
// encoded.
func kubeadmFile(f boot.CloudFile) (bootstrapv1.File, error) {
	file := bootstrapv1.File{Path: f.Path, Owner: cmp.Or(f.Owner, "root:root"), Permissions: f.Permissions(), Content: f.Text}
	if f.Append {
		file.Append = &f.Append
	}
	odd := func(r rune) bool { return r < ' ' && r != '\n' || r == 0x7f || r == utf8.RuneError }
	if strings.ContainsFunc(f.Text, odd) || strings.HasPrefix(f.Text, " ") || strings.HasPrefix(f.Text, "\n") ||
		strings.Contains(f.Text, "{{") || strings.Contains(f.Text, "{%") || strings.Contains(f.Text, "{#") {
		file.Encoding, file.Content = bootstrapv1.Base64, base64.StdEncoding.EncodeToString([]byte(f.Text))
	}
	if len(file.Content) > maxCloudFile {
		return file, fmt.Errorf("%s has %d bytes in a KubeadmConfig, but at most %d fit: let nodes fetch large files instead",
			f.Path, len(file.Content), maxCloudFile)
	}
	return file, nil
}

func kubeadmUser(u types.PasswdUser) bootstrapv1.User {
	user := bootstrapv1.User{
		Name: u.Name, Gecos: value(u.Gecos), HomeDir: value(u.HomeDir), Shell: value(u.Shell), Passwd: value(u.PasswordHash),
		PrimaryGroup: value(u.PrimaryGroup),
	}
	var groups []string
	for _, g := range u.Groups {
		groups = append(groups, string(g))
	}
	user.Groups = strings.Join(groups, ", ")
	for _, key := range u.SSHAuthorizedKeys {
		user.SSHAuthorizedKeys = append(user.SSHAuthorizedKeys, string(key))
	}
	return user
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// format checks how a group's machines boot.
func (v *validator) format(key string, m Machine) {
	switch m.Format {
	case "", boot.FormatIgnition:
		return
	case boot.FormatCloudConfig:
	default:
		v.report(key+".format", "%q is not known: write %s, or %s for images with cloud-init", m.Format, boot.FormatIgnition, boot.FormatCloudConfig)
		return
	}
	if m.ImageProfile == boot.ProfileOCK {
		v.report(key+".imageProfile", "%s is an image without cloud-init: write %s, or leave out format", boot.ProfileOCK, boot.ProfilePlain)
	}
	network := m.VirtualMachine.Network
	if network.MTU > 0 {
		v.report(key+".virtualMachine.network.mtu", "is not told to nodes with format: %s: leave it out, and set the MTU of the logical network "+
			"in the engine, which gives it to the VM's NIC", boot.FormatCloudConfig)
	}
	for i, disk := range m.VirtualMachine.DataDisks {
		if disk.MountPath != "" {
			v.report(fmt.Sprintf("%s.virtualMachine.dataDisks[%d].mountPath", key, i), "is for images with Ignition: leave it out with format: %s",
				boot.FormatCloudConfig)
		}
	}
	for i, nic := range m.VirtualMachine.AdditionalNICs {
		nicKey := fmt.Sprintf("%s.virtualMachine.additionalNICs[%d]", key, i)
		if nic.MTU > 0 {
			v.report(nicKey+".mtu", "is not told to nodes with format: %s: set the MTU of the logical network in the engine", boot.FormatCloudConfig)
		}
		if len(nic.Routes) > 0 {
			v.report(nicKey+".routes", "are not told to nodes with format: %s: leave them out", boot.FormatCloudConfig)
		}
		if nic.AutoConf() {
			v.report(nicKey+".ipv6.autoConf", "would bring a default route to nodes with format: %s: write ipAddresses", boot.FormatCloudConfig)
		}
	}
	ipv6 := network.IPv6
	if ipv6 == nil {
		return
	}
	switch static := len(ipv6.IPAddresses) > 0; {
	case static && ipv6.AutoConf:
		v.report(key+".virtualMachine.network.ipv6.autoConf", "and ipAddresses are both given, but nodes with format: %s configure one IPv6 address: "+
			"write one of them", boot.FormatCloudConfig)
	case static && ipv6.Gateway == "":
		v.report(key+".virtualMachine.network.ipv6.gateway", "is required with format: %s: write the IPv6 gateway, because these nodes take no "+
			"router advertisements beside an address", boot.FormatCloudConfig)
	}
}

// cloudInit checks that what nodes get besides can be said in cloud-config.
func (v *validator) cloudInit() {
	for key, m := range v.config.machines() {
		if err := v.config.cloudInit(&bootstrapv1.KubeadmConfigSpec{}, m, key == controlPlaneKey); err != nil {
			v.report("extraIgnition", "%v", err)
			return
		}
	}
}
