package main

import (
	"fmt"
	"strings"

	infrav1 "github.com/ocne-project/ocne/api/v1"
)

// fixFields adds the rules that keep fields of a machine whose VM has run from changing. They are at the root of the schema, because only there
// a rule sees both the spec and the status that says so.
func fixFields(crd map[string]any) error {
	version := crd["spec"].(map[string]any)["versions"].([]any)[0].(map[string]any)
	schema := version["schema"].(map[string]any)["openAPIV3Schema"].(map[string]any)
	var rules []any
	for _, path := range infrav1.FixedFields() {
		kind, err := typeOf(schema, "spec."+path)
		if err != nil {
			return err
		}
		rules = append(rules, map[string]any{
			"rule":      "!oldSelf.?status.?initialization.?provisioned.orValue(false) || " + same("spec."+path, kind),
			"message":   "spec." + path + " cannot change once the VM has run: replace the Machine",
			"fieldPath": ".spec." + path,
			"reason":    "FieldValueForbidden",
		})
	}
	schema["x-kubernetes-validations"] = rules
	return nil
}

// same is the expression that a field is what it was. An empty one is the same as none.
func same(path, kind string) string {
	optional := strings.ReplaceAll(path, ".", ".?")
	switch kind {
	case "integer":
		return fmt.Sprintf("self.?%[1]s.orValue(0) == oldSelf.?%[1]s.orValue(0)", optional)
	case "boolean":
		return fmt.Sprintf("self.?%[1]s.orValue(false) == oldSelf.?%[1]s.orValue(false)", optional)
	case "object":
		return fmt.Sprintf("(%s) == (%s)", present("self."+path), present("oldSelf."+path))
	}
	// Only what is selected by its path has a size that can be estimated.
	is, was := present("self."+path)+" && size(self."+path+") > 0", present("oldSelf."+path)+" && size(oldSelf."+path+") > 0"
	return fmt.Sprintf("(%s) == (%s) && (!(%s) || self.%s == oldSelf.%s)", is, was, is, path, path)
}

// present is the expression that a field and all that it is part of are there.
func present(path string) string {
	names := strings.Split(path, ".")
	var terms []string
	for i := 3; i <= len(names); i++ { // self.spec is always there
		terms = append(terms, "has("+strings.Join(names[:i], ".")+")")
	}
	return strings.Join(terms, " && ")
}

// typeOf is the type of a field of a schema.
func typeOf(schema map[string]any, path string) (string, error) {
	for name := range strings.SplitSeq(path, ".") {
		properties, _ := schema["properties"].(map[string]any)
		next, ok := properties[name].(map[string]any)
		if !ok {
			return "", fmt.Errorf("there is no field %s", path)
		}
		schema = next
	}
	kind, _ := schema["type"].(string)
	return kind, nil
}
