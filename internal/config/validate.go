package config

import (
	"crypto/tls"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/util/validation"
)

// maxNameLength leaves room for what is added to a cluster's name in the names of its nodes, which are at most 63 characters:
// -control-plane- and five characters from Cluster API.
const maxNameLength = 40

const (
	// maxControlPlaneNodes is the largest etcd cluster that its documentation recommends.
	maxControlPlaneNodes = 7
	// maxNodes is the largest cluster that Kubernetes is made for.
	maxNodes = 5000
)

// ValidationError lists everything that is wrong with a configuration.
type ValidationError struct {
	Problems []Problem
}

// Problem is one value that cannot be used, with what to write instead.
type Problem struct {
	Key     string // the whole path, such as providers.olvm.namespace
	Message string
}

func (p Problem) String() string { return p.Key + ": " + p.Message }

func (e *ValidationError) Error() string { return list("the configuration is not valid", e.Problems) }

// Validate checks every value. It reads the files that the configuration names and touches nothing else. The error is a
// *ValidationError.
func (c *Config) Validate() error {
	v := &validator{config: c}
	v.general()
	v.ephemeral()
	switch c.Provider {
	case ProviderLibvirt:
		v.notImplemented()
		v.onLibvirt()
	case ProviderOLVM:
		v.notImplemented()
		v.network()
		v.engine()
		v.machines()
		v.workerPools()
		v.outside()
		v.image()
		v.files()
	}
	return v.result()
}

// ValidateImage checks what the image commands need of a configuration, which is less than a cluster needs. The error is a *ValidationError.
func (c *Config) ValidateImage() error {
	v := &validator{config: c}
	v.engine()
	v.image()
	return v.result()
}

// result is a *ValidationError, or nil.
func (v *validator) result() error {
	if len(v.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(v.problems, func(a, b Problem) int { return strings.Compare(a.Key, b.Key) })
	return &ValidationError{Problems: v.problems}
}

type validator struct {
	config   *Config
	problems []Problem
}

func (v *validator) report(key, format string, args ...any) {
	v.problems = append(v.problems, Problem{Key: key, Message: fmt.Sprintf(format, args...)})
}

// required reports an empty value and says whether there is one.
func (v *validator) required(key, value, what string) bool {
	if strings.TrimSpace(value) == "" {
		v.report(key, "is required: write %s", what)
		return false
	}
	return true
}

// atMost reports a name that is longer than the engine allows.
func (v *validator) atMost(key, value string, length int) {
	if n := utf8.RuneCountInString(value); n > length {
		v.report(key, "%q has %d characters, but the engine's names have at most %d: write the name as the engine shows it", value, n, length)
	}
}

// name checks the name of a cluster.
func (v *validator) name(key, name string) {
	if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
		v.report(key, "%q cannot be a cluster's name: write lower case letters, digits and hyphens, such as demo", name)
	} else if len(name) > maxNameLength {
		v.report(key, "%q has %d characters: write at most %d, because node names are made from it", name, len(name), maxNameLength)
	}
}

func (v *validator) general() {
	c := v.config
	v.name("name", c.Name)
	switch c.Provider {
	case ProviderOLVM, ProviderLibvirt:
	default:
		v.report("provider", "%q is not implemented by this version: write %s or %s", c.Provider, ProviderOLVM, ProviderLibvirt)
	}
	if _, err := ResolveVersion(c.KubernetesVersion); err != nil {
		v.report("kubernetesVersion", "%v", err)
	}
	if err := CheckControlPlaneNodes(c.ControlPlaneNodes); err != nil {
		v.report("controlPlaneNodes", "%v", err)
	}
	if err := CheckWorkerNodes(c.WorkerNodes); err != nil {
		v.report("workerNodes", "%v", err)
	}
	if c.CNI != "flannel" && c.CNI != "none" {
		v.report("cni", "%q is not known: write flannel, or none to install one yourself", c.CNI)
	}
	known := cipherSuites()
	for _, suite := range c.CipherSuites {
		if !slices.Contains(known, suite) {
			v.report("cipherSuites", "%q is not known: write names such as %s", suite, strings.Join(known[2:4], " and "))
		}
	}
	v.ports()
}

// cipherSuites are the names that Kubernetes components accept: those of Go's TLS, and two older spellings (component-base,
// cli/flag/ciphersuites_flag.go).
func cipherSuites() []string {
	names := []string{"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305"}
	for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		names = append(names, suite.Name)
	}
	return names
}

