package config_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coreos/ignition/v2/config/v3_4"
	"github.com/stretchr/testify/require"
	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"
	"sigs.k8s.io/yaml"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/config"
)

// update rewrites the golden files: go test ./internal/config -update.
var update = flag.Bool("update", false, "rewrite testdata/*.golden.yaml")

func TestObjectsOfDocumentedConfigurations(t *testing.T) {
	for _, sample := range []string{"required", "all", "dualstack"} {
		t.Run(sample, func(t *testing.T) {
			file := filepath.Join("testdata", sample+".yaml")
			c, _, err := config.Load(config.Options{ClusterFile: file, HomeDir: t.TempDir()})
			require.NoError(t, err)
			require.NoError(t, c.Validate())

			got := asYAML(t, c)
			golden := strings.TrimSuffix(file, ".yaml") + ".golden.yaml"
			if *update {
				require.NoError(t, os.WriteFile(golden, got, 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), string(got))
		})
	}
}

// asYAML is all that is applied for a configuration, in order, with credentials and CA first.
func asYAML(t *testing.T, c *config.Config) []byte {
	t.Helper()
	var out bytes.Buffer
	add := func(object any) {
		b, err := yaml.Marshal(object)
		require.NoError(t, err)
		out.WriteString("---\n")
		out.Write(b)
	}
	add(c.CredentialsSecret(config.Credentials{Username: "admin@internal", Password: "p", Scope: "ovirt-app-api"}))
	ca, err := c.CAConfigMap()
	require.NoError(t, err)
	if ca != nil {
		add(ca)
	}
	objects, err := c.Objects()
	require.NoError(t, err)
	for _, o := range objects {
		require.False(t, o.GetObjectKind().GroupVersionKind().Empty(), "server-side apply needs the kind of %s", o.GetName())
		add(o)
	}
	return out.Bytes()
}

func TestExplicitCAConfigMapIsNamedEvenWhenItsContentIsNotConfigured(t *testing.T) {
	c, _ := load(t, valid(t), on(engine+".caConfigMap.name", "engine-ca"), config.Flags{})
	ca, err := c.CAConfigMap()
	require.NoError(t, err)
	require.Nil(t, ca)
	require.Contains(t, string(asYAML(t, c)), "name: engine-ca")
}

func TestIgnitionOfTheNodes(t *testing.T) {
	extra, err := filepath.Abs("testdata/extra.bu")
	require.NoError(t, err)
	const unit = "{variant: fcos, version: 1.5.0, systemd: {units: [{name: debug.service, enabled: false}]}}"

	for _, tc := range []struct {
		name, text string
		users      []string
		enabled    []bool
	}{
		{"nothing", "", nil, nil},
		{"an SSH key", "sshPublicKey: ssh-ed25519 AAAA me", []string{"ocne"}, nil},
		{"Butane in a file", "extraIgnition: " + extra, nil, []bool{true}},
		{"Butane as a mapping", "extraIgnitionInline: " + unit, nil, []bool{false}},
		{"Butane as a mapping in the place of the file", "extraIgnition: " + unit, nil, []bool{false}},
		{"Butane as a text in the place of the file", "extraIgnition: |\n  variant: fcos\n  version: 1.5.0\n" +
			"  systemd: {units: [{name: debug.service, enabled: false}]}", nil, []bool{false}},
		{"Ignition as a text in the place of the file", `extraIgnition: '{"ignition": {"version": "3.4.0"}, "passwd": {"users": [{"name": "me"}]}}'`,
			[]string{"me"}, nil},
		{"Ignition as a mapping in the place of the file", "extraIgnition: {ignition: {version: 3.3.0}, passwd: {users: [{name: me}]}}",
			[]string{"me"}, nil},
		{"Butane as a string", "extraIgnitionInline: '" + unit + "'", nil, []bool{false}},
		{"Ignition as a string", `extraIgnitionInline: '{"ignition": {"version": "3.4.0"}, "passwd": {"users": [{"name": "me"}]}}'`, []string{"me"}, nil},
		{"Ignition as a mapping", "extraIgnitionInline: {ignition: {version: 3.3.0}, passwd: {users: [{name: me}]}}", []string{"me"}, nil},
		{"the inline document wins over the file", "extraIgnitionInline: " + unit + "\nextraIgnition: " + extra, nil, []bool{false}},
		{"an SSH key and a document", "sshPublicKey: ssh-ed25519 AAAA me\nextraIgnition: " + extra, []string{"ocne"}, []bool{true}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, _ := load(t, valid(t), tc.text, config.Flags{})
			require.NoError(t, c.Validate())
			objects, err := c.Objects()
			require.NoError(t, err)
			ignition := objects[3].(*infrav1.OLVMMachineTemplate).Spec.Template.Spec.Ignition
			if tc.users == nil && tc.enabled == nil {
				require.Nil(t, ignition)
				return
			}
			parsed, report, err := v3_4.Parse([]byte(ignition.Inline))
			require.NoError(t, err, report.String())
			var users []string
			for _, u := range parsed.Passwd.Users {
				users = append(users, u.Name)
			}
			var enabled []bool
			for _, u := range parsed.Systemd.Units {
				enabled = append(enabled, *u.Enabled)
			}
			require.Equal(t, tc.users, users)
			require.Equal(t, tc.enabled, enabled)
		})
	}
}

