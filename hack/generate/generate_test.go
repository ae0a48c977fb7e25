package main

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheCommittedManifestsAreThoseOfThePinnedClusterAPI(t *testing.T) {
	root, err := moduleRoot(t.Context())
	require.NoError(t, err)
	module, err := findModule(t.Context(), root)
	require.NoError(t, err)
	if module.Dir == "" {
		t.Skipf("%s %s is not in the module cache", clusterAPI, module.Version)
	}
	want, err := extract(module)
	require.NoError(t, err)
	got, err := yamlFiles(filepath.Join(root, "internal", "capi", "manifests"))
	require.NoError(t, err)
	require.Len(t, got, len(want))
	for path, content := range want {
		require.Equal(t, string(content), string(got[path]), "%s: run make generate", path)
	}
}

func TestDescriptionsGoButPropertiesOfThatNameStay(t *testing.T) {
	schema := map[string]any{
		"description": "of the object",
		"properties": map[string]any{
			"description": map[string]any{"type": "string", "description": "of the property"},
			"list": map[string]any{"items": map[string]any{
				"anyOf": []any{map[string]any{"type": "string", "description": "of an alternative"}},
			}},
		},
	}
	stripSchema(schema)
	require.Equal(t, map[string]any{
		"properties": map[string]any{
			"description": map[string]any{"type": "string"},
			"list":        map[string]any{"items": map[string]any{"anyOf": []any{map[string]any{"type": "string"}}}},
		},
	}, schema)
}
