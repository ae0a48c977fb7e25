package config

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"

	"github.com/ocne-project/ocne/internal/boot"
)

// controlPlaneKubeadm is kubeadm's configuration of the first and of every further control plane node.
func (c *Config) controlPlaneKubeadm(image boot.Image) bootstrapv1.KubeadmConfigSpec {
	join := c.join(image.Kubeadm)
	join.ControlPlane = &bootstrapv1.JoinControlPlane{LocalAPIEndpoint: c.localAPIEndpoint()}
	return bootstrapv1.KubeadmConfigSpec{
		Format: bootstrapv1.Ignition,
		ClusterConfiguration: bootstrapv1.ClusterConfiguration{
			ImageRepository: c.imageRepository(image),
			DNS:             bootstrapv1.DNS{ImageRepository: c.dnsRepository(image)},
			APIServer: bootstrapv1.APIServer{
				ExtraArgs: c.cipherArgs("tls-cipher-suites"),
				CertSANs:  []string{"localhost", "127.0.0.1", c.VirtualIP},
			},
			ControllerManager: bootstrapv1.ControllerManager{ExtraArgs: append(c.cipherArgs("tls-cipher-suites"), c.nodeMaskArgs()...)},
			Scheduler:         bootstrapv1.Scheduler{ExtraArgs: c.cipherArgs("tls-cipher-suites")},
			Etcd:              bootstrapv1.Etcd{Local: bootstrapv1.LocalEtcd{ExtraArgs: c.cipherArgs("cipher-suites")}},
		},
		InitConfiguration: bootstrapv1.InitConfiguration{
			NodeRegistration: c.nodeRegistration(image.Kubeadm),
			LocalAPIEndpoint: c.localAPIEndpoint(),
			SkipPhases:       append(slices.Clone(image.Kubeadm.SkipPhases), c.skippedAddons(image)...),
			Patches:          bootstrapv1.Patches{Directory: image.Kubeadm.Patches},
		},
		JoinConfiguration: join,
	}
}

// workerKubeadm is kubeadm's configuration of a worker node.
func (c *Config) workerKubeadm(image boot.Image) bootstrapv1.KubeadmConfigSpec {
	return bootstrapv1.KubeadmConfigSpec{Format: bootstrapv1.Ignition, JoinConfiguration: c.join(image.Kubeadm)}
}

// image is what the machines' image is. A profile that does not exist is reported with imageProfile.
func (m Machine) image() boot.Image {
	image, err := boot.LoadImage(boot.ProfileFor(m.ImageProfile, m.BootFormat()))
	if err != nil {
		return boot.Image{}
	}
	return image
}

func (c *Config) join(image boot.Kubeadm) bootstrapv1.JoinConfiguration {
	return bootstrapv1.JoinConfiguration{
		NodeRegistration: c.nodeRegistration(image),
		SkipPhases:       image.SkipPhases,
		Patches:          bootstrapv1.Patches{Directory: image.Patches},
	}
}

// skippedAddons are kubeadm's phases for what ocne installs itself.
func (c *Config) skippedAddons(image boot.Image) []string {
	var phases []string
	if c.installs(image.Addons.KubeProxy) {
		phases = append(phases, "addon/kube-proxy")
	}
	if c.installs(image.Addons.CoreDNS) {
		phases = append(phases, "addon/coredns")
	}
	return phases
}

// skipAnnotations tell Cluster API not to look after what ocne installs itself.
func (c *Config) skipAnnotations(image boot.Image) map[string]string {
	annotations := map[string]string{}
	if c.installs(image.Addons.KubeProxy) {
		annotations[controlplanev1.SkipKubeProxyAnnotation] = "true"
	}
	if c.installs(image.Addons.CoreDNS) {
		annotations[controlplanev1.SkipCoreDNSAnnotation] = "true"
	}
	return annotations
}

// installs says whether ocne installs an add-on of Kubernetes of which this is the image.
func (c *Config) installs(image string) bool { return image != "" && !c.AddonsByKubeadm }

// localAPIEndpoint makes room for the load balancer, which listens on the virtual IP's port of the same node.
func (c *Config) localAPIEndpoint() bootstrapv1.APIEndpoint {
	return bootstrapv1.APIEndpoint{BindPort: narrow(c.APIServerPortAlt)}
}

func (c *Config) nodeRegistration(image boot.Kubeadm) bootstrapv1.NodeRegistrationOptions {
	var args []bootstrapv1.Arg
	if dir := image.VolumePluginDir; dir != "" {
		args = append(args, bootstrapv1.Arg{Name: "volume-plugin-dir", Value: &dir})
	}
	return bootstrapv1.NodeRegistrationOptions{
		CRISocket: image.CRISocket, KubeletExtraArgs: append(args, c.cipherArgs("tls-cipher-suites")...),
	}
}

// nodeMaskArgs says how much of the IPv6 pod subnet each node gets, where the default would not be enough for the nodes.
func (c *Config) nodeMaskArgs() []bootstrapv1.Arg {
	for _, subnet := range c.PodSubnets {
		p, err := netip.ParsePrefix(subnet)
		if err != nil || p.Addr().Is4() {
			continue // what is not understood is reported with podSubnet
		}
		if mask, ok := nodeMask(p); ok && mask != nodeMaskIPv6 {
			value := strconv.Itoa(mask)
			return []bootstrapv1.Arg{{Name: "node-cidr-mask-size-ipv6", Value: &value}}
		}
	}
	return nil
}

func (c *Config) cipherArgs(name string) []bootstrapv1.Arg {
	if len(c.CipherSuites) == 0 {
		return nil
	}
	suites := strings.Join(c.CipherSuites, ",")
	return []bootstrapv1.Arg{{Name: name, Value: &suites}}
}
