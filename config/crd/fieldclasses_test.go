package crd_test

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"

	"github.com/ocne-project/ocne/config/crd"
)

// Classes of the page docs/explanation/field-classes.md.
const (
	inPlace  = "in place"
	replaced = "replace the Machine"
	setOnce  = "set once"
)

// leaf is a field of OLVMMachine's spec without fields of its own, a list included.
type leaf struct {
	path   string // from spec on
	schema apiextensionsv1.JSONSchemaProps
}

func leavesOf(path string, s apiextensionsv1.JSONSchemaProps) []leaf {
	if len(s.Properties) == 0 {
		return []leaf{{path, s}}
	}
	var found []leaf
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		found = append(found, leavesOf(path+"."+name, s.Properties[name])...)
	}
	return found
}

// values are two values of a field's type that differ. Only transition rules look at them.
func values(t *testing.T, s apiextensionsv1.JSONSchemaProps) (before, after any) {
	t.Helper()
	switch s.Type {
	case "string":
		return "1", "2"
	case "integer":
		return int64(1), int64(2)
	case "boolean":
		return false, true
	case "array":
		if s.Items.Schema.Type == "string" {
			return []any{"1"}, []any{"2"}
		}
		return nil, []any{objectOf(t, *s.Items.Schema)}
	}
	t.Fatalf("a value of type %s is needed", s.Type)
	return nil, nil
}

func objectOf(t *testing.T, s apiextensionsv1.JSONSchemaProps) map[string]any {
	t.Helper()
	object := map[string]any{}
	for _, name := range s.Required {
		_, object[name] = values(t, s.Properties[name])
	}
	return object
}

// machineWith is an OLVMMachine with one field; nothing is nil.
func machineWith(t *testing.T, path string, value any, provisioned bool) map[string]any {
	t.Helper()
	machine := map[string]any{}
	node, names := machine, strings.Split(path, ".")
	for _, name := range names[:len(names)-1] {
		next := map[string]any{}
		node[name], node = next, next
	}
	if value != nil {
		node[names[len(names)-1]] = value
	}
	if provisioned {
		machine["status"] = map[string]any{"initialization": map[string]any{"provisioned": true}}
	}
	// As it comes from the API server.
	text, err := json.Marshal(machine)
	require.NoError(t, err)
	var decoded map[string]any
	require.NoError(t, utiljson.Unmarshal(text, &decoded)) // whole numbers are no floats
	return decoded
}

func definition(t *testing.T, file string) *apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	content, err := fs.ReadFile(crd.Files(), file)
	require.NoError(t, err)
	d := &apiextensionsv1.CustomResourceDefinition{}
	require.NoError(t, yaml.UnmarshalStrict(content, d))
	return d
}

// changes tells what the rules say to a change of one field.
type changes struct {
	structural *structuralschema.Structural
	rules      *cel.Validator
}

func newChanges(t *testing.T, s *apiextensionsv1.JSONSchemaProps) changes {
	t.Helper()
	props := &apiextensions.JSONSchemaProps{}
	require.NoError(t, apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(s, props, nil))
	structural, err := structuralschema.NewStructural(props)
	require.NoError(t, err)
	return changes{structural, cel.NewValidator(structural, true, celconfig.PerCallLimit)}
}

// refusal is the error about a transition; nil when the change is admitted.
func (c changes) refusal(t *testing.T, path string, before, after any, provisioned bool) *field.Error {
	t.Helper()
	problems, _ := c.rules.Validate(t.Context(), nil, c.structural, machineWith(t, path, after, provisioned),
		machineWith(t, path, before, provisioned), celconfig.RuntimeCELCostBudget)
	for _, p := range problems {
		if strings.Contains(p.Detail, "cannot change") {
			return p
		}
	}
	return nil
}

// documentedClasses are the rows of the page's table.
func documentedClasses(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "explanation", "field-classes.md"))
	require.NoError(t, err)
	classes := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(spec[^`]*)` \\| ([^|]*) \\|").FindAllStringSubmatch(string(page), -1) {
		classes[row[1]] = row[2]
	}
	require.NotEmpty(t, classes)
	return classes
}