func TestDemoIsValidWithoutAWarning(t *testing.T) {
	demo, err := os.ReadFile("../../examples/demo.yaml")
	require.NoError(t, err)
	ca, err := os.ReadFile("testdata/ca.pem")
	require.NoError(t, err)
	dir := t.TempDir() // make demo has the simulator write its CA to bin/demo/ca.pem
	for name, content := range map[string][]byte{"examples/demo.yaml": demo, "bin/demo/ca.pem": ca} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}

	c, warnings, err := config.Load(config.Options{ClusterFile: filepath.Join(dir, "examples/demo.yaml"), HomeDir: dir})
	require.NoError(t, err)
	require.Empty(t, warnings)
	require.NoError(t, c.Validate())
	require.Equal(t, "16GB", c.OLVM.WorkerMachine.VirtualMachine.Memory)
	require.Equal(t, "127.40.0.0/24", c.OLVM.WorkerMachine.VirtualMachine.Network.IPv4.Subnet)
}

func TestOnAPlainImageAddonsAreLeftToKubeadm(t *testing.T) {
	c, _, err := config.Load(config.Options{ClusterFile: filepath.Join("testdata", "required.yaml"), HomeDir: t.TempDir()})
	require.NoError(t, err)
	c.OLVM.ControlPlaneMachine.ImageProfile, c.OLVM.WorkerMachine.ImageProfile = "plain", "plain"
	require.NoError(t, c.Validate())
	objects, err := c.Objects()
	require.NoError(t, err)
	for _, o := range objects {
		switch o := o.(type) {
		case *controlplanev1.KubeadmControlPlane:
			require.Empty(t, o.Annotations)
			require.Equal(t, []string{"preflight"}, o.Spec.KubeadmConfigSpec.InitConfiguration.SkipPhases)
			require.Contains(t, o.Spec.KubeadmConfigSpec.InitConfiguration.NodeRegistration.CRISocket, "containerd")
		case *infrav1.OLVMMachineTemplate:
			require.Equal(t, "plain", o.Spec.Template.Spec.ImageProfile)
		}
	}
}

// The image of the controllers is only in the cluster, so nodes that may run them take it from there.
func TestControlPlaneNodesOfAClusterThatManagesItselfTakeItsControllersImage(t *testing.T) {
	c, _, err := config.Load(config.Options{ClusterFile: filepath.Join("testdata", "required.yaml"), HomeDir: t.TempDir()})
	require.NoError(t, err)
	units := func() map[string]bool {
		objects, err := c.Objects()
		require.NoError(t, err)
		takes := map[string]bool{}
		for _, o := range objects {
			if template, ok := o.(*infrav1.OLVMMachineTemplate); ok {
				ignition := template.Spec.Template.Spec.Ignition
				takes[template.Name] = ignition != nil && strings.Contains(ignition.Inline, "ocne-controllers-image.timer")
			}
		}
		return takes
	}
	require.Equal(t, map[string]bool{c.Name + "-control-plane": false, c.Name + "-md-0": false}, units())
	c.SelfManaged = true
	require.Equal(t, map[string]bool{c.Name + "-control-plane": true, c.Name + "-md-0": false}, units())
}
