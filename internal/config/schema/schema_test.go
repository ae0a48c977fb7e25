package schema_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"k8s.io/kube-openapi/pkg/validation/strfmt"
	"k8s.io/kube-openapi/pkg/validation/validate"
	"sigs.k8s.io/yaml"

	"github.com/ocne-project/ocne/internal/config/schema"
)

// problems are what an editor would mark.
func problems(t *testing.T, file string) []string {
	t.Helper()
	var s spec.Schema
	require.NoError(t, json.Unmarshal(schema.JSON(), &s))
	text, err := yaml.YAMLToJSON([]byte(file))
	require.NoError(t, err)
	var value any
	require.NoError(t, json.Unmarshal(text, &value))
	var found []string
	for _, err := range validate.NewSchemaValidator(&s, nil, "", strfmt.Default).Validate(value).Errors {
		found = append(found, err.Error())
	}
	return found
}

func TestFilesOfTheDocumentationMatchTheSchema(t *testing.T) {
	for _, name := range []string{"examples/demo.yaml", "internal/config/testdata/all.yaml", "internal/config/testdata/required.yaml",
		"internal/config/testdata/dualstack.yaml"} {
		t.Run(name, func(t *testing.T) {
			content, err := os.ReadFile("../../../" + name)
			require.NoError(t, err)
			require.Empty(t, problems(t, string(content)))
		})
	}
	t.Run("docs/howto/shape-machines.md", func(t *testing.T) {
		page, err := os.ReadFile("../../../docs/howto/shape-machines.md")
		require.NoError(t, err)
		sample := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(page)
		require.NotNil(t, sample)
		require.Empty(t, problems(t, string(sample[1])))
	})
}

func TestWhatAnEditorMarks(t *testing.T) {
	for name, file := range map[string]string{
		"an unknown key":                   "vrtualIp: 192.0.2.1",
		"an unknown key in a list":         "providers: {olvm: {workerPools: [{nme: big}]}}",
		"a key of a list's machine":        "providers: {olvm: {workerPools: [{machine: {virtualMachine: {dataDisks: [{siz: 1GB}]}}}]}}",
		"text for a number":                "workerNodes: two",
		"a word that there is not":         "providers: {olvm: {workerMachine: {virtualMachine: {type: fast}}}}",
		"a number that is too large":       "providers: {olvm: {workerMachine: {virtualMachine: {cpu: {topology: {sockets: 17}}}}}}",
		"a version that cannot be":         "providers: {olvm: {workerMachine: {vmTemplateVersion: newest}}}",
		"a mapping where a text has to be": "name: {a: b}",
	} {
		t.Run(name, func(t *testing.T) { require.NotEmpty(t, problems(t, file)) })
	}
	for name, file := range map[string]string{
		"a version that looks like a number": "kubernetesVersion: 1.33",
		"a list as one text":                 "podSubnet: 10.1.0.0/16, fd00::/64",
		"nothing for an absent key":          "name:",
		"a number for a version":             "providers: {olvm: {workerMachine: {vmTemplateVersion: 2}}}",
		"an empty word for the default":      `providers: {olvm: {workerMachine: {virtualMachine: {type: ""}}}}`,
		"a document itself":                  "extraIgnition: {variant: fcos}",
	} {
		t.Run(name, func(t *testing.T) { require.Empty(t, problems(t, file)) })
	}
}

func TestEveryKeyIsFoundAndDescribed(t *testing.T) {
	var walk func(schema.Key)
	walk = func(k schema.Key) {
		for _, child := range k.Children() {
			found, err := schema.Find(child.Path)
			require.NoError(t, err)
			require.Len(t, found, 1, child.Path)
			require.Equal(t, child.Path, found[0].Path)
			require.NotEmpty(t, found[0].Kind(), child.Path)
			if len(child.Children()) == 0 {
				require.NotEmpty(t, child.Description, child.Path)
			}
			walk(child)
		}
	}
	root, err := schema.Find("")
	require.NoError(t, err)
	walk(root[0])
}

func TestAKeyIsFoundByItsEnd(t *testing.T) {
	for name, want := range map[string][]string{
		"kubernetesVersion":       {"kubernetesVersion"},
		"workerPools[0].name":     {"providers.olvm.workerPools[].name"},
		"olvm.workerPools":        {"providers.olvm.workerPools"},
		"machine.vmTemplateID":    {"providers.olvm.workerPools[].machine.vmTemplateID"},
		"workerMachine.quotaName": nil,
		"virtualMachine.quotaName": {
			"providers.olvm.controlPlaneMachine.virtualMachine.quotaName", "providers.olvm.workerMachine.virtualMachine.quotaName",
			"providers.olvm.workerPools[].machine.virtualMachine.quotaName",
		},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := schema.Find(name)
			var paths []string
			for _, k := range found {
				paths = append(paths, k.Path)
			}
			require.Equal(t, want, paths)
			if want == nil {
				var unknown *schema.UnknownKeyError
				require.ErrorAs(t, err, &unknown)
				require.Contains(t, strings.Join(unknown.Nearest, " "), "workerMachine")
			}
		})
	}
	_, err := schema.Find("quotaNme")
	require.ErrorContains(t, err, `there is no key "quotaNme" in a cluster file; the nearest are `)
	require.ErrorContains(t, err, "virtualMachine.quotaName")
}
