package manager

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/controllers/clustercache"
	coreadmission "sigs.k8s.io/cluster-api/core/webhooks/admission"
	"sigs.k8s.io/cluster-api/exp/topology/desiredstate"
	"sigs.k8s.io/cluster-api/exp/topology/scope"
	"sigs.k8s.io/cluster-api/feature"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/yaml"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/hack/generate/packages"
	"github.com/ocne-project/ocne/internal/capi"
	"github.com/ocne-project/ocne/internal/config"
)

const tree = "../../.."

// shippedClass is the ClusterClass with its templates, by kind and name, as the release has them.
type shippedClass struct {
	*clusterv1.ClusterClass
	templates map[string]*unstructured.Unstructured
}

// readClass has Cluster API judge the class as its webhook does, and its variables taken over as its controller does.
func readClass(t *testing.T) shippedClass {
	t.Helper()
	before := feature.Gates.Enabled(feature.ClusterTopology)
	require.NoError(t, feature.MutableGates.Set("ClusterTopology=true"))
	t.Cleanup(func() { require.NoError(t, feature.MutableGates.Set(fmt.Sprintf("ClusterTopology=%t", before))) })
	content, err := os.ReadFile(filepath.Join(tree, packages.ClusterctlDir, "clusterclass-"+packages.ClassName+".yaml"))
	require.NoError(t, err)
	c := shippedClass{ClusterClass: &clusterv1.ClusterClass{}, templates: map[string]*unstructured.Unstructured{}}
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(content), 1<<16)
	for {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(object); errors.Is(err, io.EOF) {
			break
		} else {
			require.NoError(t, err)
		}
		object.SetNamespace("ocne")
		if object.GetKind() == "ClusterClass" {
			require.NoError(t, runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, c.ClusterClass, true))
		} else {
			c.templates[object.GetKind()+" "+object.GetName()] = object
		}
	}
	_, err = (&coreadmission.ClusterClass{}).ValidateCreate(t.Context(), c.ClusterClass)
	require.NoError(t, err)
	for _, v := range c.Spec.Variables {
		c.Status.Variables = append(c.Status.Variables, clusterv1.ClusterClassStatusVariable{
			Name: v.Name, Definitions: []clusterv1.ClusterClassStatusVariableDefinition{{
				From: clusterv1.VariableDefinitionFromInline, Required: v.Required, Schema: v.Schema,
			}},
		})
	}
	return c
}

func (c shippedClass) template(t *testing.T, ref clusterv1.ClusterClassTemplateReference) *unstructured.Unstructured {
	t.Helper()
	template := c.templates[ref.Kind+" "+ref.Name]
	require.NotNil(t, template, "%s %s", ref.Kind, ref.Name)
	return template
}

// generate lets Cluster API's own code say what it would make of a Cluster that is new.
func (c shippedClass) generate(t *testing.T, cluster *clusterv1.Cluster) (*scope.ClusterState, error) {
	t.Helper()
	if err := (&coreadmission.Cluster{}).DefaultAndValidateVariables(t.Context(), cluster, nil, c.ClusterClass).ToAggregate(); err != nil {
		return nil, err
	}
	s := scope.New(cluster)
	s.Current.ControlPlane = &scope.ControlPlaneState{}
	s.Blueprint = &scope.ClusterBlueprint{
		Topology: cluster.Spec.Topology, ClusterClass: c.ClusterClass,
		InfrastructureClusterTemplate: c.template(t, c.Spec.Infrastructure.TemplateRef),
		ControlPlane: &scope.ControlPlaneBlueprint{
			Template:                      c.template(t, c.Spec.ControlPlane.TemplateRef),
			InfrastructureMachineTemplate: c.template(t, c.Spec.ControlPlane.MachineInfrastructure.TemplateRef),
			HealthCheck:                   c.Spec.ControlPlane.HealthCheck,
		},
		MachineDeployments: map[string]*scope.MachineDeploymentBlueprint{},
	}
	for _, workers := range c.Spec.Workers.MachineDeployments {
		s.Blueprint.MachineDeployments[workers.Class] = &scope.MachineDeploymentBlueprint{
			BootstrapTemplate:             c.template(t, workers.Bootstrap.TemplateRef),
			InfrastructureMachineTemplate: c.template(t, workers.Infrastructure.TemplateRef),
			HealthCheck:                   workers.HealthCheck,
		}
	}
	// What Cluster API asks the API server for: which contract the control plane follows.
	kind := &apiextensionsv1.CustomResourceDefinition{}
	kind.Name = "kubeadmcontrolplanes.controlplane.cluster.x-k8s.io"
	kind.Labels = map[string]string{"cluster.x-k8s.io/v1beta2": "v1beta2"}
	api := fake.NewClientBuilder().WithScheme(capi.NewScheme()).WithObjects(kind).Build()
	generator, err := desiredstate.NewGenerator(api, clustercache.NewFakeEmptyClusterCache(), nil, nil, nil)
	require.NoError(t, err)
	return generator.Generate(t.Context(), s)
}

