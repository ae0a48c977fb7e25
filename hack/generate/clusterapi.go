package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"sigs.k8s.io/yaml"
)

// module is a module as "go list -m -json" describes it.
type module struct {
	Version string
	Dir     string
}

// findModule finds the pinned Cluster API in the module cache. Dir is empty when it is not there.
func findModule(ctx context.Context, root string) (module, error) {
	out, err := goCommand(ctx, root, "list", "-m", "-json", clusterAPI)
	if err != nil {
		return module{}, err
	}
	var m module
	if err := json.Unmarshal([]byte(out), &m); err != nil {
		return module{}, fmt.Errorf("go list -m -json %s: %w", clusterAPI, err)
	}
	return m, nil
}

// extract returns the manifests of Cluster API that are installed, keyed by "<provider>/<file>". Descriptions are left out:
// they are two thirds of the size and nothing reads them but kubectl explain.
func extract(m module) (map[string][]byte, error) {
	if m.Dir == "" {
		return nil, fmt.Errorf("%s %s is not in the module cache: run go mod download", clusterAPI, m.Version)
	}
	files := map[string][]byte{"version.yaml": fmt.Appendf(nil, "clusterAPI: %s\n", m.Version)}
	for provider, dir := range map[string]string{
		"core":          "core/config",
		"bootstrap":     "bootstrap/kubeadm/config",
		"control-plane": "controlplane/kubeadm/config",
	} {
		config := filepath.Join(m.Dir, filepath.FromSlash(dir))
		crds, err := filepath.Glob(filepath.Join(config, "crd", "bases", "*.yaml"))
		if err != nil {
			return nil, err
		}
		if len(crds) == 0 {
			return nil, fmt.Errorf("no CRDs in %s: the layout of %s has changed", config, clusterAPI)
		}
		for _, source := range append(crds, filepath.Join(config, "webhook", "manifests.yaml")) {
			name := filepath.Base(source)
			if name == "manifests.yaml" {
				name = "webhooks.yaml"
			}
			if files[provider+"/"+name], err = stripped(source); err != nil {
				return nil, err
			}
		}
	}
	inventory := filepath.Join(m.Dir, filepath.FromSlash("cmd/clusterctl/config/manifest/clusterctl-api.yaml"))
	var err error
	files["clusterctl/providers.yaml"], err = stripped(inventory)
	return files, err
}

// stripped reads the documents of a manifest and writes them without the descriptions of their schemas.
func stripped(path string) ([]byte, error) {
	source, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var documents [][]byte
	for document := range bytes.SplitSeq(source, []byte("\n---\n")) {
		var object map[string]any
		if err := yaml.Unmarshal(document, &object); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if len(object) == 0 {
			continue
		}
		stripVersions(object)
		out, err := yaml.Marshal(object)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		documents = append(documents, out)
	}
	return bytes.Join(documents, []byte("---\n")), nil
}

// stripVersions strips the schemas of a CRD's versions; other objects have none.
func stripVersions(object map[string]any) {
	spec, _ := object["spec"].(map[string]any)
	versions, _ := spec["versions"].([]any)
	for _, v := range versions {
		version, _ := v.(map[string]any)
		schema, _ := version["schema"].(map[string]any)
		stripSchema(schema["openAPIV3Schema"])
	}
}

// stripSchema follows the structure of a schema, because a property may itself be called description.
func stripSchema(node any) {
	schema, ok := node.(map[string]any)
	if !ok {
		return
	}
	delete(schema, "description")
	properties, _ := schema["properties"].(map[string]any)
	for _, property := range properties {
		stripSchema(property)
	}
	stripSchema(schema["items"])
	stripSchema(schema["additionalProperties"])
	stripSchema(schema["not"])
	for _, list := range []string{"allOf", "anyOf", "oneOf"} {
		alternatives, _ := schema[list].([]any)
		for _, alternative := range alternatives {
			stripSchema(alternative)
		}
	}
}