func (v *validator) ports() {
	c := v.config
	for key, port := range map[string]int{"kubeApiServerBindPort": c.APIServerPort, "kubeApiServerBindPortAlt": c.APIServerPortAlt} {
		if port < 1 || port > 65535 {
			v.report(key, "is %d: write a port from 1 to 65535", port)
		}
	}
	if c.APIServerPort == c.APIServerPortAlt {
		v.report("kubeApiServerBindPortAlt", "is %d like kubeApiServerBindPort: write another port, such as 6444, because the load balancer "+
			"and the API server share a node", c.APIServerPortAlt)
	}
	alt, local := c.keys.KubeAPIServerBindPortAlt, c.keys.Providers.OLVM.LocalAPIEndpoint.BindPort
	if alt != 0 && local != 0 && alt != local {
		v.report("providers.olvm.localAPIEndpoint.bindPort", "is %d and kubeApiServerBindPortAlt is %d, but they mean the same port: "+
			"write one of them", local, alt)
	}
}

// notImplemented refuses what would otherwise be left out silently.
func (v *validator) notImplemented() {
	k := v.config.keys
	if k.Providers.OLVM.LocalAPIEndpoint.AdvertiseAddress != "" {
		v.report("providers.olvm.localAPIEndpoint.advertiseAddress", "is not implemented: leave it out, every node advertises its own address")
	}
	if k.ClusterDefinition != "" || k.ClusterDefinitionInline != "" {
		v.report("clusterDefinition", "is not implemented yet: apply your own objects with kubectl")
	}
	if k.Password != "" {
		v.report("password", "is not implemented yet: use sshPublicKey, or write the user into extraIgnition")
	}
	switch k.KubeProxyMode {
	case "iptables", "":
	case "ipvs":
		v.report("kubeProxyMode", "ipvs is not implemented yet: write iptables")
	default:
		v.report("kubeProxyMode", "%q is not known: write iptables", k.KubeProxyMode)
	}
}

func (v *validator) engine() {
	const key = "providers.olvm."
	c := v.config
	if v.required(key+"olvmDatacenterName", c.OLVM.DatacenterName, "the name of the engine's data center, such as Default") {
		v.atMost(key+"olvmDatacenterName", c.OLVM.DatacenterName, maxDataCenterName)
	}
	if problems := validation.IsDNS1123Label(c.Namespace); len(problems) > 0 {
		v.report(key+"namespace", "%q cannot be a namespace: write lower case letters, digits and hyphens, such as ocne", c.Namespace)
	}
	s := c.OLVM.APIServer
	if v.required(key+"olvmOvirtAPIServer.serverURL", s.ServerURL, "the engine's URL, such as https://engine.example.com/ovirt-engine") {
		v.serverURL(key+"olvmOvirtAPIServer.serverURL", s.ServerURL)
	}
	if s.ServerCA != "" && len(s.ServerCAPath) > 0 {
		v.report(key+"olvmOvirtAPIServer.serverCA", "and serverCAPath are both given: write one of them")
	}
	for name, ref := range map[string]string{
		"credentialsSecret.name": s.CredentialsSecret.Name, "credentialsSecret.namespace": s.CredentialsSecret.Namespace,
		"caConfigMap.name": s.CAConfigMap.Name, "caConfigMap.namespace": s.CAConfigMap.Namespace,
	} {
		if ref != "" && len(validation.IsDNS1123Subdomain(ref)) > 0 {
			v.report(key+"olvmOvirtAPIServer."+name, "%q cannot be a name in Kubernetes: write lower case letters, digits, hyphens and dots", ref)
		}
	}
}

// serverURL never repeats a URL with a password in it.
func (v *validator) serverURL(key, value string) {
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Host == "":
		v.report(key, "is not a URL: write the engine's URL, such as https://engine.example.com/ovirt-engine")
	case u.User != nil:
		v.report(key, "holds credentials: leave them out, and set %s and %s", UsernameVariable, PasswordVariable)
	case u.Scheme != "https":
		v.report(key, "%q must start with https://", value)
	case !strings.HasSuffix(u.Path, "/ovirt-engine") || u.RawQuery != "" || u.Fragment != "":
		v.report(key, "%q must end with /ovirt-engine: write https://%s/ovirt-engine", value, u.Host)
	}
}