// specOf is the JSON of an object's part.
func specOf(t *testing.T, object any, path ...string) string {
	t.Helper()
	content, err := json.Marshal(object)
	require.NoError(t, err)
	var whole map[string]any
	require.NoError(t, json.Unmarshal(content, &whole))
	part, found, err := unstructured.NestedMap(whole, path...)
	require.NoError(t, err)
	require.True(t, found, "%v in %s", path, content)
	if whole["kind"] == "KubeadmControlPlane" {
		delete(part, "machineTemplate") // names and labels
	}
	content, err = json.Marshal(part)
	require.NoError(t, err)
	return string(content)
}

// expectSame compares what the class makes with what ocne applies, apart from names and labels.
func expectSame(t *testing.T, c *config.Config, made *scope.ClusterState) {
	t.Helper()
	objects, err := c.Objects()
	require.NoError(t, err)
	names := map[string]*unstructured.Unstructured{c.Name + "-control-plane": made.ControlPlane.InfrastructureMachineTemplate}
	configs, deployments := map[string]*unstructured.Unstructured{}, map[string]*clusterv1.MachineDeployment{}
	checks := map[string]*clusterv1.MachineHealthCheck{c.Name + "-control-plane": made.ControlPlane.MachineHealthCheck}
	for pool, md := range made.MachineDeployments {
		name := c.PoolObjects(pool)
		names[name], configs[name] = md.InfrastructureMachineTemplate, md.BootstrapTemplate
		deployments[name], checks[name] = md.Object, md.MachineHealthCheck
	}
	for _, object := range objects {
		what := fmt.Sprintf("%T %s", object, object.GetName())
		switch o := object.(type) {
		case *infrav1.OLVMCluster:
			require.JSONEq(t, specOf(t, o, "spec"), specOf(t, made.InfrastructureCluster, "spec"), what)
			require.Equal(t, o.Name, made.InfrastructureCluster.GetName())
		case *controlplanev1.KubeadmControlPlane:
			require.JSONEq(t, specOf(t, o, "spec"), specOf(t, made.ControlPlane.Object, "spec"), what)
			require.Equal(t, o.Name, made.ControlPlane.Object.GetName())
			have := made.ControlPlane.Object.GetAnnotations()
			for _, skip := range []string{controlplanev1.SkipCoreDNSAnnotation, controlplanev1.SkipKubeProxyAnnotation} {
				require.Equal(t, o.Annotations[skip], have[skip], "%s: %s", what, skip)
			}
		case *infrav1.OLVMMachineTemplate:
			require.JSONEq(t, specOf(t, o, "spec"), specOf(t, names[o.Name], "spec"), what)
		case *bootstrapv1.KubeadmConfigTemplate:
			require.JSONEq(t, specOf(t, o, "spec"), specOf(t, configs[o.Name], "spec"), what)
		case *clusterv1.MachineDeployment:
			got := deployments[o.Name]
			require.Equal(t, o.Name, got.Name)
			require.Equal(t, o.Spec.Replicas, got.Spec.Replicas, what)
			require.Equal(t, o.Spec.Remediation, got.Spec.Remediation, what)
			require.Equal(t, o.Spec.Template.Spec.Version, got.Spec.Template.Spec.Version, what)
		case *clusterv1.MachineHealthCheck:
			require.Equal(t, o.Spec.Checks, checks[o.Name].Spec.Checks, what)
		}
	}
}

// load reads a cluster file; a demo's CA is not there before the demo runs.
func load(t *testing.T, file string, change ...func(*config.Config)) *config.Config {
	t.Helper()
	c, _, err := config.Load(config.Options{ClusterFile: filepath.Join(tree, file), HomeDir: t.TempDir()})
	require.NoError(t, err)
	for _, f := range change {
		f(c)
	}
	return c
}

