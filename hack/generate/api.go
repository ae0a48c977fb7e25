package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

// crdLabels are what Cluster API and clusterctl look for on a provider's CRDs. Version v1 of our API implements contract v1beta2:
// https://cluster-api.sigs.k8s.io/developer/providers/contracts/overview (API version labels).
func crdLabels() map[string]any {
	return map[string]any{
		"cluster.x-k8s.io/v1beta2":    "v1",
		"cluster.x-k8s.io/provider":   "infrastructure-olvm",
		"clusterctl.cluster.x-k8s.io": "",
	}
}

// generateAPI writes the deep copies of api/v1 beside it and its CRDs to config/crd.
func generateAPI(ctx context.Context, root string) error {
	raw, err := os.MkdirTemp("", "ocne-crd-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(raw)
	_, err = goCommand(ctx, root, "tool", "-modfile="+filepath.Join("hack", "tools", "go.mod"),
		"controller-gen", "object", "crd", "paths=./api/v1", "output:crd:dir="+raw)
	if err != nil {
		return err
	}
	generated, err := yamlFiles(raw)
	if err != nil {
		return err
	}
	crds := make(map[string][]byte, len(generated))
	for path, content := range generated {
		labelled, err := withLabels(content)
		if err != nil {
			return fmt.Errorf("CRD %s: %w", path, err)
		}
		crds[strings.TrimPrefix(path, "infrastructure.cluster.x-k8s.io_")] = labelled
	}
	return replaceFiles(filepath.Join(root, "config", "crd"), crds)
}

func withLabels(crd []byte) ([]byte, error) {
	var object map[string]any
	if err := yaml.Unmarshal(crd, &object); err != nil {
		return nil, err
	}
	metadata, ok := object["metadata"].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("no metadata")
	}
	metadata["labels"] = crdLabels()
	if metadata["name"] == "olvmmachines.infrastructure.cluster.x-k8s.io" {
		if err := fixFields(object); err != nil {
			return nil, err
		}
	}
	return yaml.Marshal(object)
}
