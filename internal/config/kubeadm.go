package config

import (
	"net/netip"
	"strconv"
	"strings"

	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
)

// What OCK nodes need from kubeadm; the existing ocne writes the same for its control planes.
const (
	// OCK runs CRI-O. kubeadm wants the scheme.
	criSocket = "unix:///var/run/crio/crio.sock"
	// OCK's /usr is read-only, so the kubelet's default directory for volume plugins cannot be used.
	volumePluginDir = "/var/lib/kubelet/volumeplugins"
	// OCK's packages put patches there that make static pods use the images inside the node's image.
	patchesDir = "/etc/ocne/ock/patches"
)

// controlPlaneKubeadm is kubeadm's configuration of the first and of every further control plane node.
func (c *Config) controlPlaneKubeadm() bootstrapv1.KubeadmConfigSpec {
	join := c.join()
	join.ControlPlane = &bootstrapv1.JoinControlPlane{LocalAPIEndpoint: c.localAPIEndpoint()}
	return bootstrapv1.KubeadmConfigSpec{
		Format: bootstrapv1.Ignition,
		ClusterConfiguration: bootstrapv1.ClusterConfiguration{
			APIServer: bootstrapv1.APIServer{
				ExtraArgs: c.cipherArgs("tls-cipher-suites"),
				CertSANs:  []string{"localhost", "127.0.0.1", c.VirtualIP},
			},
			ControllerManager: bootstrapv1.ControllerManager{ExtraArgs: append(c.cipherArgs("tls-cipher-suites"), c.nodeMaskArgs()...)},
			Scheduler:         bootstrapv1.Scheduler{ExtraArgs: c.cipherArgs("tls-cipher-suites")},
			Etcd:              bootstrapv1.Etcd{Local: bootstrapv1.LocalEtcd{ExtraArgs: c.cipherArgs("cipher-suites")}},
		},
		InitConfiguration: bootstrapv1.InitConfiguration{
			NodeRegistration: c.nodeRegistration(),
			LocalAPIEndpoint: c.localAPIEndpoint(),
			SkipPhases:       skipPhases(),
			Patches:          bootstrapv1.Patches{Directory: patchesDir},
		},
		JoinConfiguration: join,
	}
}

// workerKubeadm is kubeadm's configuration of a worker node.
func (c *Config) workerKubeadm() bootstrapv1.KubeadmConfigSpec {
	return bootstrapv1.KubeadmConfigSpec{Format: bootstrapv1.Ignition, JoinConfiguration: c.join()}
}

func (c *Config) join() bootstrapv1.JoinConfiguration {
	return bootstrapv1.JoinConfiguration{
		NodeRegistration: c.nodeRegistration(),
		SkipPhases:       skipPhases(),
		Patches:          bootstrapv1.Patches{Directory: patchesDir},
	}
}

// skipPhases leaves kubeadm's preflight out: it pulls images that OCK has under other names, and fails without a registry.
func skipPhases() []string { return []string{"preflight"} }

// localAPIEndpoint makes room for the load balancer, which listens on the virtual IP's port of the same node.
func (c *Config) localAPIEndpoint() bootstrapv1.APIEndpoint {
	return bootstrapv1.APIEndpoint{BindPort: narrow(c.APIServerPortAlt)}
}

func (c *Config) nodeRegistration() bootstrapv1.NodeRegistrationOptions {
	dir := volumePluginDir
	return bootstrapv1.NodeRegistrationOptions{
		CRISocket:        criSocket,
		KubeletExtraArgs: append([]bootstrapv1.Arg{{Name: "volume-plugin-dir", Value: &dir}}, c.cipherArgs("tls-cipher-suites")...),
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