// classOf is that of the field or of what it is part of.
func classOf(path string, classes map[string]string) string {
	for path != "" {
		if class, ok := classes[path]; ok {
			return class
		}
		path = path[:max(strings.LastIndex(path, "."), 0)]
	}
	return ""
}

func TestEveryFieldOfAMachineHasTheClassThatIsDocumented(t *testing.T) {
	schema := definition(t, "olvmmachines.yaml").Spec.Versions[0].Schema.OpenAPIV3Schema
	c, classes := newChanges(t, schema), documentedClasses(t)
	leaves := leavesOf("spec", schema.Properties["spec"])
	for row := range classes {
		require.True(t, slices.ContainsFunc(leaves, func(l leaf) bool { return l.path == row || strings.HasPrefix(l.path, row+".") }),
			"%s is a field", row)
	}
	for _, l := range leaves {
		t.Run(l.path, func(t *testing.T) {
			before, after := values(t, l.schema)
			refusal := c.refusal(t, l.path, before, after, true)
			switch class := classOf(l.path, classes); class {
			case inPlace:
				require.Nil(t, refusal)
				return
			case replaced:
				require.NotNil(t, refusal, "nothing refuses a change")
				require.Contains(t, refusal.Detail, "replace the Machine")
				require.True(t, l.path == refusal.Field || strings.HasPrefix(l.path, refusal.Field+"."), "%s names the field", refusal.Field)
				require.Contains(t, refusal.Detail, refusal.Field)
				require.Nil(t, c.refusal(t, l.path, before, after, false), "nothing is fixed before the VM ran")
				require.Nil(t, c.refusal(t, l.path, after, after, true), "the same value is no change")
			case setOnce:
				require.NotNil(t, refusal)
			default:
				t.Fatalf("docs/explanation/field-classes.md does not say the class of the field (%q)", class)
			}
		})
	}
}

func TestAnEmptyFieldIsTheSameAsNone(t *testing.T) {
	schema := definition(t, "olvmmachines.yaml").Spec.Versions[0].Schema.OpenAPIV3Schema
	c := newChanges(t, schema)
	for path, empty := range map[string]any{
		"spec.vmTemplateVersion": "", "spec.olvmNetwork.vnicName": "", "spec.virtualMachine.cpu.topology.cores": int64(0),
		"spec.virtualMachine.deleteProtection": false, "spec.virtualMachine.network.ipv6.autoConf": false,
	} {
		require.Nil(t, c.refusal(t, path, empty, nil, true), path)
		require.Nil(t, c.refusal(t, path, nil, empty, true), path)
	}
}

func TestMachineTemplatesMayChange(t *testing.T) {
	schema := definition(t, "olvmmachinetemplates.yaml").Spec.Versions[0].Schema.OpenAPIV3Schema
	c := newChanges(t, schema)
	for _, l := range leavesOf("spec.template.spec", schema.Properties["spec"].Properties["template"].Properties["spec"]) {
		if strings.HasSuffix(l.path, ".providerID") {
			continue
		}
		before, after := values(t, l.schema)
		require.Nil(t, c.refusal(t, l.path, before, after, true), l.path)
	}
}

// An API server estimates what rules cost before it takes a CRD, and refuses one whose rules may cost too much.
func TestAnAPIServerTakesTheCRDs(t *testing.T) {
	for _, file := range []string{"olvmclusters.yaml", "olvmclustertemplates.yaml", "olvmmachines.yaml", "olvmmachinetemplates.yaml"} {
		t.Run(file, func(t *testing.T) {
			d := definition(t, file)
			apiextensionsv1.SetDefaults_CustomResourceDefinition(d)
			apiextensionsv1.SetDefaults_CustomResourceDefinitionSpec(&d.Spec)
			internal := &apiextensions.CustomResourceDefinition{}
			require.NoError(t, apiextensionsv1.Convert_v1_CustomResourceDefinition_To_apiextensions_CustomResourceDefinition(d, internal, nil))
			internal.Status.StoredVersions = []string{"v1"}
			require.Empty(t, validation.ValidateCustomResourceDefinition(t.Context(), internal))
		})
	}
}
