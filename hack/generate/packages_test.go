package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/hack/generate/packages"
)

func TestTheCommittedRolesAreThoseOfTheMarkers(t *testing.T) {
	root, err := moduleRoot(t.Context())
	require.NoError(t, err)
	want, err := generateRoles(t.Context(), root)
	require.NoError(t, err)
	got, err := yamlFiles(filepath.Join(root, "config", "rbac"))
	require.NoError(t, err)
	require.Len(t, got, len(want))
	for name, content := range want {
		require.Equal(t, string(content), string(got[name]), "config/rbac/%s: run make generate", name)
	}
}

func TestTheCommittedPackagesAreThoseOfTheirSource(t *testing.T) {
	root, err := moduleRoot(t.Context())
	require.NoError(t, err)
	want, err := packages.Files(root, packages.Version)
	require.NoError(t, err)
	for _, dir := range []string{packages.ClusterctlDir, packages.ChartDir} {
		wanted := packages.Below(want, dir)
		got, err := yamlFiles(filepath.Join(root, filepath.FromSlash(dir)))
		require.NoError(t, err)
		require.Len(t, got, len(wanted), dir)
		for name, content := range wanted {
			require.Equal(t, string(content), string(got[name]), "%s/%s: run make generate", dir, name)
		}
	}
}

func TestTheReferenceHasEveryVariableAndEveryValue(t *testing.T) {
	root, err := moduleRoot(t.Context())
	require.NoError(t, err)
	page, err := os.ReadFile(filepath.Join(root, "docs", "reference", "packages.md"))
	require.NoError(t, err)
	files, err := packages.Files(root, packages.Version)
	require.NoError(t, err)
	variable := regexp.MustCompile(`\$\{(\w+)(?::=([^}]*))?\}`)
	found := 0
	for _, content := range packages.Below(files, packages.ClusterctlDir) {
		for _, match := range variable.FindAllStringSubmatch(string(content), -1) {
			row := "| `" + match[1] + "` | "
			if match[2] != "" {
				row += "`" + match[2] + "` |"
			}
			require.Contains(t, string(page), row)
			found++
		}
	}
	require.Greater(t, found, 20)
	for _, name := range packages.Values() {
		require.Contains(t, string(page), "| `"+name+"` |")
	}
}
