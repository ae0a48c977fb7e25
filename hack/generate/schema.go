package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"github.com/ocne-project/ocne/internal/config"
	"github.com/ocne-project/ocne/internal/config/schema"
)

// schemaFiles hold the same: the one is embedded, the other is where people look.
func schemaFiles() []string {
	return []string{"internal/config/schema/cluster-file.schema.json", "docs/reference/cluster-file.schema.json"}
}

// generateSchema writes the JSON schema of the cluster file.
func generateSchema(root string) error {
	content, err := clusterFileSchema(root)
	if err != nil {
		return fmt.Errorf("schema of the cluster file: %w", err)
	}
	for _, name := range schemaFiles() {
		if err := os.WriteFile(filepath.Join(root, filepath.FromSlash(name)), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// schemaMaker follows the type that package config decodes into, and takes descriptions and limits from configuration.yaml and the CRDs.
type schemaMaker struct {
	meanings map[string]string
	crds     map[string]apiextensionsv1.JSONSchemaProps // by the key that has this schema
	problems []error
}

func clusterFileSchema(root string) ([]byte, error) {
	meanings, err := readMeanings(root)
	if err != nil {
		return nil, err
	}
	m := &schemaMaker{meanings: maps.Clone(meanings.Items)}
	for _, group := range meanings.Groups {
		maps.Copy(m.meanings, group.Keys)
	}
	if m.crds, err = schemasOfKeys(root); err != nil {
		return nil, err
	}
	values, err := builtInValues()
	if err != nil {
		return nil, err
	}
	node := m.node("", values)
	node.Version, node.Title = "https://json-schema.org/draft/2020-12/schema", "Cluster file and defaults file of ocne"
	if err := errors.Join(m.problems...); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	err = encoder.Encode(node)
	return out.Bytes(), err
}

// builtInValues are the keys as they are without any file.
func builtInValues() (reflect.Value, error) {
	home, err := os.MkdirTemp("", "ocne-no-home-") // without a defaults file
	if err != nil {
		return reflect.Value{}, err
	}
	defer os.RemoveAll(home)
	builtIn, _, err := config.Load(config.Options{HomeDir: home})
	if err != nil {
		return reflect.Value{}, err
	}
	return reflect.ValueOf(builtIn).Elem().FieldByName("keys"), nil
}

// schemasOfKeys are the parts of the CRDs whose fields are keys.
func schemasOfKeys(root string) (map[string]apiextensionsv1.JSONSchemaProps, error) {
	machine, err := readCRD(root, "olvmmachines")
	if err != nil {
		return nil, err
	}
	cluster, err := readCRD(root, "olvmclusters")
	if err != nil {
		return nil, err
	}
	spec := schemaOf(cluster).Properties["spec"]
	return map[string]apiextensionsv1.JSONSchemaProps{
		strings.TrimSuffix(controlPlaneMachine, "."): schemaOf(machine).Properties["spec"],
		"controlPlaneLoadBalancer":                   spec.Properties["loadBalancer"],
		"providers.olvm.failureDomains":              spec.Properties["failureDomains"],
	}, nil
}

// described is the key under which another one is described.
func described(path string) string {
	others := regexp.MustCompile(`^providers\.olvm\.(workerMachine|workerPools\[\]\.machine)\b`)
	return others.ReplaceAllString(path, strings.TrimSuffix(controlPlaneMachine, "."))
}

// crd is the schema that the API has for a key; nil when the key is none of its fields.
func (m *schemaMaker) crd(path string) *apiextensionsv1.JSONSchemaProps {
	for key, props := range m.crds {
		rest, ok := strings.CutPrefix(path, key)
		if !ok || rest != "" && rest[0] != '.' && rest[0] != '[' {
			continue
		}
		for name := range strings.SplitSeq(strings.ReplaceAll(rest, "[]", ".[]"), ".") {
			switch {
			case name == "":
			case name == "[]" && props.Items != nil:
				props = *props.Items.Schema
			default:
				next, known := props.Properties[name]
				if !known {
					return nil
				}
				props = next
			}
		}
		return &props
	}
	return nil
}

func (m *schemaMaker) node(path string, v reflect.Value) *schema.Node {
	if v.Kind() == reflect.Pointer {
		v = reflect.New(v.Type().Elem()).Elem()
	}
	n := &schema.Node{Type: jsonTypes(v.Type())}
	switch kind := keyKind(v.Type()); {
	case v.Kind() == reflect.Slice:
		n.Items = m.node(path+"[]", reflect.New(v.Type().Elem()).Elem())
	case kind == "": // a mapping with keys of its own
		no := false
		n.Properties, n.AdditionalProperties = map[string]*schema.Node{}, &no
		for i := range v.NumField() {
			if name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ","); name != "-" {
				n.Properties[name] = m.node(strings.TrimPrefix(path+"."+name, "."), v.Field(i))
			}
		}
	}
	n.Default = defaultOf(v)
	m.describe(n, described(path))
	return n
}

// describe adds the description and the limits, where there are some.
func (m *schemaMaker) describe(n *schema.Node, path string) {
	n.Description = sentence(m.meanings[path])
	if props := m.crd(path); props != nil {
		if n.Description == "" {
			n.Description = sentence(descriptionOf(path, *props))
		}
		n.Pattern, n.MaxLength, n.Minimum, n.Maximum, n.MaxItems = props.Pattern, props.MaxLength, props.Minimum, props.Maximum, props.MaxItems
		for _, value := range props.Enum {
			n.Enum = append(n.Enum, strings.Trim(string(value.Raw), `"`))
		}
		if len(n.Enum) > 0 {
			n.Enum = append(n.Enum, nil)
		}
	}
	if n.Description == "" && len(n.Properties) == 0 && !strings.HasSuffix(path, "[]") {
		m.problems = append(m.problems, fmt.Errorf("configuration.yaml does not describe %s", path))
	}
}

// jsonTypes are what a file may hold for a type, the meant one first: a scalar of any kind is taken for a string, a string for a list of
// them, and nothing for an absent key.
func jsonTypes(t reflect.Type) []string {
	switch t.Name() {
	case "fileDocument", "inlineDocument":
		return []string{"string", "object", "null"}
	}
	switch t.Kind() {
	case reflect.String:
		return []string{"string", "number", "boolean", "null"}
	case reflect.Bool:
		return []string{"boolean", "null"}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.String {
			return []string{"array", "string", "null"}
		}
		return []string{"array", "null"}
	case reflect.Interface:
		return nil
	case reflect.Struct:
		return []string{"object", "null"}
	}
	return []string{"integer", "null"}
}

// defaultOf is the built-in value of a key without keys of its own; nil when there is none.
func defaultOf(v reflect.Value) any {
	if v.Kind() == reflect.Struct || v.Kind() == reflect.Interface || v.IsZero() {
		return nil
	}
	switch v.Kind() {
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return v.Bool()
	case reflect.Slice:
		return standardOf(v)
	}
	return v.Int()
}
