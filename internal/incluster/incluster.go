// Package incluster is the controllers of ocne, all providers in one process, as a Deployment of the cluster that they manage: the objects
// that run it, the container image in ConfigMaps, and what control plane nodes need to take the image from there. It does no I/O but
// reading the image.
package incluster

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/template"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"

	"github.com/ocne-project/ocne/internal/capi"
)

const (
	// Namespace holds everything of the package.
	Namespace = capi.Namespace
	// Name is that of the Deployment, its Service and its ServiceAccount.
	Name = "ocne-manager"
)

//go:embed manager.yaml take-image.sh take-image.service take-image.timer
var files embed.FS

// Controllers are the objects that run the controllers from an image that the control plane nodes have, in the order to apply them.
func Controllers(image string) ([]*unstructured.Unstructured, error) {
	text, err := fill("manager.yaml", struct{ Namespace, Name, Image, Providers string }{Namespace, Name, image, string(capi.Bundle)})
	if err != nil {
		return nil, err
	}
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	var objects []*unstructured.Unstructured
	for {
		object := &unstructured.Unstructured{}
		switch err := decoder.Decode(&object.Object); {
		case errors.Is(err, io.EOF):
			return objects, nil
		case err != nil:
			return nil, fmt.Errorf("read the manifest of the controllers: %w", err)
		}
		mark(object)
		objects = append(objects, object)
	}
}

// mark lets ocne know its own objects again.
func mark(object *unstructured.Unstructured) {
	labels := object.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[capi.ManagedByLabel] = capi.ManagedBy
	object.SetLabels(labels)
}

// fill fills a template. Words in a manifest go through json, which quotes them.
func fill(name string, values any) ([]byte, error) {
	text, err := files.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read template: %w", err)
	}
	quote := func(v any) (string, error) {
		b, err := json.Marshal(v)
		return string(b), err
	}
	parsed, err := template.New(name).Funcs(template.FuncMap{"json": quote}).Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("parse template: %w", err)
	}
	var b bytes.Buffer
	if err := parsed.Execute(&b, values); err != nil {
		return nil, fmt.Errorf("fill template: %w", err)
	}
	return b.Bytes(), nil
}
