package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// apiPage describes the fields of the custom resources by their CRDs.
func apiPage(root string) (string, error) {
	p := newPage("Custom resources", "api/v1, by way of config/crd")
	p.paragraph("Group `infrastructure.cluster.x-k8s.io`, version `v1`. It implements the Cluster API contract v1beta2. In the spec, an empty string " +
		"and 0 mean the default.")
	for _, plural := range []string{"olvmclusters", "olvmmachines"} {
		crd, err := readCRD(root, plural)
		if err != nil {
			return "", err
		}
		p.resource(crd)
		p.blank()
		schema := schemaOf(crd)
		p.fields("spec", schema.Properties["spec"], true)
		p.fields("status", schema.Properties["status"], false)
		template, err := readCRD(root, strings.TrimSuffix(plural, "s")+"templates")
		if err != nil {
			return "", err
		}
		if err := p.template(template, crd); err != nil {
			return "", err
		}
	}
	return p.String(), nil
}

// template says in one line what a template holds: the spec of its resource again.
func (p *page) template(template, of *apiextensionsv1.CustomResourceDefinition) error {
	inner := schemaOf(template).Properties["spec"].Properties["template"].Properties["spec"]
	outer := schemaOf(of).Properties["spec"]
	inner.Description, outer.Description = "", ""
	if !reflect.DeepEqual(inner, outer) {
		return fmt.Errorf("spec.template.spec of %s is not the spec of %s", template.Name, of.Name)
	}
	p.resource(template)
	p.paragraph(fmt.Sprintf("`spec.template.spec` has the fields of %s's `spec`; `spec.template.metadata` has `labels` and `annotations`.", of.Spec.Names.Kind))
	return nil
}

func (p *page) resource(crd *apiextensionsv1.CustomResourceDefinition) {
	p.heading(crd.Spec.Names.Kind)
	p.paragraph(sentence(schemaOf(crd).Description) + " Short name for kubectl: " + quoted(crd.Spec.Names.ShortNames) + ".")
}

func (p *page) fields(path string, schema apiextensionsv1.JSONSchemaProps, required bool) {
	if path != "spec" && path != "status" {
		p.item(describe(path, schema, required))
	}
	if strings.HasSuffix(path, ".conditions") { // of Kubernetes' own type
		return
	}
	if schema.Items != nil && schema.Items.Schema != nil {
		path, schema = path+"[]", *schema.Items.Schema
	}
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		p.fields(path+"."+name, schema.Properties[name], slices.Contains(schema.Required, name))
	}
}

func describe(path string, schema apiextensionsv1.JSONSchemaProps, required bool) string {
	traits := []string{typeName(schema)}
	if required {
		traits = append(traits, "required")
	}
	if limits := limitsOf(schema); limits != "" {
		traits = append(traits, limits)
	}
	text := fmt.Sprintf("`%s` (%s): %s", path, strings.Join(traits, ", "), sentence(descriptionOf(path, schema)))
	for _, rule := range schema.XValidations {
		text += " Rule: " + sentence(rule.Message)
	}
	return text
}

// descriptionOf leaves the name out that Go's comments begin with.
func descriptionOf(path string, schema apiextensionsv1.JSONSchemaProps) string {
	name := path[strings.LastIndex(path, ".")+1:]
	for _, start := range []string{name + " is ", name + " are "} {
		if rest, found := strings.CutPrefix(schema.Description, start); found {
			return rest
		}
	}
	return schema.Description
}

func typeName(schema apiextensionsv1.JSONSchemaProps) string {
	switch {
	case schema.Type == "array" && schema.Items != nil && schema.Items.Schema != nil:
		return "list of " + schema.Items.Schema.Type + "s"
	case schema.AdditionalProperties != nil:
		return "map"
	}
	return schema.Type
}

func limitsOf(schema apiextensionsv1.JSONSchemaProps) string {
	if len(schema.Enum) > 0 {
		var values []string
		for _, v := range schema.Enum {
			if value := strings.Trim(string(v.Raw), `"`); value != "" { // which is the default, as the page says
				values = append(values, value)
			}
		}
		return "one of " + strings.Join(values, ", ")
	}
	if schema.Minimum != nil && schema.Maximum != nil {
		return strconv.FormatFloat(*schema.Minimum, 'f', -1, 64) + " to " + strconv.FormatFloat(*schema.Maximum, 'f', -1, 64)
	}
	return ""
}

func readCRD(root, plural string) (*apiextensionsv1.CustomResourceDefinition, error) {
	content, err := os.ReadFile(filepath.Join(root, "config", "crd", plural+".yaml"))
	if err != nil {
		return nil, err
	}
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := yaml.UnmarshalStrict(content, crd); err != nil {
		return nil, fmt.Errorf("CRD %s: %w", plural, err)
	}
	if len(crd.Spec.Versions) != 1 || crd.Spec.Versions[0].Schema == nil {
		return nil, fmt.Errorf("CRD %s: expected one version with a schema", plural)
	}
	return crd, nil
}

func schemaOf(crd *apiextensionsv1.CustomResourceDefinition) apiextensionsv1.JSONSchemaProps {
	return *crd.Spec.Versions[0].Schema.OpenAPIV3Schema
}