func TestTheClusterClassMakesWhatOcneApplies(t *testing.T) {
	class := readClass(t)
	plain := func(c *config.Config) {
		c.OLVM.ControlPlaneMachine.ImageProfile, c.OLVM.WorkerMachine.ImageProfile = "plain", "plain"
	}
	byKubeadm := func(c *config.Config) { c.AddonsByKubeadm = true }
	// How much of the pod subnet a node gets is kubeadm's to say, and there is no variable for what is not the default.
	usual := func(c *config.Config) { c.PodSubnets[1] = "fd00:10:244::/56" }
	pools := func(c *config.Config) {
		machine := c.OLVM.WorkerMachine
		machine.ImageProfile, machine.VirtualMachine.Memory = "plain", "64GB"
		c.OLVM.WorkerPools = []config.WorkerPool{{Name: "big", Nodes: 1, Machine: machine}}
	}
	for _, tc := range []struct {
		name, file string
		change     []func(*config.Config)
	}{
		{"the demo", "examples/demo.yaml", nil},
		{"the demo on plain images", "examples/demo.yaml", []func(*config.Config){plain}},
		{"the demo with add-ons by kubeadm", "examples/demo.yaml", []func(*config.Config){byKubeadm}},
		{"the demo with a second pool", "examples/demo.yaml", []func(*config.Config){pools}},
		{"every key", "internal/config/testdata/all.yaml", nil},
		{"every key on plain images", "internal/config/testdata/all.yaml", []func(*config.Config){plain}},
		{"every key with add-ons by kubeadm", "internal/config/testdata/all.yaml", []func(*config.Config){byKubeadm}},
		{"what is required", "internal/config/testdata/required.yaml", nil},
		{"two stacks", "internal/config/testdata/dualstack.yaml", []func(*config.Config){usual}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := load(t, tc.file, tc.change...)
			cluster, err := packages.Topology(c)
			require.NoError(t, err)
			made, err := class.generate(t, cluster)
			require.NoError(t, err)
			expectSame(t, c, made)
		})
	}
}

// set gives a Cluster a variable, in the place of the one that it has.
func set(variables []clusterv1.ClusterVariable, name, value string) []clusterv1.ClusterVariable {
	for i := range variables {
		if variables[i].Name == name {
			variables[i].Value.Raw = []byte(value)
			return variables
		}
	}
	return append(variables, clusterv1.ClusterVariable{Name: name, Value: apiextensionsv1.JSON{Raw: []byte(value)}})
}

const machineWithoutVMTemplate = `{"olvmOvirtClusterName": "Default", "olvmNetwork": {"networkName": "n", "vnicProfileName": "p"},
	"virtualMachine": {"network": {"ipv4": {"subnet": "192.0.2.0/24", "ipAddresses": ["192.0.2.10-192.0.2.19"]}}}}`

func TestTheVMTemplateFollowsTheRelease(t *testing.T) {
	class, c := readClass(t), load(t, "examples/demo.yaml")
	cluster, err := packages.Topology(c)
	require.NoError(t, err)
	topology := &cluster.Spec.Topology
	for _, group := range []string{"controlPlaneMachine", "workerMachine"} {
		topology.Variables = set(topology.Variables, group, machineWithoutVMTemplate)
	}
	_, err = class.generate(t, cluster.DeepCopy())
	require.ErrorContains(t, err, "vmTemplates has no VM template for Kubernetes "+c.KubernetesVersion)

	topology.Variables = set(topology.Variables, "vmTemplates", `{"`+c.KubernetesVersion+`": "ock-of-it", "v1.99.0": "ock-1.99"}`)
	made, err := class.generate(t, cluster)
	require.NoError(t, err)
	for group, template := range map[string]*unstructured.Unstructured{
		"7GB": made.ControlPlane.InfrastructureMachineTemplate, "16GB": made.MachineDeployments["md-0"].InfrastructureMachineTemplate,
	} {
		name, _, _ := unstructured.NestedString(template.Object, "spec", "template", "spec", "vmTemplateName")
		require.Equal(t, "ock-of-it", name)
		memory, _, _ := unstructured.NestedString(template.Object, "spec", "template", "spec", "virtualMachine", "memory")
		require.Equal(t, group, memory, "the default of the cluster file")
	}
}

