package config_test

import (
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/config"
)

const cloudPool = `sshPublicKey: ssh-ed25519 AAAA admin@example.com
proxy: {httpsProxy: "http://proxy.example.com:3128"}
extraIgnitionInline:
  variant: fcos
  version: 1.5.0
  storage: {files: [{path: /etc/template, mode: 0600, contents: {inline: "{{ literal }}"}}]}
providers:
  olvm:
    workerPools:
      - name: cloud
        machine: {vmTemplateName: debian, format: cloud-config, virtualMachine: {network: {ipv4: {ipAddresses: "192.0.2.230-192.0.2.240"}}}}
`

// Nodes with cloud-init get in the KubeadmConfig what those with Ignition get in a document of the machine template.
func TestNodesWithCloudInitGetTheSameInTheKubeadmConfig(t *testing.T) {
	c, _ := load(t, valid(t), cloudPool, config.Flags{})
	require.NoError(t, c.Validate())
	objects, err := c.Objects()
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, obj := range objects {
		switch o := obj.(type) {
		case *controlplanev1.KubeadmControlPlane:
			require.Equal(t, bootstrapv1.Ignition, o.Spec.KubeadmConfigSpec.Format)
			require.Empty(t, o.Spec.KubeadmConfigSpec.Files)
		case *infrav1.OLVMMachineTemplate:
			require.Equal(t, o.Name == "small-cloud", o.Spec.Template.Spec.Ignition == nil, o.Name)
		case *bootstrapv1.KubeadmConfigTemplate:
			seen[o.Name] = true
			spec := o.Spec.Template.Spec
			if o.Name != "small-cloud" {
				require.Equal(t, bootstrapv1.Ignition, spec.Format)
				continue
			}
			require.Equal(t, bootstrapv1.CloudConfig, spec.Format)
			require.Equal(t, "unix:///run/containerd/containerd.sock", spec.JoinConfiguration.NodeRegistration.CRISocket, "of the profile plain")
			files := map[string]bootstrapv1.File{}
			for _, f := range spec.Files {
				files[f.Path] = f
			}
			require.Contains(t, files["/etc/systemd/system/containerd.service.d/proxy.conf"].Content, "HTTPS_PROXY=http://proxy.example.com:3128")
			require.Equal(t, bootstrapv1.File{
				Path: "/etc/template", Owner: "root:root", Permissions: "0600", Encoding: bootstrapv1.Base64,
				Content: base64.StdEncoding.EncodeToString([]byte("{{ literal }}")),
			}, files["/etc/template"], "Jinja leaves it alone")
			require.Equal(t, []string{
				"systemctl daemon-reload", "systemctl try-restart containerd.service", "systemctl try-restart kubelet.service",
			}, spec.PreKubeadmCommands)
			require.Equal(t, "ocne", spec.Users[0].Name)
			require.Empty(t, spec.Users[0].Groups, "the group of administrators has another name on each distribution")
			require.Equal(t, "ocne ALL=(ALL) NOPASSWD: ALL\n", files["/etc/sudoers.d/ocne"].Content)
			require.Equal(t, "0440", files["/etc/sudoers.d/ocne"].Permissions)
			require.Equal(t, []string{"ssh-ed25519 AAAA admin@example.com"}, spec.Users[0].SSHAuthorizedKeys)
		}
	}
	require.True(t, seen["small-cloud"])
}

func TestWhatNodesWithCloudInitCannotHaveIsReported(t *testing.T) {
	worker := func(name, text, key, want string) rule {
		return rule{name, "providers: {olvm: {workerMachine: {" + text + "}}}", "providers.olvm.workerMachine." + key, want}
	}
	const network = "virtualMachine.network."
	checkRules(t, []rule{
		worker("unknown format", "format: kickstart", "format", `"kickstart" is not known: write ignition, or cloud-config`),
		worker("OCK", "format: cloud-config, imageProfile: ock", "imageProfile", "ock is an image without cloud-init: write plain"),
		worker("MTU", "format: cloud-config, virtualMachine: {network: {mtu: 9000}}", network+"mtu", "set the MTU of the logical network"),
		worker("IPv6 without a gateway", "format: cloud-config, virtualMachine: {network: {ipv6: {ipAddresses: 'fd00::10-fd00::20'}}}",
			network+"ipv6.gateway", "write the IPv6 gateway"),
		worker("SLAAC beside addresses", "format: cloud-config, virtualMachine: {network: {ipv6: {autoConf: true, ipAddresses: 'fd00::10-fd00::20'}}}",
			network+"ipv6.autoConf", "write one of them"),
		{
			"Ignition that has no like", "extraIgnitionInline: {variant: fcos, version: 1.5.0, kernel_arguments: {should_exist: [a]}}\n" +
				"providers: {olvm: {workerMachine: {format: cloud-config}}}",
			"extraIgnition", "nodes with format: cloud-config: kernelArguments has no like in cloud-config",
		},
	})
}
