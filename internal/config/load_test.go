package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/config"
)

func ptr[T any](v T) *T { return &v }

// write makes a file in a folder of its own and returns its name.
func write(t *testing.T, name, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
	require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
	return file
}

// load reads one text as the defaults file and one as the cluster file.
func load(t *testing.T, defaults, cluster string, flags config.Flags) (*config.Config, []config.Warning) {
	t.Helper()
	c, warnings, err := config.Load(config.Options{
		DefaultsFile: write(t, "defaults.yaml", defaults), ClusterFile: write(t, "demo.yaml", cluster), Flags: flags, HomeDir: t.TempDir(),
	})
	require.NoError(t, err)
	return c, warnings
}

func TestFlagsWinOverClusterFileOverDefaultsFileOverBuiltIns(t *testing.T) {
	for _, tc := range []struct {
		name              string
		defaults, cluster string
		flags             config.Flags
		get               func(*config.Config) any
		want              any
	}{
		{"built-in name", "", "", config.Flags{}, func(c *config.Config) any { return c.Name }, "ocne"},
		{"built-in version", "", "", config.Flags{}, func(c *config.Config) any { return c.KubernetesVersion }, "v1.33.10"},
		{"name of the defaults file", "name: a", "", config.Flags{}, func(c *config.Config) any { return c.Name }, "a"},
		{"name of the cluster file", "name: a", "name: b", config.Flags{}, func(c *config.Config) any { return c.Name }, "b"},
		{"name of the flag", "name: a", "name: b", config.Flags{Name: ptr("c")}, func(c *config.Config) any { return c.Name }, "c"},
		{"provider of the flag", "", "provider: oci", config.Flags{Provider: ptr("olvm")}, func(c *config.Config) any { return c.Provider }, "olvm"},
		{"version of the flag", "", "kubernetesVersion: 1.33", config.Flags{KubernetesVersion: ptr("1.32")},
			func(c *config.Config) any { return c.KubernetesVersion }, "v1.32.13"},
		{"virtual IP of the flag", "", "virtualIp: 192.0.2.1", config.Flags{VirtualIP: ptr("192.0.2.2")},
			func(c *config.Config) any { return c.VirtualIP }, "192.0.2.2"},
		{"control plane of the flag", "controlPlaneNodes: 5", "controlPlaneNodes: 7", config.Flags{ControlPlaneNodes: ptr(3)},
			func(c *config.Config) any { return c.ControlPlaneNodes }, 3},
		{"one worker with OLVM unless something else is said", "provider: olvm", "", config.Flags{}, func(c *config.Config) any { return c.WorkerNodes }, 1},
		{"an explicit 0 in the cluster file", "workerNodes: 4", "workerNodes: 0", config.Flags{}, func(c *config.Config) any { return c.WorkerNodes }, 0},
		{"an explicit 0 as a flag", "", "workerNodes: 4", config.Flags{WorkerNodes: ptr(0)}, func(c *config.Config) any { return c.WorkerNodes }, 0},
		{"an explicit empty string", "virtualIp: 192.0.2.1", `virtualIp: ""`, config.Flags{}, func(c *config.Config) any { return c.VirtualIP }, ""},
		{"an explicit false", "quiet: true", "quiet: false", config.Flags{}, func(c *config.Config) any { return c.Quiet }, false},
		{"a key without a value says nothing", "name: a", "name:", config.Flags{}, func(c *config.Config) any { return c.Name }, "a"},
		{"a list replaces a list", "podSubnet: [10.1.0.0/16, fd00::/64]", "podSubnet: 10.2.0.0/16", config.Flags{},
			func(c *config.Config) any { return c.PodSubnets }, []string{"10.2.0.0/16"}},
		{"nested keys are merged one by one", "providers: {olvm: {olvmDatacenterName: a, namespace: n}}", "providers: {olvm: {olvmDatacenterName: b}}",
			config.Flags{}, func(c *config.Config) any { return c.OLVM.DatacenterName + "/" + c.Namespace }, "b/n"},
		{"a document replaces a document as a whole", "extraIgnitionInline: {a: 1}", "extraIgnitionInline: {b: 2}", config.Flags{},
			func(c *config.Config) any { return c.Node.ExtraIgnition }, []config.Document{{Key: "extraIgnitionInline", Inline: "b: 2\n"}}},
		{"a version is text, not a number", "", "kubernetesVersion: 1.30", config.Flags{},
			func(c *config.Config) any { return c.KubernetesVersion }, "1.30"},
		{"an anchor and a merge key", "", `
providers:
  olvm:
    controlPlaneMachine: &m {vmTemplateName: ock, olvmOvirtClusterName: one}
    workerMachine: {<<: *m, olvmOvirtClusterName: two}`, config.Flags{},
			func(c *config.Config) any {
				return c.OLVM.WorkerMachine.VMTemplateName + c.OLVM.WorkerMachine.OLVMOvirtClusterName
			}, "ocktwo"},
		{"the API servers' port by either key", "", "providers: {olvm: {localAPIEndpoint: {bindPort: 7444}}}", config.Flags{},
			func(c *config.Config) any { return c.APIServerPortAlt }, 7444},
		{"/api is cut from the engine's URL", "", "providers: {olvm: {olvmOvirtAPIServer: {serverURL: https://e/ovirt-engine/api/}}}", config.Flags{},
			func(c *config.Config) any { return c.OLVM.APIServer.ServerURL }, "https://e/ovirt-engine"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, _ := load(t, tc.defaults, tc.cluster, tc.flags)
			require.Equal(t, tc.want, tc.get(c))
		})
	}
}

