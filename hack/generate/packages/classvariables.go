package packages

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/yaml"

	"github.com/ocne-project/ocne/internal/config"
)

// The variables of the ClusterClass that are not fields of the OLVMCluster, most of them with the names of the cluster file's keys.
const (
	controlPlaneMachineVariable = "controlPlaneMachine"
	workerMachineVariable       = "workerMachine"
	poolMachineVariable         = "poolMachine"
	vmTemplatesVariable         = "vmTemplates"
	apiServerPortVariable       = "kubeApiServerBindPortAlt"
	addonsVariable              = "addonsByKubeadm"
	cipherSuitesVariable        = "cipherSuites"
	registryVariable            = "registry"
)

// classVariables are a variable for each field of the OLVMCluster and one for the machines of each group, with the schemas of the CRDs: a field
// that is new in the API is in them. What kubeadm has to know follows.
func classVariables(crds map[string][]byte) ([]clusterv1.ClusterClassVariable, error) {
	cluster, err := templateSchema(crds["olvmclustertemplates.yaml"])
	if err != nil {
		return nil, fmt.Errorf("OLVMClusterTemplate: %w", err)
	}
	machine, err := templateSchema(crds["olvmmachinetemplates.yaml"])
	if err != nil {
		return nil, fmt.Errorf("OLVMMachineTemplate: %w", err)
	}
	var variables []clusterv1.ClusterClassVariable
	for _, field := range slices.Sorted(maps.Keys(cluster.Properties)) {
		schema := reduced(cluster.Properties[field], true)
		schema.Description = firstSentence(cluster.Properties[field].Description)
		if field == "controlPlaneEndpoint" {
			if err := setDefault(&schema, 6443, "port"); err != nil {
				return nil, err
			}
		}
		variables = append(variables, variable(field, slices.Contains(cluster.Required, field), schema))
	}
	machines, err := machineVariables(machine)
	if err != nil {
		return nil, err
	}
	return append(append(variables, machines...), kubeadmVariables()...), nil
}

// machineVariables have the defaults of the cluster file.
func machineVariables(machine clusterv1.JSONSchemaProps) ([]clusterv1.ClusterClassVariable, error) {
	defaults, _, err := config.Load(config.Options{})
	if err != nil {
		return nil, fmt.Errorf("load the defaults of the cluster file: %w", err)
	}
	delete(machine.Properties, "providerID") // each machine's own
	var variables []clusterv1.ClusterClassVariable
	for _, group := range []struct {
		name, description string
		machine           config.Machine
	}{
		{controlPlaneMachineVariable, "The machines of the control plane: the spec of an OLVMMachine.", defaults.OLVM.ControlPlaneMachine},
		{workerMachineVariable, "The machines of the workers: the spec of an OLVMMachine.", defaults.OLVM.WorkerMachine},
	} {
		schema := reduced(machine, true)
		schema.Description = group.description
		vm := group.machine.VirtualMachine
		err := errors.Join(setDefault(&schema, vm.Memory, "virtualMachine", "memory"),
			setDefault(&schema, vm.Network.Interface, "virtualMachine", "network", "interface"))
		if err != nil {
			return nil, err
		}
		variables = append(variables, variable(group.name, true, schema))
	}
	pool := reduced(machine, false)
	pool.Description = "What the machines of one MachineDeployment have different from workerMachine: override it there. A list takes the " +
		"place of a list; 0, false and an empty text change nothing."
	return append(variables, variable(poolMachineVariable, false, pool)), nil
}

