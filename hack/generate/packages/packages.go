// Package packages makes what clusterctl and Helm install of the OLVM provider. Both come from the same objects: the CRDs in config/crd,
// the roles in config/rbac, and the Deployment, the Services and the bindings of this package; the cluster templates and
// the ClusterClass come from the objects that ocne itself applies.
package packages

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

const (
	// Version of the packages that are committed. The chart of the existing provider is 1.0.0.
	Version = "v1.1.0"
	// Namespace of the provider; the existing ocne looks for it there.
	Namespace = "cluster-api-provider-olvm"
	// ClusterctlDir is where clusterctl's package is committed, below the top of the tree.
	ClusterctlDir = "config/clusterctl"
	// ChartDir is where the chart is.
	ChartDir = "charts/" + name

	// name is that of the chart, and what every object's name begins with.
	name     = "olvm-capi"
	provider = "infrastructure-olvm"
)

// Files returns the files of both packages by their paths below the top of the tree, for one version, such as v1.2.3. Files in ChartDir that
// are no YAML are written by hand and not among them.
func Files(root, version string) (map[string][]byte, error) {
	objects, err := objectsOf(root, version)
	if err != nil {
		return nil, err
	}
	crds, err := readCRDs(root)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, add := range []func() (map[string][]byte, error){
		func() (map[string][]byte, error) { return clusterctl(objects, crds, version) },
		clusterTemplates,
		func() (map[string][]byte, error) { return clusterClass(crds) },
		func() (map[string][]byte, error) { return chart(objects, crds, version) },
	} {
		made, err := add()
		if err != nil {
			return nil, err
		}
		maps.Copy(files, made)
	}
	return files, nil
}

// readCRDs returns the CRDs by the names of their files.
func readCRDs(root string) (map[string][]byte, error) {
	crds := map[string][]byte{}
	dir := os.DirFS(filepath.Join(root, "config", "crd"))
	names, err := fs.Glob(dir, "*.yaml")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if crds[name], err = fs.ReadFile(dir, name); err != nil {
			return nil, err
		}
	}
	return crds, nil
}

// clusterctl is the contract's release: one Namespace, and everything else in it or cluster-wide.
func clusterctl(objects []*unstructured.Unstructured, crds map[string][]byte, version string) (map[string][]byte, error) {
	namespace := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace"}}
	namespace.SetName(Namespace)
	namespace.SetLabels(labels())
	documents := [][]byte{}
	for _, file := range slices.Sorted(maps.Keys(crds)) {
		documents = append(documents, crds[file])
	}
	for _, object := range append([]*unstructured.Unstructured{namespace}, objects...) {
		content, err := yaml.Marshal(object.Object)
		if err != nil {
			return nil, fmt.Errorf("write %s %s: %w", object.GetKind(), object.GetName(), err)
		}
		documents = append(documents, content)
	}
	series, err := releaseSeries(version)
	if err != nil {
		return nil, err
	}
	return map[string][]byte{
		ClusterctlDir + "/infrastructure-components.yaml": bytes.Join(documents, []byte("---\n")),
		ClusterctlDir + "/metadata.yaml":                  series,
	}, nil
}

// releaseSeries is the metadata of a release: https://cluster-api.sigs.k8s.io/developer/providers/contracts/clusterctl (Metadata YAML).
func releaseSeries(version string) ([]byte, error) {
	var major, minor, patch int
	if _, err := fmt.Sscanf(version, "v%d.%d.%d", &major, &minor, &patch); err != nil {
		return nil, fmt.Errorf("version %q of the packages is not a semantic version such as %s: %w", version, Version, err)
	}
	return yaml.Marshal(map[string]any{
		"apiVersion": "clusterctl.cluster.x-k8s.io/v1alpha3",
		"kind":       "Metadata",
		"releaseSeries": []any{
			map[string]any{"major": major, "minor": minor, "contract": "v1beta2"},
		},
	})
}

// encode turns a typed object into what is written: without a status, and without what is empty.
func encode(object runtime.Object) (*unstructured.Unstructured, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", object.GetObjectKind().GroupVersionKind(), err)
	}
	delete(content, "status")
	return &unstructured.Unstructured{Object: content}, nil
}

// Below returns the files below a directory, with paths relative to it.
func Below(files map[string][]byte, dir string) map[string][]byte {
	below := map[string][]byte{}
	for file, content := range files {
		if rest, found := strings.CutPrefix(file, path.Clean(dir)+"/"); found {
			below[rest] = content
		}
	}
	return below
}
