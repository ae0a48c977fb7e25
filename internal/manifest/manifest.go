// Package manifest makes Kubernetes objects from manifests that are templates.
package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"text/template"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
)

// Objects fills in the file with that name, whose values pass through the function json, and returns its documents in their order.
func Objects(files fs.FS, name string, data any) ([]*unstructured.Unstructured, error) {
	t, err := template.New(name).Option("missingkey=error").Funcs(template.FuncMap{"json": quote}).ParseFS(files, name)
	if err != nil {
		return nil, fmt.Errorf("manifest %s: %w", name, err)
	}
	var text bytes.Buffer
	if err := t.Execute(&text, data); err != nil {
		return nil, fmt.Errorf("manifest %s: %w", name, err)
	}
	var objects []*unstructured.Unstructured
	decoder := utilyaml.NewYAMLOrJSONDecoder(&text, text.Len())
	for {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(object); errors.Is(err, io.EOF) {
			return objects, nil
		} else if err != nil {
			return nil, fmt.Errorf("manifest %s: %w", name, err)
		}
		objects = append(objects, object)
	}
}

// quote makes a value one of YAML.
func quote(v any) (string, error) {
	text, err := json.Marshal(v)
	return string(text), err
}
