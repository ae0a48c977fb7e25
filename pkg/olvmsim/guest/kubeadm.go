package guest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	corev1 "k8s.io/api/core/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// kubeadmConfig is /etc/kubeadm.yml, of which only the fields are read that change what the node becomes. They are
// the same in kubeadm.k8s.io/v1beta3 and v1beta4, but for kubeletExtraArgs.
type kubeadmConfig struct {
	cluster         *clusterConfiguration
	clusterDocument string // as written, for the ConfigMap kubeadm-config
	init            *initConfiguration
	join            *joinConfiguration
	ca, etcdCA      *authority // nil where the document has none
}

type clusterConfiguration struct {
	ClusterName          string `json:"clusterName"`
	ControlPlaneEndpoint string `json:"controlPlaneEndpoint"`
	KubernetesVersion    string `json:"kubernetesVersion"`
	ImageRepository      string `json:"imageRepository"`
	APIServer            struct {
		CertSANs []string `json:"certSANs"`
	} `json:"apiServer"`
	ControllerManager struct {
		ExtraArgs json.RawMessage `json:"extraArgs"`
	} `json:"controllerManager"`
	Networking struct {
		PodSubnet string `json:"podSubnet"`
	} `json:"networking"`
	DNS  image `json:"dns"`
	Etcd struct {
		Local    image           `json:"local"`
		External json.RawMessage `json:"external"`
	} `json:"etcd"`
}

type image struct {
	ImageRepository string `json:"imageRepository"`
	ImageTag        string `json:"imageTag"`
}

type initConfiguration struct {
	NodeRegistration nodeRegistration `json:"nodeRegistration"`
	SkipPhases       []string         `json:"skipPhases"`
}

type joinConfiguration struct {
	ControlPlane     *struct{}        `json:"controlPlane"`
	Discovery        discovery        `json:"discovery"`
	NodeRegistration nodeRegistration `json:"nodeRegistration"`
}

type discovery struct {
	BootstrapToken *struct {
		APIServerEndpoint        string   `json:"apiServerEndpoint"`
		Token                    string   `json:"token"`
		CACertHashes             []string `json:"caCertHashes"`
		UnsafeSkipCAVerification bool     `json:"unsafeSkipCAVerification"`
	} `json:"bootstrapToken"`
}

type nodeRegistration struct {
	Name string `json:"name"`
	// Taints tells null, which means kubeadm's default, from an empty list.
	Taints           *[]corev1.Taint `json:"taints"`
	KubeletExtraArgs json.RawMessage `json:"kubeletExtraArgs"`
}

// arguments reads kubeletExtraArgs.
func (r nodeRegistration) arguments() (kubeletArguments, error) {
	out, err := extraArguments(r.KubeletExtraArgs)
	if err != nil {
		return nil, fmt.Errorf("nodeRegistration.kubeletExtraArgs %w", err)
	}
	return out, nil
}

// extraArguments reads a map, as in v1beta3, or a list of names and values, as in v1beta4.
func extraArguments(raw json.RawMessage) (kubeletArguments, error) {
	out := kubeletArguments{}
	if len(raw) == 0 || json.Unmarshal(raw, &out) == nil {
		return out, nil
	}
	var list []struct{ Name, Value string }
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, errors.New("is neither a map (v1beta3) nor a list of names and values (v1beta4)")
	}
	out = kubeletArguments{}
	for _, a := range list {
		out[a.Name] = a.Value
	}
	return out, nil
}

// literal tells a value that needs no shell from one that some command was to fill in.
func literal(s string) bool { return s != "" && !strings.ContainsAny(s, "${`") }

// readKubeadm returns nil when the document has no /etc/kubeadm.yml.
func readKubeadm(doc *document) (*kubeadmConfig, error) {
	f, ok := doc.files["/etc/kubeadm.yml"]
	if !ok {
		return nil, nil
	}
	k := &kubeadmConfig{}
	documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(f.data)))
	for {
		text, err := documents.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = k.add(text)
		}
		if err != nil {
			return nil, fmt.Errorf("/etc/kubeadm.yml: %w", err)
		}
	}
	switch {
	case k.init == nil && k.join == nil:
		return nil, errors.New("/etc/kubeadm.yml has neither an InitConfiguration nor a JoinConfiguration")
	case k.init != nil && k.cluster == nil:
		return nil, errors.New("/etc/kubeadm.yml has an InitConfiguration, but no ClusterConfiguration")
	}
	var err error
	if k.ca, err = readAuthority(doc, "/etc/kubernetes/pki/ca"); err != nil {
		return nil, err
	}
	k.etcdCA, err = readAuthority(doc, "/etc/kubernetes/pki/etcd/ca")
	return k, err
}

// add takes one document. Its errors name the kind and never quote the text, which may hold a token.
func (k *kubeadmConfig) add(text []byte) error {
	var head struct{ Kind string }
	if yaml.Unmarshal(text, &head) != nil {
		return errors.New("not valid YAML")
	}
	var into any
	switch head.Kind {
	case "ClusterConfiguration":
		k.cluster, k.clusterDocument = &clusterConfiguration{}, strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(string(text)), "---"))+"\n"
		into = k.cluster
	case "InitConfiguration":
		k.init = &initConfiguration{}
		into = k.init
	case "JoinConfiguration":
		k.join = &joinConfiguration{}
		into = k.join
	default:
		return nil
	}
	if yaml.Unmarshal(text, into) != nil {
		return fmt.Errorf("%s is not valid", head.Kind)
	}
	return nil
}

// endpoint returns the control plane endpoint as host:port; kubeadm's default port is 6443.
func (c *clusterConfiguration) endpoint() string {
	if _, _, err := net.SplitHostPort(c.ControlPlaneEndpoint); err == nil || c.ControlPlaneEndpoint == "" {
		return c.ControlPlaneEndpoint
	}
	return net.JoinHostPort(strings.Trim(c.ControlPlaneEndpoint, "[]"), "6443")
}

// image returns the reference that kubeadm would use for a component of the cluster's version.
func (c *clusterConfiguration) image(name, tag string, override image) string {
	repository := c.ImageRepository
	if repository == "" {
		repository = "registry.k8s.io"
	}
	if override.ImageRepository != "" {
		repository = override.ImageRepository
	} else if name == "coredns" && c.ImageRepository == "" {
		repository += "/coredns" // the default registry's path, kubeadm app/images
	}
	if override.ImageTag != "" {
		tag = override.ImageTag
	}
	return repository + "/" + name + ":" + tag
}