func TestDefaultsFileIsFound(t *testing.T) {
	home := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(home, ".ocne"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(home, ".ocne", "defaults.yaml"), []byte("name: from-home"), 0o600))
	variable := func(string) string { return write(t, "d.yaml", "name: from-variable") }

	for _, tc := range []struct {
		name    string
		options config.Options
		want    string
	}{
		{"in the home directory", config.Options{HomeDir: home}, "from-home"},
		{"by OCNE_DEFAULTS", config.Options{HomeDir: home, Getenv: variable}, "from-variable"},
		{"by the caller", config.Options{HomeDir: home, Getenv: variable, DefaultsFile: write(t, "d.yaml", "name: from-caller")}, "from-caller"},
		{"nowhere", config.Options{HomeDir: t.TempDir()}, "ocne"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, _, err := config.Load(tc.options)
			require.NoError(t, err)
			require.Equal(t, tc.want, c.Name)
		})
	}

	_, _, err := config.Load(config.Options{Getenv: func(string) string { return "/does/not/exist.yaml" }, HomeDir: home})
	require.ErrorContains(t, err, "/does/not/exist.yaml", "a file that was named must exist")
}

func TestPathsAreRelativeToTheFileTheyStandIn(t *testing.T) {
	home := t.TempDir()
	defaults := write(t, "d/defaults.yaml", "kubeconfig: management.kubeconfig\nextraIgnition: ~/extra.bu")
	cluster := write(t, "c/demo.yaml", "providers: {olvm: {olvmOvirtAPIServer: {serverCAPath: 'ca.pem, /etc/ca.pem'}}}")

	c, _, err := config.Load(config.Options{DefaultsFile: defaults, ClusterFile: cluster, HomeDir: home})
	require.NoError(t, err)
	require.Equal(t, filepath.Join(filepath.Dir(defaults), "management.kubeconfig"), c.Management.Kubeconfig)
	require.Equal(t, []config.Document{{Key: "extraIgnition", Path: config.Path(filepath.Join(home, "extra.bu"))}}, c.Node.ExtraIgnition)
	require.Equal(t, []config.Path{config.Path(filepath.Join(filepath.Dir(cluster), "ca.pem")), "/etc/ca.pem"}, c.OLVM.APIServer.ServerCAPath)
	require.Equal(t, filepath.Join(home, ".kube", "kubeconfig.ocne"), c.KubeconfigPath())

	c, _ = load(t, "", "directory: /srv/cluster\nsshPublicKeyPath: id.pub", config.Flags{})
	require.Equal(t, "/srv/cluster/id.pub", c.Node.SSHPublicKeyPath, "the key directory stands for the file's own folder")
}

