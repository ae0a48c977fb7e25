package config

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/coreos/ignition/v2/config/v3_4"
	"github.com/coreos/ignition/v2/config/v3_4/types"

	"github.com/ocne-project/ocne/internal/boot"
	"github.com/ocne-project/ocne/internal/incluster"
)

// maxIgnition is the length that OLVMMachine.spec.ignition.inline accepts.
const maxIgnition = 65536

// files checks the content of everything that the configuration names, by reading it as Objects will.
func (v *validator) files() {
	const server = "providers.olvm.olvmOvirtAPIServer."
	if _, err := v.config.caBundles(); err != nil {
		key := server + "serverCA"
		if len(v.config.OLVM.APIServer.ServerCAPath) > 0 {
			key = server + "serverCAPath"
		}
		v.report(key, "%v", err)
	}
	var images []boot.Image
	for _, m := range v.config.machines() {
		images = append(images, m.image())
	}
	before := len(v.problems)
	v.nodeFiles(images)
	if len(v.problems) == before {
		v.cloudInit()
	}
}

// nodeFiles checks what nodes of these images boot with.
func (v *validator) nodeFiles(images []boot.Image) {
	key := "sshPublicKeyPath"
	if v.config.Node.SSHPublicKey != "" {
		key = "sshPublicKey"
	}
	if _, err := v.config.sshKey(); err != nil {
		v.report(key, "%v", err)
		return
	}
	v.ignition(images)
}

func (v *validator) ignition(images []boot.Image) {
	before := len(v.problems)
	for _, d := range v.config.Node.ExtraIgnition {
		if _, err := d.parse(); err != nil {
			v.report(d.Key, "%v", err)
		}
	}
	if len(v.problems) > before {
		return
	}
	for _, image := range images {
		if _, err := v.config.ignition(image, true); err != nil {
			v.report("extraIgnition", "%v", err)
			return
		}
	}
}

// caBundles returns what serverCA or each file of serverCAPath holds; nothing when no CA is configured.
func (c *Config) caBundles() ([]string, error) {
	s := c.OLVM.APIServer
	if s.ServerCA != "" {
		return []string{s.ServerCA}, checkPEM(s.ServerCA)
	}
	var bundles []string
	for _, name := range s.ServerCAPath {
		b, err := os.ReadFile(string(name))
		if err != nil {
			return nil, fmt.Errorf("read the engine's CA: %w", err)
		}
		if err := checkPEM(string(b)); err != nil {
			return nil, fmt.Errorf("%s %w", name, err)
		}
		bundles = append(bundles, string(b))
	}
	return bundles, nil
}

func checkPEM(bundle string) error {
	count := 0
	for block, rest := pem.Decode([]byte(bundle)); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			return fmt.Errorf("holds a %s: write CA certificates in PEM only", strings.ToLower(block.Type))
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return fmt.Errorf("holds a certificate that cannot be read: %w", err)
		}
		count++
	}
	if count == 0 {
		return errors.New("holds no certificate: write the engine's CA in PEM, which the engine serves at " +
			"/ovirt-engine/services/pki-resource?resource=ca-certificate&format=X509-PEM-CA")
	}
	return nil
}

// sshKey returns the public key of the user ocne, or nothing.
func (c *Config) sshKey() (string, error) {
	key := c.Node.SSHPublicKey
	if key == "" && c.Node.SSHPublicKeyPath != "" {
		b, err := os.ReadFile(c.Node.SSHPublicKeyPath)
		if err != nil {
			return "", fmt.Errorf("read the SSH public key: %w", err)
		}
		key = string(b)
	}
	key = strings.TrimSpace(key)
	if strings.Contains(key, "PRIVATE KEY") {
		return "", errors.New("this is a private key: name the public one, whose file ends with .pub")
	}
	if key != "" && (strings.Contains(key, "\n") || len(strings.Fields(key)) < 2) {
		return "", errors.New("this is not one SSH public key: write one line such as ssh-ed25519 AAAA... user@host")
	}
	return key, nil
}

// ignition is nodeConfig as a document; it is empty when there is nothing in it.
func (c *Config) ignition(image boot.Image, controlPlane bool) (string, error) {
	merged, err := c.nodeConfig(image, controlPlane)
	if err != nil || merged.Ignition.Version == "" {
		return "", err
	}
	b, err := json.Marshal(merged)
	if err != nil {
		return "", fmt.Errorf("write the nodes' Ignition document: %w", err)
	}
	if len(b) > maxIgnition {
		return "", fmt.Errorf("the document has %d bytes as Ignition, but at most %d fit: let nodes fetch large files instead", len(b), maxIgnition)
	}
	return string(b), nil
}

// nodeConfig is what every node of an image boots with beyond what the provider gives it: the user ocne with its SSH key, the proxy and
// the registry, then the user's own documents. Control plane nodes of a cluster that manages itself take the image of its controllers from it.
// It has no version when there is none of them.
func (c *Config) nodeConfig(image boot.Image, controlPlane bool) (types.Config, error) {
	key, err := c.sshKey()
	if err != nil {
		return types.Config{}, err
	}
	var merged types.Config
	if controlPlane && c.SelfManaged {
		if merged, err = incluster.NodeConfig(image.ImageStore, c.APIServerPortAlt); err != nil {
			return types.Config{}, err
		}
	}
	if key != "" {
		merged = v3_4.Merge(merged, image.Administrator.Config("ocne", key))
	}
	for _, layer := range c.outside(image) {
		merged = v3_4.Merge(merged, layer)
	}
	for _, d := range c.Node.ExtraIgnition {
		parsed, err := d.parse()
		if err != nil {
			return types.Config{}, err
		}
		merged = v3_4.Merge(merged, parsed)
	}
	return merged, nil
}

func (d Document) parse() (types.Config, error) {
	text, from := []byte(d.Inline), "the inline document"
	if d.Path != "" {
		b, err := os.ReadFile(string(d.Path))
		if err != nil {
			return types.Config{}, err
		}
		text, from = b, string(d.Path)
	}
	ignition, err := boot.ParseUser(text)
	if err != nil {
		return types.Config{}, fmt.Errorf("%s: %w", from, err)
	}
	parsed, report, err := v3_4.ParseCompatibleVersion(ignition)
	if err != nil {
		return types.Config{}, fmt.Errorf("%s is not a valid Ignition document: %w: %s", from, err, report.String())
	}
	return parsed, nil
}
