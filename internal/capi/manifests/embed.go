// Package manifests embeds the CRDs and webhook configurations of the pinned Cluster API, written by hack/generate: one folder
// for each provider, and clusterctl for the CRD of clusterctl's inventory.
package manifests

import (
	"embed"
	"fmt"
	"io/fs"

	"sigs.k8s.io/yaml"
)

//go:embed version.yaml core bootstrap control-plane clusterctl
var files embed.FS

// Files returns the manifests: YAML documents, separated by "---".
func Files() fs.FS { return files }

// Version returns the version of Cluster API that the manifests are taken from, such as v1.14.2.
func Version() (string, error) {
	content, err := files.ReadFile("version.yaml")
	if err != nil {
		return "", err
	}
	var version struct {
		ClusterAPI string `json:"clusterAPI"`
	}
	if err := yaml.Unmarshal(content, &version); err != nil {
		return "", fmt.Errorf("version.yaml: %w", err)
	}
	return version.ClusterAPI, nil
}