func TestSSHKeyOfTheHomeDirectoryIsUsedUnlessSomethingElseIsSaid(t *testing.T) {
	home := t.TempDir()
	key := filepath.Join(home, ".ssh", "id_rsa.pub")
	require.NoError(t, os.Mkdir(filepath.Dir(key), 0o700))
	require.NoError(t, os.WriteFile(key, []byte("ssh-rsa AAAA me"), 0o600))

	for text, want := range map[string]string{
		"": key, "sshPublicKeyPath: /other.pub": "/other.pub", `sshPublicKeyPath: ""`: "", "sshPublicKey: ssh-rsa BBBB": "",
	} {
		c, _, err := config.Load(config.Options{ClusterFile: write(t, "demo.yaml", text), HomeDir: home})
		require.NoError(t, err)
		require.Equal(t, want, c.Node.SSHPublicKeyPath, text)
	}
}

func TestFilesOfTheWrongShapeAreRefusedWithFileLineAndKey(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"a typing error", "name: demo\nworkerNode: 3", "demo.yaml:2: workerNode: unknown key; the nearest known key is workerNodes"},
		{"wrong case", "virtualIP: 192.0.2.1", "demo.yaml:1: virtualIP: unknown key; the nearest known key is virtualIp"},
		{"a nested typing error", "providers:\n  olvm:\n    controlPlaneMachine:\n      virtualMachine:\n        memry: 8GB",
			"demo.yaml:5: providers.olvm.controlPlaneMachine.virtualMachine.memry: unknown key; " +
				"the nearest known key is providers.olvm.controlPlaneMachine.virtualMachine.memory"},
		{"a key in the wrong place", "providers: {olvm: {vmTemplateName: ock}}",
			"demo.yaml:1: providers.olvm.vmTemplateName: unknown key; the key of that name is " +
				"providers.olvm.controlPlaneMachine.vmTemplateName or providers.olvm.workerMachine.vmTemplateName"},
		{"nothing like it", "ephemeralCluster: {zzzzzzzz: 1}",
			"demo.yaml:1: ephemeralCluster.zzzzzzzz: unknown key; the known keys here are type, name, preserve, node"},
		{"text for a number", "controlPlaneNodes: three", `demo.yaml:1: controlPlaneNodes: must be a whole number, without quotes; it is "three"`},
		{"a fraction for a number", "workerNodes: 1.5", `demo.yaml:1: workerNodes: must be a whole number, without quotes; it is "1.5"`},
		{"too large a number", "providers: {olvm: {workerMachine: {virtualMachine: {network: {mtu: 99999999999}}}}}",
			`demo.yaml:1: providers.olvm.workerMachine.virtualMachine.network.mtu: must be a whole number, without quotes; it is "99999999999"`},
		{"text for a truth value", `headless: "yes"`, `demo.yaml:1: headless: must be true or false, without quotes; it is "yes"`},
		{"a list for a string", "name: [a]", "demo.yaml:1: name: must be a string"},
		{"a mapping for a list", "podSubnet: {a: b}", "demo.yaml:1: podSubnet: must be a list, or a string of items separated by commas"},
		{"a string for a mapping", "providers: olvm", "demo.yaml:1: providers: must be a mapping with the keys olvm, libvirt, oci, byo, none"},
		{"a list for a document", "extraIgnition: [a]", "demo.yaml:1: extraIgnition: must be a string or a mapping"},
		{"no mapping at all", "- a", "demo.yaml:1: must be a mapping with the keys name,"},
		{"no YAML", "a: b: c", "demo.yaml is not YAML: mapping values are not allowed in this context"},
		{"the same key twice", "name: a\nname: b", `demo.yaml is not valid YAML: line 2: mapping key "name" already defined at line 1`},
		{"two documents", "name: a\n---\nname: b", "demo.yaml holds more than one YAML document; the configuration is one"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, _, err := config.Load(config.Options{ClusterFile: write(t, "demo.yaml", tc.text), HomeDir: t.TempDir()})
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestAllProblemsOfBothFilesAreReportedAtOnce(t *testing.T) {
	_, _, err := config.Load(config.Options{
		DefaultsFile: write(t, "defaults.yaml", "nam: a\nquiet: 1"), ClusterFile: write(t, "demo.yaml", "provider: [olvm]"), HomeDir: t.TempDir(),
	})
	var syntax *config.SyntaxError
	require.ErrorAs(t, err, &syntax)
	require.Len(t, syntax.Problems, 3)
	require.ErrorContains(t, err, "3 problems")
}

func TestEmptyFilesAreEmptyLayers(t *testing.T) {
	c, _ := load(t, "", "# nothing but a comment\n", config.Flags{})
	require.Equal(t, "ocne", c.Name)
}