// kubeadmVariables reach the machines by kubeadm's configuration, but for the VM templates of Kubernetes releases.
func kubeadmVariables() []clusterv1.ClusterClassVariable {
	templates := clusterv1.JSONSchemaProps{
		Type: "object",
		Description: "The VM template of each Kubernetes release, such as {v1.33.10: ock-1.33}, for machines that name none. An upgrade adds one " +
			"and changes topology.version.",
		AdditionalProperties: &clusterv1.JSONSchemaProps{Type: "string", MinLength: ptr.To[int64](1), MaxLength: ptr.To[int64](255)},
	}
	port := clusterv1.JSONSchemaProps{
		Type: "integer", Minimum: ptr.To[int64](1), Maximum: ptr.To[int64](65535), Default: literally("6444"),
		Description: "The port that each API server listens on, behind the load balancer.",
	}
	addons := clusterv1.JSONSchemaProps{
		Type: "boolean", Default: literally("true"),
		Description: "Whether kubeadm installs CoreDNS and kube-proxy on images of the profile ock. With false somebody else has to, as ocne does.",
	}
	suites := clusterv1.JSONSchemaProps{
		Type: "array", MaxItems: ptr.To[int64](64), Default: literally("[]"),
		Description: "The TLS cipher suites of every Kubernetes component (IANA names); their own when empty.",
		Items:       &clusterv1.JSONSchemaProps{Type: "string", Pattern: "^TLS_[A-Z0-9_]+$"},
	}
	registry := clusterv1.JSONSchemaProps{
		Type: "string", MaxLength: ptr.To[int64](253), Pattern: "^([a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]+)?)?$", Default: literally(`""`),
		Description: "The registry that kubeadm's container images come from. That other images come from there is said in the machines' ignition.",
	}
	return []clusterv1.ClusterClassVariable{
		variable(vmTemplatesVariable, false, templates), variable(apiServerPortVariable, false, port), variable(addonsVariable, false, addons),
		variable(cipherSuitesVariable, false, suites), variable(registryVariable, false, registry),
	}
}

func variable(name string, required bool, schema clusterv1.JSONSchemaProps) clusterv1.ClusterClassVariable {
	return clusterv1.ClusterClassVariable{Name: name, Required: &required, Schema: clusterv1.VariableSchema{OpenAPIV3Schema: schema}}
}

// templateSchema is the schema of spec.template.spec in a CRD, as far as variables can have it: that names in a list are unique, and that a
// number is a multiple of another, only the API server checks.
func templateSchema(crd []byte) (clusterv1.JSONSchemaProps, error) {
	kind, schema := &apiextensionsv1.CustomResourceDefinition{}, clusterv1.JSONSchemaProps{}
	if err := yaml.Unmarshal(crd, kind); err != nil {
		return schema, err
	}
	if len(kind.Spec.Versions) != 1 {
		return schema, fmt.Errorf("it has %d versions, and not one", len(kind.Spec.Versions))
	}
	all := kind.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"].Properties["template"].Properties["spec"]
	content, err := json.Marshal(all)
	if err != nil {
		return schema, err
	}
	return schema, json.Unmarshal(content, &schema)
}

// reduced is a schema without descriptions, which the reference of the API has, and without rules that are about objects: those of what was
// there before, and those of the VM template, which may come from another variable. The API server keeps them. What is not complete is laid over
// something that is: nothing of it is required, and no rule about several fields can be kept; lists are complete.
func reduced(schema clusterv1.JSONSchemaProps, complete bool) clusterv1.JSONSchemaProps {
	schema.Description = ""
	schema.XValidations = slices.DeleteFunc(slices.Clone(schema.XValidations), func(r clusterv1.ValidationRule) bool {
		return strings.Contains(r.Rule, "oldSelf") || strings.Contains(r.Rule, "vmTemplate") || !complete && schema.Type == "object"
	})
	if !complete {
		schema.Required, schema.MinProperties = nil, nil
	}
	properties := make(map[string]clusterv1.JSONSchemaProps, len(schema.Properties))
	for name, property := range schema.Properties {
		properties[name] = reduced(property, complete)
	}
	schema.Properties = properties
	if schema.Items != nil {
		items := reduced(*schema.Items, true)
		schema.Items = &items
	}
	return schema
}

// literally is a value in JSON.
func literally(text string) *apiextensionsv1.JSON { return &apiextensionsv1.JSON{Raw: []byte(text)} }

// setDefault sets the default of a property; the empty path is the schema itself.
func setDefault(schema *clusterv1.JSONSchemaProps, value any, path ...string) error {
	if len(path) == 0 {
		content, err := json.Marshal(value)
		schema.Default = &apiextensionsv1.JSON{Raw: content}
		return err
	}
	property, found := schema.Properties[path[0]]
	if !found {
		return fmt.Errorf("the API has no field %s", strings.Join(path, "."))
	}
	err := setDefault(&property, value, path[1:]...)
	schema.Properties[path[0]] = property
	return err
}

func firstSentence(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if first, _, more := strings.Cut(text, ". "); more {
		return first + "."
	}
	return text
}
