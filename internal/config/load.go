package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Options says what to read.
type Options struct {
	// DefaultsFile is, when empty, what OCNE_DEFAULTS names, else ~/.ocne/defaults.yaml where that exists.
	DefaultsFile string
	// ClusterFile may be empty.
	ClusterFile string
	// Flags win over both files.
	Flags Flags
	// Getenv reads the environment; nil means an empty one.
	Getenv func(string) string
	// HomeDir stands for ~.
	HomeDir string
}

// Flags are the values given on the command line; nil means not given.
type Flags struct {
	Name, Provider, KubernetesVersion, VirtualIP *string
	// Image is the container image of the nodes' boot disk.
	Image *string
	// LibvirtURI is the connection to the libvirt host.
	LibvirtURI                     *string
	ControlPlaneNodes, WorkerNodes *int
}

// Load reads and merges flags, cluster file, defaults file and built-in defaults, in this order of precedence and key by key; a
// list replaces a list. A key without a value counts as absent; an explicit 0, "" or false counts. The error is a *SyntaxError
// when a file does not have the right shape; whether the values make sense is asked with Validate.
func Load(o Options) (*Config, []Warning, error) {
	files, err := o.files()
	if err != nil {
		return nil, nil, err
	}
	user, err := readFiles(files, o.HomeDir)
	if err != nil {
		return nil, nil, err
	}
	flags, err := o.Flags.layer()
	if err != nil {
		return nil, nil, err
	}
	user = merge(user, flags)
	defaults, problems, err := parse(strings.NewReader(builtIns), &checker{file: "built-in defaults"})
	if err != nil || len(problems) > 0 {
		return nil, nil, errors.Join(err, &SyntaxError{Problems: problems})
	}
	k, err := decode(inheritMachines(merge(defaults, user)))
	if err != nil {
		return nil, nil, err
	}
	if err := k.findSSHKey(user, o.HomeDir); err != nil {
		return nil, nil, err
	}
	c := k.config(o.HomeDir)
	c.namesProvider = lookup(user, "provider") != nil || o.Flags.LibvirtURI != nil
	if c.Provider == ProviderLibvirt && lookup(user, "workerNodes") == nil {
		c.WorkerNodes = 0 // as in the existing ocne: a node in a session is alone
	}
	return c, slices.Concat(leftOut(c.Provider, user), c.proxyWarnings(), c.poolWarnings()), nil
}

// readFiles merges the files, the weakest first, and reports what is wrong with any of them.
func readFiles(files []string, homeDir string) (*yaml.Node, error) {
	var merged *yaml.Node
	var problems []FileProblem
	for _, name := range files {
		layer, found, err := readFile(name, homeDir)
		if err != nil {
			return nil, err
		}
		problems = append(problems, found...)
		merged = merge(merged, layer)
	}
	if len(problems) > 0 {
		return nil, &SyntaxError{Problems: problems}
	}
	return merged, nil
}

// files are the files to read, the weakest first.
func (o Options) files() ([]string, error) {
	defaults := o.DefaultsFile
	if defaults == "" && o.Getenv != nil {
		defaults = o.Getenv("OCNE_DEFAULTS")
	}
	if defaults == "" {
		defaults = filepath.Join(o.HomeDir, ".ocne", "defaults.yaml")
		if exists, err := isFile(defaults); err != nil {
			return nil, err
		} else if !exists {
			defaults = ""
		}
	}
	var files []string
	for _, f := range []string{defaults, o.ClusterFile} {
		if f != "" {
			files = append(files, f)
		}
	}
	return files, nil
}

func isFile(name string) (bool, error) {
	_, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// layer is the command line in the shape of a file.
func (f Flags) layer() (*yaml.Node, error) {
	values := map[string]any{}
	for key, v := range map[string]*string{
		"name": f.Name, "provider": f.Provider, "kubernetesVersion": f.KubernetesVersion, "virtualIp": f.VirtualIP, "bootVolumeContainerImage": f.Image,
	} {
		if v != nil {
			values[key] = *v
		}
	}
	for key, v := range map[string]*int{"controlPlaneNodes": f.ControlPlaneNodes, "workerNodes": f.WorkerNodes} {
		if v != nil {
			values[key] = *v
		}
	}
	if f.LibvirtURI != nil {
		values["providers"] = map[string]any{ProviderLibvirt: map[string]any{"uri": *f.LibvirtURI}}
	}
	node := &yaml.Node{}
	return node, node.Encode(values)
}

// decode turns a merged tree, whose parts have been checked, into keys.
func decode(tree *yaml.Node) (keys, error) {
	var k keys
	var values any
	if err := tree.Decode(&values); err != nil {
		return k, fmt.Errorf("decode the merged configuration: %w", err)
	}
	b, err := json.Marshal(values)
	if err != nil {
		return k, fmt.Errorf("decode the merged configuration: %w", err)
	}
	if err := json.Unmarshal(b, &k); err != nil {
		return k, fmt.Errorf("decode the merged configuration: %w", err)
	}
	return k, nil
}

// findSSHKey applies the default of sshPublicKeyPath: ~/.ssh/id_rsa.pub, where that exists and no file says anything about keys.
func (k *keys) findSSHKey(user *yaml.Node, homeDir string) error {
	if lookup(user, "sshPublicKey") != nil || lookup(user, "sshPublicKeyPath") != nil {
		return nil
	}
	name := filepath.Join(homeDir, ".ssh", "id_rsa.pub")
	exists, err := isFile(name)
	if exists {
		k.SSHPublicKeyPath = Path(name)
	}
	return err
}