func TestAPoolSaysOnlyWhatIsDifferent(t *testing.T) {
	class, c := readClass(t), load(t, "examples/demo.yaml")
	cluster, err := packages.Topology(c)
	require.NoError(t, err)
	workers := &cluster.Spec.Topology.Workers
	big := *workers.MachineDeployments[0].DeepCopy()
	big.Name = "big"
	big.Variables.Overrides = set(nil, "poolMachine", `{"imageProfile": "plain", "virtualMachine": {"memory": "64GB", "network": {"mtu": 9000}}}`)
	workers.MachineDeployments = append(workers.MachineDeployments, big)
	made, err := class.generate(t, cluster)
	require.NoError(t, err)

	plain, different := specOf(t, made.MachineDeployments["md-0"].InfrastructureMachineTemplate, "spec", "template", "spec"), infrav1.OLVMMachineSpec{}
	require.NoError(t, json.Unmarshal([]byte(plain), &different))
	different.ImageProfile, different.VirtualMachine.Memory, different.VirtualMachine.Network.MTU = "plain", "64GB", 9000
	want, err := json.Marshal(different)
	require.NoError(t, err)
	require.JSONEq(t, string(want), specOf(t, made.MachineDeployments["big"].InfrastructureMachineTemplate, "spec", "template", "spec"))
	require.Contains(t, specOf(t, made.MachineDeployments["big"].BootstrapTemplate, "spec"), "containerd", "kubeadm's configuration follows the image")
	require.NotContains(t, specOf(t, made.MachineDeployments["md-0"].BootstrapTemplate, "spec"), "containerd")
}

func TestWhatIsWrongWithAVariableIsSaidAtOnce(t *testing.T) {
	class := readClass(t)
	for _, tc := range []struct{ name, variable, value, want string }{
		{"an engine without a credentials Secret", "olvmOvirtAPIServer", `{"serverURL": "https://engine.example.com/ovirt-engine"}`, "credentialsSecret"},
		{"an engine without TLS", "olvmOvirtAPIServer", `{"serverURL": "http://engine", "credentialsSecret": {"name": "s"}}`, "must start with https://"},
		{"a virtual IP of IPv6", "controlPlaneEndpoint", `{"host": "fd00::1"}`, "must be an IPv4 address"},
		{"a field that does not exist", "loadBalancer", `{"kind": "BuiltIn"}`, "kind"},
		{"memory without a number", "workerMachine", `{"olvmNetwork": {"networkName": "n", "vnicProfileName": "p"},
			"virtualMachine": {"memory": "much", "network": {"ipv4": {"subnet": "192.0.2.0/24", "ipAddresses": []}}}}`, "memory must be a number with a unit"},
		{"a machine without a network", "workerMachine", `{"virtualMachine": {}}`, "olvmNetwork"},
		{"a provider id, which is each machine's own", "workerMachine", `{"providerID": "olvm://1", ` + machineWithoutVMTemplate[1:], "providerID"},
		{"a pool's size", "poolMachine", `{"virtualMachine": {"bootDiskSize": "huge"}}`, "bootDiskSize must be a number with a unit"},
		{"a port", "kubeApiServerBindPortAlt", `70000`, "65535"},
		{"a registry with a path", "registry", `"registry.example.com/olcne"`, "registry"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cluster, err := packages.Topology(load(t, "examples/demo.yaml"))
			require.NoError(t, err)
			cluster.Spec.Topology.Variables = set(cluster.Spec.Topology.Variables, tc.variable, tc.value)
			_, err = class.generate(t, cluster)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestTheClusterOfTheHowToIsRight(t *testing.T) {
	class := readClass(t)
	page, err := os.ReadFile(filepath.Join(tree, "docs", "howto", "use-a-clusterclass.md"))
	require.NoError(t, err)
	_, rest, found := bytes.Cut(page, []byte("```yaml\n"))
	require.True(t, found)
	text, _, _ := bytes.Cut(rest, []byte("```"))
	cluster := &clusterv1.Cluster{}
	require.NoError(t, yaml.UnmarshalStrict(text, cluster))
	made, err := class.generate(t, cluster)
	require.NoError(t, err)
	require.Contains(t, specOf(t, made.MachineDeployments["md-0"].InfrastructureMachineTemplate, "spec"), `"vmTemplateName":"ock-1.33"`)
	for _, v := range class.Spec.Variables {
		require.Contains(t, string(page), "`"+v.Name+"`", "the page has every variable")
	}
}
